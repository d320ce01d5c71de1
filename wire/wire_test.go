package wire

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/mailseal/mailseal/observe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// on returns a wire whose server follows a script.
func on(t *testing.T, script string, l Limits) *Conn {
	t.Helper()
	r, err := ParseReplay(script)
	if err != nil {
		t.Fatal(err)
	}
	w := New(t.Context(), r, time.Now(), l)
	t.Cleanup(func() { w.Close() })
	return w
}

// endOf returns how an error ended a conversation; it must be a *Stop.
func endOf(t *testing.T, err error) observe.End {
	t.Helper()
	if err == nil {
		return observe.Unended
	}
	s, ok := errors.AsType[*Stop](err)
	if !ok {
		t.Fatalf("error %#v, want a *Stop", err)
	}
	if s.Cause == "" {
		t.Errorf("the stop %q has no cause", s.End)
	}
	return s.End
}

func TestLine(t *testing.T) {
	limits := Limits{Line: 10}
	for _, c := range []struct {
		script string
		text   string
		brk    observe.Break
		end    observe.End
	}{
		{"S: hello", "hello", observe.CRLF, ""},
		{`S| hello\x0a`, "hello", observe.LF, ""},
		{"S:", "", observe.CRLF, ""},
		{`S| \x0a`, "", observe.LF, ""},
		{`S| a\x0db\x0d\x0d\x0a`, "a\rb\r", observe.CRLF, ""}, // only the last CR belongs to the end
		{`S| a\x00\xff\x0a`, "a\x00\xff", observe.LF, ""},
		{"S: 12345678", "12345678", observe.CRLF, ""},                // 10 bytes with its end
		{"S: 123456789", "123456789\r", observe.Cut, observe.Excess}, // 11
		{"S| 1234567890", "1234567890", observe.Cut, observe.Excess}, // no end in sight
		{"S| 123456789012345", "1234567890", observe.Cut, observe.Excess},
		{"S| half\nEOF", "half", observe.Cut, observe.Closed},
		{"S| half", "half", observe.Cut, observe.Timeout},
		{"EOF", "", "", observe.Closed},
		{"", "", "", observe.Timeout},
	} {
		w := on(t, c.script, limits)
		text, err := w.Line()
		if end := endOf(t, err); end != c.end {
			t.Errorf("%q: Line() ended by %q, want %q", c.script, end, c.end)
		}
		if err == nil && text != c.text {
			t.Errorf("%q: Line() = %q, want %q", c.script, text, c.text)
		}
		lines := w.Lines()
		if c.brk == "" && c.text == "" && c.end != "" {
			if len(lines) > 0 {
				t.Errorf("%q: recorded %+v, want nothing", c.script, lines)
			}
			continue
		}
		if len(lines) != 1 || string(lines[0].Text) != c.text || lines[0].Break != c.brk || lines[0].From != observe.Server {
			t.Errorf("%q: recorded %+v, want one line %q with break %q", c.script, lines, c.text, c.brk)
		}
	}
}

func TestConversationIsBounded(t *testing.T) {
	w := on(t, strings.Repeat("S: x\n", 100), Limits{Lines: 10})
	read := 0
	var err error
	for ; err == nil && read < 100; read++ {
		_, err = w.Line()
	}
	if end := endOf(t, err); end != observe.Excess || read != 11 {
		t.Errorf("100 lines with a bound of 10: %d read, end %q; want 11, excess", read, end)
	}
	w = on(t, strings.Repeat("S: 12345678\n", 100), Limits{Bytes: 55})
	for read, err = 0, nil; err == nil && read < 100; read++ {
		_, err = w.Line()
	}
	if end := endOf(t, err); end != observe.Excess || read != 6 {
		t.Errorf("lines of 10 bytes with a bound of 55: %d read, end %q; want 6, excess", read, end)
	}
}

