package lab

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// drain reads until the server ends the connection.
func (c *client) drain() string {
	c.t.Helper()
	b, err := io.ReadAll(c.in)
	if err != nil && !isReset(err) {
		c.t.Fatalf("the server did not end the connection: %v after %q", err, b)
	}
	return string(b)
}

// flood sends a text again and again until the server has enough, at most 16
// MiB of it.
func (c *client) flood(text string) {
	for sent := 0; sent < 16<<20; sent += len(text) {
		if _, err := c.conn.Write([]byte(text)); err != nil {
			return
		}
	}
	c.t.Errorf("the server took 16 MiB of %q", text[:min(len(text), 40)])
}

// A line without an end, in every protocol, ends the connection and is noted
// as excess.
func TestEndlessLine(t *testing.T) {
	ca := newTestCA(t)
	for _, p := range Protocols() {
		for _, m := range allModes {
			r := start(t, New(p, m), ca)
			dial(t, r, ca).flood(strings.Repeat("a", 1<<16))
			r.Close()
			if got := r.Observations()[0].Conns[0].End; got != observe.Excess {
				t.Errorf("%s, %s: the end is %q, want %q", p, m, got, observe.Excess)
			}
		}
	}
}

func TestTooManyMistakes(t *testing.T) {
	ca := newTestCA(t)
	for p, goodbye := range map[string]string{
		"smtp": "421 4.7.0 ", "submission": "421 4.7.0 ", "lmtp": "421 4.7.0 ", "imap": "* BYE ", "pop3": "-ERR ", "sieve": "BYE ",
	} {
		c := dial(t, start(t, New(p, observe.StartTLS), ca), ca)
		c.send(strings.Repeat("XYZZY 1\r\n", maxErrors+1))
		said := strings.TrimSpace(c.drain())
		last := said[strings.LastIndex(said, "\n")+1:]
		if !strings.HasPrefix(last, goodbye) {
			t.Errorf("%s: the last word is %q, want %q", p, last, goodbye)
		}
	}
}

func TestLiteralBounds(t *testing.T) {
	ca := newTestCA(t)
	for _, test := range []struct{ protocol, send, want string }{
		{"imap", "a LOGIN {5000}\r\n", "a BAD"},                      // the client waits, and is told no
		{"imap", "a LOGIN {5000+}\r\n", "* BYE"},                     // the client does not wait
		{"imap", "a LOGIN {4294967296}\r\n", "a BAD"},                // no number
		{"imap", "a LOGIN {-1}\r\n", "a BAD"},                        // no number
		{"imap", "a LOGIN {}\r\n", "a BAD"},                          // no number
		{"imap", "a LOGIN \"lab\r\n", "a BAD"},                       // a quote without an end
		{"imap", "a " + strings.Repeat("x ", 300) + "\r\n", "a BAD"}, // too many words
		{"imap", "*) LOGIN lab x\r\n", "* BAD"},                      // no tag that could be echoed
		{"imap", "\x1b[2J LOGIN lab x\r\n", "[2J BAD"},               // a tag, without its escape
		{"sieve", "PUTSCRIPT \"a\" {5000+}\r\n", "BYE"},              //
		{"sieve", "PUTSCRIPT \"a\" {5}\r\n", "NO"},                   // ManageSieve has no literal that waits, from a client
	} {
		c := dial(t, start(t, New(test.protocol, observe.StartTLS), ca), ca)
		if test.protocol == "sieve" {
			c.until("OK")
		} else {
			c.until("* OK")
		}
		c.send(test.send)
		if got := c.line(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: to %.40q the server said %q, want %q…", test.protocol, test.send, got, test.want)
		}
	}
}

// A literal that is announced again and again must end.
func TestManyLiterals(t *testing.T) {
	ca := newTestCA(t)
	c := dial(t, start(t, New("imap", observe.StartTLS), ca), ca)
	c.until("* OK")
	c.send("a LOGIN " + strings.Repeat("{1+}\r\nx ", maxLiterals+1) + "\r\n")
	if got := c.line(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("after %d literals the server said %q, want BYE", maxLiterals+1, got)
	}
}

// A client that says nothing is left after the time that the description
// gives.
func TestPatience(t *testing.T) {
	ca := newTestCA(t)
	for _, m := range allModes {
		s := New("imap", m)
		s.Patience = 50 * time.Millisecond
		r := start(t, s, ca)
		dialClear(t, r).drain()
		r.Close()
		if got := r.Observations()[0].Conns[0].End; got != observe.Timeout {
			t.Errorf("%s: the end is %q, want %q", m, got, observe.Timeout)
		}
	}
}

