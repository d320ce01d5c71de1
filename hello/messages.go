package hello

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"

	"github.com/mailseal/mailseal/iana"
)

// Handshake types, RFC 8446, appendix B.3, with those that only older versions use.
const (
	messageHelloRequest        = 0
	messageServerHello         = 2
	messageNewSessionTicket    = 4
	messageEncryptedExtensions = 8
	messageCertificate         = 11
	messageServerKeyExchange   = 12
	messageCertificateRequest  = 13
	messageServerHelloDone     = 14
	messageCertificateVerify   = 15
	messageFinished            = 20
	messageCertificateStatus   = 22
	messageKeyUpdate           = 24
)

var messageNames = map[uint8]string{
	messageHelloRequest:        "HelloRequest",
	messageServerHello:         "ServerHello",
	messageNewSessionTicket:    "NewSessionTicket",
	messageEncryptedExtensions: "EncryptedExtensions",
	messageCertificate:         "Certificate",
	messageServerKeyExchange:   "ServerKeyExchange",
	messageCertificateRequest:  "CertificateRequest",
	messageServerHelloDone:     "ServerHelloDone",
	messageCertificateVerify:   "CertificateVerify",
	messageFinished:            "Finished",
	messageCertificateStatus:   "CertificateStatus",
	messageKeyUpdate:           "KeyUpdate",
}

func messageName(typ uint8) string {
	if s, ok := messageNames[typ]; ok {
		return s
	}
	return fmt.Sprintf("handshake message of type %d", typ)
}

// message reads one handshake message. Types that tell us nothing are passed over.
func (r *reader) message(typ uint8, body []byte) {
	if !r.f.ServerHelloSeen && typ != messageServerHello && typ != messageHelloRequest {
		r.f.Garbled = messageName(typ) + " before the ServerHello"
		return
	}
	switch typ {
	case messageHelloRequest, messageServerHello, messageNewSessionTicket, messageKeyUpdate:
	default: // no server sends another of these in clear or in one handshake; if one does, the first counts
		if r.seen[typ] {
			return
		}
		r.seen[typ] = true
	}
	ok := true
	switch typ {
	case messageServerHello:
		ok = r.serverHello(body)
	case messageEncryptedExtensions:
		ok = r.encryptedExtensions(body)
	case messageCertificateRequest:
		ok = r.certificateRequest(body)
	case messageCertificate:
		ok = r.certificate(body)
	case messageCertificateStatus:
		ok = r.certificateStatus(body)
	case messageServerKeyExchange:
		ok = r.tls13 || r.serverKeyExchange(body)
	case messageCertificateVerify:
		ok = r.certificateVerify(body)
	case messageFinished:
		r.finished()
	case messageNewSessionTicket:
		ok = r.newSessionTicket(body)
	case messageKeyUpdate:
		r.keyUpdate()
	}
	if !ok && r.f.Garbled == "" {
		r.f.Garbled = "malformed " + messageName(typ)
	}
}

// helloRetryRandom marks a ServerHello as a HelloRetryRequest (RFC 8446, section 4.1.3).
var helloRetryRandom = sha256.Sum256([]byte("HelloRetryRequest"))

