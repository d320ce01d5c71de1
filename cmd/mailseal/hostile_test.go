package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
)

// A server may do what it likes: mailseal ends by itself, tells what it saw, in
// bounded memory, and prints nothing raw.
const (
	memoryLimit = 64 << 10 // KiB
	outputLimit = 8 << 20  // bytes of a report
	slack       = 60 * time.Second
)

// hosts is what a hostile test needs: the program as users have it, without
// the race detector, and the lab's root.
type hosts struct {
	programs string
	ca       string
	slots    chan struct{} // this many programs at once
}

func prepare(t *testing.T) *hosts {
	t.Helper()
	if testing.Short() {
		t.Skip("hostile servers are slow to talk to, and -short was asked for")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("no go command here to build the program with: %v", err)
	}
	h := &hosts{programs: t.TempDir(), slots: make(chan struct{}, 4)}
	if out, err := exec.Command("go", "build", "-o", h.program(), ".").CombinedOutput(); err != nil {
		t.Fatalf("building mailseal: %v\n%s", err, out)
	}
	if out, err := buildMeasure(h.programs); err != nil {
		t.Fatalf("building what measures memory: %v\n%s", err, out)
	}
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	h.ca = filepath.Join(h.programs, "ca.pem")
	if err := os.WriteFile(h.ca, ca.PEM(), 0o666); err != nil {
		t.Fatal(err)
	}
	return h
}

// program has the ending that Windows wants, and others allow.
func (h *hosts) program() string { return filepath.Join(h.programs, "mailseal.exe") }

// check runs mailseal check and holds it to what is promised of every server.
// It returns the observation that it told.
func (h *hosts) check(t *testing.T, timeout time.Duration, words ...string) *observe.Observation {
	t.Helper()
	words = append([]string{"check", "--timeout", timeout.String(), "--roots", h.ca}, words...)
	stdout := h.run(t, timeout, append(words, "--json")...)
	var told struct{ Observation *observe.Observation }
	if err := json.Unmarshal(stdout, &told); err != nil {
		t.Errorf("mailseal %q printed what is no JSON: %v\n%.2000s", words, err, stdout)
		return &observe.Observation{}
	}
	if told.Observation == nil || len(told.Observation.Conns) == 0 {
		t.Fatalf("mailseal %q told no connection\n%.2000s", words, stdout)
	}
	for _, c := range told.Observation.Conns {
		if c.End == observe.Unended || c.End != observe.Done && c.Cause == "" {
			t.Errorf("mailseal %q told the end %q with the cause %q; want how it ended, in words", words, c.End, c.Cause)
		}
	}
	return told.Observation
}