// However busy a client keeps the server, its life has an end.
func TestLifetime(t *testing.T) {
	s := New("smtp", observe.StartTLS)
	s.Lifetime = 100 * time.Millisecond
	c := dialClear(t, start(t, s, newTestCA(t)))
	go io.Copy(io.Discard, c.in)
	for {
		if _, err := c.conn.Write([]byte("NOOP\r\n")); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// An endless fault ends when the connection's life does, also when the client
// reads everything.
func TestEndlessFaultsHaveAnEnd(t *testing.T) {
	ca := newTestCA(t)
	for _, f := range []Fault{endlessGreeting, endlessReply} {
		s := New("smtp", observe.StartTLS)
		f.Edit(s)
		s.Lifetime = 200 * time.Millisecond
		c := dialClear(t, start(t, s, ca))
		c.send("EHLO x\r\n")
		n, err := io.Copy(io.Discard, c.in)
		if n < 1<<12 {
			t.Errorf("%s: %d bytes came (%v), want very many", f.Name, n, err)
		}
	}
}

// Two thousand connections, one after the other, and then two hundred at
// once, of which not more than the allowed number are served together.
func TestManyConnections(t *testing.T) {
	ca := newTestCA(t)
	s := New("smtp", observe.StartTLS)
	s.MaxConns = 16
	r := start(t, s, ca)
	for i := range 2000 {
		if err := greetAndQuit(r.Addr()); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	var wg sync.WaitGroup
	failed := make(chan error, 200)
	for range 200 {
		wg.Go(func() { failed <- greetAndQuit(r.Addr()) })
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			t.Errorf("one of 200 at once: %v", err)
		}
	}
	if got := r.Served(); got != 2200 {
		t.Errorf("%d connections were served, want 2200", got)
	}
	r.Close()
	if got := len(r.Observations()); got != 2200 {
		t.Errorf("%d observations were kept, want 2200", got)
	}
}

func greetAndQuit(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write([]byte("QUIT\r\n")); err != nil {
		return err
	}
	said, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if !strings.Contains(string(said), "\r\n221 ") {
		return fmt.Errorf("the server said %q", said)
	}
	return nil
}

// What is kept of old connections is bounded.
func TestOldRecordsAreDropped(t *testing.T) {
	r := &Running{open: map[*record]net.Conn{}}
	for range 20 {
		here, there := net.Pipe()
		there.Close()
		r.finish(&record{size: keptBytes / 10}, here)
	}
	if len(r.done) > 10 || r.size > keptBytes {
		t.Errorf("%d records of %d bytes are kept", len(r.done), r.size)
	}
	text := strings.Repeat("x", 10*keptText)
	rec := &record{}
	for range 10 * keptLines {
		rec.line(observe.Client, false, text, observe.CRLF, false)
	}
	if n := len(rec.conn.Lines); n != keptLines || len(rec.conn.Lines[0].Text) != keptText {
		t.Errorf("%d lines of %d bytes are kept, want %d of %d", n, len(rec.conn.Lines[0].Text), keptLines, keptText)
	}
}

// ended waits until the server has done with its only connection.
func ended(t *testing.T, r *Running) observe.Conn {
	t.Helper()
	for range 1000 {
		if all := r.Observations(); len(all) == 1 && all[0].Conns[0].End != observe.Unended {
			return all[0].Conns[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the connection did not end within ten seconds")
	return observe.Conn{}
}

// The server notes what the client said by alert.
func TestAlertsAreNoted(t *testing.T) {
	const ownTLS12 = 0
	ca := newTestCA(t)
	for _, version := range []uint16{ownTLS12, tls.VersionTLS12, tls.VersionTLS13} {
		s := New("imap", observe.Implicit)
		certUnknownCA.Edit(s)
		if version == ownTLS12 {
			s.TLS.Without, version = []uint16{extMasterSecret}, tls.VersionTLS12
		}
		r := start(t, s, ca)
		c := dialClear(t, r)
		err := tls.Client(c.conn, &tls.Config{RootCAs: ca.Pool(), ServerName: s.Name, MaxVersion: version}).Handshake()
		if err == nil {
			t.Fatalf("the client trusts a stranger")
		}
		o := ended(t, r)
		const unknownCA, badCertificate = 48, 42
		if len(o.Alerts) != 1 || o.Alerts[0].From != observe.Client || o.Alerts[0].Code != badCertificate && o.Alerts[0].Code != unknownCA {
			t.Errorf("version %#x: the alerts are %+v, the end %q (%s)", version, o.Alerts, o.End, o.Cause)
			continue
		}
		if sealed := version == tls.VersionTLS13; o.Alerts[0].Sealed != sealed || o.End != observe.Alerted {
			t.Errorf("version %#x: the alert is sealed: %v, the end is %q", version, o.Alerts[0].Sealed, o.End)
		}
	}
}

// The server's own alerts are noted too: here it has no version in common
// with the client.
func TestOwnAlertsAreNoted(t *testing.T) {
	r := start(t, New("imap", observe.Implicit), newTestCA(t))
	c := dialClear(t, r)
	tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}).Handshake()
	c.conn.Close()
	r.Close()
	const protocolVersion = 70
	alerts := r.Observations()[0].Conns[0].Alerts
	if len(alerts) != 1 || alerts[0].From != observe.Server || alerts[0].Code != protocolVersion {
		t.Errorf("the alerts are %+v, want protocol_version from the server", alerts)
	}
}

// A client with the wrong ALPN is sent away, RFC 7301, section 3.2.
func TestForeignALPN(t *testing.T) {
	ca := newTestCA(t)
	for protocol, wantError := range map[string]bool{"imap": true, "smtp": false} {
		c := dialClear(t, start(t, New(protocol, observe.Implicit), ca))
		err := tls.Client(c.conn, &tls.Config{RootCAs: ca.Pool(), ServerName: "mail.lab.test", NextProtos: []string{"h2"}}).Handshake()
		if (err != nil) != wantError {
			t.Errorf("%s with ALPN h2: %v, want an error: %v", protocol, err, wantError)
		}
	}
}