// serverHello reads a ServerHello or a HelloRetryRequest, which share their form (RFC 8446, section 4.1.3).
func (r *reader) serverHello(body []byte) bool {
	if r.f.ServerHelloSeen {
		r.f.Garbled = "a second ServerHello"
		return false
	}
	var (
		s             = cryptobyte.String(body)
		legacy, suite uint16
		random        [32]byte
		sessionID     cryptobyte.String
		compression   uint8
	)
	if !s.ReadUint16(&legacy) || !s.CopyBytes(random[:]) || !s.ReadUint8LengthPrefixed(&sessionID) ||
		!s.ReadUint16(&suite) || !s.ReadUint8(&compression) {
		return false
	}
	extensions, ok := readExtensions(s)
	if !ok {
		return false
	}
	f := &r.f
	f.Version, f.Suite = legacy, suite
	f.SessionID = bytes.Clone(sessionID)
	f.SessionIDEchoed = len(sessionID) > 0 && bytes.Equal(sessionID, r.client.sessionID)
	selected, tls13 := extensions.find(iana.ExtSupportedVersions)
	if tls13 && !selected.ReadUint16(&f.Version) {
		return false
	}
	if random == helloRetryRandom {
		return r.helloRetryRequest(extensions)
	}
	f.ServerHelloSeen, f.Compression = true, compression
	f.DowngradeSentinel = downgradeSentinel(random)
	if tls13 {
		r.tls13, r.rekeyed = true, true
		r.opener = newOpener(suite, r.secrets.handshake)
	}
	return r.extensions(extensions)
}

func (r *reader) helloRetryRequest(extensions extensionList) bool {
	if r.f.HelloRetry {
		r.f.Garbled = "a second HelloRetryRequest"
		return false
	}
	r.f.HelloRetry = true
	share, ok := extensions.find(iana.ExtKeyShare)
	return !ok || share.ReadUint16(&r.f.HelloRetryGroup)
}

// downgradeSentinel reads the last bytes of the random of a server that can do better (RFC 8446, section 4.1.3).
func downgradeSentinel(random [32]byte) uint8 {
	switch string(random[24:]) {
	case "DOWNGRD\x00":
		return 1
	case "DOWNGRD\x01":
		return 2
	}
	return 0
}

// extension is one entry of an extension list.
type extension struct {
	typ  uint16
	data cryptobyte.String
}

type extensionList []extension

// readExtensions reads a list of extensions. SSL 3.0 and old TLS leave the list out altogether.
func readExtensions(s cryptobyte.String) (list extensionList, ok bool) {
	if s.Empty() {
		return nil, true
	}
	var all cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&all) {
		return nil, false
	}
	for !all.Empty() {
		var e extension
		if !all.ReadUint16(&e.typ) || !all.ReadUint16LengthPrefixed(&e.data) {
			return nil, false
		}
		list = append(list, e)
	}
	return list, true
}

func (l extensionList) find(typ uint16) (cryptobyte.String, bool) {
	for _, e := range l {
		if e.typ == typ {
			return e.data, true
		}
	}
	return nil, false
}

// extensions takes the facts out of the extensions of a ServerHello or EncryptedExtensions.
func (r *reader) extensions(list extensionList) bool {
	ok := true
	for _, e := range list {
		f, data := &r.f, e.data
		f.Extensions = append(f.Extensions, e.typ)
		switch e.typ {
		case iana.ExtKeyShare:
			ok = data.ReadUint16(&f.Group) && ok
		case iana.ExtALPN:
			ok = readALPN(data, &f.ALPN) && ok
		case iana.ExtSCT:
			ok = readSCTs(data, &f.SCTs) && ok
		case iana.ExtExtendedMasterSecret:
			f.ExtendedMasterSecret = true
		case iana.ExtRenegotiationInfo:
			f.SecureRenegotiation = true
		}
	}
	return ok
}

// readALPN reads the one protocol that a server names (RFC 7301, section 3.1).
func readALPN(data cryptobyte.String, protocol *string) bool {
	var list, name cryptobyte.String
	if !data.ReadUint16LengthPrefixed(&list) || !list.ReadUint8LengthPrefixed(&name) {
		return false
	}
	*protocol = string(name)
	return true
}

// readSCTs reads a SignedCertificateTimestampList (RFC 6962, section 3.3).
func readSCTs(data cryptobyte.String, scts *[][]byte) bool {
	return readList(data, scts, maxSCTs)
}

