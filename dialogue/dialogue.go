// Package dialogue tells how each protocol speaks up to TLS and just behind
// it, one file each, written to be read with the RFC in the other hand.
//
// A [Protocol] is up to five short functions, called in this order:
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
	"errors"
	"fmt"
	"strings"
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
	Helo   string // the name for EHLO and LHLO
	Host   string // the server's name, for protocols that send it
	Domain string // the service domain (XMPP); Host where empty

	caught caught // by the last expect of a script
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

// putOff records a reply to the upgrade command that asks to come again
// later. Whether the server starts TLS is then not known.
func (s *Session) putOff(reply ...string) error {
	for _, r := range reply {
		s.Record.Upgrade.Reply = append(s.Record.Upgrade.Reply, observe.Text(r))
	}
	return turnedAway(true, "put us off with", strings.Join(reply, " "))
}

// known returns the capabilities that go with the state of the line, nil if
// none were told.
func (s *Session) known() *observe.Capabilities {
	if s.Sealed() {
		return s.Record.Sealed
	}
	return s.Record.Clear
}

// dotted reads lines up to a single dot and takes the dots away that guard
// other lines (POP3 and NNTP). The wire bounds their number.
func (s *Session) dotted() ([]string, error) {
	lines := []string{}
	for {
		line, err := s.Line()
		if err != nil {
			return lines, err
		}
		if line == "." {
			return lines, nil
		}
		lines = append(lines, strings.TrimPrefix(line, "."))
	}
}

// garbage reads on for a moment, so that the record shows more than the
// first byte of an answer that is not the protocol, and records it.
func (s *Session) garbage(head []byte) []byte {
	s.Within(time.Second, func() error {
		for len(head) < 200 {
			more, err := s.Chunk()
			if err != nil {
				return err
			}
			head = append(head, more...)
		}
		return nil
	})
	s.Heard(head)
	return head
}

const literalLimit = 64 << 10

// withLiterals reads the literals that a line announces, and the lines that
// go on behind them (IMAP and ManageSieve).
func (s *Session) withLiterals(line string) (string, error) {
	var whole strings.Builder
	whole.WriteString(line)
	for {
		n, ok := literal(line)
		if !ok {
			return whole.String(), nil
		}
		if n > literalLimit {
			return whole.String(), &wire.Stop{End: observe.Excess, Cause: fmt.Sprintf("a literal of more than %d bytes", literalLimit)}
		}
		b, err := s.Message(n)
		if err != nil {
			return whole.String(), err
		}
		s.Heard(b)
		if line, err = s.Line(); err != nil {
			return whole.String(), err
		}
		whole.WriteString("\r\n" + string(b) + line)
	}
}

// literal returns the size in a line that ends with {n} or {n+}. A size of
// too many digits counts as one past the limit.
func literal(line string) (size int, ok bool) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	digits := strings.TrimSuffix(line[open+1:len(line)-1], "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	for _, d := range digits {
		size = min(size*10+int(d-'0'), literalLimit+1)
	}
	return size, true
}

// numbered returns the code of a line that begins with three digits and then
// ends or goes on with a space or a hyphen.
func numbered(line string) (code int, ok bool) {
	if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || line[0] < '1' || line[0] > '9' {
		return 0, false
	}
	if len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false
	}
	return int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0'), true
}

// turnedAway ends a conversation because the server does not want us: not
// now, or not at all.
func turnedAway(later bool, how, text string) error {
	end := observe.Refused
	if later {
		end = observe.Throttled
	}
	return &wire.Stop{End: end, Cause: fmt.Sprintf("the server %s \"%s\"", how, shown(text))}
}

// busy tells whether a refusal for people to read speaks of load. Protocols
// without a code for "try later" have nothing else.
func busy(text string) bool {
	text = strings.ToLower(text)
	for _, phrase := range []string{"too many", "too fast", "throttled", "try again later", "try later", "temporarily unavailable"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

// timedOut tells whether a conversation stopped because nothing came.
func timedOut(err error) bool {
	s, ok := errors.AsType[*wire.Stop](err)
	return ok && s.End == observe.Timeout
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
