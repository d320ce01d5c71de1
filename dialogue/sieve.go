package dialogue

import (
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// Sieve is ManageSieve, RFC 5804: users look after their filters. The server
// lists its capabilities unasked, at the greeting and once more behind TLS.
// Port 2000 is where it lived before it was registered.
var Sieve = &Protocol{
	Name: "sieve", Title: "ManageSieve", Role: observe.Access,
	Schemes: []Scheme{{"sieve", observe.StartTLS}},
	Ports: []Port{
		{Number: 4190, Mode: observe.StartTLS, Usual: true},
		{Number: 2000, Mode: observe.StartTLS},
	},
	References: []string{"RFC 5804"},
	Greet:      sieveGreeting,
	Ask:        func(*Session) error { return nil }, // the greeting has told
	Upgrade:    sieveSTARTTLS,
	Again:      sieveAgain,
	Leave:      func(s *Session) { s.Send("LOGOUT") },
}

// sieveReply is the lines of a reply up to its OK, NO or BYE.
type sieveReply struct {
	items  []string // the lines in front, with their literals
	status string
	text   string // the whole last line
}

// sieveRead reads a reply, RFC 5804, section 1.2.
func sieveRead(s *Session) (sieveReply, error) {
	var r sieveReply
	for {
		line, err := s.Line()
		if err != nil {
			return r, err
		}
		if line, err = s.withLiterals(line); err != nil {
			return r, err
		}
		if r.status = sieveStatus(line); r.status != "" {
			r.text = line
			return r, nil
		}
		if !strings.HasPrefix(line, `"`) && !strings.HasPrefix(line, "{") {
			return r, wire.Garbled("expected a ManageSieve reply, got \"%s\"", shown(line))
		}
		r.items = append(r.items, line)
	}
}

// sieveStatus returns the word that ends a reply, or "".
func sieveStatus(line string) string {
	word, _, _ := strings.Cut(line, " ")
	switch word = strings.ToUpper(word); word {
	case "OK", "NO", "BYE":
		return word
	}
	return ""
}

// sieveGreeting reads the capabilities that the server opens with, RFC 5804,
// section 1.7.
func sieveGreeting(s *Session) error { return sieveCapabilities(s, "greeting") }

func sieveCapabilities(s *Session, from string) error {
	r, err := sieveRead(s)
	if err != nil {
		return err
	}
	if r.status != "OK" {
		return turnedAway(sieveLater(r.text), "greeted with", r.text)
	}
	s.told(from, r.items)
	return nil
}

// sieveSTARTTLS asks for TLS, RFC 5804, section 2.2.
func sieveSTARTTLS(s *Session) error {
	s.Record.Upgrade.Offered = sieveOffers(s.Record.Clear)
	s.upgrading("STARTTLS")
	if err := s.Send("STARTTLS"); err != nil {
		return err
	}
	r, err := sieveRead(s)
	if err != nil {
		return err
	}
	reply := append(r.items, r.text)
	if r.status != "OK" && busy(r.text) { // TRYLATER is a refusal here, as SMTP's 454 is
		return s.putOff(reply...)
	}
	return s.answered(r.status == "OK", reply...)
}

// sieveAgain reads the capabilities that the server must send unasked behind
// TLS, RFC 5804, section 2.2. Servers that forget it are asked.
func sieveAgain(s *Session) error {
	before := len(s.Lines())
	err := s.Within(2*time.Second, func() error { return sieveCapabilities(s, "greeting") })
	if !timedOut(err) || len(s.Lines()) > before {
		return err
	}
	if err := s.Send("CAPABILITY"); err != nil {
		return err
	}
	return sieveCapabilities(s, "CAPABILITY")
}

// sieveName returns the first string of a capability, which is quoted or a
// literal.
func sieveName(item string) string {
	if rest, ok := strings.CutPrefix(item, `"`); ok {
		name, _, _ := strings.Cut(rest, `"`)
		return name
	}
	head, rest, _ := strings.Cut(item, "\r\n")
	n, _ := literal(head)
	return rest[:min(n, len(rest))]
}

// sieveOffers looks for the capability STARTTLS.
func sieveOffers(c *observe.Capabilities) observe.Answer {
	if c == nil {
		return observe.Unknown
	}
	for _, i := range c.Items {
		if strings.EqualFold(sieveName(string(i)), "STARTTLS") {
			return observe.Yes
		}
	}
	return observe.No
}

// sieveLater tells whether a refusal asks to come again: the response code
// TRYLATER, RFC 5804, section 1.3.
func sieveLater(text string) bool {
	return strings.Contains(strings.ToUpper(text), "(TRYLATER") || busy(text)
}