// run runs mailseal and returns what it printed.
func (h *hosts) run(t *testing.T, timeout time.Duration, words ...string) []byte {
	t.Helper()
	h.slots <- struct{}{}
	defer func() { <-h.slots }()
	ctx, cancel := context.WithTimeout(t.Context(), timeout+slack)
	defer cancel()
	wrapped, most := measured(t, h.programs, append([]string{h.program()}, words...)...)
	c := exec.CommandContext(ctx, wrapped[0], wrapped[1:]...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if ctx.Err() != nil {
		t.Fatalf("mailseal %q did not end within %v of its deadline", words, slack)
	}
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && (!failed || exit.ExitCode() != exitFindings && exit.ExitCode() != exitUntold) {
		t.Errorf("mailseal %q: %v, want exit code 0, 1 or 3\n%.4000s", words, err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("mailseal %q wrote to stderr: %.4000q", words, stderr.String())
	}
	if bad := steering(stdout.Bytes()); bad != "" {
		t.Errorf("mailseal %q printed %.200s", words, bad)
	}
	if stdout.Len() > outputLimit {
		t.Errorf("mailseal %q printed %d bytes, want at most %d", words, stdout.Len(), outputLimit)
	}
	if n := most(); n >= memoryLimit {
		t.Errorf("mailseal %q had %d KiB of memory, want less than %d", words, n, memoryLimit)
	} else {
		t.Logf("mailseal %q had %d KiB of memory", words[len(words)-1], n)
	}
	return stdout.Bytes()
}

func TestHostile(t *testing.T) {
	h := prepare(t)
	t.Run("honest", h.honest) // first and alone, to compare with
	t.Run("lab", h.lab)
	t.Run("raw", h.raw)
	t.Run("tricks", h.tricks)
}

// honest shows that the limits leave room for what a good server needs.
func (h *hosts) honest(t *testing.T) {
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	running, err := lab.New("imap", observe.StartTLS).Start(context.Background(), ca)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	seen := h.check(t, 30*time.Second, "--protocol", "imap", running.Addr())
	if got := fmt.Sprint(seen.Conns[0].Reached, " ", seen.Conns[0].End); got != "after done" {
		t.Errorf("a check of an honest server reached and ended %q, want \"after done\"", got)
	}
}

// lab is every fault of the lab, in a protocol and a mode that it fits.
func (h *hosts) lab(t *testing.T) {
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range lab.Faults {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := faulty(t, f)
			running, err := s.Start(context.Background(), ca)
			if err != nil {
				t.Fatal(err)
			}
			defer running.Close()
			timeout := 30 * time.Second
			if f.Hangs {
				timeout = 3 * time.Second
			}
			words := []string{"--protocol", s.Protocol, "--" + string(s.Mode), running.Addr()}
			h.check(t, timeout, words...)
			if !f.Hangs {
				h.run(t, timeout, append([]string{"check", "-v", "--timeout", timeout.String(), "--roots", h.ca}, words...)...)
			}
		})
	}
}

func faulty(t *testing.T, f lab.Fault) *lab.Server {
	t.Helper()
	for _, p := range lab.Protocols() {
		for _, m := range []observe.Mode{observe.StartTLS, observe.Implicit} {
			if f.Fits(p, m) {
				s := lab.New(p, m)
				f.Edit(s)
				return s
			}
		}
	}
	t.Fatalf("the fault %s fits no protocol", f.Name)
	return nil
}

// behaviour is what a raw server does with a connection. The connection ends
// when the function returns.
type behaviour struct {
	name  string
	waits bool // a client notices only by waiting in vain
	serve func(net.Conn)
}

var behaviours = []behaviour{
	{"says nothing", true, wait},
	{"says one byte a second", true, func(c net.Conn) {
		for _, b := range bytes.Repeat([]byte("220-a "), 200) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}},
	{"leaves at once", false, func(net.Conn) {}},
	{"resets at once", false, reset},
	{"floods zeros", false, flood(make([]byte, 4096))},
	{"floods letters", false, flood(bytes.Repeat([]byte("A"), 4096))},
	{"floods empty lines", false, flood(bytes.Repeat([]byte("\r\n"), 2048))},
	{"floods noise", false, flood(noise(64 << 10))},
	{"floods opening tags", false, flood(bytes.Repeat([]byte("<stream:features>"), 256))},
	{"floods ones", false, flood(bytes.Repeat([]byte{0xff}, 4096))}, // the longest length in every encoding
	{"says noise and leaves", false, func(c net.Conn) { c.Write(noise(1000)) }},
	{"says noise and resets", false, func(c net.Conn) { c.Write(noise(1000)); reset(c) }},
	{"steers the terminal", false, flood([]byte("220 \x1b]0;owned\x07\x1b[2J\u009b31m\u202e\u2066\x00\xff\xfe\x7f\r\n"))},
	{"claims a giant message", false, func(c net.Conn) {
		c.Write([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}) // BER; a packet of MySQL with 8.6 MB as well
		flood(make([]byte, 4096))(c)
	}},
}

