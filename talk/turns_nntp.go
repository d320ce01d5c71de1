package talk

import "github.com/mailseal/mailseal/observe"

// nntpTurns are those of NNTP, RFC 3977: a line with a code for each of ours,
// and behind some of them more, up to a dot. An article of ours goes up to a
// dot as well.
type nntpTurns struct {
	greeted bool
	said    []string
	body    bool // the server is in the middle of a block of lines
	message bool // we are in the middle of an article
	owed    bool // the answer to it
}

func (t *nntpTurns) say(line string) {
	switch {
	case t.message && line == ".":
		t.message, t.owed = false, true
	case t.message:
	default:
		t.said = append(t.said, line)
		// TAKETHIS is followed by its article at once, RFC 4644, section 2.5;
		// one answer is for both.
		if name, _ := verb(line); name == "TAKETHIS" {
			t.message, t.said = true, t.said[:len(t.said)-1]
		}
	}
}

func (t *nntpTurns) hear(line string, _ observe.Break) bool {
	if t.body {
		t.body = line != "."
		return !t.body
	}
	code, _, ok := replyCode(line)
	switch {
	case !ok:
		return false
	case !t.greeted:
		t.greeted = true
	case len(t.said) > 0:
		command := t.said[0]
		t.said = t.said[1:]
		t.answered(command, code)
	case t.owed:
		t.owed = false
	}
	return !t.body
}

func (t *nntpTurns) answered(command string, code int) {
	t.body = nntpLong(command, code)
	name, _ := verb(command)
	if code != 340 && code != 335 || name != "POST" && name != "IHAVE" {
		return
	}
	rest := t.said
	t.message, t.said = true, nil
	for _, line := range rest {
		t.say(line)
	}
}

// nntpLong tells whether an answer goes on up to a dot: RFC 3977, section 3.2
// and appendix C. 211 does only to LISTGROUP.
func nntpLong(command string, code int) bool {
	switch code {
	case 100, 101, 215, 220, 221, 222, 224, 225, 230, 231, 282:
		return true
	case 211:
		name, _ := verb(command)
		return name == "LISTGROUP"
	}
	return false
}

func (t *nntpTurns) waits() bool {
	return !t.greeted || t.body || !t.message && (t.owed || len(t.said) > 0)
}

func (t *nntpTurns) closed() bool { return !t.waits() }
