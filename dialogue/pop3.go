package dialogue

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// POP3 is how users fetch their mail, RFC 1939, with CAPA of RFC 2449 and
// STLS of RFC 2595, section 4.
var POP3 = &Protocol{
	Name: "pop3", Title: "POP3", Role: observe.Access,
	Schemes: []Scheme{{"pop3", observe.StartTLS}, {"pop3s", observe.Implicit}},
	Ports: []Port{
		{Number: 110, Mode: observe.StartTLS, Usual: true},
		{Number: 995, Mode: observe.Implicit, Usual: true},
	},
	References: []string{"RFC 1939", "RFC 2449", "RFC 2595", "RFC 8314"},
	Greet:      pop3Greeting,
	Ask:        pop3CAPA,
	Upgrade:    pop3STLS,
	Leave:      func(s *Session) { s.Send("QUIT") },
}

// pop3Status reads the first line of a reply, RFC 1939, section 3.
func pop3Status(s *Session) (ok bool, line string, err error) {
	line, err = s.Line()
	if err != nil {
		return false, "", err
	}
	word, _, _ := strings.Cut(line, " ")
	switch strings.ToUpper(word) {
	case "+OK":
		return true, line, nil
	case "-ERR":
		return false, line, nil
	}
	return false, line, wire.Garbled("expected +OK or -ERR, got \"%s\"", shown(line))
}

// pop3Greeting waits for +OK, RFC 1939, section 4.
func pop3Greeting(s *Session) error {
	ok, line, err := pop3Status(s)
	if err != nil || ok {
		return err
	}
	return turnedAway(pop3Later(line), "greeted with", line)
}

// pop3CAPA asks what the server can do, RFC 2449, section 5. A server that
// does not know CAPA has no list; it may know STLS nevertheless.
func pop3CAPA(s *Session) error {
	if err := s.Send("CAPA"); err != nil {
		return err
	}
	ok, _, err := pop3Status(s)
	if err != nil || !ok {
		return err
	}
	lines, err := s.dotted()
	if err != nil {
		return err
	}
	s.told("CAPA", lines)
	return nil
}

// pop3STLS asks for TLS, RFC 2595, section 4.
func pop3STLS(s *Session) error {
	s.Record.Upgrade.Offered = offers(s.Record.Clear, "STLS")
	s.upgrading("STLS")
	if err := s.Send("STLS"); err != nil {
		return err
	}
	ok, line, err := pop3Status(s)
	if err != nil {
		return err
	}
	if !ok && busy(line) { // SYS/TEMP is a refusal here, as SMTP's 454 is
		return s.putOff(line)
	}
	return s.answered(ok, line)
}

// pop3Later tells whether a refusal asks to come again: SYS/TEMP of RFC 3206,
// section 4, LOGIN-DELAY of RFC 2449, section 8.1.1.
func pop3Later(line string) bool {
	upper := strings.ToUpper(line)
	return strings.HasPrefix(upper, "-ERR [SYS/TEMP") || strings.HasPrefix(upper, "-ERR [LOGIN-DELAY") || busy(line)
}
