// Package lab is a mail server for tests: honest as plain data, and dishonest
// by small edits.
//
// It is the other end of the wire. A check of mailseal is proven by a server
// that has the flaw, and a mail client is proven by a server that tries to
// trick it; neither can be asked of a real server. So:
//
//  1. [New] describes an honest server for SMTP, submission, LMTP, IMAP, POP3
//     or ManageSieve, with STARTTLS or with implicit TLS. The description is
//     plain data: greeting, capabilities in clear and inside TLS, versions,
//     suites, certificate.
//  2. A [Fault] is a small edit to that description, with a manual and the
//     names of the checks that must notice. [Faults] lists all of them.
//  3. [NewCA] makes a certificate authority that lives as long as the value.
//     No key is ever stored.
//  4. [Server.Start] listens on loopback and serves until [Running.Close].
//     The server keeps a record of every connection, which is an
//     [observe.Observation] whose side is the server; secrets are taken out of
//     it before they are written down.
//
// The lab is written from the RFCs and knows nothing of the client side of
// mailseal: a misreading on one side then shows on the other. It takes mail
// and throws it away, has one account with an empty mailbox and one random
// password per run, and it is not a mail server for anything but tests.
package lab

import (
	"fmt"
	"time"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// Server is an honest server as plain data. The zero value is not useful: use
// [New] and edit what it returns. A Server must not be edited any more once it
// was started.
type Server struct {
	Protocol string       // smtp, submission, lmtp, imap, pop3 or sieve
	Mode     observe.Mode // StartTLS, Implicit, or Clear for a server that has no TLS at all
	Name     string       // the host name in greeting and certificate
	Listen   string       // empty: a free port of 127.0.0.1

	Greeting           []string // the lines of the greeting; nil: the honest ones
	GreetCapabilities  bool     // IMAP: name the capabilities in the greeting as well
	Capabilities       []string // in clear, one item each, in the words of the protocol
	SealedCapabilities []string // the same, inside TLS

	BareLF           bool   // lines end with LF alone
	GoAhead          string // the reply that starts TLS (IMAP: without its tag); empty: the honest one
	Refusal          string // not empty: STARTTLS is answered so, and TLS does not start
	Hidden           bool   // STARTTLS is accepted although no capability names it
	AfterGoAhead     []byte // sent in the segment of the go-ahead, behind it
	LateAfterGoAhead []byte // sent in clear once the ClientHello has come, before the first TLS record

	TLS  TLS
	Leaf Leaf

	// Instead holds what is done at a stage instead of the honest thing. The
	// connection ends when the function returns.
	//
	//	observe.Greeting    instead of the greeting (implicit: inside TLS)
	//	observe.Capability  instead of the first answer about capabilities (ManageSieve: in the middle of the greeting)
	//	observe.Upgraded    instead of the answer to STARTTLS
	//	observe.Handshake   instead of TLS; the client's hello is not yet read
	//	observe.After       once TLS stands, instead of all that follows
	Instead map[observe.Stage]func(*Session)

	BytePause time.Duration // pause before every single byte in clear and under TLS; zero: send as fast as it goes
	Patience  time.Duration // the longest wait for a client to send or to take something
	Lifetime  time.Duration // the longest life of one connection
	MaxConns  int           // connections served at once; further ones wait
}

// TLS is how the server does TLS. Numbers are the registered code points.
type TLS struct {
	MinVersion uint16
	MaxVersion uint16   // zero: the newest that crypto/tls has
	Suites     []uint16 // of TLS 1.2 and below; nil: crypto/tls chooses
	Groups     []uint16 // nil: crypto/tls chooses
	ALPN       []string // a client that offers ALPN must name one of these, RFC 7301, section 3.2; nil: ALPN is ignored
	Without    []uint16 // extensions (23, 0xff01) that TLS 1.2 lacks; not empty: only TLS 1.2, of the lab's own making, is spoken
	DemandCert bool     // the client must send a certificate, any
}

// protocol is what a kind of server brings along.
type protocol struct {
	role     observe.Role
	starttls string // the command that asks for TLS
	clear    []string
	sealed   []string
	serve    func(*Session)
}

// protocols are the kinds of server of this room.
func protocols(name string) (protocol, bool) {
	switch name {
	case "smtp":
		return protocol{observe.MX, "STARTTLS", smtpClear, smtpSealed, serveSMTP}, true
	case "submission":
		return protocol{observe.Submission, "STARTTLS", smtpClear, smtpSealed, serveSMTP}, true
	case "lmtp":
		return protocol{observe.Delivery, "STARTTLS", smtpClear, smtpSealed, serveSMTP}, true
	case "imap":
		return protocol{observe.Access, "STARTTLS", imapClear, imapSealed, serveIMAP}, true
	case "pop3":
		return protocol{observe.Access, "STLS", pop3Clear, pop3Sealed, servePOP3}, true
	case "sieve":
		return protocol{observe.Access, `"STARTTLS"`, sieveClear, sieveSealed, serveSieve}, true
	}
	return protocol{}, false
}

// Protocols returns the names of the protocols that the lab speaks.
func Protocols() []string {
	return []string{"smtp", "submission", "lmtp", "imap", "pop3", "sieve"}
}

// New describes an honest server. A protocol or a mode that the lab does not
// know is reported by [Server.Start].
func New(protocol string, mode observe.Mode) *Server {
	s := &Server{
		Protocol: protocol,
		Mode:     mode,
		Name:     "mail.lab.test",
		Patience: 30 * time.Second,
		Lifetime: 5 * time.Minute,
		MaxConns: 64,
		TLS:      TLS{MinVersion: iana.TLS12},
		Leaf:     honestLeaf(),
		Instead:  make(map[observe.Stage]func(*Session)),
	}
	if id := iana.ALPN(protocol); id != "" {
		s.TLS.ALPN = []string{id}
	}
	p, ok := protocols(protocol)
	if !ok {
		return s
	}
	s.Capabilities = append(s.Capabilities, p.clear...)
	if mode == observe.StartTLS {
		s.Capabilities = append(s.Capabilities, p.starttls)
	}
	s.SealedCapabilities = append(s.SealedCapabilities, p.sealed...)
	return s
}

// check says what makes the description impossible to serve.
func (s *Server) check() (protocol, error) {
	p, ok := protocols(s.Protocol)
	if !ok {
		return p, fmt.Errorf("the lab speaks %q, not %q", Protocols(), s.Protocol)
	}
	switch s.Mode {
	case observe.StartTLS, observe.Implicit, observe.Clear:
	default:
		return p, fmt.Errorf("the lab has no mode %q", s.Mode)
	}
	if s.MaxConns <= 0 || s.Patience <= 0 || s.Lifetime <= 0 {
		return p, fmt.Errorf("a lab server needs MaxConns, Patience and Lifetime above zero; begin with lab.New")
	}
	return p, nil
}