func TestMessage(t *testing.T) {
	w := on(t, `S| \x01\x02\x03abcdef`, Limits{Bytes: 8})
	if b, err := w.Message(3); err != nil || string(b) != "\x01\x02\x03" {
		t.Errorf("Message(3) = %q, %v", b, err)
	}
	if got := string(w.Buffered()); got != "abcdef" {
		t.Errorf("Buffered() = %q, want abcdef", got)
	}
	if b, err := w.Message(0); err != nil || len(b) != 0 {
		t.Errorf("Message(0) = %q, %v", b, err)
	}
	for _, n := range []int{-1, 6, 1 << 40} {
		if _, err := w.Message(n); endOf(t, err) != observe.Excess {
			t.Errorf("Message(%d) with 5 bytes left: %v, want excess", n, err)
		}
	}
	if len(w.Lines()) != 0 {
		t.Errorf("Message recorded %+v; the caller does that", w.Lines())
	}
	w.Heard([]byte("abc"))
	if l := w.Lines(); len(l) != 1 || l[0].Break != observe.Binary {
		t.Errorf("Heard recorded %+v, want one binary message", l)
	}
	w = on(t, "S| abc\nEOF", Limits{})
	if _, err := w.Message(4); endOf(t, err) != observe.Closed {
		t.Errorf("Message(4) of 3 bytes: %v, want closed", err)
	}
	if l := w.Lines(); len(l) != 1 || l[0].Break != observe.Cut || l[0].Text != "abc" {
		t.Errorf("Message(4) of 3 bytes recorded %+v, want the piece", l)
	}
	if b := w.Buffered(); len(b) > 0 {
		t.Errorf("Buffered() = %q after a piece was recorded, want nothing", b)
	}
}

func TestChunk(t *testing.T) {
	w := on(t, "S: one\nS| tw\nC: x\nS| o\nEOF", Limits{Bytes: 8})
	if _, err := w.Line(); err != nil {
		t.Fatal(err)
	}
	if b, err := w.Chunk(); err != nil || string(b) != "tw" {
		t.Errorf("Chunk() = %q, %v; want tw", b, err)
	}
	if err := w.Send("x"); err != nil {
		t.Fatal(err)
	}
	if b, err := w.Chunk(); err != nil || string(b) != "o" {
		t.Errorf("Chunk() = %q, %v; want o", b, err)
	}
	if _, err := w.Chunk(); endOf(t, err) != observe.Closed {
		t.Errorf("Chunk() at the end: %v, want closed", err)
	}
	w = on(t, "S| 123456789", Limits{Bytes: 8})
	if _, err := w.Chunk(); endOf(t, err) != observe.Excess {
		t.Errorf("Chunk() of 9 bytes with a bound of 8: %v, want excess", err)
	}
}

func TestSendRecords(t *testing.T) {
	w := on(t, "C: AUTH PLAIN c2VjcmV0\nC: QUIT\nC| \\x00", Limits{})
	if err := errors.Join(w.SendAs("AUTH PLAIN c2VjcmV0", "AUTH PLAIN [8 bytes]", observe.CRLF, time.Second), w.Send("QUIT"), w.SendMessage([]byte{0})); err != nil {
		t.Fatal(err)
	}
	want := []observe.Line{
		{From: observe.Client, Text: "AUTH PLAIN [8 bytes]", Redacted: true},
		{From: observe.Client, Text: "QUIT"},
		{From: observe.Client, Text: "\x00", Break: observe.Binary},
	}
	for i, l := range w.Lines() {
		if l.At = 0; l != want[i] {
			t.Errorf("line %d is %+v, want %+v", i, l, want[i])
		}
	}
	if n := len(w.Lines()); n != len(want) {
		t.Errorf("%d lines, want %d", n, len(want))
	}
}

// TestDeadlineIsForTheWhole: a server that sends a byte a second must not push
// the deadline back.
func TestDeadlineIsForTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		w := New(t.Context(), client, time.Now(), Limits{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				if _, err := server.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		began := time.Now()
		w.Limit(10*time.Second + time.Millisecond)
		_, err := w.Line()
		if took := time.Since(began); endOf(t, err) != observe.Timeout || took != 10*time.Second+time.Millisecond {
			t.Errorf("Line() took %v, error %v; want a timeout after 10.001 s", took, err)
		}
		if l := w.Lines(); len(l) != 1 || l[0].Text != "xxxxxxxxxxx" || l[0].Break != observe.Cut {
			t.Errorf("recorded %+v, want what came", l)
		}
		w.Close()
		server.Close()
		<-done
	})
}

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		w := New(t.Context(), client, time.Now(), Limits{})
		began := time.Now()
		silence := func() error { _, err := w.Line(); return err }
		at := func(what string, err error, want time.Duration) {
			t.Helper()
			if took := time.Since(began); endOf(t, err) != observe.Timeout || took != want {
				t.Errorf("%s: %v after %v, want a timeout after %v", what, err, took, want)
			}
		}
		at("Within(1 s) without a limit", w.Within(time.Second, silence), time.Second)
		w.Limit(10 * time.Second)
		at("Within(2 s) of 10 s", w.Within(2*time.Second, silence), 3*time.Second)
		at("the rest of 10 s", silence(), 11*time.Second)
		w.Limit(time.Second)
		at("Within(1 h) of 1 s", w.Within(time.Hour, silence), 12*time.Second)
		w.Close()
		server.Close()
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			cause string
			stop  func() (context.Context, func())
		}{
			{"stopped", func() (context.Context, func()) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			}},
			{"the time for the whole survey is over", func() (context.Context, func()) {
				return context.WithTimeout(t.Context(), time.Second)
			}},
		} {
			client, server := net.Pipe()
			ctx, cancel := c.stop()
			w := New(ctx, client, time.Now(), Limits{})
			w.Limit(time.Hour)
			began := time.Now()
			_, err := w.Line()
			stop, _ := errors.AsType[*Stop](err)
			if took := time.Since(began); stop == nil || stop.End != observe.Cancelled || stop.Cause != c.cause || took != time.Second {
				t.Errorf("Line() = %v after %v; want cancelled, %q, after 1 s", err, took, c.cause)
			}
			w.Limit(time.Hour) // what ended stays ended
			if _, err := w.Line(); endOf(t, err) != observe.Cancelled {
				t.Errorf("Line() after Limit: %v, want cancelled", err)
			}
			heard := make(chan string)
			go func() {
				b, _ := io.ReadAll(server)
				heard <- string(b)
			}()
			w.Part(time.Second)
			if err := w.Send("QUIT"); err != nil {
				t.Errorf("a goodbye after the end: %v", err)
			}
			w.Close()
			if got := <-heard; got != "QUIT\r\n" {
				t.Errorf("the server heard %q, want QUIT", got)
			}
			cancel()
			server.Close()
		}
	})
}

