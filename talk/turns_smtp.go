package talk

import (
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// smtpTurns are those of SMTP, RFC 5321, submission and LMTP, RFC 2033.
//
// Every line of ours gets one reply, also a response to a 334 of AUTH (RFC
// 4954, section 4). Two things are different: a message behind DATA or BDAT
// gets none before its end, and in LMTP then one for each recipient.
type smtpTurns struct {
	lmtp    bool
	greeted bool
	said    []string // lines that the server has not answered
	message bool     // what we say is a message, up to a dot
	chunk   int      // bytes that BDAT has announced and we have not said, RFC 3030, section 2
	rcpts   int      // recipients that were taken
	owed    int      // answers to a message
}

func (t *smtpTurns) say(line string) {
	switch {
	case t.chunk > 0:
		t.chunk = max(0, t.chunk-len(line)-2)
	case t.message:
		if line == "." {
			t.message, t.owed = false, t.replies()
		}
	default:
		t.said = append(t.said, line)
		t.chunk = bdatSize(line)
	}
}

// replies is how many answers a message gets: RFC 2033, section 4.2.
func (t *smtpTurns) replies() int {
	if t.lmtp {
		return max(t.rcpts, 1)
	}
	return 1
}

func (t *smtpTurns) hear(line string, _ observe.Break) bool {
	code, more, ok := replyCode(line)
	switch {
	case !ok || more:
		return false
	case !t.greeted:
		t.greeted = true
	case t.owed > 0:
		t.owed--
		return t.owed == 0
	case len(t.said) > 0:
		command := t.said[0]
		t.said = t.said[1:]
		return t.answered(command, code)
	}
	return true
}

// answered is told the reply to a command. It tells whether there is nothing
// more to come.
func (t *smtpTurns) answered(command string, code int) bool {
	name, _ := verb(command)
	switch {
	case name == "DATA" && code/100 == 3:
		// Lines that were sent along with DATA were waiting for this: now they
		// are the message.
		rest := t.said
		t.message, t.said = true, nil
		for _, line := range rest {
			t.say(line)
		}
	case name == "RCPT" && code/100 == 2:
		t.rcpts++
	case name == "MAIL" || name == "RSET":
		t.rcpts = 0
	case name == "BDAT" && strings.HasSuffix(strings.ToUpper(strings.TrimSpace(command)), " LAST"):
		t.owed = t.replies() - 1
		return t.owed == 0
	}
	return true
}

func (t *smtpTurns) waits() bool {
	return !t.greeted || !t.message && t.chunk == 0 && (t.owed > 0 || len(t.said) > 0)
}

func (t *smtpTurns) closed() bool { return !t.waits() }

func bdatSize(line string) int {
	words := strings.Fields(line)
	if len(words) < 2 || !strings.EqualFold(words[0], "BDAT") {
		return 0
	}
	n, err := strconv.Atoi(words[1])
	if err != nil || n < 0 {
		return 0
	}
	return n
}
