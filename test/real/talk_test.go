package real_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/roots"
	"github.com/mailseal/mailseal/sasl"
	"github.com/mailseal/mailseal/talk"
)

// The session of mailseal talk, with the real servers of the bed. The first
// test goes through the steps of docs/talk.md: what people used to do by hand
// with four programs.

// said is what came of a session.
type said struct {
	show, tell string // what the server said, and what we said
	err        error
}

// talkTo runs a script on a row of the bed.
func talkTo(t *testing.T, b *theBed, key string, edit func(*talk.Options), expect string, lines ...string) said {
	t.Helper()
	r := b.find(t, key)
	target, err := r.target()
	if err != nil {
		t.Fatal(err)
	}
	store, err := roots.File(b.ca())
	if err != nil {
		t.Fatal(err)
	}
	o := talk.Options{
		Probe:  &probe.Options{Tool: "mailseal's tests", Helo: helo, Stores: []probe.Store{store}},
		Escape: 0x1d,
	}
	if edit != nil {
		edit(&o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var show, tell bytes.Buffer
	s, err := talk.Begin(ctx, target, o, &show, &tell)
	if err != nil {
		return said{show.String(), tell.String(), err}
	}
	var want *regexp.Regexp
	if expect != "" {
		want = regexp.MustCompile(expect)
	}
	err = s.Script(talk.LinesOf(lines), want)
	s.Close()
	return said{show.String(), tell.String(), err}
}

func byHand(o *talk.Options) { o.Manual = true }

func TestTalkArticle(t *testing.T) {
	b := bed(t)
	account := func(o *talk.Options) {
		o.Account = talk.Account{User: "alice", Secret: func() (sasl.Secret, error) { return sasl.NewSecret("secret"), nil }}
	}
	for _, c := range []struct {
		name, key string
		edit      func(*talk.Options)
		lines     []string
		told      []string // in the report, or in what the dialogue showed
		shown     []string // by the server
		fails     talk.Stage
	}{
		{name: "the chain of an HTTPS server, then GET", key: "16443",
			lines: []string{"GET /.well-known/mta-sts.txt HTTP/1.1", "Host: " + host, "Connection: close", ""},
			told: []string{`(?m)^intact `, `chain 1/\d +CN=mail\.example\.test`, `valid +\d{4}-`, `SHA-256 +[0-9a-f]{64}`, `SPKI +[0-9a-f]{64}`,
				`version +TLS 1\.[23]`, `key exchange `, `suite +TLS_`, `signature `, `trust +trusted`},
			shown: []string{`^HTTP/1\.1 \d{3}`}},
		{name: "log in to IMAPS, LIST, LOGOUT", key: "14993",
			lines: []string{"LOGIN alice secret", `LIST "" "*"`, "LOGOUT"},
			told:  []string{`S: \* OK`, `(?m)^intact `},
			shown: []string{`\* LIST .*INBOX`, `\* BYE`, `t3 OK`}},
		{name: "POP3 over TLS: USER, PASS", key: "14995",
			lines: []string{"USER alice", "PASS secret", "STAT", "QUIT"},
			shown: []string{`\+OK Logged in`, `\+OK \d+ \d+`}},
		{name: "see in clear whether EHLO offers STARTTLS", key: "11025", edit: byHand,
			lines: []string{"EHLO " + helo, "QUIT"},
			shown: []string{`250.STARTTLS`, `221 `}},
		{name: "STARTTLS, then EHLO again: SMTP", key: "11025",
			lines: []string{"EHLO " + helo, "QUIT"},
			told:  []string{`C: STARTTLS\nS: 220`, `(?m)^intact `},
			shown: []string{`^250-mail\.example\.test`, `221 `}},
		{name: "STARTTLS: POP3", key: "14110", lines: []string{"CAPA", "QUIT"}, told: []string{`C: STLS`}, shown: []string{`^\+OK\nCAPA`, `SASL PLAIN`}},
		{name: "STARTTLS: IMAP", key: "14143", lines: []string{"CAPABILITY", "LOGOUT"}, told: []string{`C: a2 STARTTLS`}, shown: []string{`^\* CAPABILITY`}},
		{name: "STARTTLS: FTP", key: "18021", lines: []string{"FEAT", "QUIT"}, told: []string{`C: AUTH TLS`}, shown: []string{`^211-`, `221 `}},
		{name: "AUTH PLAIN", key: "14465", edit: account,
			lines: []string{"\x1dauth plain", "EHLO " + helo, "QUIT"},
			told:  []string{`C: AUTH PLAIN `, `logged in as alice by PLAIN`}, shown: []string{`221 `}},
		{name: "TLS at a moment of one's choice", key: "11025", edit: byHand,
			lines: []string{"EHLO " + helo, "STARTTLS", "\x1dstarttls", "EHLO " + helo, "QUIT"},
			told:  []string{`(?m)^intact `}, shown: []string{`220 .*TLS\n250-mail`, `221 `}},
		{name: "IRC over TLS", key: "17697", edit: func(o *talk.Options) { o.Settle = 5 * time.Second }, lines: []string{"NICK reader", "USER reader 0 * :reader", "QUIT"},
			told: []string{`version +TLS`}, shown: []string{` 001 reader `}},
		{name: "a server without STARTTLS", key: "11028", lines: []string{"MAIL FROM:<>"},
			told: []string{`(?m)^missing `, `starttls-missing`}, fails: talk.Sealing},
		{name: "a server that offers and refuses", key: "11029", lines: []string{"MAIL FROM:<>"},
			told: []string{`(?m)^missing `}, fails: talk.Sealing},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := talkTo(t, b, c.key, c.edit, "", c.lines...)
			var failure *talk.Failure
			switch {
			case c.fails == "" && got.err != nil:
				t.Errorf("the session ended by %v", got.err)
			case c.fails != "" && (!errors.As(got.err, &failure) || failure.At != c.fails):
				t.Errorf("the session ended by %v, want a failure at %s", got.err, c.fails)
			}
			for _, want := range c.told {
				if !regexp.MustCompile(want).MatchString(got.tell) {
					t.Errorf("it tells nothing like %q:\n%s", want, got.tell)
				}
			}
			for _, want := range c.shown {
				if !regexp.MustCompile(want).MatchString(got.show) {
					t.Errorf("it shows nothing like %q:\n%s", want, got.show)
				}
			}
			if strings.Contains(got.tell, "c2VjcmV0") || strings.Contains(got.tell, "AGFsaWNl") {
				t.Errorf("it tells the password:\n%s", got.tell)
			}
		})
	}
}