func TestEnding(t *testing.T) {
	live := t.Context()
	for _, c := range []struct {
		err  error
		want observe.End
	}{
		{nil, observe.Done},
		{&Stop{observe.Throttled, "x"}, observe.Throttled},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, observe.Refused},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, observe.Unreachable},
		{&net.OpError{Op: "dial", Err: syscall.ENETUNREACH}, observe.Unreachable},
		{syscall.EPIPE, observe.Reset},
		{io.ErrUnexpectedEOF, observe.Closed},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}, observe.Alerted},
		{errors.New("what is this"), observe.Garbled},
	} {
		if end, _ := Ending(live, c.err); end != c.want {
			t.Errorf("Ending(%v) = %q, want %q", c.err, end, c.want)
		}
	}
}

// TestClassification meets each way to end on real sockets.
func TestClassification(t *testing.T) {
	cut := func(how func(*net.TCPConn)) func(*testing.T) error {
		return func(t *testing.T) error {
			w, server := overTCP(t)
			how(server)
			w.Limit(30 * time.Second)
			_, err := w.Line()
			return err
		}
	}
	for _, c := range []struct {
		name string
		do   func(*testing.T) error
		want observe.End
	}{
		{"closed", cut(func(c *net.TCPConn) { c.Close() }), observe.Closed},
		{"reset", cut(func(c *net.TCPConn) { c.SetLinger(0); c.Close() }), observe.Reset},
		{"timeout", func(t *testing.T) error {
			w, _ := overTCP(t)
			w.Limit(10 * time.Millisecond)
			_, err := w.Line()
			return err
		}, observe.Timeout},
		{"refused", func(t *testing.T) error {
			l := listen(t)
			l.Close()
			_, err := net.Dial("tcp", l.Addr().String())
			return err
		}, observe.Refused},
		{"no socket", func(t *testing.T) error {
			_, err := net.Dial("unix", t.TempDir()+"/none")
			return err
		}, observe.Unreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do(t)
			if end, cause := Ending(t.Context(), err); end != c.want || cause == "" {
				t.Errorf("Ending(%v) = %q, %q; want %q with a cause", err, end, cause, c.want)
			}
		})
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// overTCP returns a wire and the server's end of it.
func overTCP(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	l := listen(t)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	w := New(t.Context(), client, time.Now(), Limits{})
	t.Cleanup(func() { w.Close(); server.Close() })
	return w, server.(*net.TCPConn)
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.example.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestResidue goes over to TLS with crypto/tls on both sides.
func TestResidue(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	for _, c := range []struct {
		name    string
		segment string // sent at once with the go-ahead
		later   string // sent when the client's first flight has come
		want    *observe.Residue
	}{
		{"none", "", "", nil},
		{"in the segment", "250 injected\r\n", "", &observe.Residue{Bytes: "250 injected\r\n"}},
		{"without a line end", "xx", "", &observe.Residue{Bytes: "xx"}},
		{"late", "", "250 injected\r\n", &observe.Residue{Bytes: "250 injected\r\n", Late: true}},
		{"both", "one", "two", &observe.Residue{Bytes: "onetwo"}},
		{"like a record", "", "\x16\x02\x15\x03\x7f", &observe.Residue{Bytes: "\x16\x02\x15\x03\x7f", Late: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, server := overTCP(t)
			served := make(chan error, 1)
			go func() { served <- upgradeAndGreet(server, config, c.segment, c.later) }()
			w.Limit(30 * time.Second)
			line, err := w.Line()
			if err != nil || line != "220 go" {
				t.Fatalf("Line() = %q, %v; want the go-ahead", line, err)
			}
			for c.segment != "" && len(w.Buffered()) < len(c.segment) { // TCP may have split it
				if err := w.fill(); err != nil {
					t.Fatal(err)
				}
			}
			sealed := tls.Client(w.Wire(), &tls.Config{InsecureSkipVerify: true})
			if err := sealed.Handshake(); err != nil {
				t.Fatalf("Handshake: %v", err)
			}
			w.Seal(sealed)
			if line, err := w.Line(); err != nil || line != "220 sealed" {
				t.Errorf("Line() inside TLS = %q, %v; want 220 sealed", line, err)
			}
			if err := <-served; err != nil {
				t.Errorf("the server: %v", err)
			}
			got := w.Residue()
			if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("Residue() = %+v, want %+v", got, c.want)
			}
			fromServer, fromClient := w.Tape()
			if !startsLikeRecord(fromServer) || !startsLikeRecord(fromClient) || len(fromServer) < 100 || len(fromClient) < 100 {
				t.Errorf("Tape() begins with %x and %x, want records", head(fromServer), head(fromClient))
			}
			if l := w.Lines(); l[0].Sealed || !l[len(l)-1].Sealed {
				t.Errorf("lines %+v: want the first in clear and the last sealed", l)
			}
			if left := time.Until(w.deadline); left < 10*time.Second {
				t.Errorf("%v left of 30 s: late residue shortened the limit for good", left)
			}
		})
	}
}

func head(b []byte) []byte { return b[:min(len(b), 8)] }

// upgradeAndGreet is a server that goes over to TLS with odd habits.
func upgradeAndGreet(c net.Conn, config *tls.Config, segment, later string) error {
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, "220 go\r\n"+segment); err != nil {
		return err
	}
	first := make([]byte, 4096)
	n, err := c.Read(first)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(c, later); err != nil {
		return err
	}
	s := tls.Server(&replayed{c, bytes.NewReader(first[:n])}, config)
	if err := s.Handshake(); err != nil {
		return err
	}
	_, err = io.WriteString(s, "220 sealed\r\n")
	return err
}

