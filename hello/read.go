package hello

import "fmt"

// reader goes through the server's records. It is in one of three states: everything is in clear; TLS 1.3 after the
// ServerHello, where application data records carry sealed ones; TLS 1.2 and below after ChangeCipherSpec, where all
// that follows stays sealed to us.
type reader struct {
	f       Flight
	client  clientHello
	secrets secrets
	tls13   bool      // the ServerHello chose TLS 1.3
	opener  *opener   // opens TLS 1.3's sealed records; nil without a key
	changed bool      // ChangeCipherSpec was seen in TLS 1.2 or below
	rekeyed bool      // the message just read was the last under its key
	seen    [256]bool // handshake types that were read
	pending []byte    // beginning of a handshake message
}

func (r *reader) read(in []byte) {
	first := true
	for r.f.Garbled == "" {
		rec, rest, ok, problem := cutRecord(in)
		if problem != "" {
			r.f.Garbled = problem
			if first {
				r.f.Garbled = "first " + problem
			}
		}
		if !ok {
			break
		}
		r.record(rec)
		in, first = rest, false
	}
	r.partialMessage()
}

func (r *reader) record(rec record) {
	switch {
	case r.changed:
		r.sealedRecord12(rec)
	case rec.typ == typeHandshake && r.tls13:
		r.f.Garbled = "handshake in clear after the ServerHello of TLS 1.3"
	case rec.typ == typeHandshake:
		r.handshake(rec.body) // also of a partial record: a cut chain is better than none
	case !rec.whole:
		return
	case rec.typ == typeAlert:
		r.alerts(rec.body, false)
	case rec.typ == typeChangeCipherSpec:
		// In TLS 1.3 and after a HelloRetryRequest it means nothing (RFC 8446, appendix D.4).
		r.changed = r.f.ServerHelloSeen && !r.tls13
	case rec.typ == typeApplicationData && r.tls13:
		r.sealedRecord13(rec)
	case rec.typ == typeApplicationData:
		r.f.Garbled = "application data before the end of the handshake"
	}
}

// sealedRecord12 counts what TLS 1.2 and below have sealed. An alert of two bytes is in clear all the same, as a MAC
// does not fit into it: servers send that when they fail on the client's Finished.
func (r *reader) sealedRecord12(rec record) {
	switch {
	case !rec.whole:
		return
	case rec.typ == typeAlert && len(rec.body) == 2:
		r.alerts(rec.body, false)
		return
	case rec.typ == typeHandshake:
		r.f.HandshakeComplete = true
	}
	r.f.Unopened++
}

// sealedRecord13 opens a record of TLS 1.3 and reads what is in it (RFC 8446, section 5.2).
func (r *reader) sealedRecord13(rec record) {
	if r.opener == nil {
		r.f.Unopened++
		return
	}
	typ, content, ok := r.opener.open(rec)
	if !ok {
		r.f.Garbled = "a sealed record does not open with the logged key"
		return
	}
	switch typ {
	case typeHandshake:
		r.handshake(content)
	case typeAlert:
		r.alerts(content, true)
	case typeApplicationData:
	default:
		r.f.Garbled = fmt.Sprintf("sealed record of content type %d", typ)
	}
}

// alerts takes the alerts of a record. Before TLS 1.3 it may hold several.
func (r *reader) alerts(body []byte, sealed bool) {
	for ; len(body) >= 2; body = body[2:] {
		if len(r.f.Alerts) < maxAlerts {
			r.f.Alerts = append(r.f.Alerts, Alert{Level: body[0], Code: body[1], Sealed: sealed})
		}
		r.f.CloseNotify = r.f.CloseNotify || body[1] == 0
	}
}

// handshake takes a record's worth of handshake bytes and reads the messages that have become whole.
func (r *reader) handshake(fragment []byte) {
	r.pending = append(r.pending, fragment...)
	for r.f.Garbled == "" {
		typ, body, rest, ok := cutMessage(r.pending)
		if !ok {
			r.tooLong(typ)
			return
		}
		r.pending = rest
		r.message(typ, body)
		if r.rekeyed && len(rest) > 0 {
			// RFC 8446, section 5.1. What stands there was not sealed with the new key.
			r.f.Garbled = messageName(typ) + " is not the last message of its record"
		}
		r.rekeyed = false
	}
}

// cutMessage cuts the first handshake message off (RFC 8446, section 4); ok is false if it is not whole.
func cutMessage(in []byte) (typ uint8, body, rest []byte, ok bool) {
	if len(in) < 4 {
		return 0, nil, nil, false
	}
	n := 4 + messageLength(in)
	if len(in) < n {
		return in[0], nil, nil, false
	}
	return in[0], in[4:n], in[n:], true
}

func messageLength(in []byte) int { return int(in[1])<<16 | int(in[2])<<8 | int(in[3]) }

// tooLong gives up on a message that is still not whole when our limit has been collected. (A message whose end comes
// within the record that crosses the limit is read.)
func (r *reader) tooLong(typ uint8) {
	if len(r.pending) > maxMessage {
		r.f.Garbled = fmt.Sprintf("%s of %d bytes, of which %d were read", messageName(typ), messageLength(r.pending), maxMessage)
	}
}

// partialMessage reads the certificates that have arrived of a Certificate message that has not, and notes a message
// that will not be read whatever comes.
func (r *reader) partialMessage() {
	if len(r.pending) >= 4 && messageLength(r.pending) > maxMessage {
		r.f.Oversize = messageLength(r.pending)
	}
	if len(r.pending) > 4 && r.pending[0] == messageCertificate && r.f.ServerHelloSeen && !r.seen[messageCertificate] {
		r.certificate(r.pending[4:])
	}
}
