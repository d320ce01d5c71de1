package talk

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// sieveTurns are those of ManageSieve, RFC 5804: an answer ends with OK, NO or
// BYE. The greeting is one, and so is what comes unasked behind STARTTLS. A
// string on a line of its own, while AUTHENTICATE goes on, is a challenge and
// our turn (section 2.1).
type sieveTurns struct {
	greeted    bool
	said       []string // commands without an answer
	challenged bool     // the first of them is an exchange that waits for us
	ours       literals
	theirs     literals
	ending     bool // the text of an OK, NO or BYE is under way
}

func (t *sieveTurns) say(line string) {
	_, begins, _ := t.ours.next(line, observe.CRLF)
	switch {
	case begins && t.challenged:
		t.challenged = false
	case begins:
		t.said = append(t.said, line)
	}
}

func (t *sieveTurns) hear(line string, end observe.Break) bool {
	_, begins, ends := t.theirs.next(line, end)
	if begins && sieveStatus(line) {
		t.done() // its text may be a literal: then the answer ends behind that
		t.ending = !ends
		return ends
	}
	if t.ending {
		t.ending = !ends
		return ends
	}
	if t.theirs.under() || !t.greeted || len(t.said) == 0 {
		return false
	}
	command, _ := verb(t.said[0])
	t.challenged = command == "AUTHENTICATE"
	return t.challenged
}

// sieveStatus tells whether a line is the one that ends an answer.
func sieveStatus(line string) bool {
	name, _ := verb(line)
	name, _, _ = strings.Cut(name, "(")
	return name == "OK" || name == "NO" || name == "BYE"
}

func (t *sieveTurns) done() {
	if !t.greeted {
		t.greeted = true
		return
	}
	if len(t.said) > 0 {
		t.said = t.said[1:]
	}
	t.challenged = false
}

func (t *sieveTurns) waits() bool {
	return !t.greeted || t.theirs.under() || len(t.said) > 0 && !t.ours.under() && !t.challenged
}

func (t *sieveTurns) closed() bool { return !t.waits() }