// readList reads a list of byte strings, list and strings with lengths of 16 bits, and keeps up to limit of them.
func readList(data cryptobyte.String, items *[][]byte, limit int) bool {
	var list, item cryptobyte.String
	if !data.ReadUint16LengthPrefixed(&list) {
		return false
	}
	for !list.Empty() {
		if !list.ReadUint16LengthPrefixed(&item) {
			return false
		}
		if len(*items) < limit {
			*items = append(*items, bytes.Clone(item))
		}
	}
	return true
}

func (r *reader) encryptedExtensions(body []byte) bool {
	list, ok := readExtensions(body)
	return ok && r.extensions(list)
}

// certificateRequest reads the names of the authorities from whom the server wants a client certificate (RFC 8446,
// section 4.3.2; RFC 5246, section 7.4.4; TLS 1.1 and below have no signature algorithms there).
func (r *reader) certificateRequest(body []byte) bool {
	r.f.CertificateRequested = true
	s := cryptobyte.String(body)
	var skipped cryptobyte.String
	if !s.ReadUint8LengthPrefixed(&skipped) { // the context in TLS 1.3, certificate types below
		return false
	}
	if r.tls13 {
		list, ok := readExtensions(s)
		names, found := list.find(iana.ExtCertificateAuthorities)
		return ok && (!found || readList(names, &r.f.CertificateAuthorities, maxAuthorities))
	}
	if r.f.Version >= iana.TLS12 && !s.ReadUint16LengthPrefixed(&skipped) {
		return false
	}
	return readList(s, &r.f.CertificateAuthorities, maxAuthorities)
}

// certificate reads the chain (RFC 8446, section 4.4.2; RFC 5246, section 7.4.2). It also reads the beginning of a
// message that did not arrive whole: then it keeps the certificates that did, and says false.
func (r *reader) certificate(body []byte) bool {
	s := cryptobyte.String(body)
	var context cryptobyte.String
	if r.tls13 && !s.ReadUint8LengthPrefixed(&context) {
		return false
	}
	var length uint32
	if !s.ReadUint24(&length) {
		return false
	}
	whole := uint32(len(s)) >= length
	s = s[:min(len(s), int(length))]
	for first := true; !s.Empty(); first = false {
		var der, entry cryptobyte.String
		if !s.ReadUint24LengthPrefixed(&der) {
			return false
		}
		if len(r.f.Chain) < maxCertificates {
			r.f.Chain = append(r.f.Chain, bytes.Clone(der))
		}
		if !r.tls13 {
			continue
		}
		if !s.ReadUint16LengthPrefixed(&entry) || first && !r.leafExtensions(entry) {
			return false
		}
	}
	return whole
}

// leafExtensions reads what TLS 1.3 puts beside the leaf (RFC 8446, section 4.4.2.1).
func (r *reader) leafExtensions(entry cryptobyte.String) bool {
	for !entry.Empty() {
		var e extension
		if !entry.ReadUint16(&e.typ) || !entry.ReadUint16LengthPrefixed(&e.data) {
			return false
		}
		switch {
		case e.typ == iana.ExtStatusRequest && !r.certificateStatus(e.data):
			return false
		case e.typ == iana.ExtSCT && !readSCTs(e.data, &r.f.SCTs):
			return false
		}
	}
	return true
}

// certificateStatus reads a stapled OCSP response (RFC 6066, section 8).
func (r *reader) certificateStatus(body []byte) bool {
	const ocsp = 1
	s := cryptobyte.String(body)
	var typ uint8
	var response cryptobyte.String
	if !s.ReadUint8(&typ) {
		return false
	}
	if typ != ocsp { // ocsp_multi of RFC 6961, which nobody asks for
		return true
	}
	if !s.ReadUint24LengthPrefixed(&response) {
		return false
	}
	r.f.OCSP = bytes.Clone(response)
	return true
}