// replayed reads again what was read already.
type replayed struct {
	net.Conn
	first *bytes.Reader
}

func (r *replayed) Read(b []byte) (int, error) {
	if r.first.Len() > 0 {
		return r.first.Read(b)
	}
	return r.Conn.Read(b)
}

// TestClearTextInsteadOfTLS: a server that goes on in clear is found out, also
// when it keeps the connection open.
func TestClearTextInsteadOfTLS(t *testing.T) {
	for _, c := range []struct {
		name  string
		says  string
		close bool
		want  observe.End
		words string
	}{
		{"and leaves", "554 5.7.0 no TLS after all\r\n", true, observe.Garbled, `expected TLS, got "554 5.7.0 no TLS after all\x0d\x0a"`},
		{"and stays", "554 \x1b[2J\r\n", false, observe.Garbled, `expected TLS, got "554 \x1b[2J\x0d\x0a"`},
		{"without end", strings.Repeat("x", 3*residueLimit), true, observe.Garbled, `expected TLS, got "` + strings.Repeat("x", 60) + `"`},
		{"a record that breaks off", "\x16\x03", true, observe.Garbled, `expected TLS, got "\x16\x03"`},
		{"silence and leaves", "", true, observe.Closed, "the server closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, server := overTCP(t)
			w.lateWait = 50 * time.Millisecond
			w.Limit(10 * time.Minute) // the test's own time would run out
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				io.ReadFull(server, make([]byte, 100)) // of the ClientHello
				io.WriteString(server, c.says)
				if c.close {
					server.CloseWrite()
				}
			}()
			err := tls.Client(w.Wire(), &tls.Config{InsecureSkipVerify: true}).Handshake()
			end, cause := Ending(t.Context(), err)
			if end != c.want || cause != c.words {
				t.Errorf("Handshake: %q, %q; want %q, %q", end, cause, c.want, c.words)
			}
			if l := w.Lines(); c.says != "" && (len(l) != 1 || !strings.HasPrefix(c.says, string(l[0].Text))) {
				t.Errorf("recorded %+v, want the clear text", l)
			}
			if r := w.Residue(); r != nil {
				t.Errorf("Residue() = %+v; without TLS there is none", r)
			}
			<-sent
		})
	}
}

