package talk_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/talk"
)

var labCA = sync.OnceValues(func() (*lab.CA, error) { return lab.NewCA(time.Now()) })

const host = "mail.lab.test"

// sealWith makes a certificate for the sealed part of a replay.
func sealWith(t *testing.T) tls.Certificate {
	t.Helper()
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	c, err := ca.Issue(host, lab.New("smtp", observe.StartTLS).Leaf)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stage is a replay that serves one client.
type stage struct {
	addr string
	done chan struct{}

	mu     sync.Mutex
	told   []talk.Difference
	played talk.Played
}

// raise starts to serve one client with r.
func raise(t *testing.T, r talk.Replay) *stage {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{addr: l.Addr().String(), done: make(chan struct{})}
	r.Certificate = sealWith(t)
	r.Tell = func(d talk.Difference) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(s.done)
		defer l.Close()
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.played = r.Play(ctx, c)
	}()
	t.Cleanup(func() { cancel(); l.Close(); <-s.done })
	return s
}

// outcome waits for the end of the play.
func (s *stage) outcome() (talk.Played, []talk.Difference) {
	<-s.done
	return s.played, s.told
}

// ask makes one connection by probe.Run, as check does.
func ask(e observe.Endpoint, addr string, o probe.Options) observe.Conn {
	e.Network, e.Address = "tcp", addr
	offer := probe.WholeOffer()
	offer.SNI = host
	o.Helo = "client.example.test"
	c, _ := probe.Run(context.Background(), observe.Probe{Endpoint: e, Offer: offer}, &o)
	return c
}

// through writes a conversation as a transcript and reads it again.
func through(t *testing.T, c observe.Conn) observe.Conn {
	t.Helper()
	var b bytes.Buffer
	w := talk.NewTranscript(&b, nil)
	w.Begin(talk.TranscriptHead{Tool: "test", Endpoint: c.Probe.Endpoint, Began: c.Began})
	for _, l := range c.Lines {
		w.Line(l)
	}
	w.End(c)
	all, err := talk.ReadRecordings(&b)
	if err != nil || len(all) != 1 {
		t.Fatalf("reading a transcript again: %v, %d sessions", err, len(all))
	}
	return all[0].Conn
}

// words are the lines without their times.
func words(c observe.Conn) string {
	var b strings.Builder
	for _, l := range c.Lines {
		fmt.Fprintf(&b, "%s sealed=%v %q %s\n", l.From, l.Sealed, string(l.Text), l.Break)
	}
	return b.String()
}

// sameConversation demands that a client saw the same twice.
func sameConversation(t *testing.T, got, want observe.Conn) {
	t.Helper()
	if g, w := words(got), words(want); g != w {
		t.Errorf("the conversation with the replay is\n%swas recorded as\n%s", g, w)
	}
	if got.Reached != want.Reached || got.End != want.End {
		t.Errorf("with the replay: reached %q, end %q (%s); recorded: %q, %q (%s)", got.Reached, got.End, got.Cause, want.Reached, want.End, want.Cause)
	}
	for _, pair := range []struct {
		name      string
		got, want any
	}{
		{"capabilities in clear", got.Clear, want.Clear},
		{"capabilities inside TLS", got.Sealed, want.Sealed},
		{"upgrade", got.Upgrade, want.Upgrade},
		{"residue", got.Residue, want.Residue},
	} {
		if !reflect.DeepEqual(pair.got, pair.want) {
			t.Errorf("%s with the replay: %+v, recorded: %+v", pair.name, pair.got, pair.want)
		}
	}
}

