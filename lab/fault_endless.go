package lab

import (
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// flood sends a text again and again, until the client leaves or the
// connection's life is over. The small pause leaves the processor to others.
func (c *Session) flood(text string) {
	for c.write([]byte(text)) && c.Pause(time.Millisecond) {
	}
}

var endlessGreeting = Fault{
	Name: "endless-greeting",
	Manual: "The greeting never ends: line after line where the protocol knows a greeting of several lines, one line without an end where it does not. " +
		"A client without a bound reads for ever.",
	Modes:  starttlsOnly,
	Checks: []string{"conversation-broken"},
	Edit:   floodGreeting,
}

var endlessGreetingImplicit = Fault{
	Name:   "endless-greeting-implicit",
	Manual: "Inside implicit TLS, the greeting never ends.",
	Modes:  implicitOnly,
	Checks: []string{"sealed-conversation-broken"},
	Edit:   floodGreeting,
}

func floodGreeting(s *Server) {
	part := map[string]string{
		"imap":  "* OK " + strings.Repeat("and on ", 140),
		"pop3":  "+OK " + strings.Repeat("and on ", 140),
		"sieve": strings.Repeat("\"IMPLEMENTATION\" \"and on\"\r\n", 40),
	}[s.Protocol]
	if part == "" {
		part = strings.Repeat("220-and on\r\n", 80)
	}
	s.Instead[observe.Greeting] = func(c *Session) { c.flood(part) }
}

var endlessReply = Fault{
	Name:      "endless-reply",
	Manual:    "The answer to the question for capabilities never ends.",
	Protocols: []string{"smtp", "submission", "lmtp", "imap", "pop3"},
	Modes:     starttlsOnly,
	Checks:    []string{"conversation-broken"},
	Edit:      floodCapabilities,
}

var endlessReplyImplicit = Fault{
	Name:      "endless-reply-implicit",
	Manual:    "Inside implicit TLS, the answer to the question for capabilities never ends.",
	Protocols: []string{"smtp", "submission", "lmtp", "imap", "pop3"},
	Modes:     implicitOnly,
	Checks:    []string{"sealed-conversation-broken"},
	Edit:      floodCapabilities,
}

func floodCapabilities(s *Server) {
	start, part := "", strings.Repeat("250-AND-ON\r\n", 80)
	switch s.Protocol {
	case "imap":
		part = strings.Repeat("* CAPABILITY IMAP4rev1 AND-ON\r\n", 40)
	case "pop3":
		start, part = "+OK\r\n", strings.Repeat("AND-ON\r\n", 120)
	}
	s.Instead[observe.Capability] = func(c *Session) {
		if c.SendRaw([]byte(start + part)) {
			c.flood(part)
		}
	}
}
