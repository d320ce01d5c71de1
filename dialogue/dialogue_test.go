package dialogue

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite the records below the transcripts in testdata")

const recordMark = "-- record --\n"

// TestTranscripts plays the conversations in testdata, one file each, named
// PROTOCOL_CASE.txt: a script in the form of wire.Replay, and below it the
// record that must come of it. Each is played twice: as a fast server would
// speak, all lines of a turn in one segment, and byte by byte.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*_*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob(testdata/*_*.txt): %d files, error %v; want some", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { testTranscript(t, file) })
	}
}

func testTranscript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, want, _ := strings.Cut(string(text), recordMark)
	name, _, _ := strings.Cut(filepath.Base(file), "_")
	got := playScript(t, name, script, false)
	if *update {
		if err := os.WriteFile(file, []byte(script+recordMark+got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s: the record is\n%s\nwant\n%s", file, got, want)
	}
	if got := playScript(t, name, script, true); got != want {
		t.Errorf("%s, byte by byte: the record is\n%s\nwant\n%s", file, got, want)
	}
}

// TestEveryProtocolHasItsCases holds the transcripts to what a protocol needs.
func TestEveryProtocolHasItsCases(t *testing.T) {
	always := []string{"normal", "residue", "garbage", "refused"}
	lacks := map[string]string{ // and why
		"http/residue": "there is no go-ahead", "tls/residue": "there is no go-ahead",
		"http/refused": "any status is an answer", "tls/refused": "nothing is asked", "tls/garbage": "nothing is expected",
	}
	for _, p := range All {
		for _, c := range always {
			if lacks[p.Name+"/"+c] != "" {
				continue
			}
			files, _ := filepath.Glob("testdata/" + p.Name + "_" + c + "*.txt")
			if len(files) == 0 {
				t.Errorf("testdata has no %s_%s*.txt", p.Name, c)
			}
		}
	}
}

// playScript plays one conversation and tells what came of it. Where a script
// begins with TLS, TLS is implicit.
func playScript(t *testing.T, name, script string, slow bool) string {
	t.Helper()
	p := ByName(name)
	if file, ok := strings.CutPrefix(name, "script-"); ok {
		p = readScriptFile(t, "testdata/"+file+".script")
	}
	if p == nil {
		t.Fatalf("ByName(%q) = nil, want a protocol", name)
	}
	replay, err := wire.ParseReplay(script)
	if err != nil {
		t.Fatalf("ParseReplay: %v", err)
	}
	c := &rehearsal{Replay: replay, slow: slow}
	implicit := strings.HasPrefix(withoutComments(script), "TLS\n")
	record := converse(c, p, implicit)
	for _, e := range c.faults {
		t.Error(e)
	}
	if slow {
		c.arrive()
	}
	if rest := replay.Rest(); rest != "" {
		t.Errorf("slow %v: the conversation ended before the script: %s; record:\n%s", slow, rest, record)
	}
	return record
}

func withoutComments(script string) string {
	var b strings.Builder
	for _, l := range strings.SplitAfter(script, "\n") {
		if !strings.HasPrefix(l, "#") && strings.TrimSpace(l) != "" {
			b.WriteString(l)
		}
	}
	return b.String()
}

// rehearsal is a replay that can speak byte by byte, and that plays the first
// bytes of a TLS record where its script goes over to TLS.
type rehearsal struct {
	*wire.Replay
	slow    bool
	passing bool   // we stand at the passage to TLS
	waiting []byte // sent before the client's turn, and not read yet
	flight  []byte // of the server's TLS
	faults  []error
}

func (c *rehearsal) Read(b []byte) (int, error) {
	if c.slow {
		b = b[:min(1, len(b))]
	}
	if len(c.waiting) > 0 {
		n := copy(b, c.waiting)
		c.waiting = c.waiting[n:]
		return n, nil
	}
	if len(c.flight) > 0 {
		n := copy(b, c.flight)
		c.flight = c.flight[n:]
		return n, nil
	}
	n, err := c.Replay.Read(b)
	if n == 0 && c.passing && c.Replay.TLS() {
		c.passing = false
		c.flight = []byte{0x16, 3, 3}
		return c.Read(b)
	}
	return n, err
}

// Write holds the client to the script. Byte by byte it may speak while
// something that it need not read is still on its way: white space in XML.
func (c *rehearsal) Write(b []byte) (int, error) {
	if c.slow {
		c.arrive()
	}
	n, err := c.Replay.Write(b)
	if err != nil {
		c.faults = append(c.faults, err)
	}
	return n, err
}

// arrive takes what the server has sent and nobody has read.
func (c *rehearsal) arrive() {
	for {
		var rest [100]byte
		n, err := c.Replay.Read(rest[:])
		if c.waiting = append(c.waiting, rest[:n]...); err != nil {
			return
		}
	}
}

// handshake stands for TLS: it reads up to the first bytes of the server's
// flight, as crypto/tls would.
func (c *rehearsal) handshake(w *wire.Conn) error {
	side := w.Wire()
	c.passing = true
	var b [3]byte
	if _, err := io.ReadFull(side, b[:]); err != nil {
		return err
	}
	w.Seal(c)
	return nil
}

// converse goes through the stages as package probe does.
func converse(c *rehearsal, p *Protocol, implicit bool) string {
	record := &observe.Conn{}
	w := wire.New(context.Background(), c, time.Now(), wire.Limits{})
	s := &Session{Conn: w, Record: record, Helo: "client.example.test", Host: "mail.example.test"}
	err := stages(c, p, s, implicit)
	record.End, record.Cause = wire.Ending(context.Background(), err)
	switch record.End {
	case observe.Done, observe.Refused, observe.Throttled, observe.Timeout, observe.Excess:
		if p.Leave != nil {
			p.Leave(s)
		}
	}
	record.Residue = w.Residue()
	w.Close()
	return told(record)
}

func stages(c *rehearsal, p *Protocol, s *Session, implicit bool) error {
	steps := []func() error{
		func() error { return p.Greet(s) },
		func() error { return p.Ask(s) },
	}
	seal := func() error { return c.handshake(s.Conn) }
	if implicit {
		steps = append([]func() error{seal}, steps...)
	} else {
		again := p.Ask
		if p.Again != nil {
			again = p.Again
		}
		steps = append(steps, func() error { return p.Upgrade(s) }, seal, func() error { return again(s) })
	}
	for _, f := range steps {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// told writes down what matters of a record. Whether residue was late is left
// out: byte by byte it always is.
func told(r *observe.Conn) string {
	var b strings.Builder
	fmt.Fprintf(&b, "end %s\n", r.End)
	if r.Cause != "" {
		fmt.Fprintf(&b, "cause %s\n", r.Cause)
	}
	list := func(name string, c *observe.Capabilities) {
		if c == nil {
			return
		}
		fmt.Fprintf(&b, "%s, by %s\n", name, c.From)
		for _, i := range c.Items {
			fmt.Fprintf(&b, "\t%s\n", i)
		}
	}
	list("clear", r.Clear)
	if u := r.Upgrade; u.Sent != "" || u.Offered != observe.Unknown {
		fmt.Fprintf(&b, "upgrade %q, offered %s, go-ahead %s\n", u.Sent.String(), u.Offered, u.GoAhead)
		for _, l := range u.Reply {
			fmt.Fprintf(&b, "\t%s\n", l)
		}
	}
	list("sealed", r.Sealed)
	if r.Residue != nil {
		fmt.Fprintf(&b, "residue %s\n", r.Residue.Bytes)
	}
	return b.String()
}

func TestShelf(t *testing.T) {
	usual := map[int]bool{25: true, 587: true, 465: true, 143: true, 993: true, 110: true, 995: true, 4190: true}
	ports, schemes, names := map[int]string{}, map[string]string{}, map[string]bool{}
	for _, p := range All {
		if names[p.Name] {
			t.Errorf("All has %q twice", p.Name)
		}
		names[p.Name] = true
		if p.Title == "" || p.Role == "" || len(p.References) == 0 || p.Greet == nil || p.Ask == nil || len(p.Schemes) == 0 {
			t.Errorf("%s lacks one of Title, Role, References, Schemes, Greet, Ask", p.Name)
		}
		for _, port := range p.Ports {
			if other, ok := ports[port.Number]; ok {
				t.Errorf("port %d belongs to %s and %s", port.Number, other, p.Name)
			}
			ports[port.Number] = p.Name
			if port.Usual != usual[port.Number] {
				t.Errorf("port %d: usual %v, want %v", port.Number, port.Usual, usual[port.Number])
			}
			if port.Mode == observe.StartTLS && p.Upgrade == nil {
				t.Errorf("port %d of %s needs an Upgrade", port.Number, p.Name)
			}
		}
		for _, s := range p.Schemes {
			if other, ok := schemes[s.Name]; ok {
				t.Errorf("scheme %s belongs to %s and %s", s.Name, other, p.Name)
			}
			schemes[s.Name] = p.Name
			if s.Mode == observe.StartTLS && p.Upgrade == nil {
				t.Errorf("scheme %s needs an Upgrade", s.Name)
			}
			if got, mode := ByScheme(s.Name); got != p || mode != s.Mode {
				t.Errorf("ByScheme(%q) = %v, %q; want %s, %q", s.Name, got, mode, p.Name, s.Mode)
			}
		}
	}
	want := "smtp submission lmtp imap pop3 sieve nntp ftp irc xmpp-client xmpp-server ldap postgres mysql http tls"
	for _, name := range strings.Fields(want) {
		if !names[name] {
			t.Errorf("All lacks %s", name)
		}
	}
	if p := ByName("gopher"); p != nil {
		t.Errorf("ByName(gopher) = %s, want nil", p.Name)
	}
	if p, _ := ByPort(70); p != nil {
		t.Errorf("ByPort(70) = %s, want nil", p.Name)
	}
	if p, port := ByPort(465); p != Submission || port.Mode != observe.Implicit {
		t.Errorf("ByPort(465) = %v, %+v; want submission, implicit", p, port)
	}
	if r := Submission.RoleOn(587); r != observe.Submission {
		t.Errorf("RoleOn(587) = %s, want submission", r)
	}
	if n := IMAP.PortFor(observe.Implicit); n != 993 {
		t.Errorf("IMAP.PortFor(implicit) = %d, want 993", n)
	}
}

// TestCutAnywhere plays every transcript with the end of file after each turn of
// the server: no protocol may take that for an answer, or turn in a circle.
func TestCutAnywhere(t *testing.T) {
	files, _ := filepath.Glob("testdata/*_normal*.txt")
	turn := regexp.MustCompile(`(?m)^S[:|].*$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		script, _, _ := strings.Cut(string(text), recordMark)
		name, _, _ := strings.Cut(filepath.Base(file), "_")
		p := ByName(name)
		if p == nil {
			continue
		}
		implicit := strings.HasPrefix(withoutComments(script), "TLS\n")
		for _, at := range turn.FindAllStringIndex(script, -1) {
			replay, err := wire.ParseReplay(script[:at[0]] + "EOF\n")
			if err != nil {
				t.Fatal(err)
			}
			got := converse(&rehearsal{Replay: replay}, p, implicit)
			if strings.HasPrefix(got, "end done") || strings.HasPrefix(got, "end garbled") {
				t.Errorf("%s, cut before %q: the record is\n%s\nwant another end", file, script[at[0]:at[1]], got)
			}
		}
	}
}

// noise is a server that says arbitrary bytes, takes everything, and hangs up.
type noise struct {
	wire.Replay
	data  []byte
	step  int
	taken int
}

func (n *noise) Read(b []byte) (int, error) {
	if len(n.data) == 0 {
		return 0, io.EOF
	}
	c := copy(b[:min(len(b), max(1, n.step))], n.data)
	n.data = n.data[c:]
	return c, nil
}

func (n *noise) Write(b []byte) (int, error) {
	n.taken += len(b)
	return len(b), nil
}

var _ net.Conn = (*noise)(nil)

// FuzzProtocols lets every protocol listen to arbitrary bytes, in clear and
// inside TLS. It must come to an end, without a panic, by a *wire.Stop or
// without a fault, and within bounds.
func FuzzProtocols(f *testing.F) {
	files, _ := filepath.Glob("testdata/*_*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		script, _, _ := strings.Cut(string(text), recordMark)
		name, _, _ := strings.Cut(filepath.Base(file), "_")
		for i, p := range All {
			if p.Name == name {
				f.Add(uint8(i), uint16(4096), serverBytes(script))
				f.Add(uint8(i), uint16(1), serverBytes(script))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, step uint16, data []byte) {
		p := All[int(which)%len(All)]
		listenTo(t, p, data, step, false)
		listenTo(t, p, data, step, true)
	})
}

var fuzzLimits = wire.Limits{Line: 1024, Lines: 200, Bytes: 32 << 10}

// listenTo lets a protocol listen to bytes, step by step.
func listenTo(t *testing.T, p *Protocol, data []byte, step uint16, sealed bool) {
	t.Helper()
	n := &noise{data: data, step: int(step)}
	w := wire.New(context.Background(), n, time.Now(), fuzzLimits)
	defer w.Close()
	if sealed {
		w.Seal(n)
	}
	s := &Session{Conn: w, Record: &observe.Conn{}, Helo: "h", Host: "h"}
	calls := []func(*Session) error{p.Greet, p.Ask}
	if p.Upgrade != nil {
		calls = append(calls, p.Upgrade)
	}
	if p.Again != nil {
		calls = append(calls, p.Again)
	}
	for _, call := range calls {
		err := call(s)
		if err == nil {
			continue
		}
		stop, ok := errors.AsType[*wire.Stop](err)
		if !ok || stop.End == observe.Unended || stop.Cause == "" {
			t.Fatalf("%s, hearing %q: error %#v, want a *wire.Stop with an end and a cause", p.Name, data, err)
		}
		break
	}
	if p.Leave != nil {
		p.Leave(s)
	}
	heard, ours := 0, 0
	for _, l := range w.Lines() {
		if l.From == observe.Client {
			ours++
			continue
		}
		heard += len(l.Text)
	}
	// A last line, message or literal may lie beyond the bound.
	if most := fuzzLimits.Bytes + 2*fuzzLimits.Line + 4096; heard > most || len(w.Lines())-ours > fuzzLimits.Lines+2 {
		t.Fatalf("%s: %d bytes in %d lines recorded; want at most %d in %d", p.Name, heard, len(w.Lines())-ours, most, fuzzLimits.Lines+2)
	}
	if n.taken > 64<<10 {
		t.Fatalf("%s: said %d bytes; want less", p.Name, n.taken)
	}
}

// serverBytes is what the server says in a script.
func serverBytes(script string) []byte {
	var all []byte
	for _, l := range strings.Split(script, "\n") {
		if !strings.HasPrefix(l, "S:") && !strings.HasPrefix(l, "S|") {
			continue
		}
		var text observe.Text
		if text.UnmarshalText([]byte(strings.TrimPrefix(l[2:], " "))) != nil {
			continue
		}
		all = append(all, text...)
		if l[1] == ':' {
			all = append(all, "\r\n"...)
		}
	}
	return all
}
