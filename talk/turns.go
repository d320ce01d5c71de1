package talk

import (
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// turns tells whose turn it is, by the rules of one protocol. It reads along
// and does nothing: no clock, no network. A line is without its end.
type turns interface {
	// say is told a line of ours, before the server can have got it.
	say(line string)

	// hear is told a line of the server, and how it ended. It tells whether
	// an answer is complete with it.
	hear(line string, end observe.Break) bool

	// waits tells whether the server has something to say before we should go
	// on: its greeting, or the answer to what we said.
	waits() bool

	// closed is told that the server has closed the connection. It tells
	// whether that was the end of an answer.
	closed() bool
}

// turnsOf returns the rules of a protocol. Greets says that the server speaks
// first from here on.
func turnsOf(protocol string, greets bool) turns {
	switch protocol {
	case "smtp", "submission":
		return &smtpTurns{greeted: !greets}
	case "lmtp":
		return &smtpTurns{greeted: !greets, lmtp: true}
	case "imap":
		return &imapTurns{greeted: !greets, open: map[string]bool{}}
	case "pop3":
		return &pop3Turns{greeted: !greets}
	case "sieve":
		return &sieveTurns{greeted: !greets}
	case "nntp":
		return &nntpTurns{greeted: !greets}
	case "ftp":
		return &ftpTurns{greeted: !greets}
	case "http":
		return &httpTurns{}
	}
	return quietTurns{}
}

// quietTurns are for protocols that do not tell where an answer ends, or of
// which we do not know it. Who asks must wait until the server has been quiet
// for a while.
type quietTurns struct{}

func (quietTurns) say(string)                      {}
func (quietTurns) hear(string, observe.Break) bool { return false }
func (quietTurns) waits() bool                     { return false }
func (quietTurns) closed() bool                    { return true }

// replyCode reads the three digits of a reply of SMTP, NNTP or FTP, and
// whether more lines follow.
func replyCode(line string) (code int, more, ok bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
	}
	code, _ = strconv.Atoi(line[:3])
	return code, len(line) > 3 && line[3] == '-', true
}

// verb is the first word of a command in upper case, and how many words
// follow.
func verb(line string) (name string, arguments int) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return "", 0
	}
	return strings.ToUpper(words[0]), len(words) - 1
}

// size is the number of bytes of a line with its end.
func size(line string, end observe.Break) int {
	switch end {
	case observe.CRLF:
		return len(line) + 2
	case observe.LF:
		return len(line) + 1
	}
	return len(line)
}
