package check

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mailseal/mailseal/observe"
)

// What the checks of the conversation have in common.

// maxLines bounds the lines that one finding points at.
const maxLines = 20

// serverLines returns the places of those lines of the server for which want
// says yes, at most maxLines.
func (c Conn) serverLines(want func(observe.Line) bool) []int {
	var places []int
	for i, l := range c.Lines {
		if l.From == observe.Server && want(l) && len(places) < maxLines {
			places = append(places, i)
		}
	}
	return places
}

// heard tells whether the server said anything at all.
func (c Conn) heard() bool {
	return len(c.serverLines(func(observe.Line) bool { return true })) > 0
}

// linesWith returns the places of the server's lines, in clear or sealed, that
// hold one of the words, in any case.
func (c Conn) linesWith(sealed bool, words ...string) []int {
	return c.serverLines(func(l observe.Line) bool {
		text := strings.ToUpper(string(l.Text))
		for _, w := range words {
			if l.Sealed == sealed && w != "" && strings.Contains(text, strings.ToUpper(w)) {
				return true
			}
		}
		return false
	})
}

// lastWords returns the place of the server's last line.
func (c Conn) lastWords() []int {
	for i := len(c.Lines) - 1; i >= 0; i-- {
		if c.Lines[i].From == observe.Server {
			return []int{i}
		}
	}
	return nil
}

// quoted returns foreign text for a detail: escaped, in quotes, not too long.
func quoted(text observe.Text) string {
	const limit = 100
	if len(text) <= limit {
		return `"` + observe.Escape(string(text)) + `"`
	}
	return `"` + observe.Escape(string(text[:limit])) + `" …`
}

// cause returns how the connection ended in words that are safe to show. They
// were made safe when they were written, but a stored file may come from
// anywhere.
func (c Conn) cause() string {
	words := c.Cause
	if words == "" {
		words = "the end was: " + string(c.End)
	}
	if strings.ContainsFunc(words, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return observe.Escape(words)
	}
	return words
}

// cutShort is the view of a question that the conversation did not come to.
func (c Conn) cutShort(question string) *view {
	if c.putOff() {
		return &view{detail: question + ": the server asked us to come later"}
	}
	switch c.End {
	case observe.Cancelled:
		return &view{detail: question + ": we stopped before that"}
	case observe.Done, observe.Unended:
		return &view{detail: question}
	}
	return &view{detail: fmt.Sprintf("%s: %s", question, c.cause())}
}

// putOff tells whether the server asked us to come later.
func (c Conn) putOff() bool {
	if c.End == observe.Throttled {
		return true
	}
	switch c.Probe.Endpoint.Protocol {
	case "smtp", "submission", "lmtp", "ftp": // 421 closes the channel, whatever it answers: RFC 5321, section 3.8
		return len(c.Upgrade.Reply) > 0 && strings.HasPrefix(string(c.Upgrade.Reply[0]), "421")
	}
	return false
}

// inTheWay tells whether the connection ended for a reason that says nothing
// about the server's TLS.
func (c Conn) inTheWay() bool { return c.putOff() || c.End == observe.Cancelled }

// upgrades tells whether TLS is to come by a command on this connection.
func (c Conn) upgrades() bool {
	return c.reachable() && c.Probe.Endpoint.Mode == observe.StartTLS
}

// cannotAsk tells whether TLS is not offered and could not even be asked for:
// MySQL would take the request for a login.
func (c Conn) cannotAsk() bool {
	return c.Upgrade.Offered == observe.No && c.Upgrade.Sent == "" && c.End == observe.Refused
}

// declined tells whether it is settled that no TLS comes on this connection.
func (c Conn) declined() bool { return c.Upgrade.GoAhead == observe.No || c.cannotAsk() }

// mail tells whether the endpoint serves mail.
func (c Conn) mail() bool {
	switch c.Probe.Endpoint.Role {
	case observe.MX, observe.Submission, observe.Access, observe.Delivery:
		return true
	}
	return false
}

// command is the upgrade command as people call it.
func command(protocol string) string {
	switch protocol {
	case "pop3":
		return "STLS"
	case "ftp":
		return "AUTH TLS"
	case "postgres", "mysql":
		return "the request for TLS"
	case "ldap":
		return "StartTLS"
	}
	return "STARTTLS"
}