// A session with the lab, written down and played, is the same session to the
// same client: honest servers, and those whose faults are words or ends.
func TestReplayOfTheLab(t *testing.T) {
	faults := []lab.Fault{{Name: "honest", Edit: func(*lab.Server) {}}}
	for _, f := range lab.Faults {
		if playable(f.Name) {
			faults = append(faults, f)
		}
	}
	if len(faults) < 15 {
		t.Fatalf("%d faults of the lab can be played, want most that are words", len(faults))
	}
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		for _, p := range lab.Protocols() {
			for _, mode := range []observe.Mode{observe.StartTLS, observe.Implicit} {
				if f.Fits(p, mode) && lab.New(p, mode) != nil {
					t.Run(f.Name+"/"+p+"/"+string(mode), func(t *testing.T) {
						t.Parallel()
						replayOfLab(t, ca, f, p, mode)
					})
				}
			}
		}
	}
}

// playable leaves out what a replay does not play: certificates, what TLS
// agrees on, and time.
func playable(fault string) bool {
	for _, prefix := range []string{"cert-", "chain-", "suite-", "tls-", "group-", "must-", "ocsp-", "sct-"} {
		if strings.HasPrefix(fault, prefix) {
			return false
		}
	}
	return !slices.Contains([]string{
		"extended-master-secret-missing", "renegotiation-insecure", "certificate-demanded", "certificate-of-16-mb",
		"slow-greeting", "slow-handshake", "hello-unanswered", "reset-in-handshake", "close-in-handshake",
	}, fault)
}

func replayOfLab(t *testing.T, ca *lab.CA, f lab.Fault, protocol string, mode observe.Mode) {
	server := lab.New(protocol, mode)
	f.Edit(server)
	running, err := server.Start(context.Background(), ca)
	if err != nil {
		t.Skipf("the lab cannot serve this: %v", err)
	}
	defer running.Close()
	var o probe.Options
	if f.Hangs {
		o.Timeouts = probe.Timeouts{Greeting: 500 * time.Millisecond, Reply: 500 * time.Millisecond}
	}
	e := observe.Endpoint{Protocol: protocol, Mode: mode, Host: host}
	recorded := ask(e, running.Addr(), o)
	s := raise(t, talk.Replay{Conn: through(t, recorded), Strict: true})
	sameConversation(t, ask(e, s.addr, o), recorded)
	if played, told := s.outcome(); !played.Whole || played.Differences != 0 || len(told) != 0 {
		t.Errorf("played %+v, told %+v; want the whole of it without a difference", played, told)
	}
}

// What real servers of all protocols said, from the tests of dialogue.
func TestReplayOfRealServers(t *testing.T) {
	files, err := filepath.Glob("../dialogue/testdata/*_normal*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d conversations, %v; want many", len(files), err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), "_")
		if dialogue.ByName(name) == nil {
			continue // it needs a dialogue file
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			script := readScript(t, file, name)
			e := script.Probe.Endpoint
			s := raise(t, talk.Replay{Conn: script})
			recorded := ask(e, s.addr, probe.Options{})
			if played, told := s.outcome(); !played.Whole || len(told) != 0 {
				t.Errorf("the script: played %+v, told %+v; want the whole of it without a difference", played, told)
			}
			if script.Reached == observe.After && (recorded.Reached != observe.After || recorded.End != observe.Done) {
				t.Errorf("the script: reached %q, end %q (%s)", recorded.Reached, recorded.End, recorded.Cause)
			}
			s = raise(t, talk.Replay{Conn: through(t, recorded), Strict: true})
			sameConversation(t, ask(e, s.addr, probe.Options{}), recorded)
			if played, told := s.outcome(); !played.Whole || len(told) != 0 {
				t.Errorf("its recording: played %+v, told %+v; want the whole of it without a difference", played, told)
			}
		})
	}
}

