package check

import (
	"strings"
	"unicode"

	"github.com/mailseal/mailseal/observe"
)

var escapeInText = &Check{
	Name:     "escape-in-text",
	Question: "Are there control characters in what the server says?",
	Manual: `What it is
A line of the server holds a character that is not text: NUL, ESC or another control character besides the tabulator and the ends of lines.

Why it matters for mail
The lines of a mail protocol are shown in terminals, logs and web pages. An escape sequence in a greeting can move the cursor, change the title of a window or hide what stands before it; a NUL makes programs in C see a shorter line than the one that came. Honest servers have no use for either.

How it was seen
In the lines that are shown as evidence, where every such character is written as \xNN. Protocols that are not made of lines (XMPP, LDAP and the data bases) are not asked, nor is IRC, which has control characters for colours.

How to mend it
Look at where the text comes from: smtpd_banner in postfix, smtp_banner in Exim, login_greeting in Dovecot. If it is not there, the server may be another one than you think, something on the way adds bytes, or the stream is damaged: a line that arrives compressed or encrypted looks like this too.`,
	Citations: []Citation{
		{"RFC 5321", "section 4.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(escapes) },
}

func escapes(c Conn) *view {
	protocol := c.Probe.Endpoint.Protocol
	switch {
	case !c.reachable() || !isLines(protocol) || protocol == "irc":
		return nil
	case !c.heard():
		return c.cutShort("the server said nothing")
	}
	found := c.serverLines(func(l observe.Line) bool { return l.Break != observe.Binary && hasControl(string(l.Text)) })
	if len(found) == 0 {
		return &view{answer: observe.No, detail: "no line holds a control character"}
	}
	return &view{answer: observe.Yes, detail: "a line holds control characters: " + quoted(c.Lines[found[0]].Text), lines: found}
}

// hasControl tells whether a text holds a control character besides CR, LF,
// which a literal may hold, and TAB. Bytes that are not UTF-8 are some older
// way to write letters, and none of our business.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\n'
	})
}
