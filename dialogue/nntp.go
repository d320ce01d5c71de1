package dialogue

import (
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// NNTP is news, RFC 3977, with STARTTLS of RFC 4642; RFC 8143 prefers TLS
// from the start.
var NNTP = &Protocol{
	Name: "nntp", Title: "NNTP", Role: observe.Other,
	Schemes: []Scheme{{"nntp", observe.StartTLS}, {"nntps", observe.Implicit}},
	Ports: []Port{
		{Number: 119, Mode: observe.StartTLS},
		{Number: 433, Mode: observe.StartTLS},
		{Number: 563, Mode: observe.Implicit},
	},
	References: []string{"RFC 3977", "RFC 4642", "RFC 8143"},
	Greet:      nntpGreeting,
	Ask:        nntpCAPABILITIES,
	Upgrade:    nntpSTARTTLS,
	Leave:      func(s *Session) { s.Send("QUIT") },
}

// nntpStatus reads the first line of a response, RFC 3977, section 3.2.
func nntpStatus(s *Session) (code int, line string, err error) {
	line, err = s.Line()
	if err != nil {
		return 0, "", err
	}
	code, ok := numbered(line)
	if !ok {
		return 0, line, wire.Garbled("expected an NNTP response, got \"%s\"", shown(line))
	}
	return code, line, nil
}

// nntpGreeting waits for 200 or 201, RFC 3977, section 5.1. 400 asks to come
// again later, 502 never to come.
func nntpGreeting(s *Session) error {
	code, line, err := nntpStatus(s)
	if err != nil || code == 200 || code == 201 {
		return err
	}
	return turnedAway(code == 400 || busy(line), "greeted with", line)
}

// nntpCAPABILITIES asks what the server can do, RFC 3977, section 5.2. Old
// servers answer 500 and have no list.
func nntpCAPABILITIES(s *Session) error {
	if err := s.Send("CAPABILITIES"); err != nil {
		return err
	}
	code, line, err := nntpStatus(s)
	if err != nil {
		return err
	}
	if code == 400 {
		return turnedAway(true, "answered CAPABILITIES by", line)
	}
	if code != 101 {
		return nil
	}
	lines, err := s.dotted()
	if err != nil {
		return err
	}
	s.told("CAPABILITIES", lines)
	return nil
}

// nntpSTARTTLS asks for TLS, RFC 4642, section 2.2: 382 is the go-ahead, 580
// says that TLS cannot be started, 502 that it is not permitted.
func nntpSTARTTLS(s *Session) error {
	s.Record.Upgrade.Offered = offers(s.Record.Clear, "STARTTLS")
	s.upgrading("STARTTLS")
	if err := s.Send("STARTTLS"); err != nil {
		return err
	}
	code, line, err := nntpStatus(s)
	if err != nil {
		return err
	}
	if code == 400 {
		return s.putOff(line)
	}
	return s.answered(code == 382, line)
}
