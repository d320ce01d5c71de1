package talk

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// ftpTurns are those of FTP's control connection, RFC 959, section 4.2. A
// reply of several lines ends with the code that it began with and a space;
// the lines between may begin with anything. A 1xx announces that another
// reply will follow.
type ftpTurns struct {
	greeted bool
	said    int
	within  string // the code of a reply that has not ended
}

func (t *ftpTurns) say(string) { t.said++ }

func (t *ftpTurns) hear(line string, _ observe.Break) bool {
	code, more, ok := replyCode(line)
	if t.within != "" {
		if !ok || more || !strings.HasPrefix(line, t.within) {
			return false
		}
		t.within = ""
	}
	switch {
	case !ok:
		return false
	case more:
		t.within = line[:3]
		return false
	case code/100 == 1:
		return false
	case !t.greeted:
		t.greeted = true
	case t.said > 0:
		t.said--
	}
	return true
}

func (t *ftpTurns) waits() bool  { return !t.greeted || t.said > 0 || t.within != "" }
func (t *ftpTurns) closed() bool { return !t.waits() }
