package check

import (
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// Capabilities are stored as the server said them. This file reads them, each
// protocol in its own grammar. Case does not matter in any of them.

// mechanisms returns the ways to log in that a list of capabilities names, in
// upper case, sorted, each once. USER stands for the pair of commands by which
// POP3 and NNTP take a name and a password.
func mechanisms(protocol string, c *observe.Capabilities) []string {
	if c == nil {
		return nil
	}
	var all []string
	for _, item := range c.Items {
		all = append(all, mechanismsIn(protocol, strings.ToUpper(string(item)))...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func mechanismsIn(protocol, item string) []string {
	words := strings.Fields(item)
	if len(words) == 0 {
		return nil
	}
	switch protocol {
	case "smtp", "submission", "lmtp":
		return smtpMechanisms(words)
	case "imap":
		return imapMechanisms(words)
	case "pop3":
		return pop3Mechanisms(words)
	case "sieve":
		return sieveMechanisms(item)
	case "nntp":
		return nntpMechanisms(words)
	case "xmpp-client", "xmpp-server":
		return xmppMechanisms(words)
	}
	return nil
}

// smtpMechanisms reads "AUTH PLAIN LOGIN", RFC 4954, section 3, and the older
// "AUTH=PLAIN LOGIN", which servers still say for old clients.
func smtpMechanisms(words []string) []string {
	if words[0] == "AUTH" {
		return words[1:]
	}
	first, old := strings.CutPrefix(words[0], "AUTH=")
	if !old {
		return nil
	}
	if first == "" {
		return words[1:]
	}
	return append([]string{first}, words[1:]...)
}

// imapMechanisms reads "AUTH=PLAIN", RFC 9051, section 6.1.1.
func imapMechanisms(words []string) []string {
	var all []string
	for _, w := range words {
		if m, ok := strings.CutPrefix(w, "AUTH="); ok && m != "" {
			all = append(all, m)
		}
	}
	return all
}

// pop3Mechanisms reads "SASL PLAIN" and "USER", RFC 2449, section 6.
func pop3Mechanisms(words []string) []string {
	switch words[0] {
	case "SASL":
		return words[1:]
	case "USER":
		return []string{"USER"}
	}
	return nil
}

// sieveMechanisms reads `"SASL" "PLAIN LOGIN"`, RFC 5804, section 1.7. Each of
// the two strings may be quoted or a literal behind "{11}".
func sieveMechanisms(item string) []string {
	name, rest := sieveString(item)
	if name != "SASL" {
		return nil
	}
	list, _ := sieveString(rest)
	return strings.Fields(list)
}

func sieveString(s string) (value, rest string) {
	s = strings.TrimSpace(s)
	if inside, quoted := strings.CutPrefix(s, `"`); quoted {
		value, rest, _ = strings.Cut(inside, `"`)
		return value, rest
	}
	if strings.HasPrefix(s, "{") {
		_, value, _ = strings.Cut(s, "}")
		return strings.TrimSpace(value), ""
	}
	return "", ""
}

// nntpMechanisms reads "SASL PLAIN" and "AUTHINFO USER SASL", RFC 4643,
// section 2.
func nntpMechanisms(words []string) []string {
	switch {
	case words[0] == "SASL":
		return words[1:]
	case words[0] == "AUTHINFO" && slices.Contains(words[1:], "USER"):
		return []string{"USER"}
	}
	return nil
}

// xmppMechanisms reads "mechanism PLAIN", and "authentication mechanism
// PLAIN" as XEP-0388 nests it.
func xmppMechanisms(words []string) []string {
	if words[0] == "AUTHENTICATION" {
		words = words[1:]
	}
	if len(words) < 2 || words[0] != "MECHANISM" {
		return nil
	}
	return words[len(words)-1:]
}

// readable keeps those mechanisms that hand the password over as it is: who
// listens on the line can read it.
func readable(mechanisms []string) []string {
	var all []string
	for _, m := range mechanisms {
		if m == "PLAIN" || m == "LOGIN" || m == "USER" {
			all = append(all, m)
		}
	}
	return all
}

// lists tells whether a list of capabilities holds a keyword. What stands
// behind the keyword in the same item are its parameters.
func lists(c *observe.Capabilities, keyword string) bool {
	if c == nil {
		return false
	}
	return slices.ContainsFunc(c.Items, func(item observe.Text) bool { return strings.EqualFold(keywordOf(item), keyword) })
}

// keywordOf returns the keyword of an item, without the quotes of ManageSieve.
func keywordOf(item observe.Text) string {
	words := strings.Fields(string(item))
	if len(words) == 0 {
		return ""
	}
	return strings.Trim(words[0], `"`)
}

// starttls is the keyword by which a protocol offers TLS; "" where it offers
// it in another way.
func starttls(protocol string) string {
	switch protocol {
	case "pop3":
		return "STLS"
	case "smtp", "submission", "lmtp", "imap", "sieve", "nntp", "xmpp-client", "xmpp-server":
		return "STARTTLS"
	}
	return ""
}

// isLines tells whether a protocol is made of lines that end in CR LF.
func isLines(protocol string) bool {
	switch protocol {
	case "smtp", "submission", "lmtp", "imap", "pop3", "sieve", "nntp", "ftp", "irc":
		return true
	}
	return false
}

// greets tells whether the server speaks first.
func greets(protocol string) bool {
	switch protocol {
	case "smtp", "submission", "lmtp", "imap", "pop3", "sieve", "nntp", "ftp", "mysql":
		return true
	}
	return false
}
