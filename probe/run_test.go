package probe_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a lab server and returns its address.
func serve(t *testing.T, s *lab.Server) string {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatalf("NewCA: %v", err)
	}
	running, err := s.Start(context.Background(), ca)
	if err != nil {
		t.Fatalf("starting the lab: %v", err)
	}
	t.Cleanup(func() { running.Close() })
	return running.Addr()
}

func look(t *testing.T, ctx context.Context, typed string, by probe.Override, o *probe.Options) *observe.Observation {
	t.Helper()
	target, err := probe.ReadTarget(typed, by)
	if err != nil {
		t.Fatalf("ReadTarget(%q): %v", typed, err)
	}
	return probe.Survey(ctx, target, o)
}

func one(t *testing.T, o *observe.Observation) observe.Conn {
	t.Helper()
	if len(o.Conns) != 1 {
		t.Fatalf("%d connections in the observation, want 1", len(o.Conns))
	}
	return o.Conns[0]
}

func expectEnd(t *testing.T, c observe.Conn, reached observe.Stage, end observe.End) {
	t.Helper()
	if c.Reached != reached || c.End != end {
		t.Errorf("reached %q, end %q (%s), want %q and %q", c.Reached, c.End, c.Cause, reached, end)
	}
}

func TestRefusedAtDial(t *testing.T) {
	c := one(t, look(t, context.Background(), "smtp://h.test", probe.Override{Connect: closedPort(t)}, &probe.Options{}))
	expectEnd(t, c, observe.Nothing, observe.Refused)
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A name that does not exist is told by the look-up; no connection is made.
func TestNoSuchName(t *testing.T) {
	o := look(t, context.Background(), "smtp://no-such-name.invalid", probe.Override{}, &probe.Options{})
	if len(o.Conns) != 0 || len(o.Lookups) != 1 || o.Lookups[0].End == observe.Done || o.Lookups[0].Cause == "" {
		t.Errorf("conns %v, lookups %+v, want one look-up that failed, with its cause", o.Conns, o.Lookups)
	}
}

// The context may end at every stage: the record says so, keeps what was
// learned, and the server gets a goodbye where one makes sense.
func TestCancelled(t *testing.T) {
	hang := func(s *lab.Session) { s.Wait() }
	for _, stage := range []observe.Stage{observe.Greeting, observe.Capability, observe.Upgraded, observe.Handshake, observe.After} {
		t.Run(string(stage), func(t *testing.T) {
			server := lab.New("imap", observe.StartTLS)
			server.Instead = map[observe.Stage]func(*lab.Session){stage: hang}
			addr := serve(t, server)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			// The moment is when the stage is entered.
			watch := func(_ observe.Endpoint, s observe.Stage) {
				if s == stage {
					cancel()
				}
			}
			c := one(t, look(t, ctx, "imap://mail.lab.test", probe.Override{Connect: addr}, &probe.Options{Watch: watch}))
			if c.End != observe.Cancelled {
				t.Errorf("cancelled at %s: end %q (%s), want cancelled", stage, c.End, c.Cause)
			}
			last := ""
			if len(c.Lines) > 0 {
				last = string(c.Lines[len(c.Lines)-1].Text)
			}
			polite := stage == observe.Capability || stage == observe.Upgraded || stage == observe.After
			if polite != strings.HasSuffix(last, "LOGOUT") {
				t.Errorf("cancelled at %s: the last line is %q; a goodbye is due: %v", stage, last, polite)
			}
		})
	}
}

// The limit for the whole survey covers a server that never greets.
func TestTotalTime(t *testing.T) {
	server := lab.New("smtp", observe.StartTLS)
	server.Instead = map[observe.Stage]func(*lab.Session){observe.Greeting: (*lab.Session).Wait}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	o := look(t, ctx, "smtp://mail.lab.test", probe.Override{Connect: serve(t, server)}, &probe.Options{})
	expectEnd(t, one(t, o), observe.Dial, observe.Cancelled)
	if !o.Interrupted {
		t.Error("the observation does not say that it was interrupted")
	}
}

func TestStageTime(t *testing.T) {
	server := lab.New("smtp", observe.StartTLS)
	server.Instead = map[observe.Stage]func(*lab.Session){observe.Greeting: (*lab.Session).Wait}
	limits := probe.Timeouts{Greeting: 200 * time.Millisecond}
	o := look(t, context.Background(), "smtp://mail.lab.test", probe.Override{Connect: serve(t, server)}, &probe.Options{Timeouts: limits})
	expectEnd(t, one(t, o), observe.Dial, observe.Timeout)
	if o.Interrupted {
		t.Error("a stage that ran out of time is not an interruption")
	}
}

func TestServerName(t *testing.T) {
	addr := serve(t, lab.New("imap", observe.Implicit))
	for _, test := range []struct {
		typed string
		o     probe.Options
		want  string
	}{
		{"imaps://mail.lab.test.", probe.Options{}, "mail.lab.test"}, // no trailing dot
		{"imaps://127.0.0.1", probe.Options{}, ""},                   // never an address
		{"imaps://mail.lab.test", probe.Options{SNI: "other.lab.test"}, "other.lab.test"},
		{"imaps://mail.lab.test", probe.Options{NoSNI: true}, ""},
	} {
		c := one(t, look(t, context.Background(), test.typed, probe.Override{Connect: addr}, &test.o))
		expectEnd(t, c, observe.After, observe.Done)
		if got := c.Probe.Offer.SNI; got != test.want {
			t.Errorf("%s with %+v: server name %q, want %q", test.typed, test.o, got, test.want)
		}
	}
}

func TestALPN(t *testing.T) {
	server := lab.New("imap", observe.Implicit)
	server.TLS.ALPN = []string{"imap"}
	addr := serve(t, server)
	for _, test := range []struct {
		offer []string
		want  string
	}{{nil, ""}, {[]string{"imap"}, "imap"}} {
		c := one(t, look(t, context.Background(), "imaps://mail.lab.test", probe.Override{Connect: addr}, &probe.Options{ALPN: test.offer}))
		if c.TLS == nil || string(c.TLS.ALPN) != test.want {
			t.Errorf("offered %q: TLS %+v, want ALPN %q", test.offer, c.TLS, test.want)
		}
	}
	c := one(t, look(t, context.Background(), "imaps://mail.lab.test", probe.Override{Connect: addr}, &probe.Options{ALPN: []string{"h2"}}))
	expectEnd(t, c, observe.Dial, observe.Alerted)
	if len(c.Alerts) == 0 || c.Alerts[0].Code != 120 {
		t.Errorf("a foreign ALPN: alerts %+v, want no_application_protocol (120)", c.Alerts)
	}
}

func TestBind(t *testing.T) {
	addr := serve(t, lab.New("imap", observe.Implicit))
	expectEnd(t, one(t, look(t, context.Background(), "imaps://mail.lab.test", probe.Override{Connect: addr}, &probe.Options{Bind: "127.0.0.1"})), observe.After, observe.Done)
	// 192.0.2.0/24 is for documentation: no machine has such an address.
	expectEnd(t, one(t, look(t, context.Background(), "imaps://mail.lab.test", probe.Override{Connect: addr}, &probe.Options{Bind: "192.0.2.1"})), observe.Nothing, observe.Unreachable)
}

func TestUnixSocket(t *testing.T) {
	addr := serve(t, lab.New("lmtp", observe.StartTLS))
	path := filepath.Join(t.TempDir(), "lmtp")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var ended sync.WaitGroup
	defer ended.Wait()
	ended.Go(func() { forward(l, addr) })
	c := one(t, look(t, context.Background(), "lmtp+unix://"+path, probe.Override{}, &probe.Options{}))
	expectEnd(t, c, observe.After, observe.Done)
	l.Close()
	c = one(t, look(t, context.Background(), "lmtp+unix://"+path, probe.Override{}, &probe.Options{}))
	expectEnd(t, c, observe.Nothing, observe.Unreachable) // the path is gone
}

// forward joins each connection of l to addr, until l is closed.
func forward(l net.Listener, addr string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", addr)
		if err != nil {
			c.Close()
			continue
		}
		join(c, up)
	}
}

