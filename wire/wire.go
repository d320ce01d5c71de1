// Package wire is a connection that records, limits and ends on time.
//
// A [Conn] stands between a dialogue and the network. It
//
//  1. reads lines with a buffer of its own, so that what lies behind a
//     go-ahead line is seen and not handed to TLS ([Conn.Buffered]);
//  2. writes down every line with its time and direction;
//  3. keeps the bytes of the TLS handshake on a tape, because crypto/tls does
//     not tell all that they say;
//  4. holds clear text that arrives where the first TLS record should be away
//     from TLS, and remembers it ([Conn.Residue]);
//  5. bounds everything that the other end could prolong: a line, the whole
//     conversation, the tape; and gives each stage one deadline, which a
//     server that sends a byte a second cannot push back.
//
// What goes wrong is described by a [Stop], which names one of the ways to
// end of package observe. Nothing is rounded: refused, timed out, reset,
// closed and garbled stay apart.
package wire

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// Limits bound what is read and kept. The zero value of a field means the
// default beside it.
type Limits struct {
	Line  int // bytes in one line: 8192, as RFC 7162, section 4, has it for IMAP; RFC 5321 allows 512
	Lines int // lines in the whole conversation: 2000
	Bytes int // bytes in the whole conversation: 512 KiB
	Tape  int // bytes of each direction kept for reading the handshake: 1 MiB
	Keep  int // lines that are kept of a long conversation, the last ones; 0: all

	Heed     func(observe.Line) // is told each line when it is recorded; may be called by the reader and the writer at once
	Segments bool               // keep the pieces of the tape with their times as well
}

func (l Limits) orDefault() Limits {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&l.Line, 8192)
	set(&l.Lines, 2000)
	set(&l.Bytes, 512<<10)
	set(&l.Tape, 1<<20)
	return l
}

// Conn is one connection. One goroutine may read while another writes; the
// context may end at any moment. Going over to TLS needs the line for itself:
// [Conn.Interrupt] brings the reader home.
type Conn struct {
	ctx   context.Context
	raw   net.Conn
	lim   Limits
	began time.Time

	sealed net.Conn // nil while in clear
	buf    []byte   // read and not yet asked for
	heard  int      // bytes taken from the server

	mu    sync.Mutex
	lines []observe.Line
	told  int // lines of the whole conversation, also those that were not kept

	interrupted atomic.Bool // a reader shall come home, and leave what has arrived
	parting     bool        // the context no longer matters

	tape     tape
	residue  []byte
	late     bool
	sawTLS   bool // the server's first TLS record has been seen
	lateWait time.Duration
	deadline time.Time
	detach   func() bool
}

// past as a deadline ends every wait at once.
var past = time.Unix(1, 0)

// New starts recording on c. The record's clock counts from began. When ctx
// ends, every wait ends; the connection itself stays open for last words.
func New(ctx context.Context, c net.Conn, began time.Time, l Limits) *Conn {
	w := &Conn{ctx: ctx, raw: c, lim: l.orDefault(), began: began, lateWait: 3 * time.Second}
	w.detach = context.AfterFunc(ctx, w.expire)
	return w
}

// expire ends every wait, unless we are already parting.
func (w *Conn) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.parting {
		w.raw.SetDeadline(past)
	}
}

// Limit gives what follows d to finish, as a whole.
func (w *Conn) Limit(d time.Duration) { w.until(time.Now().Add(d)) }

// Within gives f at most d of the time that is left, and then goes back to
// the limit that was.
func (w *Conn) Within(d time.Duration, f func() error) error {
	before := w.deadline
	w.limitAtMost(d)
	defer w.until(before)
	return f()
}

func (w *Conn) until(t time.Time) {
	w.interrupted.Store(false)
	w.deadline = t
	w.raw.SetDeadline(t)
	if w.ctx.Err() != nil { // it may have ended in between
		w.raw.SetDeadline(past)
	}
}

// Unlimit takes the limit of time away: a person may think as long as he
// likes. The context still ends every wait.
func (w *Conn) Unlimit() { w.until(time.Time{}) }