// readScript reads a conversation in the form of wire.Replay as if it had been
// recorded.
func readScript(t *testing.T, file, protocol string) observe.Conn {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, _, _ := strings.Cut(string(text), "-- record --\n")
	c := observe.Conn{Reached: observe.Capability, End: observe.Done}
	c.Probe.Endpoint = observe.Endpoint{Protocol: protocol, Mode: observe.StartTLS, Host: host, Domain: "lab.test"}
	sealed := false
	for l := range strings.Lines(script) {
		l = strings.TrimSuffix(l, "\n")
		switch {
		case l == "" || l[0] == '#' || l == "EOF":
			continue
		case l == "TLS":
			sealed, c.Reached = true, observe.After
			if len(c.Lines) == 0 {
				c.Probe.Endpoint.Mode = observe.Implicit
			}
			continue
		}
		line := observe.Line{From: observe.Client, Sealed: sealed}
		if l[0] == 'S' {
			line.From = observe.Server
		}
		if l[1] == '|' {
			line.Break = observe.Binary
		}
		if err := line.Text.UnmarshalText([]byte(strings.TrimPrefix(l[2:], " "))); err != nil {
			t.Fatal(err)
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// conversation reads lines as they stand in a script, "S: " and "C: ", with a
// small letter for those inside TLS and "X: " for a client's that is redacted.
func conversation(protocol string, lines ...string) observe.Conn {
	c := observe.Conn{Reached: observe.Capability, End: observe.Done}
	c.Probe.Endpoint = observe.Endpoint{Protocol: protocol, Mode: observe.StartTLS, Host: host}
	for _, l := range lines {
		line := observe.Line{From: observe.Client, Text: observe.Text(l[3:])}
		switch l[0] {
		case 'S', 's':
			line.From = observe.Server
		case 'X':
			line.Redacted = true
		}
		if line.Sealed = l[0] >= 'a'; line.Sealed {
			c.Reached = observe.After
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// told is a difference in one line: its place and why, or what was wanted and
// what came.
func told(d talk.Difference) string {
	if d.Why != "" && !strings.HasPrefix(d.Why, "the replay goes on") {
		return fmt.Sprintf("%d: %s: %s", d.Line, d.Why, d.Got)
	}
	return strings.TrimSpace(fmt.Sprintf("%d: %s / %s %s", d.Line, d.Want, d.Got, d.Why))
}

// Clients that do not do what was recorded. Each says its words line by line
// as the server's come.
func TestReplayTellsDifferences(t *testing.T) {
	smtp := conversation("smtp", "S: 220 ready", "C: EHLO a.test", "S: 250-mail", "S: 250 SIZE", "C: MAIL FROM:<a@a.test>", "S: 250 ok", "C: QUIT", "S: 221 bye")
	imap := conversation("imap", "S: * OK", "C: a1 CAPABILITY", "S: * CAPABILITY IMAP4rev1", "S: a1 OK", "X: a2 LOGIN [9 bytes hidden]", "S: a2 OK in", "C: a3 LOGOUT", "S: * BYE", "S: a3 OK")
	data := conversation("smtp", "S: 354 go on", "C: Subject: x", "C: ", "C: one", "C: two", "C: .", "S: 250 got it", "C: QUIT", "S: 221 bye")
	cutOff := smtp
	cutOff.Lines, cutOff.End = cutOff.Lines[:4], observe.Closed
	xmpp := conversation("xmpp-client", "C: <stream:stream to='a'><x/>", "S: <ok/>", "C: QUIT", "S: end")
	xmpp.Lines[0].Break = observe.Binary
	ldap := conversation("ldap", "C: 0123", "S: answer", "C: QUIT", "S: end")
	ldap.Lines[0].Break = observe.Binary
	for _, test := range []struct {
		why    string
		conn   observe.Conn
		strict bool
		says   string // the client's words, one piece up to each |
		hears  string // all that the server says
		tells  []string
		whole  bool
	}{
		{"the same", smtp, true, "EHLO a.test\r\n|MAIL FROM:<a@a.test>\r\n|QUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", nil, true},
		{"another name", smtp, false, "ehlo b.test\r\n|MAIL FROM:<>\r\n|QUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", nil, true},
		{"another name, strictly", smtp, true, "EHLO b.test\r\n|MAIL FROM:<a@a.test>\r\n|QUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", []string{"1: EHLO a.test / EHLO b.test"}, true},
		{"another line end, strictly", smtp, true, "EHLO a.test\n|MAIL FROM:<a@a.test>\r\n|QUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", []string{"1: the same words with another line end: EHLO a.test"}, true},
		{"another line end", smtp, false, "EHLO a.test\n|MAIL FROM:<a@a.test>\n|QUIT\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", nil, true},
		{"another command", smtp, false, "EHLO a.test\r\n|VRFY x\r\n|QUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", []string{"4: MAIL FROM:<a@a.test> / VRFY x"}, true},
		{"a command left out", smtp, false, "EHLO a.test\r\n|QUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n221 bye\r\n", []string{"4: MAIL FROM:<a@a.test> / QUIT the replay goes on at line 7"}, true},
		{"all at once", smtp, true, "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nQUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", nil, true},
		{"leaves", smtp, false, "EHLO a.test\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n", []string{"4: the client left: "}, false},
		{"leaves in the middle of a line", smtp, false, "EHLO a.test\r\n|MAIL", "220 ready\r\n250-mail\r\n250 SIZE\r\n", []string{"4: the client left: MAIL"}, false},
		{"says nothing", smtp, false, "", "220 ready\r\n", []string{"1: the client left: "}, false},
		{"a line without end", smtp, false, strings.Repeat("a", 70000) + "\r\n|", "220 ready\r\n", []string{"1: the client says a line of more than 65536 bytes: "}, false},
		{"says more", smtp, false, "EHLO a.test\r\n|MAIL\r\n|QUIT\r\n|NOOP\r\nNOOP\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n250 ok\r\n221 bye\r\n", []string{"8: the recording ends here: NOOP", "8: the recording ends here: NOOP"}, true},
		{"goes on where the server left", cutOff, false, "EHLO a.test\r\n|QUIT\r\n|", "220 ready\r\n250-mail\r\n250 SIZE\r\n", []string{"4: the recording ends here: QUIT"}, true},
		{"other tags", imap, false, "A001 capability\r\n|A002 LOGIN lab secret\r\n|A003 LOGOUT\r\n|", "* OK\r\n* CAPABILITY IMAP4rev1\r\nA001 OK\r\nA002 OK in\r\n* BYE\r\nA003 OK\r\n", nil, true},
		{"the same tag each time", imap, false, "x CAPABILITY\r\n|x LOGIN lab secret\r\n|x LOGOUT\r\n|", "* OK\r\n* CAPABILITY IMAP4rev1\r\nx OK\r\nx OK in\r\n* BYE\r\nx OK\r\n", nil, true},
		{"a login of another kind", imap, false, "a1 CAPABILITY\r\n|a2 AUTHENTICATE PLAIN AGEAYg==\r\n|a3 LOGOUT\r\n|", "* OK\r\n* CAPABILITY IMAP4rev1\r\na1 OK\r\na2 OK in\r\n* BYE\r\na3 OK\r\n", nil, true},
		{"another login, strictly", imap, true, "a1 CAPABILITY\r\n|a2 LOGIN lab secret\r\n|a3 LOGOUT\r\n|", "* OK\r\n* CAPABILITY IMAP4rev1\r\na1 OK\r\na2 OK in\r\n* BYE\r\na3 OK\r\n", nil, true},
		{"a longer message", data, false, "From: y\r\nTo: z\r\n\r\na\r\nb\r\nc\r\nd\r\n.\r\n|QUIT\r\n|", "354 go on\r\n250 got it\r\n221 bye\r\n", []string{"1: Subject: x / From: y"}, true},
		{"a shorter message", data, false, "Subject: y\r\n.\r\n|QUIT\r\n|", "354 go on\r\n250 got it\r\n221 bye\r\n", nil, true},
		{"a message without end", data, false, "Subject: y\r\n" + strings.Repeat("x\r\n", 10001) + "|", "354 go on\r\n", []string{"1: the client says more than 10000 lines in one go: "}, false},
		{"a longer name in XMPP", xmpp, false, "<stream:stream to='example'><x/>|QUIT\r\n|", "<ok/>\r\nend\r\n", nil, true},
		{"the same in XMPP, strictly", xmpp, true, "<stream:stream to='b'><x/>|QUIT\r\n|", "<ok/>\r\nend\r\n", []string{"0: <stream:stream to='a'><x/> / <stream:stream to='b'><x/>"}, true},
		{"other bytes", ldap, false, "abcd|QUIT\r\n|", "answer\r\nend\r\n", nil, true},
		{"other bytes, strictly", ldap, true, "abcd|QUIT\r\n|", "answer\r\nend\r\n", []string{"0: 0123 / abcd"}, true},
		{"too few bytes", ldap, false, "ab", "", []string{"0: the client left: ab"}, false},
	} {
		t.Run(strings.ReplaceAll(test.why, " ", "_"), func(t *testing.T) {
			s := raise(t, talk.Replay{Conn: test.conn, Strict: test.strict})
			if heard := visit(t, s.addr, test.says); heard != test.hears {
				t.Errorf("the client hears %q, want %q", heard, test.hears)
			}
			played, differences := s.outcome()
			var got []string
			for _, d := range differences {
				got = append(got, told(d))
			}
			if !slices.Equal(got, test.tells) || played.Whole != test.whole || played.Differences != len(got) {
				t.Errorf("played %+v, told %q; want whole %v and %q", played, got, test.whole, test.tells)
			}
		})
	}
}

// visit is a client. It says its words, closes its half, and returns what it
// hears.
func visit(t *testing.T, addr, says string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	var heard bytes.Buffer
	for w := range strings.SplitSeq(says, "|") {
		c.Write([]byte(w)) // that a server has left is told by what is heard
	}
	c.(*net.TCPConn).CloseWrite()
	heard.ReadFrom(c)
	return heard.String()
}

// Clear text that a client sends behind STARTTLS is neither handed to TLS nor
// passed over in silence.
func TestReplayDropsClearText(t *testing.T) {
	s := raise(t, talk.Replay{Conn: conversation("smtp", "S: 220 ready", "C: STARTTLS", "S: 220 go", "c: EHLO a", "s: 250 ok", "c: QUIT")})
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "STARTTLS\r\nEHLO injected\r\n")
	goAhead := make([]byte, len("220 ready\r\n220 go\r\n"))
	if _, err := c.Read(goAhead); err != nil {
		t.Fatal(err)
	}
	for n := len("220 ready\r\n"); n < len(goAhead); { // the rest may come in a second piece
		if bytes.Contains(goAhead, []byte("go\r\n")) {
			break
		}
		m, err := c.Read(goAhead[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	sealed := tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // it is about words
	fmt.Fprint(sealed, "EHLO b\r\nQUIT\r\n")
	var heard bytes.Buffer
	heard.ReadFrom(sealed)
	if heard.String() != "250 ok\r\n" {
		t.Errorf("inside TLS the client hears %q, want 250 ok", heard.String())
	}
	c.Close()
	played, differences := s.outcome()
	if len(differences) != 1 || told(differences[0]) != `3: clear text where TLS should begin: EHLO injected\x0d\x0a` || !played.Whole {
		t.Errorf("played %+v, told %+v; want the clear text and nothing else", played, differences)
	}
}

// A client that speaks no TLS where the recording does.
func TestReplayWithoutTLS(t *testing.T) {
	s := raise(t, talk.Replay{Conn: conversation("imap", "s: * OK", "c: a LOGOUT")})
	if heard := visit(t, s.addr, "a LOGOUT\r\n"); heard != "" {
		t.Errorf("a client without TLS hears %q, want nothing", heard)
	}
	if played, differences := s.outcome(); played.Whole || len(differences) != 2 {
		t.Errorf("played %+v, told %+v; want clear text, and a handshake that fails", played, differences)
	}
}

// Nothing that a client does or leaves undone keeps a replay for good.
func TestReplayEnds(t *testing.T) {
	silent := conversation("smtp", "S: 220 ready", "C: QUIT")
	stays := conversation("smtp", "S: 220 ready")
	t.Run("the client says nothing", func(t *testing.T) {
		expectEnd(t, talk.Replay{Conn: silent, Wait: 50 * time.Millisecond}, "1: the client says no more: ", false)
	})
	t.Run("the client stays", func(t *testing.T) {
		expectEnd(t, talk.Replay{Conn: stays, Wait: 50 * time.Millisecond}, "1: the client stays: ", true)
	})
	t.Run("the context ends", func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(20*time.Millisecond, cancel)
		go there.Read(make([]byte, 100))
		var got string
		r := talk.Replay{Conn: silent, Tell: func(d talk.Difference) { got = told(d) }}
		if played := r.Play(ctx, here); !played.Stopped || played.Whole || got != "" {
			t.Errorf("played %+v, told %q; want it stopped, and no difference", played, got)
		}
	})
	t.Run("the client never ends", func(t *testing.T) {
		s := raise(t, talk.Replay{Conn: conversation("smtp", "S: 220 ready", "C: QUIT")})
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for err == nil {
			_, err = c.Write(bytes.Repeat([]byte("NOOP\r\n"), 100))
		}
		if played, _ := s.outcome(); played.Differences != 100 {
			t.Errorf("played %+v; want it given up at 100 differences", played)
		}
	})
}

func expectEnd(t *testing.T, r talk.Replay, want string, whole bool) {
	t.Helper()
	s := raise(t, r)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	played, differences := s.outcome()
	if len(differences) != 1 || told(differences[0]) != want || played.Whole != whole {
		t.Errorf("played %+v, told %+v; want %q", played, differences, want)
	}
}

// Whatever a recording says, and whatever the client: a play ends without
// breaking anything.
func FuzzReplay(f *testing.F) {
	f.Add([]byte(`{"endpoint":{"protocol":"imap"}}`+"\n"+`{"from":"server","text":"* OK"}`+"\n"+`{"from":"client","text":"a NOOP"}`+"\n"+`{"end":"closed"}`), []byte("x NOOP\r\n"), false)
	f.Add([]byte(`{"endpoint":{"protocol":"xmpp-client","mode":"implicit"}}`+"\n"+`{"from":"client","text":"<a>","break":"binary"}`), []byte("\x16\x03\x01"), true)
	f.Add([]byte(`{"endpoint":{}}`+"\n"+`{"from":"client","text":""}`+"\n"+`{"end":"reset","reached":"upgrade","residue":{"bytes":"x","late":true}}`), []byte("\r\n\r\n"), false)
	f.Fuzz(func(t *testing.T, recording, says []byte, strict bool) {
		all, err := talk.ReadRecordings(bytes.NewReader(recording))
		if err != nil || len(says) > 1<<16 {
			return
		}
		here, there := net.Pipe()
		go func() {
			there.Write(says)
			there.Close()
		}()
		go func() { // a client that does not listen would keep the server waiting
			var b [512]byte
			for {
				if _, err := there.Read(b[:]); err != nil {
					return
				}
			}
		}()
		n := 0
		r := talk.Replay{Conn: all[0].Conn, Strict: strict, Wait: time.Second, Tell: func(talk.Difference) { n++ }}
		if played := r.Play(context.Background(), here); played.Differences != n || played.Lines > len(r.Conn.Lines) {
			t.Errorf("Play(%s) with %q: %+v, told %d differences", recording, says, played, n)
		}
	})
}
