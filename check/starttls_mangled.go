package check

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var starttlsMangled = &Check{
	Name:     "starttls-mangled",
	Question: "Did a box on the way overwrite the offer of STARTTLS?",
	Manual: `What it is
Some firewalls read mail and rewrite what they do not want the client to see. They keep the length of what they overwrite, and that shows: a keyword XXXXXXXA of eight letters where STARTTLS would stand, a keyword XSTARTTLS that nobody knows, or a greeting in which everything but the code has become asterisks.

Why it matters for mail
The server has TLS and the client never learns it. All mail on this path goes in clear, or, where the sender insists on TLS, not at all. The same trick in the hand of an attacker looks the same.

How it was seen
By one of these signatures in the server's lines, while STARTTLS itself did not stand in the list. The box may stand before the server, or on our own side: look again from a second network. Where only the greeting is masked and STARTTLS came through, the answer is no and the detail says so.

How to mend it
Cisco ASA and its relatives inspect ESMTP by default; allow-tls in a policy map for ESMTP lets STARTTLS pass, no mask-banner leaves the greeting alone, and taking inspect esmtp out of the policy ends it altogether. Where the box is not yours, use a port with implicit TLS (submissions, 465) or another way out. A server can take the offer away itself (smtpd_discard_ehlo_keywords in postfix), but it does not write X.`,
	Citations: []Citation{
		{"RFC 3207", "section 6"},
		{"RFC 9325", "section 3.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(mangled) },
}

func mangled(c Conn) *view {
	keyword := starttls(c.Probe.Endpoint.Protocol)
	if !c.upgrades() || keyword == "" {
		return nil
	}
	marks := c.marks(keyword)
	offered := c.Upgrade.Offered == observe.Yes
	switch {
	case offered && marks.any():
		return &view{answer: observe.No, detail: keyword + " came through, but a box on the way changes what the server says: " + marks.words, lines: marks.lines}
	case offered:
		return &view{answer: observe.No, detail: keyword + " is offered as it should be"}
	case marks.sure:
		return &view{answer: observe.Yes, detail: "a box on the way changes what the server says: " + marks.words, lines: marks.lines}
	case marks.any():
		return &view{detail: "something was overwritten, but it may not have been " + keyword + ": " + marks.words, lines: marks.lines}
	case c.Clear == nil && c.Upgrade.GoAhead == observe.Yes:
		return &view{answer: observe.No, detail: keyword + " was accepted, and nothing in the server's lines looks overwritten"}
	case c.Clear == nil:
		return c.cutShort("no list of capabilities was seen")
	}
	return &view{answer: observe.No, detail: "nothing in the server's lines looks overwritten"}
}

// marking is what a box on the way left in the server's lines.
type marking struct {
	sure  bool // it fits the missing offer
	words string
	lines []int
}

func (m *marking) any() bool { return m.words != "" }

func (m *marking) note(sure bool, words string, lines []int) {
	m.sure = m.sure || sure
	if m.words != "" {
		words = m.words + ", " + words
	}
	m.words = words
	m.lines = append(m.lines, lines...)
}

// marks looks for the signatures. The last one is not sure: another keyword
// was overwritten, or one that the server never had.
func (c Conn) marks(keyword string) *marking {
	m := &marking{}
	for _, item := range c.clearItems() {
		word := keywordOf(item)
		switch {
		case crossedOut(word) && len(word) == len(keyword):
			m.note(true, quoted(item)+" has the length of "+keyword, c.linesWith(false, word))
		case strings.EqualFold(word, "X"+keyword):
			m.note(true, quoted(item), c.linesWith(false, word))
		case crossedOut(word):
			m.note(false, quoted(item), c.linesWith(false, word))
		}
	}
	if lines := c.serverLines(maskedGreeting); len(lines) > 0 {
		m.note(true, "the greeting is masked, "+quoted(c.Lines[lines[0]].Text), lines)
	}
	return m
}

// clearItems are the capabilities that came before TLS.
func (c Conn) clearItems() []observe.Text {
	if c.Clear == nil {
		return nil
	}
	return c.Clear.Items
}

// crossedOut tells whether a keyword was overwritten by the letter X, as a
// Cisco ASA does: all of it, or with a letter at the end that counts up.
func crossedOut(word string) bool {
	if len(word) < 4 || strings.Trim(word[:len(word)-1], "X") != "" {
		return false
	}
	last := word[len(word)-1]
	return 'A' <= last && last <= 'Z'
}

// maskedGreeting tells whether a line is an SMTP greeting in which a Cisco ASA
// has put an asterisk for everything but the digits 2 and 0 and the blanks.
func maskedGreeting(l observe.Line) bool {
	text, ok := strings.CutPrefix(string(l.Text), "220")
	if !ok || l.Sealed {
		return false
	}
	return strings.Count(text, "*") >= 4 && strings.Trim(text, "*20 -") == ""
}