// Interrupt ends a read that is waiting in another goroutine, by a timeout.
// What has arrived is kept. [Conn.Limit] or [Conn.Unlimit] let reading go on.
func (w *Conn) Interrupt() {
	w.interrupted.Store(true)
	w.raw.SetReadDeadline(past)
}

// Part gives d for a goodbye, also when the context has ended.
func (w *Conn) Part(d time.Duration) {
	w.detach()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parting = true
	w.raw.SetDeadline(time.Now().Add(d))
}

// Close ends the connection without a word.
func (w *Conn) Close() error {
	w.detach()
	return w.raw.Close()
}

// Sealed tells whether lines travel inside TLS.
func (w *Conn) Sealed() bool { return w.sealed != nil }

// Lines returns the conversation so far: all of it, or at least the last
// Limits.Keep lines.
func (w *Conn) Lines() []observe.Line {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.lines)
}

// Send writes one line, ended by CR LF.
func (w *Conn) Send(line string) error {
	w.note(observe.Client, line, observe.CRLF, false)
	return w.write([]byte(line + "\r\n"))
}

// SendAs writes one line that ends as it is told, CRLF or LF, and records what
// is shown in its place: a secret is not. The server has the time d to take it.
func (w *Conn) SendAs(line, shown string, end observe.Break, d time.Duration) error {
	w.note(observe.Client, shown, end, shown != line)
	after := "\r\n"
	if end == observe.LF {
		after = "\n"
	}
	w.raw.SetWriteDeadline(time.Now().Add(d))
	if w.ctx.Err() != nil {
		w.raw.SetWriteDeadline(past)
	}
	return w.write([]byte(line + after))
}

// SendMessage writes the bytes of a binary protocol.
func (w *Conn) SendMessage(b []byte) error {
	w.note(observe.Client, string(b), observe.Binary, false)
	return w.write(b)
}

func (w *Conn) write(b []byte) error {
	var err error
	if w.sealed != nil {
		_, err = w.sealed.Write(b)
	} else {
		_, err = w.raw.Write(b)
	}
	return w.stop(err)
}

// Line reads one line and returns it without its end. The error is a *Stop;
// what had come of the line until then is recorded.
func (w *Conn) Line() (string, error) {
	for {
		if i := bytes.IndexByte(w.buf, '\n'); i >= 0 && i < w.lim.Line {
			line, end := w.buf[:i], observe.LF
			if i > 0 && line[i-1] == '\r' {
				line, end = line[:i-1], observe.CRLF
			}
			text := string(line)
			w.take(i + 1)
			return text, w.noteHeard(text, end)
		}
		if len(w.buf) >= w.lim.Line {
			w.note(observe.Server, string(w.buf[:w.lim.Line]), observe.Cut, false)
			return "", &Stop{observe.Excess, fmt.Sprintf("a line of more than %d bytes", w.lim.Line)}
		}
		if err := w.fill(); err != nil {
			w.cut()
			return "", err
		}
	}
}

// cut records what has come of a line that will not go on. After an interrupt
// it may: then it is left where it is.
func (w *Conn) cut() {
	if len(w.buf) > 0 && !w.interrupted.Load() {
		w.note(observe.Server, string(w.buf), observe.Cut, false)
		w.buf = nil
	}
}

// Piece is [Conn.Line] for a server of which nobody knows whether it ends its
// lines: what has come of one is returned, and recorded as cut, when nothing
// follows for the time quiet.
func (w *Conn) Piece(quiet time.Duration) (string, error) {
	for bytes.IndexByte(w.buf, '\n') < 0 && len(w.buf) < w.lim.Line {
		if len(w.buf) == 0 {
			if err := w.fill(); err != nil {
				return "", err
			}
			continue
		}
		err := w.fillWithin(quiet)
		if err == nil {
			continue
		}
		text := string(w.buf)
		w.cut()
		if s, ok := err.(*Stop); ok && s.End == observe.Timeout && len(w.buf) == 0 {
			if w.heard += len(text); w.heard > w.lim.Bytes {
				return text, &Stop{observe.Excess, fmt.Sprintf("more than %d bytes in one conversation", w.lim.Bytes)}
			}
			return text, nil
		}
		return "", err
	}
	return w.Line()
}

