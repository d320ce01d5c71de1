package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailseal/mailseal/observe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// allModes are the ways to TLS that every server of the lab knows.
var allModes = []observe.Mode{observe.StartTLS, observe.Implicit}

func newTestCA(t testing.TB) *CA {
	t.Helper()
	ca, err := NewCA(time.Now())
	if err != nil {
		t.Fatalf("NewCA: %v", err)
	}
	return ca
}

func start(t testing.TB, s *Server, ca *CA) *Running {
	t.Helper()
	r, err := s.Start(context.Background(), ca)
	if err != nil {
		t.Fatalf("starting %s, %s: %v", s.Protocol, s.Mode, err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("closing %s, %s: %v", s.Protocol, s.Mode, err)
		}
	})
	return r
}

// client is a client that knows nothing: it sends what it is told and shows
// what it gets.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

// dial connects, and handshakes where TLS comes first.
func dial(t testing.TB, r *Running, ca *CA) *client {
	t.Helper()
	c := dialClear(t, r)
	if r.server.Mode == observe.Implicit {
		c.handshake(ca)
	}
	return c
}

func dialClear(t testing.TB, r *Running) *client {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatalf("dialling %s: %v", r.Addr(), err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Fatalf("sending %q: %v", text, err)
	}
}

func (c *client) line() string {
	c.t.Helper()
	l, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("reading a line after %q: %v", l, err)
	}
	l, ok := strings.CutSuffix(l, "\r\n")
	if !ok {
		c.t.Fatalf("the line %q does not end with CRLF", l)
	}
	return l
}

// until reads lines up to one that begins so.
func (c *client) until(prefix string) []string {
	c.t.Helper()
	var lines []string
	for {
		l := c.line()
		lines = append(lines, l)
		if strings.HasPrefix(l, prefix) {
			return lines
		}
		if len(lines) > 100 {
			c.t.Fatalf("no line begins with %q: %q", prefix, lines)
		}
	}
}

func (c *client) handshake(ca *CA) *tls.Conn {
	c.t.Helper()
	if n := c.in.Buffered(); n > 0 {
		b, _ := c.in.Peek(n)
		c.t.Fatalf("clear bytes before TLS: %q", b)
	}
	t := tls.Client(c.conn, &tls.Config{RootCAs: ca.Pool(), ServerName: "mail.lab.test"})
	if err := t.Handshake(); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.conn, c.in = t, bufio.NewReader(t)
	return t
}

// words are what a script may hold instead of a secret.
func words(r *Running) *strings.Replacer {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return strings.NewReplacer(
		"{secret}", r.Secret(),
		"{n}", fmt.Sprint(len(r.Secret())),
		"{b64 user}", b64(User),
		"{b64 secret}", b64(r.Secret()),
		"{plain}", b64("\x00"+User+"\x00"+r.Secret()),
		"{bad plain}", b64("\x00"+User+"\x00wrong"),
	)
}

// play has a conversation by a script of lines:
//
//	C: text   is sent, with CRLF
//	S: text   must come, exactly
//	S: text…  must come, as the beginning of a line
//	TLS       a handshake, which must succeed
//	EOF       the server must leave
func play(t *testing.T, r *Running, ca *CA, script string) {
	t.Helper()
	c := dial(t, r, ca)
	for _, step := range strings.Split(strings.TrimSpace(script), "\n") {
		step = words(r).Replace(strings.TrimSpace(step))
		switch {
		case step == "" || strings.HasPrefix(step, "#"):
		case step == "TLS":
			c.handshake(ca)
		case step == "EOF":
			if b, err := c.in.ReadByte(); err == nil {
				t.Fatalf("the server sent %q, want the end of the connection", b)
			}
		case strings.HasPrefix(step, "C:"):
			c.send(strings.TrimPrefix(step[2:], " ") + "\r\n")
		case strings.HasPrefix(step, "S:"):
			want := strings.TrimPrefix(step[2:], " ")
			got := c.line()
			if begin, ok := strings.CutSuffix(want, "…"); ok && strings.HasPrefix(got, begin) {
				continue
			}
			if got != want {
				t.Fatalf("the server said\n %q, want\n %q", got, want)
			}
		default:
			t.Fatalf("the script has a line %q", step)
		}
	}
}

// stored returns everything that the server wrote down, as a file would hold
// it.
func stored(t testing.TB, r *Running) string {
	t.Helper()
	b, err := json.Marshal(r.Observations())
	if err != nil {
		t.Fatalf("storing the observations: %v", err)
	}
	return string(b)
}

// The secret must not be in the record, in any form in which a client may have
// sent it.
func expectNoSecret(t testing.TB, r *Running) {
	t.Helper()
	text := stored(t, r)
	for _, form := range append(r.secrets, words(r).Replace("{plain}")) {
		if strings.Contains(text, form) {
			t.Errorf("the record holds the secret as %q:\n%s", form, text)
		}
	}
}

func TestStartErrors(t *testing.T) {
	ca := newTestCA(t)
	for _, test := range []struct {
		name string
		s    *Server
	}{
		{"unknown protocol", New("gopher", observe.StartTLS)},
		{"unknown mode", New("smtp", "sometimes")},
		{"zero value", &Server{Protocol: "smtp", Mode: observe.StartTLS}},
		{"unknown key", func() *Server { s := New("smtp", observe.StartTLS); s.Leaf.Key = "dsa"; return s }()},
		{"unknown issuer", func() *Server { s := New("smtp", observe.StartTLS); s.Leaf.Issuer = "nobody"; return s }()},
		{"unknown link", func() *Server { s := New("smtp", observe.StartTLS); s.Leaf.Chain = []Authority{"nobody"}; return s }()},
		{"no such address", func() *Server { s := New("smtp", observe.StartTLS); s.Listen = "127.0.0.1:nowhere"; return s }()},
	} {
		r, err := test.s.Start(context.Background(), ca)
		if err == nil {
			r.Close()
			t.Errorf("Start with %s: no error", test.name)
		}
	}
}

func TestContextEndsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, err := New("smtp", observe.StartTLS).Start(ctx, newTestCA(t))
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	c := dialClear(t, r)
	c.until("220 ")
	cancel()
	if _, err := c.in.ReadByte(); err == nil {
		t.Errorf("the connection goes on after its context ended")
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close after the context ended: %v", err)
	}
}

func TestCloseEndsOpenConnections(t *testing.T) {
	ca := newTestCA(t)
	for _, p := range Protocols() {
		for _, m := range allModes {
			r := start(t, New(p, m), ca)
			idle := dialClear(t, r)
			talking := dial(t, r, ca)
			talking.line()
			if err := r.Close(); err != nil {
				t.Errorf("%s, %s: Close: %v", p, m, err)
			}
			for _, c := range []*client{idle, talking} {
				if _, err := c.conn.Read(make([]byte, 1<<16)); err == nil {
					if _, err = c.conn.Read(make([]byte, 1)); err == nil {
						t.Errorf("%s, %s: a connection outlives Close", p, m)
					}
				}
			}
		}
	}
}
