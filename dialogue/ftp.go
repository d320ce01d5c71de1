package dialogue

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// FTP is file transfer, RFC 959, with FEAT of RFC 2389 and AUTH TLS of
// RFC 4217. Only the control connection is looked at, so PBSZ and PROT, which
// are for data connections, are not sent.
var FTP = &Protocol{
	Name: "ftp", Title: "FTP", Role: observe.Other,
	Schemes: []Scheme{{"ftp", observe.StartTLS}, {"ftps", observe.Implicit}},
	Ports: []Port{
		{Number: 21, Mode: observe.StartTLS},
		{Number: 990, Mode: observe.Implicit},
	},
	References: []string{"RFC 959", "RFC 2389", "RFC 4217"},
	Greet:      ftpGreeting,
	Ask:        ftpFEAT,
	Upgrade:    ftpAUTH,
	Leave:      func(s *Session) { s.Send("QUIT") },
}

// ftpReply reads a whole reply, RFC 959, section 4.2: a line "211-text" opens
// a reply of many lines, which ends at "211 text"; what is between may look
// like anything.
func ftpReply(s *Session) (code int, lines []string, err error) {
	line, err := s.Line()
	if err != nil {
		return 0, nil, err
	}
	code, ok := numbered(line)
	if !ok {
		return 0, nil, wire.Garbled("expected an FTP reply, got \"%s\"", shown(line))
	}
	lines = []string{line}
	if len(line) < 4 || line[3] != '-' {
		return code, lines, nil
	}
	for end := line[:3]; ; {
		if line, err = s.Line(); err != nil {
			return 0, lines, err
		}
		lines = append(lines, line)
		if line == end || strings.HasPrefix(line, end+" ") {
			return code, lines, nil
		}
	}
}

// ftpGreeting waits for 220, RFC 959, section 5.4. In front of it may stand
// 120, "ready in some minutes".
func ftpGreeting(s *Session) error {
	code, lines, err := ftpReply(s)
	if err == nil && code == 120 {
		code, lines, err = ftpReply(s)
	}
	if err != nil || code == 220 {
		return err
	}
	return turnedAway(code/100 == 4 || code == 120, "greeted with", lines[len(lines)-1])
}

// ftpFEAT asks what the server can do, RFC 2389, section 3.2. Old servers do
// not know it, and have no list.
func ftpFEAT(s *Session) error {
	if err := s.Send("FEAT"); err != nil {
		return err
	}
	code, lines, err := ftpReply(s)
	if err != nil {
		return err
	}
	if code == 421 {
		return turnedAway(true, "answered FEAT by", lines[len(lines)-1])
	}
	if code != 211 {
		return nil
	}
	var items []string
	for _, l := range lines[1:max(1, len(lines)-1)] { // between the first line and the last
		items = append(items, strings.TrimSpace(l))
	}
	s.told("FEAT", items)
	return nil
}

// ftpAUTH asks for TLS, RFC 4217, section 4. 234 is the go-ahead.
func ftpAUTH(s *Session) error {
	s.Record.Upgrade.Offered = ftpOffers(s.Record.Clear)
	s.upgrading("AUTH TLS")
	if err := s.Send("AUTH TLS"); err != nil {
		return err
	}
	code, lines, err := ftpReply(s)
	if err != nil {
		return err
	}
	if code == 421 {
		return s.putOff(lines...)
	}
	return s.answered(code == 234, lines...)
}

// ftpOffers looks for AUTH TLS. Servers that know more than one mechanism
// write "AUTH TLS;SSL" or "AUTH TLS-C;TLS-P;", the old names of the drafts of
// RFC 4217.
func ftpOffers(c *observe.Capabilities) observe.Answer {
	if c == nil {
		return observe.Unknown
	}
	for _, i := range c.Items {
		words := strings.FieldsFunc(strings.ToUpper(string(i)), func(r rune) bool { return r == ' ' || r == ';' })
		if len(words) == 0 || words[0] != "AUTH" {
			continue
		}
		for _, w := range words[1:] {
			if w == "TLS" || w == "TLS-C" {
				return observe.Yes
			}
		}
	}
	return observe.No
}
