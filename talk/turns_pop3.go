package talk

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// pop3Turns are those of POP3, RFC 1939: one line for each of ours, and behind
// a +OK to some commands more, up to a dot. A response to the plus sign of
// AUTH (RFC 5034) gets its line as well.
type pop3Turns struct {
	greeted bool
	said    []string
	body    bool // the server is in the middle of a list or a message
}

func (t *pop3Turns) say(line string) { t.said = append(t.said, line) }

func (t *pop3Turns) hear(line string, _ observe.Break) bool {
	switch {
	case t.body:
		t.body = line != "."
		return !t.body
	case !t.greeted:
		t.greeted = true
	case len(t.said) > 0:
		t.body = pop3Long(t.said[0]) && strings.HasPrefix(line, "+OK")
		t.said = t.said[1:]
	}
	return !t.body
}

// pop3Long tells whether the answer to a command goes on up to a dot. LIST and
// UIDL do only when no message is named (RFC 1939, sections 5 and 7); AUTH
// alone lists the mechanisms, of which no RFC tells but which servers know.
func pop3Long(line string) bool {
	switch name, arguments := verb(line); name {
	case "CAPA", "RETR", "TOP":
		return true
	case "LIST", "UIDL", "AUTH":
		return arguments == 0
	}
	return false
}

func (t *pop3Turns) waits() bool  { return !t.greeted || t.body || len(t.said) > 0 }
func (t *pop3Turns) closed() bool { return !t.waits() }
