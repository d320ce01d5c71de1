package wire

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// Replay plays the server's half of a recorded conversation and holds the
// client to its half, byte by byte. It needs no goroutine and no clock: where
// the script wants the client to speak, a read times out at once.
//
// A script is text, one step a line:
//
//	S: 220 mail.example.test ESMTP     the server says this line, with CR LF
//	C: EHLO client.example.test        the client must say this line
//	S| 220 half a lin                  the server says this, without a line end
//	C| \x00\x00\x00\x08                the same for the client
//	TLS                                both go over to TLS
//	EOF                                the server closes at the end of the script, where it would else fall silent
//	# a comment; empty lines are skipped
//
// Bytes that are not printable are written as observe.Escape writes them.
type Replay struct {
	steps []step
	cut   bool // end of file after the last step, instead of silence
}

type step struct {
	from observe.Side // empty: the passage to TLS
	data []byte
	line int
}

// ParseReplay reads a script.
func ParseReplay(script string) (*Replay, error) {
	r := &Replay{}
	for i, l := range strings.Split(script, "\n") {
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		if l == "TLS" {
			r.steps = append(r.steps, step{line: i + 1})
			continue
		}
		if l == "EOF" {
			r.cut = true
			continue
		}
		s, err := parseStep(l)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		s.line = i + 1
		r.steps = append(r.steps, s)
	}
	return r, nil
}

func parseStep(l string) (step, error) {
	var s step
	switch {
	case strings.HasPrefix(l, "S"):
		s.from = observe.Server
	case strings.HasPrefix(l, "C"):
		s.from = observe.Client
	default:
		return s, fmt.Errorf("%q begins with neither S nor C", l)
	}
	if len(l) < 2 || l[1] != ':' && l[1] != '|' {
		return s, fmt.Errorf("%q: the side is followed by : or |", l)
	}
	var text observe.Text
	if err := text.UnmarshalText([]byte(strings.TrimPrefix(l[2:], " "))); err != nil {
		return s, err
	}
	s.data = []byte(text)
	if l[1] == ':' {
		s.data = append(s.data, "\r\n"...)
	}
	return s, nil
}

// Read gives what the server says next: everything up to the client's next
// turn at once, as a fast server would.
func (r *Replay) Read(b []byte) (int, error) {
	n := 0
	for len(r.steps) > 0 && r.steps[0].from == observe.Server && n < len(b) {
		c := copy(b[n:], r.steps[0].data)
		n += c
		if r.steps[0].data = r.steps[0].data[c:]; len(r.steps[0].data) == 0 {
			r.steps = r.steps[1:]
		}
	}
	if n > 0 {
		return n, nil
	}
	if len(r.steps) == 0 && r.cut {
		return 0, io.EOF
	}
	return 0, os.ErrDeadlineExceeded
}

// Write holds the client to the script.
func (r *Replay) Write(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		if len(r.steps) == 0 || r.steps[0].from != observe.Client {
			return n, fmt.Errorf("replay: the client says %q, which is not in the script", b[n:])
		}
		s := &r.steps[0]
		c := min(len(s.data), len(b)-n)
		if !bytes.Equal(s.data[:c], b[n:n+c]) {
			return n, fmt.Errorf("replay: line %d: the client says %q, want %q", s.line, b[n:], s.data)
		}
		n += c
		if s.data = s.data[c:]; len(s.data) == 0 {
			r.steps = r.steps[1:]
		}
	}
	return n, nil
}

// TLS takes the passage to TLS and tells whether it was the script's turn.
func (r *Replay) TLS() bool {
	if len(r.steps) == 0 || r.steps[0].from != "" {
		return false
	}
	r.steps = r.steps[1:]
	return true
}

// Rest tells where the script stands, "" at its end.
func (r *Replay) Rest() string {
	if len(r.steps) == 0 {
		return ""
	}
	return fmt.Sprintf("line %d: %q", r.steps[0].line, r.steps[0].data)
}

// Close, the addresses and the deadlines make Replay a net.Conn; they do
// nothing.
func (r *Replay) Close() error { return nil }

// LocalAddr returns a placeholder.
func (r *Replay) LocalAddr() net.Addr { return &net.UnixAddr{Name: "replay", Net: "unix"} }

// RemoteAddr returns a placeholder.
func (r *Replay) RemoteAddr() net.Addr { return r.LocalAddr() }

// SetDeadline does nothing: a replay never waits.
func (r *Replay) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (r *Replay) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (r *Replay) SetWriteDeadline(time.Time) error { return nil }