// raw is every dialogue, and TLS at once, against servers that do not even try.
func (h *hosts) raw(t *testing.T) {
	for _, p := range dialogue.All {
		for _, b := range behaviours {
			t.Run(p.Name+"/"+b.name, func(t *testing.T) {
				t.Parallel()
				h.face(t, p.Name, p.Upgrade != nil, b)
			})
		}
	}
}

// face lets mailseal look at a raw server.
func (h *hosts) face(t *testing.T, protocol string, upgrades bool, b behaviour) *observe.Observation {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer serveAll(l, b.serve)()
	timeout, mode := 30*time.Second, "--implicit"
	if upgrades {
		mode = "--starttls"
	}
	if b.waits {
		timeout = 2 * time.Second
	}
	return h.check(t, timeout, "--protocol", protocol, mode, l.Addr().String())
}

// tricks are servers that go on up to a point, and then play a trick that needs
// it.
func (h *hosts) tricks(t *testing.T) {
	for _, test := range []struct {
		protocol string
		upgrades bool
		behaviour
	}{
		{"imap", true, behaviour{"literal of 4 GiB", false, script("* OK hi {4294967295}\r\n", flooding("x"))}},
		{"imap", true, behaviour{"literal without end", false, script("* OK [CAPABILITY\r\n", "", "* CAPABILITY {99999999999999999999}\r\n", flooding("x"))}},
		{"imap", true, behaviour{"literals without end", false, script("* OK hi\r\n", "", flooding("* CAPABILITY {3}\r\nabc\r\n"))}},
		{"sieve", true, behaviour{"literal of 4 GiB", false, script("{4294967295+}\r\n", flooding("x"))}},
		{"sieve", true, behaviour{"literals without end", false, script(flooding("{60000}\r\n" + strings.Repeat("y", 60000) + "\r\n"))}},
		{"smtp", true, behaviour{"capabilities without end", false, script("220 h\r\n", "", flooding("250-"+strings.Repeat("X", 4000)+"\r\n"))}},
		{"smtp", true, behaviour{"empty capabilities without end", false, script("220 h\r\n", "", flooding("250-\r\n"))}},
		{"smtp", true, behaviour{"go-ahead without end", false, script("220 h\r\n", "", "250-h\r\n250 STARTTLS\r\n", "", flooding("220-go\r\n"))}},
		{"smtp", true, behaviour{"clear text after the go-ahead without end", false, script("220 h\r\n", "", "250-h\r\n250 STARTTLS\r\n", "", "220 go\r\n", flooding("250 injected\r\n"))}},
		{"smtp", true, behaviour{"goes silent at the upgrade", true, script("220 h\r\n", "", "250-h\r\n250 STARTTLS\r\n", "", "waits")}},
		{"pop3", true, behaviour{"CAPA without end", false, script("+OK\r\n", "", "+OK\r\n", flooding("X\r\n"))}},
		{"nntp", true, behaviour{"CAPABILITIES without end", false, script("200 h\r\n", "", "101 list\r\n", flooding("X\r\n"))}},
		{"ftp", true, behaviour{"FEAT without end", false, script("220 h\r\n", "", "211-F\r\n", flooding(" X\r\n"))}},
		{"irc", true, behaviour{"CAP LS without end", false, script("", flooding(":h CAP * LS * :tls a b c\r\n"))}},
		{"irc", true, behaviour{"PING without end", false, script("", flooding("PING :x\r\n"))}},
		{"xmpp-client", true, behaviour{"tags in tags", false, script("", "<?xml version='1.0'?><stream:stream><stream:features>", flooding("<a>"))}},
		{"xmpp-client", true, behaviour{"an attribute without end", false, script("", "<stream:stream id='", flooding("x"))}},
		{"xmpp-server", true, behaviour{"entities in entities", false, script("", "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]><stream:stream><stream:features>", flooding("&b;"))}},
		{"ldap", true, behaviour{"sequences in sequences", false, script("", flooding("\x30\x80"))}},
		{"ldap", true, behaviour{"a length of 126 bytes", false, script("", "\x30\xfe", flooding("\xff"))}},
		{"ldap", true, behaviour{"answers to nobody without end", false, script("", flooding("\x30\x0c\x02\x01\x63\x78\x07\x0a\x01\x00\x04\x00\x04\x00"))}},
		{"postgres", true, behaviour{"an error without end", false, script("", "E\xff\xff\xff\xff", flooding("x"))}},
		{"mysql", true, behaviour{"a packet of 16 MB", false, script("\xff\xff\xff\x00\x0a", flooding("x"))}},
		{"mysql", true, behaviour{"a version without end", false, script("\x00\xff\xff\x00\x0a", flooding("8"))}},
		{"imap", false, behaviour{"TLS records without end", false, script("", flooding(record(22, 3, make([]byte, 16384))))}},
		{"imap", false, behaviour{"empty TLS records without end", false, script("", flooding(record(22, 3, nil)))}},
		{"imap", false, behaviour{"warnings without end", false, script("", flooding(record(21, 3, []byte{1, 90})))}},
		{"imap", false, behaviour{"ChangeCipherSpec without end", false, script("", flooding(record(20, 3, []byte{1})))}},
		{"imap", false, behaviour{"a handshake message of 16 MB", false, script("", record(22, 3, []byte{2, 0xff, 0xff, 0xff}), flooding(record(22, 3, make([]byte, 16384))))}},
		{"imap", false, behaviour{"a ServerHello of noise", false, script("", record(22, 3, append([]byte{2, 0, 0, 200}, noise(200)...)), "waits")}},
		{"imap", false, behaviour{"a record longer than allowed", false, script("", "\x16\x03\x03\xff\xff", flooding("x"))}},
		{"imap", false, behaviour{"an alert that nobody knows", false, script("", record(21, 3, []byte{2, 211}))}},
	} {
		t.Run(test.protocol+"/"+test.name, func(t *testing.T) {
			t.Parallel()
			seen := h.face(t, test.protocol, test.upgrades, test.behaviour)
			if end := seen.Conns[0].End; end == observe.Done {
				t.Errorf("the connection ended by %q, want another end", end)
			}
		})
	}
}

