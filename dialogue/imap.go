package dialogue

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// IMAP is how users read their mail, RFC 9051 and RFC 3501.
//
// The tags say which command is meant: a1 CAPABILITY and a2 STARTTLS in
// clear, a3 CAPABILITY inside TLS, a4 LOGOUT.
var IMAP = &Protocol{
	Name: "imap", Title: "IMAP", Role: observe.Access,
	Schemes: []Scheme{{"imap", observe.StartTLS}, {"imaps", observe.Implicit}},
	Ports: []Port{
		{Number: 143, Mode: observe.StartTLS, Usual: true},
		{Number: 993, Mode: observe.Implicit, Usual: true},
	},
	References: []string{"RFC 9051", "RFC 3501", "RFC 2595", "RFC 8314"},
	Greet:      imapGreeting,
	Ask:        imapCAPABILITY,
	Upgrade:    imapSTARTTLS,
	Leave:      func(s *Session) { s.Send("a4 LOGOUT") },
}

// imapGreeting waits for OK, PREAUTH or BYE, RFC 9051, section 7.1. A server
// may put its capabilities there, which saves asking. PREAUTH makes STARTTLS
// impossible, which is for the state before a login (section 6.2); it is tried
// all the same, and the refusal is recorded.
func imapGreeting(s *Session) error {
	line, err := s.Line()
	if err != nil {
		return err
	}
	data, ok := strings.CutPrefix(line, "* ")
	status, text, _ := strings.Cut(data, " ")
	switch status = strings.ToUpper(status); {
	case ok && status == "BYE":
		return imapBye(text)
	case !ok || status != "OK" && status != "PREAUTH":
		return wire.Garbled("expected an IMAP greeting, got \"%s\"", shown(line))
	}
	if code, args := imapCode(text); code == "CAPABILITY" {
		s.told("greeting", args)
	}
	return nil
}

// imapCAPABILITY asks what the server can do, RFC 9051, section 6.1.1, if the
// greeting has not told. What was told in clear does not count inside TLS:
// there it is asked again.
func imapCAPABILITY(s *Session) error {
	if s.known() != nil {
		return nil
	}
	tag := "a1"
	if s.Sealed() {
		tag = "a3"
	}
	a, err := imapCommand(s, tag, "CAPABILITY")
	if err != nil {
		return err
	}
	if a.status == "OK" && a.capabilities != nil {
		s.told("CAPABILITY", a.capabilities)
	}
	return nil
}

// imapSTARTTLS asks for TLS, RFC 9051, section 6.2.1. NO means not now, BAD
// that the command is unknown or out of place. Like SMTP's 454, a NO that says
// UNAVAILABLE is a refusal: it speaks of the server, and a client is left in
// clear by it. Only what speaks of our rate puts us off.
func imapSTARTTLS(s *Session) error {
	s.Record.Upgrade.Offered = offers(s.Record.Clear, "STARTTLS")
	s.upgrading("STARTTLS")
	a, err := imapCommand(s, "a2", "STARTTLS")
	if err != nil {
		return err
	}
	if code, _ := imapCode(a.text); a.status != "OK" && (code == "LIMIT" || busy(a.text)) {
		return s.putOff(a.lines...)
	}
	return s.answered(a.status == "OK", a.lines...)
}

// imapAnswer is what came for one command.
type imapAnswer struct {
	status       string   // of the tagged line: OK, NO or BAD
	text         string   // behind it
	lines        []string // as served; the tagged one is the last
	capabilities []string // nil: none were told
	bye          string   // the text of an untagged BYE
	left         bool     // there was one
}

// imapCommand sends a command and reads up to its tagged answer.
func imapCommand(s *Session, tag, command string) (imapAnswer, error) {
	var a imapAnswer
	if err := s.Send(tag + " " + command); err != nil {
		return a, err
	}
	for {
		line, err := imapResponse(s)
		if err != nil && a.left {
			return a, imapBye(a.bye) // it had said why it would go
		}
		if err != nil {
			return a, err
		}
		a.lines = append(a.lines, line)
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return a, a.tagged(rest)
		}
		data, ok := strings.CutPrefix(line, "* ")
		if !ok {
			return a, wire.Garbled("expected an IMAP answer to %s, got \"%s\"", tag, shown(line))
		}
		a.untagged(data)
	}
}

func (a *imapAnswer) tagged(rest string) error {
	status, text, _ := strings.Cut(rest, " ")
	a.status, a.text = strings.ToUpper(status), text
	if a.status != "OK" && a.status != "NO" && a.status != "BAD" {
		return wire.Garbled("expected OK, NO or BAD behind the IMAP tag, got \"%s\"", shown(rest))
	}
	if code, args := imapCode(text); code == "CAPABILITY" {
		a.capabilities = args
	}
	return nil
}

func (a *imapAnswer) untagged(data string) {
	word, rest, _ := strings.Cut(data, " ")
	switch strings.ToUpper(word) {
	case "CAPABILITY":
		a.capabilities = append([]string{}, strings.Fields(rest)...)
	case "BYE":
		a.bye, a.left = rest, true
	}
}

// imapResponse reads one response, RFC 9051, section 2.2.2: a line and, in
// data, the literals that it announces. The text of a status response is for
// people and holds no literal, whatever it ends with.
func imapResponse(s *Session) (string, error) {
	line, err := s.Line()
	if err != nil {
		return "", err
	}
	data, ok := strings.CutPrefix(line, "* ")
	word, _, _ := strings.Cut(data, " ")
	switch strings.ToUpper(word) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		ok = false
	}
	if !ok {
		return line, nil
	}
	return s.withLiterals(line)
}

// imapCode takes the response code out of the text of a status response,
// RFC 9051, section 7.1: "[CAPABILITY IMAP4rev2 STARTTLS] ready".
func imapCode(text string) (code string, args []string) {
	inside, ok := strings.CutPrefix(text, "[")
	if !ok {
		return "", nil
	}
	inside, _, ok = strings.Cut(inside, "]")
	words := strings.Fields(inside)
	if !ok || len(words) == 0 {
		return "", nil
	}
	return strings.ToUpper(words[0]), append([]string{}, words[1:]...)
}

// imapLater tells whether a refusal asks to come again: UNAVAILABLE, LIMIT
// and INUSE are response codes of RFC 9051, section 7.1.
func imapLater(text string) bool {
	code, _ := imapCode(text)
	return code == "UNAVAILABLE" || code == "LIMIT" || code == "INUSE" || busy(text)
}

func imapBye(text string) error {
	return turnedAway(imapLater(text), "said goodbye with", text)
}
