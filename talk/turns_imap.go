package talk

import (
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// imapTurns are those of IMAP, RFC 9051.
//
// A command is answered by the line that bears its tag; what comes before,
// with a star, belongs to it. A line with a plus sign asks us to go on: with
// a literal, with a response of AUTHENTICATE, or with DONE in IDLE.
type imapTurns struct {
	greeted bool
	open    map[string]bool // the tags of commands that have no answer
	tag     string          // of the command that we said last
	ours    literals
	theirs  literals
	plus    bool // we may go on with a command that is open
}

func (t *imapTurns) say(line string) {
	text, begins, ends := t.ours.next(line, observe.CRLF)
	if begins && !t.plus { // else it is a response, or DONE
		t.tag, _, _ = strings.Cut(line, " ")
		t.open[t.tag] = true
	}
	t.plus = false
	if ends {
		return
	}
	_, waits, announced := literal(text)
	t.plus = !announced || !waits
}

func (t *imapTurns) hear(line string, end observe.Break) bool {
	_, begins, ends := t.theirs.next(line, end)
	switch {
	case !begins || !ends:
		return false
	case !t.greeted:
		t.greeted = true
		return true
	case line == "+" || strings.HasPrefix(line, "+ "):
		t.plus = true
		return true
	}
	tag, rest, _ := strings.Cut(line, " ")
	// A line of ours that the server could not even read has an answer without
	// its tag, section 7.1.3, or with another one.
	if status, _ := verb(rest); status == "BAD" && !t.open[tag] {
		tag = t.tag
	}
	if !t.open[tag] {
		return false
	}
	delete(t.open, tag)
	if tag == t.tag { // a literal that was refused is not said
		t.ours, t.plus = literals{}, false
	}
	return true
}

func (t *imapTurns) waits() bool { return !t.greeted || len(t.open) > 0 && !t.plus }

func (t *imapTurns) closed() bool { return !t.waits() }

// imapCommands are the commands of RFC 9051, section 6, of RFC 3501, and of
// extensions that are in wide use.
var imapCommands = []string{
	"APPEND", "AUTHENTICATE", "CAPABILITY", "CHECK", "CLOSE", "COPY", "CREATE", "DELETE", "DELETEACL",
	"ENABLE", "EXAMINE", "EXPUNGE", "FETCH", "GETACL", "GETQUOTA", "GETQUOTAROOT", "ID", "IDLE", "LIST",
	"LISTRIGHTS", "LOGIN", "LOGOUT", "LSUB", "MOVE", "MYRIGHTS", "NAMESPACE", "NOOP", "RENAME", "SEARCH",
	"SELECT", "SETACL", "SETQUOTA", "SORT", "STARTTLS", "STATUS", "STORE", "SUBSCRIBE", "THREAD", "UID",
	"UNAUTHENTICATE", "UNSELECT", "UNSUBSCRIBE",
}

// wantsTag tells whether a line is a command whose tag was left out: it begins
// with the name of a command, and nothing is under way that it could belong
// to.
func (t *imapTurns) wantsTag(line string) bool {
	if t.ours.under() || t.plus {
		return false
	}
	name, _ := verb(line)
	return slices.Contains(imapCommands, name)
}