// A thousand commands get a thousand answers, in order, one by one and all at
// once.
func TestTalkThousandCommands(t *testing.T) {
	b := bed(t)
	const many = 1000
	for _, c := range []struct {
		name, key, last string
		command         func(int) string
		answer          *regexp.Regexp
	}{
		{"dovecot", "14993", "n999 LOGOUT", func(i int) string { return fmt.Sprintf("n%d NOOP", i) }, regexp.MustCompile(`(?m)^n(\d+) OK`)},
		// The bed's postfix takes no recipient, and says which.
		{"postfix", "11025", "RCPT TO:<n999@example.test>", func(i int) string {
			if i == 0 {
				return "MAIL FROM:<n0@example.test>"
			}
			return fmt.Sprintf("RCPT TO:<n%d@example.test>", i)
		}, regexp.MustCompile(`(?m)^(?:250 2\.1\.0 Ok|554 5\.7\.1 <n(\d+)@example\.test>)`)},
	} {
		for _, atOnce := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/at once %v", c.name, atOnce), func(t *testing.T) {
				lines := make([]string, 0, many)
				for i := range many - 1 {
					lines = append(lines, c.command(i))
				}
				got := talkTo(t, b, c.key, func(o *talk.Options) { o.NoWait, o.Quiet = atOnce, true }, "", append(lines, c.last)...)
				if got.err != nil {
					t.Fatalf("the session ended by %v", got.err)
				}
				answers := c.answer.FindAllStringSubmatch(got.show, -1)
				if len(answers) != many {
					t.Fatalf("%d commands got %d answers", many, len(answers))
				}
				for i, a := range answers {
					if a[1] != strconv.Itoa(i) && (i > 0 || a[1] != "") {
						t.Fatalf("answer %d is %q", i, a[0])
					}
				}
			})
		}
	}
}

// A script of two lines never loses an answer. MAILSEAL_RUNS sets how often it
// is tried; 1,000 is the number that was promised.
func TestTalkNeverLosesAnAnswer(t *testing.T) {
	b := bed(t)
	runs := 50
	if n, err := strconv.Atoi(os.Getenv("MAILSEAL_RUNS")); err == nil {
		runs = n
	}
	for i := range runs {
		got := talkTo(t, b, "11025", func(o *talk.Options) { o.Quiet = true }, "", "EHLO x", "QUIT")
		if got.err != nil || !strings.HasPrefix(got.show, "250-mail.example.test\n") || !strings.HasSuffix(got.show, "\n221 2.0.0 Bye\n") {
			t.Fatalf("run %d ended by %v and shows\n%s", i, got.err, got.show)
		}
	}
}