// fillWithin reads once more, for d at most, and leaves the limit as it was.
func (w *Conn) fillWithin(d time.Duration) error {
	w.raw.SetReadDeadline(time.Now().Add(d))
	if w.interrupted.Load() || w.ctx.Err() != nil {
		w.raw.SetReadDeadline(past)
	}
	err := w.fill()
	w.raw.SetReadDeadline(w.deadline)
	if w.interrupted.Load() || w.ctx.Err() != nil {
		w.raw.SetReadDeadline(past)
	}
	return err
}

// Message reads exactly n bytes of a binary protocol. It does not record
// them: the caller does with [Conn.Heard] when the message is whole.
func (w *Conn) Message(n int) ([]byte, error) {
	if n < 0 || n > w.lim.Bytes-w.heard {
		return nil, &Stop{observe.Excess, fmt.Sprintf("a message of %d bytes", n)}
	}
	for len(w.buf) < n {
		if err := w.fill(); err != nil {
			w.cut()
			return nil, err
		}
	}
	b := bytes.Clone(w.buf[:n])
	w.take(n)
	w.heard += n
	return b, nil
}

// Chunk returns what the server has sent and nobody has read, waiting for at
// least one byte. It does not record it.
func (w *Conn) Chunk() ([]byte, error) {
	if len(w.buf) == 0 {
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
	b := bytes.Clone(w.buf)
	w.buf = nil
	if w.heard += len(b); w.heard > w.lim.Bytes {
		return nil, &Stop{observe.Excess, fmt.Sprintf("more than %d bytes in one conversation", w.lim.Bytes)}
	}
	return b, nil
}

// Heard records a message of a binary protocol.
func (w *Conn) Heard(b []byte) { w.note(observe.Server, string(b), observe.Binary, false) }

// Buffered returns what the server has already sent behind the last line. At
// a go-ahead it must be empty: see [Conn.Residue].
func (w *Conn) Buffered() []byte { return w.buf }

// Unread puts back what was read and should not have been: lines that came
// behind a go-ahead are residue, if somebody listened to them or not.
func (w *Conn) Unread(b []byte) { w.buf = append(bytes.Clone(b), w.buf...) }

func (w *Conn) take(n int) { w.buf = w.buf[n:] }

// fill reads once more from the line.
func (w *Conn) fill() error {
	var chunk [4096]byte
	var n int
	var err error
	if w.sealed != nil {
		n, err = w.sealed.Read(chunk[:])
	} else {
		n, err = w.raw.Read(chunk[:])
	}
	w.buf = append(w.buf, chunk[:n]...)
	if n > 0 {
		return nil
	}
	return w.stop(err)
}

func (w *Conn) noteHeard(text string, end observe.Break) error {
	w.note(observe.Server, text, end, false)
	w.heard += len(text) + 2
	if w.heard > w.lim.Bytes {
		return &Stop{observe.Excess, fmt.Sprintf("more than %d bytes in one conversation", w.lim.Bytes)}
	}
	if w.count() > w.lim.Lines {
		return &Stop{observe.Excess, fmt.Sprintf("more than %d lines in one conversation", w.lim.Lines)}
	}
	return nil
}

func (w *Conn) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

func (w *Conn) note(from observe.Side, text string, end observe.Break, redacted bool) {
	l := observe.Line{
		At: observe.Since(w.began, time.Now()), From: from, Sealed: w.sealed != nil,
		Text: observe.Text(text), Break: end, Redacted: redacted,
	}
	w.mu.Lock()
	w.told++
	w.lines = append(w.lines, l)
	if keep := w.lim.Keep; keep > 0 && len(w.lines) >= 2*keep { // not at every line: it is a copy
		w.lines = slices.Clone(w.lines[len(w.lines)-keep:])
	}
	w.mu.Unlock()
	if w.lim.Heed != nil {
		w.lim.Heed(l)
	}
}