// serverKeyExchange reads the group or prime, and how it is signed (RFC 5246, section 7.4.3; RFC 8422, section 5.4; for
// PSK, which puts a hint in front and signs nothing, RFC 4279, section 3 and RFC 5489, section 2).
func (r *reader) serverKeyExchange(body []byte) bool {
	suite, known := iana.Suite(r.f.Suite)
	if !known {
		return true
	}
	s := cryptobyte.String(body)
	var hint cryptobyte.String
	psk := suite.Authentication == "PSK" || suite.Authentication == "RSA+PSK"
	if psk && !s.ReadUint16LengthPrefixed(&hint) {
		return false
	}
	readable := false
	ok := true
	switch suite.KeyExchange {
	case "ECDHE":
		readable, ok = r.ecdhParameters(&s)
	case "DHE":
		readable, ok = true, r.dhParameters(&s)
	case "RSA":
		readable, ok = suite.Export, !suite.Export || skipVectors(&s, 2) // modulus, exponent (RFC 2246, section 7.4.3)
	}
	if !ok || !readable || psk || suite.Anonymous || r.f.Version < iana.TLS12 {
		return ok
	}
	return s.ReadUint16(&r.f.SignatureScheme)
}

// ecdhParameters reads a named curve and steps over the point. Explicit curves (RFC 4492, section 5.4) have no number,
// and hide what comes behind them.
func (r *reader) ecdhParameters(s *cryptobyte.String) (readable, ok bool) {
	const named = 3
	var curveType uint8
	if !s.ReadUint8(&curveType) {
		return false, false
	}
	if curveType != named {
		return false, true
	}
	var point cryptobyte.String
	ok = s.ReadUint16(&r.f.Group) && s.ReadUint8LengthPrefixed(&point)
	return ok, ok
}

// dhParameters measures the prime and steps over generator and public value.
func (r *reader) dhParameters(s *cryptobyte.String) bool {
	var prime cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&prime) {
		return false
	}
	r.f.DHPrimeBits = new(big.Int).SetBytes(prime).BitLen()
	return skipVectors(s, 2)
}

func skipVectors(s *cryptobyte.String, n int) bool {
	var v cryptobyte.String
	for ; n > 0; n-- {
		if !s.ReadUint16LengthPrefixed(&v) {
			return false
		}
	}
	return true
}

// certificateVerify reads the scheme by which a TLS 1.3 server signed the handshake (RFC 8446, section 4.4.3).
func (r *reader) certificateVerify(body []byte) bool {
	s := cryptobyte.String(body)
	return !r.tls13 || s.ReadUint16(&r.f.SignatureScheme)
}

// finished ends the server's part of a TLS 1.3 handshake: what follows is sealed with another key.
func (r *reader) finished() {
	if !r.tls13 {
		return
	}
	r.f.HandshakeComplete, r.rekeyed = true, true
	r.opener = newOpener(r.f.Suite, r.secrets.traffic)
}

// newSessionTicket reads RFC 8446, section 4.6.1, or RFC 5077, section 3.3.
func (r *reader) newSessionTicket(body []byte) bool {
	var (
		s             = cryptobyte.String(body)
		t             Ticket
		ageAdd        uint32
		nonce, ticket cryptobyte.String
	)
	if !s.ReadUint32(&t.Lifetime) {
		return false
	}
	if r.tls13 && (!s.ReadUint32(&ageAdd) || !s.ReadUint8LengthPrefixed(&nonce)) {
		return false
	}
	if !s.ReadUint16LengthPrefixed(&ticket) {
		return false
	}
	if r.tls13 {
		list, ok := readExtensions(s)
		early, offered := list.find(iana.ExtEarlyData)
		if !ok || offered && !early.ReadUint32(&t.EarlyData) {
			return false
		}
	}
	if len(r.f.Tickets) < maxTickets {
		r.f.Tickets = append(r.f.Tickets, t)
	}
	return true
}

// keyUpdate follows the server to its next key (RFC 8446, section 4.6.3).
func (r *reader) keyUpdate() {
	if r.opener == nil || !r.f.HandshakeComplete {
		return
	}
	r.opener, r.rekeyed = r.opener.next(), true
}