func join(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { io.Copy(a, b); a.Close(); b.Close() })
	both.Go(func() { io.Copy(b, a); a.Close(); b.Close() })
	both.Wait()
}

func TestProxy(t *testing.T) {
	addr := serve(t, lab.New("smtp", observe.StartTLS))
	for _, test := range []struct {
		scheme string
		user   *url.Userinfo
		serve  func(net.Conn, *string)
		asked  string // what the proxy must have been asked
	}{
		{"socks5", nil, socksServer, "CONNECT " + addr},
		{"socks5", url.UserPassword("ann", "geheim"), socksServer, "ann:geheim CONNECT " + addr},
		{"http", nil, connectServer, "CONNECT " + addr},
		{"http", url.UserPassword("ann", "geheim"), connectServer, "ann:geheim CONNECT " + addr},
	} {
		t.Run(fmt.Sprintf("%s/user=%v", test.scheme, test.user != nil), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var asked string
			var ended sync.WaitGroup
			ended.Go(func() {
				if c, err := l.Accept(); err == nil {
					test.serve(c, &asked)
				}
			})
			by := &url.URL{Scheme: test.scheme, Host: l.Addr().String(), User: test.user}
			o := look(t, context.Background(), "smtp://mail.lab.test", probe.Override{Connect: addr}, &probe.Options{Proxy: by})
			l.Close()
			ended.Wait()
			expectEnd(t, one(t, o), observe.After, observe.Done)
			if asked != test.asked {
				t.Errorf("the proxy was asked %q, want %q", asked, test.asked)
			}
			if strings.Contains(o.Vantage.Proxy, "geheim") || o.Vantage.Proxy == "" {
				t.Errorf("the vantage names the proxy as %q: it must be named, without its password", o.Vantage.Proxy)
			}
		})
	}
}