// TestAlertAfterHandshake: a server that wants a certificate says so only when
// TLS 1.3 stands.
func TestAlertAfterHandshake(t *testing.T) {
	w, server := overTCP(t)
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, ClientAuth: tls.RequireAnyClientCert}
	done := make(chan error, 1)
	go func() { done <- tls.Server(server, config).Handshake() }()
	w.Limit(30 * time.Second)
	sealed := tls.Client(w.Wire(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	if err := sealed.Handshake(); err != nil {
		t.Fatal(err)
	}
	w.Seal(sealed)
	_, err := w.Line()
	if end, cause := Ending(t.Context(), err); end != observe.Alerted || cause != "the server sent a TLS alert: certificate required" {
		t.Errorf("Line() ended by %q, %q; want the alert", end, cause)
	}
	if err := <-done; err == nil {
		t.Error("the server was content without a certificate")
	}
}

// scripted is a connection that says pieces, one a read.
type scripted struct {
	Replay
	pieces [][]byte
}

func (s *scripted) Read(b []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

// FuzzResidue cuts what comes instead of a first record in pieces: residue and
// what TLS gets must be the whole, and TLS must get a record.
func FuzzResidue(f *testing.F) {
	f.Add([]byte("go"), []byte("250 injected\r\n"), []byte("\x16\x03\x03\x00\x05hello"))
	f.Add([]byte(""), []byte("\x16"), []byte("\x03\x01abc"))
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x28"), []byte(""), []byte(""))
	f.Add([]byte("\x16\x03\x09"), []byte("\x16\x16\x03"), []byte("\x00"))
	f.Fuzz(func(t *testing.T, buffered, one, two []byte) {
		c := &scripted{}
		for _, p := range [][]byte{one, two} {
			if len(p) > 0 {
				c.pieces = append(c.pieces, p)
			}
		}
		w := New(context.Background(), c, time.Now(), Limits{})
		defer w.Close()
		w.buf = bytes.Clone(buffered)
		got, err := io.ReadAll(w.Wire())
		var residue []byte
		if r := w.Residue(); r != nil {
			residue = []byte(r.Bytes)
		}
		whole := bytes.Join([][]byte{buffered, one, two}, nil)
		if err != nil {
			if len(got) > 0 || recordStart(append(bytes.Clone(one), two...)) >= 0 && len(one) < residueLimit {
				t.Errorf("buffered %q, pieces %q, %q: TLS got %q, error %v; want a record", buffered, one, two, got, err)
			}
			return
		}
		if len(got) > 0 && recordStart(got) != 0 {
			t.Errorf("buffered %q, pieces %q, %q: TLS got %q, want a record at its start", buffered, one, two, got)
		}
		if len(whole) < residueLimit && !bytes.Equal(append(bytes.Clone(residue), got...), whole) {
			t.Errorf("buffered %q, pieces %q, %q: residue %q and TLS %q are not the whole", buffered, one, two, residue, got)
		}
		if len(residue) > residueLimit {
			t.Errorf("residue of %d bytes, want at most %d", len(residue), residueLimit)
		}
	})
}

// FuzzLines reads arbitrary bytes as lines: nothing may be lost or made up.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\nc\r\r\n\n\r\nrest"), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 100), uint8(7))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		c := &scripted{}
		for left := data; len(left) > 0; {
			n := min(len(left), int(size)+1)
			c.pieces = append(c.pieces, bytes.Clone(left[:n]))
			left = left[n:]
		}
		w := New(context.Background(), c, time.Now(), Limits{Line: 64, Lines: 50, Bytes: 1000})
		defer w.Close()
		var err error
		for err == nil {
			_, err = w.Line()
		}
		endOf(t, err)
		var again []byte
		for _, l := range w.Lines() {
			again = append(again, l.Text...)
			switch l.Break {
			case observe.CRLF:
				again = append(again, "\r\n"...)
			case observe.LF:
				again = append(again, '\n')
			}
		}
		if !bytes.HasPrefix(data, again) {
			t.Errorf("lines of %q are %q", data, again)
		}
		if s, _ := errors.AsType[*Stop](err); s.End == observe.Closed && len(again) != len(data) {
			t.Errorf("lines of %q are %q, want all", data, again)
		}
		if len(w.Lines()) > 51 || len(again) > 1000+64 {
			t.Errorf("%d lines, %d bytes recorded; want bounds", len(w.Lines()), len(again))
		}
	})
}
