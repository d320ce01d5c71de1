package talk_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/roots"
	"github.com/mailseal/mailseal/sasl"
	"github.com/mailseal/mailseal/talk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// safe is a buffer that two goroutines may use.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// server plays lines to one client: each step waits for a line that begins in
// that way and then writes. It is closed behind the last, if leave says so.
type step struct{ heard, says string }

func play(t *testing.T, leave bool, steps ...step) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var serving sync.WaitGroup
	serving.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if err := playOn(c, steps); err != nil {
			t.Errorf("the server: %v", err)
		}
		if !leave {
			<-over
		}
	})
	t.Cleanup(func() {
		close(over)
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

func playOn(c net.Conn, steps []step) error {
	c.SetDeadline(time.Now().Add(time.Minute))
	for _, s := range steps {
		if s.heard != "" {
			var line []byte
			for b := make([]byte, 1); !bytes.HasSuffix(line, []byte("\n")); line = append(line, b[0]) {
				if _, err := c.Read(b); err != nil {
					return fmt.Errorf("waiting for %q: %w", s.heard, err)
				}
			}
			if !strings.HasPrefix(string(line), s.heard) {
				return fmt.Errorf("heard %q, want %q", line, s.heard)
			}
		}
		for _, piece := range strings.Split(s.says, "|") { // a segment each, mostly
			if _, err := io.WriteString(c, piece); err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}

// begin opens a session by hand, in clear.
func begin(t *testing.T, address, protocol string, edit func(*talk.Options)) (s *talk.Session, show, tell *safe) {
	t.Helper()
	target, err := probe.ReadTarget(address, probe.Override{Protocol: protocol, Mode: observe.StartTLS})
	if err != nil {
		t.Fatal(err)
	}
	o := talk.Options{Manual: true, Probe: &probe.Options{}}
	if edit != nil {
		edit(&o)
	}
	show, tell = &safe{}, &safe{}
	s, err = talk.Begin(t.Context(), target, o, show, tell)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, show, tell
}

func at(err error) talk.Stage {
	if f, ok := errors.AsType[*talk.Failure](err); ok {
		return f.At
	}
	return ""
}

// Nothing is said before the greeting is over, nor before an answer is,
// however it is cut.
func TestScriptWaits(t *testing.T) {
	address := play(t, false,
		step{"", "220-we|lcome\r\n|22|0 ready\r\n"},
		step{"ONE", "250-first\r|\n250 |first\r\n"},
		step{"TWO", "|250 second\r\n250 nobody asked for this\r\n"},
		step{"QUIT", "221 bye\r\n"})
	s, show, _ := begin(t, address, "smtp", nil)
	if err := s.Script(talk.LinesOf([]string{"ONE", "TWO", "QUIT"}), regexp.MustCompile("^221 bye$")); err != nil {
		t.Errorf("Script: %v", err)
	}
	if want := "220-welcome\n220 ready\n250-first\n250 first\n250 second\n"; !strings.HasPrefix(show.String(), want) {
		t.Errorf("the server's lines are shown as\n%s\nwant them to begin\n%s", show, want)
	}
}

// What a terminal would obey is shown escaped.
func TestShownIsEscaped(t *testing.T) {
	address := play(t, false, step{"", "220 a\x1b[2Jb\x07\ttab \\ back \xff\r\n"})
	s, show, _ := begin(t, address, "smtp", nil)
	if err := s.Script(talk.LinesOf(nil), nil); err != nil {
		t.Errorf("Script: %v", err)
	}
	if want := `220 a\x1b[2Jb\x07` + "\ttab \\ back \\xff\n"; show.String() != want {
		t.Errorf("shown is %q, want %q", show, want)
	}
}

func TestScriptEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		leave bool
		steps []step
		lines []string
		want  talk.Stage
	}{
		{"the server leaves instead of an answer", true, []step{{"", "220 x\r\n"}, {"ONE", ""}}, []string{"ONE"}, talk.Answering},
		{"in the middle of an answer", true, []step{{"", "220 x\r\n"}, {"ONE", "250-x\r\n25"}}, []string{"ONE"}, talk.Answering},
		{"before all is said", true, []step{{"", "220 x\r\n"}, {"ONE", "221 x\r\n"}}, []string{"ONE", "TWO", "THREE"}, talk.Answering},
		{"behind the last answer", true, []step{{"", "220 x\r\n"}, {"ONE", "221 x\r\n"}}, []string{"ONE"}, ""},
		{"no answer in time", false, []step{{"", "220 x\r\n"}, {"ONE", ""}}, []string{"ONE"}, talk.Answering},
		{"no greeting", true, nil, []string{"ONE"}, talk.Answering},
		{"in the middle of a message", false, []step{{"", "220 x\r\n"}, {"DATA", "354 go on\r\n"}, {"text", ""}}, []string{"DATA", "text"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, _ := begin(t, play(t, c.leave, c.steps...), "smtp", func(o *talk.Options) { o.Wait = 300 * time.Millisecond })
			if err := s.Script(talk.LinesOf(c.lines), nil); at(err) != c.want {
				t.Errorf("Script: %v, want a failure at %q", err, c.want)
			}
		})
	}
}

// A server that does not end its line is shown all the same, where nobody
// knows the protocol; and its silence is the end of the answer.
func TestUnknownProtocol(t *testing.T) {
	address := play(t, false, step{"", "login: "}, step{"me", "password: "})
	s, show, _ := begin(t, address, "irc", func(o *talk.Options) { o.Settle = 400 * time.Millisecond })
	if err := s.Script(talk.LinesOf([]string{"me"}), regexp.MustCompile("^password: $")); err != nil {
		t.Errorf("Script: %v", err)
	}
	if want := "login: \npassword: \n"; show.String() != want {
		t.Errorf("shown is %q, want %q", show, want)
	}
}

// A session can be stopped while it waits.
func TestScriptStops(t *testing.T) {
	address := play(t, false, step{"", "220 x\r\n"})
	target, err := probe.ReadTarget(address, probe.Override{Protocol: "smtp", Mode: observe.StartTLS})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	show := &safe{}
	s, err := talk.Begin(ctx, target, talk.Options{Manual: true}, show, show)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go func() {
		for !strings.Contains(show.String(), "220 x") {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if err := s.Script(talk.LinesOf([]string{"ONE"}), nil); at(err) != talk.Answering {
		t.Errorf("Script: %v, want that it was stopped", err)
	}
}

// Input that does not end does not keep a session alive whose server has gone.
func TestInputDoesNotEnd(t *testing.T) {
	address := play(t, true, step{"", "220 x\r\n"}, step{"QUIT", "221 x\r\n"})
	s, _, _ := begin(t, address, "smtp", nil)
	r, w := io.Pipe()
	defer r.Close()
	defer w.Close()
	go io.WriteString(w, "QUIT\n")
	if err := s.Script(talk.LinesFrom(r), nil); err != nil {
		t.Errorf("Script: %v", err)
	}
}

func TestLinesFrom(t *testing.T) {
	const text = "one\r\ntwo\n\n\tthree \r\r\nfour"
	lines := talk.LinesFrom(strings.NewReader(text))
	var got []string
	for {
		line, err := lines(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if want := []string{"one", "two", "", "\tthree \r", "four"}; fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("LinesFrom(%q) gave %q, want %q", text, got, want)
	}
	if _, err := talk.LinesFrom(strings.NewReader(strings.Repeat("x", 1<<20)))(t.Context()); err == nil {
		t.Error("LinesFrom takes a line of a mebibyte")
	}
}

func TestParseKey(t *testing.T) {
	for _, c := range []struct {
		typed string
		want  byte
		ok    bool
	}{
		{"^]", 0x1d, true}, {"Ctrl-]", 0x1d, true}, {"^x", 0x18, true}, {"^X", 0x18, true}, {"^\\", 0x1c, true}, {"none", 0, true},
		{"^C", 0, false}, {"^M", 0, false}, {"^[", 0, false}, // they edit or end a line
		{"x", 0, false}, {"^", 0, false}, {"", 0, false}, {"^XX", 0, false}, {"^é", 0, false},
	} {
		got, err := talk.ParseKey(c.typed)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("ParseKey(%q) = %#x, %v; want %#x, good: %v", c.typed, got, err, c.want, c.ok)
		}
	}
}

// withLab begins a session on a lab server.
func withLab(t *testing.T, protocol string, mode observe.Mode, edit func(*talk.Options), faults ...string) (s *talk.Session, running *lab.Running, show, tell *safe) {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := lab.New(protocol, mode)
	for _, name := range faults {
		f, ok := lab.FaultByName(name)
		if !ok {
			t.Fatalf("the lab has no fault %q", name)
		}
		f.Edit(server)
	}
	if running, err = server.Start(t.Context(), ca); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Close() })
	file := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := roots.File(file)
	if err != nil {
		t.Fatal(err)
	}
	target, err := probe.ReadTarget(server.Name, probe.Override{Protocol: protocol, Mode: mode, Connect: running.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	o := talk.Options{Probe: &probe.Options{Stores: []probe.Store{store}}, Escape: 0x1d}
	if edit != nil {
		edit(&o)
	}
	show, tell = &safe{}, &safe{}
	s, err = talk.Begin(t.Context(), target, o, show, tell)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, running, show, tell
}

// By hand too, what a server says behind its go-ahead is residue, although it
// was shown as a line.
func TestResidueByHand(t *testing.T) {
	for _, fault := range []string{"residue-same-segment", "residue-late"} {
		var transcript safe
		s, _, _, tell := withLab(t, "smtp", observe.StartTLS, func(o *talk.Options) {
			o.Manual = true
			o.Transcript = talk.NewTranscript(&transcript, nil)
		}, fault)
		if err := s.Script(talk.LinesOf([]string{"EHLO x", "STARTTLS", "\x1dstarttls", "EHLO x", "QUIT"}), nil); err != nil {
			t.Errorf("%s: Script: %v", fault, err)
		}
		s.Close()
		if !strings.Contains(tell.String(), "starttls-residue") || !strings.HasPrefix(tell.String()[strings.Index(tell.String(), "broken"):], "broken") {
			t.Errorf("%s: the report does not tell of the residue:\n%s", fault, tell)
		}
		if !strings.Contains(transcript.String(), `"residue":{`) {
			t.Errorf("%s: the transcript does not have the residue:\n%s", fault, transcript.String())
		}
	}
}

// Every protocol of the lab takes a login by the strongest mechanism, and its
// password is nowhere.
func TestAuth(t *testing.T) {
	for _, protocol := range []string{"smtp", "submission", "imap", "pop3", "sieve"} {
		var secret sasl.Secret
		var transcript safe
		s, server, show, tell := withLab(t, protocol, observe.StartTLS, func(o *talk.Options) {
			o.Account = talk.Account{User: lab.User, Secret: func() (sasl.Secret, error) { return secret, nil }}
			o.Transcript = talk.NewTranscript(&transcript, nil)
		})
		secret = sasl.NewSecret(server.Secret())
		err := s.Auth("strongest")
		all := show.String() + tell.String() + transcript.String()
		if err != nil || !strings.Contains(all, "logged in as lab by PLAIN") {
			t.Errorf("%s: Auth: %v; it tells\n%s", protocol, err, tell)
		}
		if strings.Contains(all, server.Secret()) {
			t.Errorf("%s: the password is told:\n%s", protocol, all)
		}
	}
}

// liar is an SMTP server that knows no password, but says that it let us in.
func liar(c net.Conn, last string) error {
	c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	fmt.Fprint(c, "220 x\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimRight(line, "\r\n")
		first, isAuth := strings.CutPrefix(line, "AUTH SCRAM-SHA-256 ")
		switch {
		case strings.HasPrefix(line, "EHLO"):
			fmt.Fprint(c, "250-x\r\n250 AUTH SCRAM-SHA-256\r\n")
		case isAuth:
			text, _ := base64.StdEncoding.DecodeString(first)
			_, nonce, _ := strings.Cut(string(text), ",r=")
			fmt.Fprintf(c, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte("r="+nonce+"more,s=c2FsdA==,i=4096")))
			if _, err := in.ReadString('\n'); err != nil {
				return err
			}
			fmt.Fprint(c, last)
			if strings.HasPrefix(last, "235") {
				continue
			}
			in.ReadString('\n') // an empty line if it believed us
			fmt.Fprint(c, "235 welcome\r\n")
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// A server that lies in SCRAM's last message, or leaves it out, is caught.
func TestServerLies(t *testing.T) {
	for name, last := range map[string]string{
		"a false signature": "334 " + base64.StdEncoding.EncodeToString([]byte("v="+base64.StdEncoding.EncodeToString(make([]byte, 32)))) + "\r\n",
		"no signature":      "235 welcome\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() {
				if c, err := l.Accept(); err == nil {
					liar(c, last)
					c.Close()
				}
			})
			t.Cleanup(func() {
				l.Close()
				serving.Wait()
			})
			s, _, tell := begin(t, l.Addr().String(), "smtp", func(o *talk.Options) {
				o.IKnow = true
				o.Account = talk.Account{User: "alice", Secret: func() (sasl.Secret, error) { return sasl.NewSecret("opensesame"), nil }}
			})
			if err := s.Auth("strongest"); at(err) != talk.LoggingIn || !strings.Contains(err.Error(), "SCRAM-SHA-256") {
				t.Errorf("Auth: %v, want that it was caught; it tells\n%s", err, tell)
			}
		})
	}
}
