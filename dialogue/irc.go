package dialogue

import (
	"slices"
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// IRC is chat, RFC 1459, with capabilities and the STARTTLS of IRCv3, which
// IRCv3 itself has deprecated in favour of strict transport security (sts).
//
// A server need not greet. It may send notices while it looks up who we are,
// so we speak first and pass over what is not an answer.
var IRC = &Protocol{
	Name: "irc", Title: "IRC", Role: observe.Other,
	Schemes: []Scheme{{"irc", observe.StartTLS}, {"ircs", observe.Implicit}},
	Ports: []Port{
		{Number: 6667, Mode: observe.StartTLS},
		{Number: 6697, Mode: observe.Implicit},
	},
	References: []string{"RFC 1459", "RFC 2812", "IRCv3 tls"},
	Greet:      func(*Session) error { return nil },
	Ask:        ircCAP,
	Upgrade:    ircSTARTTLS,
	Leave:      func(s *Session) { s.Send("QUIT") },
}

// ircMessage is a message of RFC 1459, section 2.3.1.
type ircMessage struct {
	line    string
	command string
	params  []string
}

// param returns a parameter, or "".
func (m ircMessage) param(i int) string {
	if i >= len(m.params) {
		return ""
	}
	return m.params[i]
}

func parseIRC(line string) ircMessage {
	m := ircMessage{line: line}
	rest := strings.TrimLeft(line, " ")
	for _, mark := range []string{"@", ":"} { // tags of IRCv3, then the prefix
		if strings.HasPrefix(rest, mark) {
			_, rest, _ = strings.Cut(rest, " ")
			rest = strings.TrimLeft(rest, " ")
		}
	}
	head, trailing, found := strings.Cut(" "+rest, " :")
	words := strings.Fields(head)
	if len(words) > 0 {
		m.command, m.params = strings.ToUpper(words[0]), words[1:]
	}
	if found {
		m.params = append(m.params, trailing)
	}
	return m
}

// ircRead reads the next message that could be an answer. It answers PING,
// passes over notices, and ends where the server does.
func ircRead(s *Session) (ircMessage, error) {
	for {
		line, err := s.Line()
		if err != nil {
			return ircMessage{}, err
		}
		m := parseIRC(line)
		switch {
		case m.command == "PING":
			if err := s.Send("PONG :" + m.param(0)); err != nil {
				return m, err
			}
		case m.command == "NOTICE", line == "":
		case m.command == "ERROR":
			return m, turnedAway(busy(line), "closed the link with", m.param(0))
		case m.command != "CAP" && !ircNumeric(m.command):
			return m, wire.Garbled("expected an IRC message, got \"%s\"", shown(line))
		default:
			return m, nil
		}
	}
}

// ircNumeric tells whether a command is a numeric reply, RFC 1459, section
// 2.4.
func ircNumeric(command string) bool {
	_, ok := numbered(command)
	return ok && len(command) == 3
}

// ircCAP asks for the capabilities. In version 302 the list may come in many
// messages, all but the last with a "*" in front of the list. A server
// without CAP answers 421, or 451 because we have not registered.
func ircCAP(s *Session) error {
	if err := s.Send("CAP LS 302"); err != nil {
		return err
	}
	var items []string
	for {
		m, err := ircRead(s)
		if err != nil {
			return err
		}
		if m.command == "421" || m.command == "451" {
			return nil
		}
		if m.command != "CAP" || !strings.EqualFold(m.param(1), "LS") {
			continue
		}
		items = append(items, strings.Fields(m.params[len(m.params)-1])...)
		if m.param(2) != "*" || len(m.params) < 4 {
			s.told("CAP LS", items)
			return nil
		}
	}
}

// ircSTARTTLS asks for TLS: 670 is the go-ahead, 691 says no; 421 is for a
// command that the server does not know and 451 wants us to register first.
func ircSTARTTLS(s *Session) error {
	s.Record.Upgrade.Offered = offers(s.Record.Clear, "tls")
	s.upgrading("STARTTLS")
	if err := s.Send("STARTTLS"); err != nil {
		return err
	}
	var m ircMessage
	wait := func() (err error) {
		m, err = ircUntil(s, "670", "691", "421", "451")
		return err
	}
	if s.Record.Upgrade.Offered != observe.No {
		if err := wait(); err != nil {
			return err
		}
		return s.answered(m.command == "670", m.line)
	}
	err := s.Within(ircPatience, wait)
	if timedOut(err) {
		return ircPassedOver(s)
	}
	if err != nil {
		return err
	}
	return s.answered(m.command == "670", m.line)
}

const ircPatience = 5 * time.Second

// ircPassedOver tells a server that passes over a command that it does not
// know (ngIRCd does) from one that is slow or dead: the first still answers
// another command.
func ircPassedOver(s *Session) error {
	if err := s.Send("CAP LS 302"); err != nil {
		return err
	}
	m, err := ircUntil(s, "CAP", "670", "691", "421", "451")
	if err != nil {
		return err
	}
	if m.command != "CAP" { // it was only slow; but now our words are on their way, and TLS cannot follow
		return &wire.Stop{End: observe.Timeout, Cause: "the answer to STARTTLS came too late"}
	}
	s.Record.Upgrade.GoAhead = observe.No
	return &wire.Stop{End: observe.Refused, Cause: "the server passed over STARTTLS without a word"}
}

// ircUntil passes over messages until one of these commands comes.
func ircUntil(s *Session, commands ...string) (ircMessage, error) {
	for {
		m, err := ircRead(s)
		if err != nil || slices.Contains(commands, m.command) {
			return m, err
		}
	}
}
