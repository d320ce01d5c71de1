package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

func TestReplay(t *testing.T) {
	r, err := ParseReplay("# a comment\n\nS: one\nS| tw\nS: o\nC: hello\nC| \\x00\\\\\nTLS\nS| three\nEOF\n")
	if err != nil {
		t.Fatalf("ParseReplay: %v", err)
	}
	var b [100]byte
	n, err := r.Read(b[:])
	if got, want := string(b[:n]), "one\r\ntwo\r\n"; got != want || err != nil {
		t.Errorf("Read = %q, %v; want %q", got, err, want)
	}
	if _, err := r.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read at the client's turn: error %v, want a timeout", err)
	}
	if n, err := r.Write([]byte("hel")); n != 3 || err != nil {
		t.Errorf("Write(hel) = %d, %v; want 3", n, err)
	}
	if n, err := r.Write([]byte("lo\r\n\x00\\")); n != 6 || err != nil {
		t.Errorf("Write of the rest and the next step = %d, %v; want 6", n, err)
	}
	if _, err := r.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read in front of TLS: error %v, want a timeout", err)
	}
	if _, err := r.Write([]byte("x")); err == nil {
		t.Error("Write in front of TLS: no error")
	}
	if !r.TLS() || r.TLS() {
		t.Error("TLS() must be true once")
	}
	if rest := r.Rest(); rest != `line 9: "three"` {
		t.Errorf("Rest() = %s, want line 9", rest)
	}
	for i := range 5 { // a byte at a time
		if n, err := r.Read(b[:1]); n != 1 || err != nil {
			t.Errorf("Read %d = %d, %v; want 1", i, n, err)
		}
	}
	if _, err := r.Read(b[:]); err != io.EOF || r.Rest() != "" {
		t.Errorf("Read at the end: error %v, rest %q; want EOF", err, r.Rest())
	}
}

func TestReplayHoldsTheClient(t *testing.T) {
	for _, c := range []struct{ script, says, want string }{
		{"C: EHLO a", "EHLO b\r\n", "EHLO b"},
		{"S: 220", "EHLO a\r\n", "not in the script"}, // it spoke before the greeting
		{"", "x", "not in the script"},
		{"C: a", "a\r\nb", "not in the script"},
	} {
		r, err := ParseReplay(c.script)
		if err != nil {
			t.Fatalf("ParseReplay(%q): %v", c.script, err)
		}
		if _, err := r.Write([]byte(c.says)); !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("script %q, Write(%q): error %v, want one with %q", c.script, c.says, err, c.want)
		}
	}
}

func TestParseReplayErrors(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"X: who", "line 1: "},
		{"S: a\nS", "line 2: "},
		{"S a", "line 1: "},
		{"C: \\q", "line 1: "},
		{"\n\nC| \\x0", "line 3: "},
	} {
		if _, err := ParseReplay(c.script); !strings.HasPrefix(fmt.Sprint(err), c.want) {
			t.Errorf("ParseReplay(%q): error %v, want one that begins with %q", c.script, err, c.want)
		}
	}
}

// FuzzReplay plays any script against a client that follows it.
func FuzzReplay(f *testing.F) {
	f.Add("S: 220 x\nC: EHLO y\nS| \\x00\nTLS\nC| z\nEOF")
	f.Add("S:\nC:\nS|\nC|\n")
	f.Add("C|\nTLS\nTLS\n")
	f.Fuzz(func(t *testing.T, script string) {
		r, err := ParseReplay(script)
		if err != nil {
			return
		}
		var b [16]byte
		for range 4 * (len(script) + 1) {
			if len(r.steps) == 0 {
				return
			}
			switch s := r.steps[0]; s.from {
			case observe.Client:
				if len(s.data) == 0 { // nothing to say: the step cannot be taken by speaking
					return
				}
				if n, err := r.Write(s.data); n != len(s.data) || err != nil {
					t.Fatalf("script %q: Write(%q) = %d, %v", script, s.data, n, err)
				}
			case observe.Server:
				r.Read(b[:])
			default:
				r.TLS()
			}
		}
		t.Errorf("script %q never ends: %s", script, r.Rest())
	})
}
