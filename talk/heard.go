package talk

import (
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// By hand it is the user who asks what the server can do. What he was told is
// found in the conversation, so that TLS can be judged as if the dialogue had
// asked.

// asking are the commands that ask, and the keyword that offers TLS.
var asking = map[string]struct{ command, keyword string }{
	"smtp": {"EHLO", "STARTTLS"}, "submission": {"EHLO", "STARTTLS"}, "lmtp": {"LHLO", "STARTTLS"},
	"imap": {"CAPABILITY", "STARTTLS"}, "pop3": {"CAPA", "STLS"}, "nntp": {"CAPABILITIES", "STARTTLS"},
	"ftp": {"FEAT", "AUTH TLS"},
}

// heardCapabilities returns what a server said in clear that it can do; nil if
// it was not asked.
func heardCapabilities(protocol string, lines []observe.Line) *observe.Capabilities {
	ask, known := asking[protocol]
	if !known {
		return nil
	}
	var told *observe.Capabilities
	listens := false
	for _, l := range lines {
		switch {
		case l.Sealed:
		case l.From == observe.Client:
			words := strings.Fields(strings.ToUpper(string(l.Text)))
			listens = slices.Contains(words[:min(len(words), 2)], ask.command)
			if listens {
				told = &observe.Capabilities{From: ask.command, Items: []observe.Text{}}
			}
		case listens:
			told.Items = append(told.Items, capabilityItems(protocol, string(l.Text))...)
		}
	}
	if told != nil && strings.HasSuffix(ask.command, "HLO") && len(told.Items) > 0 {
		told.Items = told.Items[1:] // the first line greets
	}
	return told
}

// capabilityItems are those of one line of the answer.
func capabilityItems(protocol, line string) []observe.Text {
	var items []string
	switch protocol {
	case "imap":
		if rest, ok := strings.CutPrefix(line, "* CAPABILITY "); ok {
			items = strings.Fields(rest)
		}
	case "ftp":
		if strings.HasPrefix(line, " ") {
			items = []string{strings.TrimSpace(line)}
		}
	case "pop3", "nntp":
		if line != "." && !strings.HasPrefix(line, "+OK") && !strings.HasPrefix(line, "101") {
			items = []string{line}
		}
	default:
		if code, _, ok := replyCode(line); ok && code == 250 {
			items = []string{strings.TrimPrefix(line[3:], line[3:min(len(line), 4)])}
		}
	}
	var all []observe.Text
	for _, i := range items {
		all = append(all, observe.Text(i))
	}
	return all
}

// offersTLS tells whether TLS is among the capabilities; unknown without them.
func offersTLS(protocol string, c *observe.Capabilities) observe.Answer {
	if c == nil {
		return observe.Unknown
	}
	return observe.Known(slices.ContainsFunc(c.Items, func(i observe.Text) bool {
		return strings.EqualFold(string(i), asking[protocol].keyword)
	}))
}
