package dialogue

import (
	"fmt"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// SMTP is mail between servers, RFC 5321, with STARTTLS as in RFC 3207.
// Port 465 is not here: it belongs to submission (RFC 8314, section 3.3).
var SMTP = &Protocol{
	Name: "smtp", Title: "SMTP", Role: observe.MX,
	Schemes:    []Scheme{{"smtp", observe.StartTLS}, {"smtps", observe.Implicit}},
	Ports:      []Port{{Number: 25, Mode: observe.StartTLS, Usual: true}},
	References: []string{"RFC 5321", "RFC 3207"},
	Greet:      smtpGreeting,
	Ask:        func(s *Session) error { return smtpHello(s, "EHLO") },
	Upgrade:    smtpSTARTTLS,
	Leave:      smtpQUIT,
}

// Submission is mail from users, RFC 6409; the wire speaks SMTP.
var Submission = &Protocol{
	Name: "submission", Title: "Submission", Role: observe.Submission,
	Schemes: []Scheme{{"submission", observe.StartTLS}, {"submissions", observe.Implicit}},
	Ports: []Port{
		{Number: 587, Mode: observe.StartTLS, Usual: true},
		{Number: 465, Mode: observe.Implicit, Usual: true},
	},
	References: []string{"RFC 6409", "RFC 3207", "RFC 8314"},
	Greet:      smtpGreeting,
	Ask:        func(s *Session) error { return smtpHello(s, "EHLO") },
	Upgrade:    smtpSTARTTLS,
	Leave:      smtpQUIT,
}

// smtpReply reads a whole reply, RFC 5321, section 4.2: lines "250-text" up
// to "250 text". It returns the code and the texts behind it.
func smtpReply(s *Session) (code int, texts []string, err error) {
	for {
		line, err := s.Line()
		if err != nil {
			return 0, texts, err
		}
		c, text, more, ok := smtpLine(line)
		if !ok || code != 0 && c != code {
			return 0, texts, wire.Garbled("expected an SMTP reply, got \"%s\"", shown(line))
		}
		code = c
		texts = append(texts, text)
		if !more {
			return code, texts, nil
		}
	}
}

// smtpLine takes a reply line apart. A bare code without text is allowed by
// servers, and by RFC 5321, section 4.2.
func smtpLine(line string) (code int, text string, more, ok bool) {
	code, ok = numbered(line)
	if !ok || code < 200 || code > 599 {
		return 0, "", false, false
	}
	if len(line) == 3 {
		return code, "", false, true
	}
	return code, line[4:], line[3] == '-', true
}

// smtpGreeting waits for 220, RFC 5321, section 4.3.1. Any other code refuses
// the service; 421 and the other 4xx ask to come again later.
func smtpGreeting(s *Session) error {
	code, texts, err := smtpReply(s)
	if err != nil {
		return err
	}
	return smtpWants(2, code, texts, "greeted with")
}

func smtpWants(class, code int, texts []string, what string) error {
	if code/100 == class {
		return nil
	}
	text := texts[len(texts)-1]
	// Postfix says 421 inside TLS where it wants a certificate of ours
	// (smtpd_tls_req_ccert): to come again would not help.
	later := code/100 == 4 && !strings.Contains(text, "certificate")
	return turnedAway(later, what, fmt.Sprintf("%d %s", code, text))
}

// smtpHello says EHLO (or LHLO) and keeps the keywords, RFC 5321, section
// 4.1.1.1. A server that knows only HELO has no extensions and so no
// STARTTLS: it is greeted by HELO, and has an empty list.
func smtpHello(s *Session, verb string) error {
	if err := s.Send(verb + " " + s.Helo); err != nil {
		return err
	}
	code, texts, err := smtpReply(s)
	if err != nil {
		return err
	}
	if code/100 == 2 {
		s.told(verb, texts[1:])
		return nil
	}
	if verb != "EHLO" || code/100 != 5 {
		return smtpWants(2, code, texts, "answered "+verb+" by")
	}
	return smtpHELO(s)
}

func smtpHELO(s *Session) error {
	if err := s.Send("HELO " + s.Helo); err != nil {
		return err
	}
	code, texts, err := smtpReply(s)
	if err != nil {
		return err
	}
	if err := smtpWants(2, code, texts, "answered HELO by"); err != nil {
		return err
	}
	s.told("HELO", nil)
	return nil
}

// smtpSTARTTLS asks for TLS, RFC 3207, section 4. It is tried also where it
// was not offered: a server, or a box in front of it, may hide it. 454 is a
// refusal, "TLS not available due to temporary reason": it says something of
// the server, and often lasts for years. The other 4xx say something of us.
func smtpSTARTTLS(s *Session) error {
	s.Record.Upgrade.Offered = offers(s.Record.Clear, "STARTTLS")
	s.upgrading("STARTTLS")
	if err := s.Send("STARTTLS"); err != nil {
		return err
	}
	code, texts, err := smtpReply(s)
	if err != nil {
		return err
	}
	if code/100 == 4 && code != 454 {
		return s.putOff(smtpJoined(code, texts)...)
	}
	return s.answered(code == 220, smtpJoined(code, texts)...)
}

func smtpJoined(code int, texts []string) []string {
	var lines []string
	for _, t := range texts {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%d %s", code, t), " "))
	}
	return lines
}

// smtpQUIT says goodbye, RFC 5321, section 4.1.1.10.
func smtpQUIT(s *Session) { s.Send("QUIT") }

// offers tells whether a keyword stands alone in a list of capabilities, in
// any case. It answers unknown where there is no list.
func offers(c *observe.Capabilities, keyword string) observe.Answer {
	if c == nil {
		return observe.Unknown
	}
	for _, i := range c.Items {
		if strings.EqualFold(strings.TrimSpace(string(i)), keyword) {
			return observe.Yes
		}
	}
	return observe.No
}

// shown returns foreign text for a cause: escaped, and not too long.
func shown(text string) string {
	return observe.Escape(text[:min(len(text), 200)])
}
