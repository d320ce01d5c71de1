package lab

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// Bounds of what is kept of a connection, and of a run.
const (
	keptLines = 256      // of one connection
	keptText  = 512      // bytes of one line
	keptBytes = 32 << 20 // of all connections together, roughly; the oldest are dropped first
	keptConns = 4096
)

// record is what is written down of one connection while it lives. Its fields
// are behind the lock, because somebody may ask in the middle.
type record struct {
	mu    sync.Mutex
	o     observe.Observation
	conn  observe.Conn
	size  int
	chain []observe.Fingerprint
}

func (r *record) line(from observe.Side, sealed bool, text string, end observe.Break, redacted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.conn.Lines) >= keptLines {
		return
	}
	if len(text) > keptText {
		text, end = text[:keptText], observe.Cut
	}
	r.size += len(text) + 64
	r.conn.Lines = append(r.conn.Lines, observe.Line{
		At: observe.Since(r.conn.Began, time.Now()), From: from, Sealed: sealed,
		Text: observe.Text(text), Break: end, Redacted: redacted,
	})
}

// edit changes the record under its lock.
func (r *record) edit(f func(*observe.Conn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.conn)
}

// reach notes that a stage was completed.
func (r *record) reach(s observe.Stage) {
	r.edit(func(c *observe.Conn) {
		at := observe.Micros(0)
		if n := len(c.Stages); n > 0 {
			at = c.Stages[n-1].At + c.Stages[n-1].Took
		}
		c.Stages = append(c.Stages, observe.StageTime{Stage: s, At: at, Took: observe.Since(c.Began, time.Now()) - at})
		c.Reached = s
	})
}

// end notes how it ended. The first word counts: what follows an end is its
// echo.
func (r *record) end(e observe.End, cause string) {
	r.edit(func(c *observe.Conn) {
		if c.End == observe.Unended {
			c.End, c.Cause = e, cause
		}
	})
}

// fail notes an error of reading or writing as an end.
func (r *record) fail(err error) {
	if code, ok := remoteAlert(err); ok {
		r.edit(func(c *observe.Conn) {
			sealed := c.TLS != nil && c.TLS.Version >= tls.VersionTLS13
			c.Alerts = append(c.Alerts, observe.Alert{From: observe.Client, Level: fatal, Code: code, Sealed: sealed})
		})
	}
	r.end(endOf(err), err.Error())
}

// endOf tells the ends of a connection apart.
func endOf(err error) observe.End {
	if _, ok := remoteAlert(err); ok {
		return observe.Alerted
	}
	var timeout net.Error
	switch {
	case errors.Is(err, net.ErrClosed):
		return observe.Cancelled
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return observe.Closed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, wsaReset), errors.Is(err, wsaAborted):
		return observe.Reset
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return observe.Timeout
	}
	return observe.Garbled
}

// What Windows says where others say ECONNRESET and EPIPE; elsewhere these
// numbers mean nothing.
const (
	wsaAborted = syscall.Errno(10053)
	wsaReset   = syscall.Errno(10054)
)

const fatal = 2 // the level of every alert that crypto/tls reports as an error

// remoteAlert returns the number of the alert that ended a connection.
// crypto/tls reports it as a value of an unexported type whose kind is uint8.
func remoteAlert(err error) (uint8, bool) {
	var own alertError
	if errors.As(err, &own) {
		return uint8(own), true
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return uint8(v.Uint()), true
}

// observation returns a copy that nobody writes to any more.
func (r *record) observation() observe.Observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, c := r.o, r.conn
	c.Lines = slices.Clone(c.Lines)
	c.Stages = slices.Clone(c.Stages)
	c.Alerts = slices.Clone(c.Alerts)
	c.Upgrade.Reply = slices.Clone(c.Upgrade.Reply)
	if c.TLS != nil {
		t := *c.TLS
		c.TLS = &t
	}
	o.Ended = c.Began.Add(c.Took.Duration())
	o.Conns = []observe.Conn{c}
	return o
}