// What a proxy does wrong is recorded as the proxy's.
func TestProxyFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer string
		end    observe.End
	}{
		{"refuses", "HTTP/1.1 403 Forbidden\r\n\r\n", observe.Refused},
		{"no HTTP", "220 mail ESMTP\r\n", observe.Garbled},
		{"endless", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 8192), observe.Excess},
		{"closes", "", observe.Closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var ended sync.WaitGroup
			defer ended.Wait()
			ended.Go(func() {
				if c, err := l.Accept(); err == nil {
					bufio.NewReader(c).ReadString('\n')
					io.WriteString(c, test.answer)
					c.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, c)
					c.Close()
				}
			})
			by := &url.URL{Scheme: "http", Host: l.Addr().String()}
			c := one(t, look(t, context.Background(), "smtp://mail.lab.test", probe.Override{}, &probe.Options{Proxy: by}))
			expectEnd(t, c, observe.Nothing, test.end)
			if !strings.Contains(c.Cause, "proxy") {
				t.Errorf("the cause %q does not name the proxy", c.Cause)
			}
		})
	}
}

// socksServer serves one connection by RFC 1928 and RFC 1929.
func socksServer(c net.Conn, asked *string) {
	defer c.Close()
	b := make([]byte, 512)
	io.ReadFull(c, b[:2])
	io.ReadFull(c, b[2:2+int(b[1])])
	who := ""
	if strings.ContainsRune(string(b[2:2+int(b[1])]), 2) {
		c.Write([]byte{5, 2})
		io.ReadFull(c, b[:2])
		user := make([]byte, b[1])
		io.ReadFull(c, user)
		io.ReadFull(c, b[:1])
		password := make([]byte, b[0])
		io.ReadFull(c, password)
		who = string(user) + ":" + string(password) + " "
		c.Write([]byte{1, 0})
	} else {
		c.Write([]byte{5, 0})
	}
	io.ReadFull(c, b[:10]) // version, CONNECT, 0, IPv4, address, port
	to := net.JoinHostPort(net.IP(b[4:8]).String(), strconv.Itoa(int(binary.BigEndian.Uint16(b[8:10]))))
	*asked = who + "CONNECT " + to
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	if up, err := net.Dial("tcp", to); err == nil {
		join(c, up)
	}
}

// connectServer serves one CONNECT by RFC 9110. The answer and the first
// bytes of the server travel in one segment, so a client that reads ahead
// loses them.
func connectServer(c net.Conn, asked *string) {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	who := ""
	if token := r.Header.Get("Proxy-Authorization"); token != "" {
		basic := &http.Request{Header: http.Header{"Authorization": {token}}}
		user, password, _ := basic.BasicAuth()
		who = user + ":" + password + " "
	}
	*asked = who + "CONNECT " + r.Host
	up, err := net.Dial("tcp", r.Host)
	if err != nil {
		return
	}
	greeting, err := bufio.NewReader(up).ReadString('\n')
	if err != nil {
		return
	}
	io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"+greeting)
	join(c, up)
}
