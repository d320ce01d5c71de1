package talk

import (
	"strings"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

// follow plays a conversation. Each line begins with who speaks, C or S, with
// a ! behind S where an answer is complete with it; then whether the server
// has something to say before we go on (w), or it is our turn (t); then the
// line. The word END is the end of the connection, ~ a line that has none.
func follow(t *testing.T, rules turns, script string) {
	t.Helper()
	for number, step := range strings.Split(strings.TrimSpace(script), "\n") {
		f := strings.SplitN(strings.TrimLeft(step, "\t"), " ", 3)
		if len(f) < 3 {
			f = append(f, "")
		}
		who, turn, line := f[0], f[1], f[2]
		complete := false
		end := observe.CRLF
		switch {
		case line == "END":
			complete = rules.closed()
		case who == "C":
			rules.say(line)
		default:
			if cut, ok := strings.CutSuffix(line, "~"); ok {
				line, end = cut, observe.Cut
			}
			complete = rules.hear(line, end)
		}
		if want := who == "S!"; complete != want {
			t.Errorf("line %d, %q: an answer is complete: %v, want %v", number+1, step, complete, want)
		}
		if want := turn == "w"; rules.waits() != want {
			t.Errorf("line %d, %q: waits() = %v, want %v", number+1, step, !want, want)
		}
	}
}

func TestTurns(t *testing.T) {
	for _, c := range []struct {
		name, protocol string
		greets         bool
		script         string
	}{
		{"a greeting of two lines", "smtp", true, `
			S w 220-mx.example.test
			S! t 220 ESMTP`},
		{"a bare code", "smtp", false, `
			C w NOOP
			S! t 250`},
		{"a reply of several lines", "smtp", false, `
			C w EHLO x
			S w 250-mx.example.test
			S w 250-PIPELINING
			S! t 250 8BITMIME
			C w QUIT
			S! t 221 2.0.0 Bye`},
		{"AUTH goes to and fro", "smtp", false, `
			C w AUTH LOGIN
			S! t 334 VXNlcm5hbWU6
			C w dXNlcg==
			S! t 334 UGFzc3dvcmQ6
			C w cGFzcw==
			S! t 535 5.7.8 no`},
		{"a message with lines like commands and replies", "submission", false, `
			C w DATA
			S! t 354 go on
			C t Subject: x
			C t
			C t QUIT
			C t ..
			C w .
			S! t 250 queued
			C w QUIT
			S! t 221 bye`},
		{"DATA refused", "smtp", false, `
			C w DATA
			S! t 503 no recipients`},
		{"pipelined with a message", "smtp", false, `
			C w MAIL FROM:<a@example.test>
			C w RCPT TO:<b@example.test>
			C w DATA
			C w text
			C w .
			C w QUIT
			S! w 250 ok
			S! w 250 ok
			S! w 354 go on
			S! w 250 queued
			S! t 221 bye`},
		{"one answer for each recipient", "lmtp", false, `
			C w LHLO x
			S! t 250 ok
			C w MAIL FROM:<a@example.test>
			S! t 250 ok
			C w RCPT TO:<b@example.test>
			S! t 250 ok
			C w RCPT TO:<nobody@example.test>
			S! t 550 no
			C w RCPT TO:<c@example.test>
			S! t 250 ok
			C w DATA
			S! t 354 go on
			C t text
			C w .
			S w 250 b
			S! t 250 c`},
		{"a message in chunks", "smtp", false, `
			C t BDAT 6
			C w text
			S! t 250 ok
			C w BDAT 0 LAST
			S! t 250 ok`},
		{"sent away unasked", "smtp", false, `
			S! t 421 too slow`},
		{"ended in the middle", "smtp", false, `
			C w NOOP
			S w END`},

		{"tags", "imap", true, `
			S! t * OK ready
			C w a NOOP
			S w * 3 EXISTS
			S! t a OK done`},
		{"two at once, answered the other way round", "imap", false, `
			C w a NOOP
			C w b NOOP
			S! w b OK done
			S! t a OK done`},
		{"a literal of the server with a line like an answer", "imap", false, `
			C w a FETCH 1 BODY[]
			S w * 1 FETCH (BODY[] {14}
			S w a OK no
			S w x
			S w )
			S! t a OK done`},
		{"a literal that ends within a line", "imap", false, `
			C w a LIST "" *
			S w * LIST () "/" {5}
			S w INBOX
			S! t a OK done`},
		{"a literal of ours waits for a plus sign", "imap", false, `
			C w a LOGIN {5}
			S! t + go on
			C w alice {6}
			S! t + go on
			C w secret
			S! t a OK in`},
		{"a literal for which nobody waits", "imap", false, `
			C t a LOGIN {5+}
			C w alice secret
			S! t a OK in`},
		{"APPEND", "imap", false, `
			C w a APPEND INBOX {15}
			S! t + go on
			C t Subject: x
			C t b
			C w
			S! t a OK done`},
		{"a literal that is refused", "imap", false, `
			C w a APPEND nowhere {6}
			S! t a NO no such mailbox
			C w b NOOP
			S! t b OK done`},
		{"IDLE", "imap", false, `
			C w a IDLE
			S! t + idling
			S t * 4 EXISTS
			C w DONE
			S! t a OK done`},
		{"AUTHENTICATE", "imap", false, `
			C w a AUTHENTICATE PLAIN
			S! t +
			C w AGFsaWNlAHNlY3JldA==
			S! t a OK in`},
		{"a line that the server cannot read", "imap", false, `
			C w hello
			S! t * BAD what?`},

		{"short answers", "pop3", true, `
			S! t +OK ready
			C w USER alice
			S! t +OK
			C w PASS secret
			S! t -ERR no`},
		{"long answers", "pop3", false, `
			C w CAPA
			S w +OK
			S w STLS
			S! t .
			C w LIST
			S w +OK 1 message
			S w 1 100
			S! t .
			C w LIST 1
			S! t +OK 1 100
			C w RETR 2
			S! t -ERR no such message
			C w RETR 1
			S w +OK
			S w -ERR this is a message
			S w ..
			S! t .
			C w UIDL 1
			S! t +OK 1 x
			C w TOP 1 0
			S w +OK
			S! t .`},
		{"AUTH", "pop3", false, `
			C w AUTH PLAIN
			S! t +
			C w AGFsaWNlAHNlY3JldA==
			S! t +OK`},
		{"pipelined", "pop3", false, `
			C w STAT
			C w LIST
			C w QUIT
			S! w +OK 0 0
			S w +OK
			S! w .
			S! t +OK bye`},

		{"the greeting is a list", "sieve", true, `
			S w "IMPLEMENTATION" "x"
			S w "STARTTLS"
			S! t OK "ready"`},
		{"an OK with a literal", "sieve", false, `
			C w NOOP
			S w OK {5}
			S! t ready
			C w GETSCRIPT "x"
			S w {12}
			S w OK not yet
			S w
			S! t OK (WARNINGS) "x"`},
		{"a script", "sieve", false, `
			C t PUTSCRIPT "x" {7+}
			C t keep;
			C w
			S! t OK`},
		{"AUTHENTICATE", "sieve", false, `
			C w AUTHENTICATE "LOGIN"
			S! t "VXNlcm5hbWU6"
			C w "dXNlcg=="
			S! t "UGFzc3dvcmQ6"
			C w "cGFzcw=="
			S! t NO "no"
			C w LOGOUT
			S! t OK`},

		{"long and short", "nntp", true, `
			S! t 200 ready
			C w GROUP misc.test
			S! t 211 3 1 3 misc.test
			C w LISTGROUP
			S w 211 3 1 3 misc.test
			S w 1
			S! t .
			C w CAPABILITIES
			S w 101 list
			S w VERSION 2
			S! t .
			C w ARTICLE 9
			S! t 423 no such article`},
		{"an article", "nntp", false, `
			C w POST
			S! t 340 go on
			C t Subject: x
			C t
			C w .
			S! t 240 posted
			C w POST
			S! t 440 no`},
		{"an article without asking", "nntp", false, `
			C t TAKETHIS <a@example.test>
			C t x
			C w .
			S! t 239 <a@example.test>`},

		{"lines between may begin with anything", "ftp", true, `
			S w 120 in a minute
			S w 220-welcome
			S w 220-to
			S w 331 is not the end
			S w   220 neither
			S! t 220 this is
			C w FEAT
			S w 211-Features:
			S w  AUTH TLS
			S! t 211 End`},
		{"an answer in two parts", "ftp", false, `
			C w LIST
			S w 150 here it comes
			S! t 226 done`},

		{"a counted body", "http", false, `
			C t GET / HTTP/1.1
			C t Host: x
			C w
			S w HTTP/1.1 200 OK
			S w Content-Length: 8
			S w
			S w line
			S! t ab~
			C t GET / HTTP/1.1
			C w
			S w HTTP/1.1 204 No Content
			S! t`},
		{"chunks", "http", false, `
			C t GET / HTTP/1.1
			C w
			S w HTTP/1.1 200 OK
			S w transfer-encoding: chunked
			S w
			S w 6;x=y
			S w line
			S w
			S w 0
			S! t`},
		{"up to the end of the connection", "http", false, `
			C t GET / HTTP/1.0
			C w
			S w HTTP/1.0 200 OK
			S w
			S w text
			S! t END`},
		{"HEAD has no body", "http", false, `
			C t HEAD / HTTP/1.1
			C w
			S w HTTP/1.1 100 Continue
			S w
			S w HTTP/1.1 200 OK
			S w Content-Length: 80
			S! t`},
		{"a body of ours", "http", false, `
			C t POST / HTTP/1.1
			C t Content-Length: 6
			C t
			C w text
			S w HTTP/1.1 200 OK
			S w Content-Length: 0
			S! t`},

		{"nothing is known", "irc", true, `
			S t :server NOTICE * :hello
			C t NICK x`},
	} {
		t.Run(c.protocol+"/"+c.name, func(t *testing.T) { follow(t, turnsOf(c.protocol, c.greets), c.script) })
	}
}

func TestWantsTag(t *testing.T) {
	for _, c := range []struct {
		before, line string
		want         bool
	}{
		{"", "LOGIN alice secret", true},
		{"", "logout", true},
		{"", `list "" *`, true},
		{"", "a LOGIN alice secret", false},
		{"", "A1 NOOP", false},
		{"", "hello", false}, // no command: the server shall say so
		{"", "", false},
		{"a APPEND INBOX {10+}", "NOOP", false}, // within a literal
		{"a IDLE", "NOOP", true},                // not yet idling
	} {
		rules := &imapTurns{greeted: true, open: map[string]bool{}}
		if c.before != "" {
			rules.say(c.before)
		}
		if got := rules.wantsTag(c.line); got != c.want {
			t.Errorf("behind %q: wantsTag(%q) = %v, want %v", c.before, c.line, got, c.want)
		}
	}
}

// FuzzTurns looks for lines that make the rules of a protocol panic, or lose
// count.
func FuzzTurns(f *testing.F) {
	f.Add(uint8(0), "CDATA\nS354\nCx\nC.\nS250")
	f.Add(uint8(3), "S* OK\nCa X {3}\nS+ \nCabc\nSa OK")
	f.Add(uint8(5), "SOK\nCX {3+}\nCabc\nS{4}\nSab\nSOK {1}\nSx")
	f.Add(uint8(8), "CGET\nC\nSHTTP/1.1 200\nSContent-Length: 99999999999999999999\nS\nSx")
	f.Add(uint8(8), "S\nSx\nS\nSffffffffffffffff\nS7fffffff")
	protocols := []string{"smtp", "submission", "lmtp", "imap", "pop3", "sieve", "nntp", "ftp", "http", "irc"}
	f.Fuzz(func(t *testing.T, which uint8, script string) {
		rules := turnsOf(protocols[int(which)%len(protocols)], which >= 128)
		for _, step := range strings.Split(script, "\n") {
			switch {
			case strings.HasPrefix(step, "C"):
				rules.say(step[1:])
			case step != "":
				rules.hear(step[1:], observe.CRLF)
			}
		}
		for _, n := range counts(rules) {
			if n < 0 {
				t.Errorf("a count fell below zero: %+v", rules)
			}
		}
		rules.closed()
	})
}

// counts are what is still to come.
func counts(rules turns) []int {
	switch r := rules.(type) {
	case *smtpTurns:
		return []int{r.chunk, r.owed, r.rcpts}
	case *imapTurns:
		return []int{r.ours.left, r.theirs.left}
	case *sieveTurns:
		return []int{r.ours.left, r.theirs.left}
	case *ftpTurns:
		return []int{r.said}
	case *httpTurns:
		return []int{r.body}
	}
	return nil
}