// Lines that begin with letters which other programs take for commands reach
// postfix, typed on a terminal: it answers each by an error of its own.
func TestTalkLettersReachPostfix(t *testing.T) {
	typeToPostfix(t, nil, []typedLine{
		{"EHLO x", "250 CHUNKING"},
		{"R", "500 5.5.2 Error: command not recognized"},
		{"RCPT TO:<a@example.test>", "503 5.5.1 Error: need MAIL command"},
		{"Q", "500 5.5.2"}, {"K", "500 5.5.2"}, {"k", "500 5.5.2"}, {"B", "500 5.5.2"},
		{"MAIL FROM:<>", "250 2.1.0 Ok"},
		{"RSET", "250 2.0.0 Ok"},
		{"QUIT", "221 2.0.0 Bye"},
	})
	// What does not begin with a letter is to postfix no SMTP at all.
	for _, line := range []string{".", "~", "~."} {
		typeToPostfix(t, errors.New("the server closed the connection"), []typedLine{{line, "221 2.7.0 Error: I can break rules, too. Goodbye."}})
	}
}

type typedLine struct{ line, answer string }

// typeToPostfix types lines on a terminal, each when the last was answered,
// and wants the session to end in that way.
func typeToPostfix(t *testing.T, wantErr error, lines []typedLine) {
	t.Helper()
	b := bed(t)
	target, err := b.find(t, "11025").target()
	if err != nil {
		t.Fatal(err)
	}
	store, err := roots.File(b.ca())
	if err != nil {
		t.Fatal(err)
	}
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had here: %v", err)
	}
	defer terminal.Close()
	defer tty.Close()
	screen := &screen{}
	go screen.read(terminal)
	s, err := talk.Begin(t.Context(), target, talk.Options{Probe: &probe.Options{Helo: helo, Stores: []probe.Store{store}}, Quiet: true, Escape: 0x1d}, tty, tty)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ended := make(chan error, 1)
	go func() { ended <- s.Terminal(talk.NewConsole(tty, tty, 0x1d, false), "") }()
	for _, c := range lines {
		from := screen.len()
		if _, err := terminal.WriteString(c.line + "\r"); err != nil {
			t.Fatal(err)
		}
		if !screen.await(from, c.answer) {
			t.Fatalf("%q gets no answer %q; the screen shows\n%s", c.line, c.answer, screen)
		}
	}
	select {
	case err := <-ended:
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("the session ended by %v, want %v", err, wantErr)
		}
	case <-time.After(patience):
		t.Errorf("the session does not end behind %q", lines[len(lines)-1].line)
	}
}

// screen collects what is written to a terminal.
type screen struct {
	mu   sync.Mutex
	text []byte
}

func (s *screen) read(from *os.File) {
	chunk := make([]byte, 4096)
	for {
		n, err := from.Read(chunk)
		s.mu.Lock()
		s.text = append(s.text, chunk[:n]...)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

func (s *screen) len() int { return len(s.String()) }

// await waits until the text stands somewhere behind a place.
func (s *screen) await(from int, text string) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(s.String()[from:], text) {
			return true
		}
	}
	return false
}

// A ticket is taken by those servers that keep the key to it: dovecot has
// another process with another key for each connection.
func TestTalkResumes(t *testing.T) {
	b := bed(t)
	for key, want := range map[string]string{
		"11025": "mailseal: resumed: the server took the ticket", "16443": "mailseal: resumed: the server took the ticket",
		"19004": "mailseal: resumed: the server took the ticket", "14993": "mailseal: not resumed: the server made a new session",
	} {
		got := talkTo(t, b, key, nil, "", "\x1dresume")
		if got.err != nil || !strings.Contains(got.tell, want) {
			t.Errorf("resume on row %s ended by %v and tells\n%s", key, got.err, got.tell)
		}
	}
}

// Every mechanism of dovecot lets a session in, and no secret is told.
func TestTalkLogsIn(t *testing.T) {
	b := bed(t)
	everywhere := []string{"14293", "14210", "14290", "14287"}
	for mechanism, keys := range map[string][]string{
		"strongest": everywhere, "plain": everywhere, "login": everywhere, "cram-md5": everywhere,
		"scram-sha-1": everywhere, "scram-sha-256": everywhere, "apop": {"14210"}, "userpass": {"14210", "14293"},
	} {
		for _, key := range keys {
			var transcript bytes.Buffer
			got := talkTo(t, b, key, func(o *talk.Options) {
				o.Account = talk.Account{User: "alice", Secret: func() (sasl.Secret, error) { return sasl.NewSecret("secret"), nil }}
				o.Transcript = talk.NewTranscript(&transcript, nil)
			}, "", "\x1dauth "+mechanism)
			if got.err != nil || !strings.Contains(got.tell, "logged in as alice") {
				t.Errorf("auth %s on row %s ended by %v and tells\n%s", mechanism, key, got.err, got.tell)
			}
			for _, leak := range []string{"c2VjcmV0", "AGFsaWNl", `secret`} {
				if strings.Contains(got.tell+got.show+transcript.String(), leak) {
					t.Errorf("auth %s on row %s tells %q:\n%s%s\n%s", mechanism, key, leak, got.tell, got.show, transcript.String())
				}
			}
		}
	}
}
