package talk

import (
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// A literal is a string of IMAP and ManageSieve that stands on lines of its
// own: {12} or {12+} at the end of a line says how many bytes of it follow.
// What stands in it is no command and no answer, whatever it looks like.

// literal reads the announcement at the end of a line. Nobody waits for the
// go-ahead of {12+} (RFC 7888, section 3).
func literal(line string) (n int, waits, ok bool) {
	start := strings.LastIndexByte(line, '{')
	if start < 0 || !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	digits, plus := strings.CutSuffix(line[start+1:len(line)-1], "+")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0, false, false
	}
	return n, !plus, true
}

// literals follows one direction: which of its lines begin something, and
// which belong to a literal or go on behind one.
type literals struct {
	left   int  // bytes of a literal still to come
	behind bool // what began goes on behind a literal
}

// next takes a line. It returns what of it stands outside of literals, whether
// something begins with it, and whether something ends with it.
func (l *literals) next(line string, end observe.Break) (text string, begins, ends bool) {
	begins = !l.under()
	if l.left > 0 {
		if n := size(line, end); n <= l.left {
			l.left -= n
			return "", false, false
		}
		line, l.left = line[min(l.left, len(line)):], 0
	}
	n, _, more := literal(line)
	l.left, l.behind = n, more
	return line, begins, !more
}

// under tells whether a literal, or what stands behind it, is under way.
func (l *literals) under() bool { return l.left > 0 || l.behind }
