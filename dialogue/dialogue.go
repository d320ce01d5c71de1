// Package dialogue tells how each protocol speaks up to TLS and just behind
// it, one file each, written to be read with the RFC in the other hand.
//
// A [Protocol] is four short functions, called in this order:
//
//	starttls:  Greet, Ask, Upgrade — TLS — Again (or Ask), Leave
//	implicit:  TLS — Greet, Ask, Leave
//
// They are straight-line code: say a line, read the reply, record what it
// says. A reply that is a refusal is not a fault, it is recorded and the
// function goes on or ends the conversation with a *wire.Stop.
//
// Two rules hold everywhere. The go-ahead is read as one line and nothing
// behind it: what is already buffered stays in the wire and becomes residue.
// And the ClientHello never travels with the upgrade command: we wait for the
// reply.
package dialogue

import (
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// Protocol is how one protocol opens, lists its capabilities, goes over to
// TLS and says goodbye.
type Protocol struct {
	Name       string // as in observe.Endpoint.Protocol
	Title      string // for people
	Schemes    []Scheme
	Ports      []Port
	Role       observe.Role // where the port does not tell
	Binary     bool         // messages, not lines
	Anonymous  bool         // not for users to name: there is no scheme
	References []string     // "RFC 3207"

	Greet   func(*Session) error // until the client may speak, or the client's opening
	Ask     func(*Session) error // fills the capabilities
	Upgrade func(*Session) error // the command and the go-ahead; nil where the protocol has none
	Again   func(*Session) error // what follows TLS that was started by Upgrade; nil: the same as Ask
	Leave   func(*Session)       // says goodbye and does not wait; nil: the connection is just closed
}

// Scheme is the first part of a URL that names the protocol and the way to
// TLS.
type Scheme struct {
	Name string
	Mode observe.Mode
}

// Port is a port on which the protocol is at home.
type Port struct {
	Number int
	Mode   observe.Mode
	Role   observe.Role // empty: the protocol's
	Usual  bool         // looked at when a bare host is given
}

// Session is one conversation: the wire, the names to use, and the record
// that the functions of a protocol fill.
type Session struct {
	*wire.Conn
	Record *observe.Conn
	Helo   string        // the name for EHLO and LHLO
	Host   string        // the server's name, for protocols that send it
	Domain string        // the service domain (XMPP); Host where empty
	Wait   time.Duration // how long a server may think over one reply
}

// told keeps the capabilities in the place that fits the state of the line.
func (s *Session) told(from string, items []string) {
	c := &observe.Capabilities{From: from, Items: make([]observe.Text, 0, len(items))}
	for _, i := range items {
		c.Items = append(c.Items, observe.Text(i))
	}
	if s.Sealed() {
		s.Record.Sealed = c
		return
	}
	s.Record.Clear = c
}

// upgrading begins the record of an upgrade.
func (s *Session) upgrading(command string) { s.Record.Upgrade.Sent = observe.Text(command) }

// answered records the reply to the upgrade command. A refusal ends the
// conversation.
func (s *Session) answered(goAhead bool, reply ...string) error {
	for _, r := range reply {
		s.Record.Upgrade.Reply = append(s.Record.Upgrade.Reply, observe.Text(r))
	}
	s.Record.Upgrade.GoAhead = observe.Known(goAhead)
	if goAhead {
		return nil
	}
	return &wire.Stop{End: observe.Refused, Cause: "the server refused to start TLS"}
}

// All are the protocols, mail first.
var All = []*Protocol{
	SMTP, Submission, LMTP, IMAP, POP3, Sieve,
	NNTP, FTP, IRC, XMPPClient, XMPPServer, LDAP, Postgres, MySQL, HTTP, TLS,
}

// ByName returns the protocol of that name, or nil.
func ByName(name string) *Protocol {
	for _, p := range All {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// ByScheme returns the protocol and the way to TLS that a URL scheme names,
// or nil.
func ByScheme(name string) (*Protocol, observe.Mode) {
	for _, p := range All {
		for _, s := range p.Schemes {
			if s.Name == name {
				return p, s.Mode
			}
		}
	}
	return nil, ""
}

// ByPort returns the protocol that is at home on a port, or nil.
func ByPort(number int) (*Protocol, Port) {
	for _, p := range All {
		for _, port := range p.Ports {
			if port.Number == number {
				return p, port
			}
		}
	}
	return nil, Port{}
}

// RoleOn returns the role of the protocol on a port.
func (p *Protocol) RoleOn(number int) observe.Role {
	for _, port := range p.Ports {
		if port.Number == number && port.Role != "" {
			return port.Role
		}
	}
	return p.Role
}

// PortFor returns the first port that goes with a way to TLS, or 0.
func (p *Protocol) PortFor(m observe.Mode) int {
	for _, port := range p.Ports {
		if port.Mode == m {
			return port.Number
		}
	}
	return 0
}