// flooding marks a text that script sends until the client leaves.
func flooding(text string) string { return "\x00flood\x00" + text }

// script says its texts one after the other. An empty one waits for the client
// to say something first, "waits" until it leaves.
func script(texts ...string) func(net.Conn) {
	return func(c net.Conn) {
		heard := make([]byte, 4096)
		for _, text := range texts {
			if endless, ok := strings.CutPrefix(text, "\x00flood\x00"); ok {
				many := max(1, 4096/len(endless))
				flood([]byte(strings.Repeat(endless, many)))(c)
				return
			}
			switch text {
			case "waits":
				wait(c)
			case "":
				if _, err := c.Read(heard); err != nil {
					return
				}
			default:
				if _, err := io.WriteString(c, text); err != nil {
					return
				}
			}
		}
	}
}

// record is one TLS record, RFC 8446, section 5.1.
func record(kind, minor byte, body []byte) string {
	head := binary.BigEndian.AppendUint16([]byte{kind, 3, minor}, uint16(len(body)))
	return string(append(head, body...))
}

// wait reads until the client leaves.
func wait(c net.Conn) { io.Copy(io.Discard, c) }

// flood sends the same again and again until the client leaves, and reads what
// the client says meanwhile.
func flood(text []byte) func(net.Conn) {
	return func(c net.Conn) {
		go io.Copy(io.Discard, c) // ends with the connection
		for {
			if _, err := c.Write(text); err != nil {
				return
			}
		}
	}
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// noise is the same in every run.
func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte([]byte("the same noise in every test run")))
	all := make([]byte, n)
	r.Read(all)
	return all
}
