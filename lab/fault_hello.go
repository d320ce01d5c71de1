package lab

import (
	"encoding/binary"
	"io"

	"github.com/mailseal/mailseal/observe"
)

var helloUnanswered = Fault{
	Name:   "hello-unanswered",
	Manual: "The client's hello is read and never answered. So looks a server whose TLS process died, or a firewall that swallows what it does not know.",
	Checks: []string{"tls-failing"},
	Hangs:  true,
	Edit:   func(s *Server) { s.Instead[observe.Handshake] = (*Session).Wait },
}

var helloGarbage = Fault{
	Name:   "hello-garbage",
	Manual: "The client's hello is answered with bytes that are neither TLS nor text.",
	Checks: []string{"tls-failing"},
	Edit: func(s *Server) {
		s.Instead[observe.Handshake] = func(c *Session) {
			if !c.ReadHello() {
				return
			}
			garbage := make([]byte, 512)
			for i := range garbage {
				garbage[i] = byte(i*167 + 137)
			}
			c.SendRaw(garbage)
		}
	},
}

var helloClearText = Fault{
	Name: "hello-clear-text",
	Manual: "The client's hello is answered in clear, in the words of the protocol: the server promised TLS and goes on without, " +
		"or an implicit port speaks clear text first. A client must not read on.",
	Checks: []string{"tls-failing"},
	Edit: func(s *Server) {
		s.Instead[observe.Handshake] = func(c *Session) {
			if !c.ReadHello() {
				return
			}
			reply := map[string]string{
				"imap": "* BAD Command not recognized", "pop3": "-ERR Command not recognized", "sieve": `NO "Command not recognized"`,
			}[s.Protocol]
			if reply == "" {
				reply = "500 5.5.1 Command not recognized"
			}
			c.Send(reply)
		}
	},
}

var certificateHuge = Fault{
	Name: "certificate-of-16-mb",
	Manual: "The server announces a Certificate message of 16 megabytes, the most that TLS can say, and begins to send it. " +
		"A client without a bound fills its memory.",
	Checks: []string{"tls-failing", "key-exchange-not-post-quantum"}, // the ServerHello chose TLS 1.2,
	Edit: func(s *Server) {
		s.Instead[observe.Handshake] = func(c *Session) {
			if c.ReadHello() && c.SendRaw(plainServerHello()) {
				c.sendHugeCertificate()
				c.Wait()
			}
		}
	},
}

// ReadHello reads one record, the client's hello, and throws it away.
func (c *Session) ReadHello() bool {
	header := make([]byte, 5)
	if _, err := io.ReadFull(c.in, header); err != nil {
		c.fail(err)
		return false
	}
	length := int64(binary.BigEndian.Uint16(header[3:]))
	if _, err := io.CopyN(io.Discard, c.in, min(length, maxRecord)); err != nil {
		c.fail(err)
		return false
	}
	return true
}

// plainServerHello is a record with a ServerHello of TLS 1.2 that chooses
// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, secure renegotiation and the
// extended master secret.
func plainServerHello() []byte {
	body := make([]byte, 0, 64)
	body = append(body, 0x03, 0x03)
	body = append(body, make([]byte, 32)...)                      // random: nobody gets as far as to use it
	body = append(body, 0)                                        // no session id
	body = append(body, 0xc0, 0x2b, 0)                            // suite, no compression
	body = append(body, 0, 9, 0xff, 0x01, 0, 1, 0, 0, 0x17, 0, 0) // RFC 5746, section 3.6; RFC 7627, section 5.1
	message := append([]byte{typeServerHello, 0, 0, byte(len(body))}, body...)
	return append(recordHeader(len(message)), message...)
}

func recordHeader(n int) []byte { return []byte{recordHandshake, 0x03, 0x03, byte(n >> 8), byte(n)} }

// sendHugeCertificate sends a Certificate message of 2^24-1 bytes that holds
// one certificate, as long as the client takes it.
func (c *Session) sendHugeCertificate() {
	const total = 1<<24 - 1
	start := []byte{typeCertificate, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 0xff, 0xff, 0xf9}
	record := make([]byte, maxRecord)
	copy(record, start)
	if !c.SendRaw(append(recordHeader(maxRecord), record...)) {
		return
	}
	clear(record)
	for sent := maxRecord; sent < total+4; sent += maxRecord {
		n := min(maxRecord, total+4-sent)
		if !c.write(append(recordHeader(n), record[:n]...)) {
			return
		}
	}
}
