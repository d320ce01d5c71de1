package lab

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// tap is the connection below TLS. It gives every read and write its
// deadline, slows the sending where the description asks for it, and keeps
// what was read in its own buffer, so that clear bytes behind a STARTTLS
// command can be found.
type tap struct {
	net.Conn
	r        *bufio.Reader
	patience time.Duration
	ends     time.Time // of the connection's life
	pause    time.Duration
	stop     <-chan struct{} // closed when the server closes
	hello    func(*tls.ClientHelloInfo)

	mu      sync.Mutex
	alerted []byte // level and code of the last alert that was sent in clear
}

func newTap(c net.Conn, s *Server, now time.Time, stop <-chan struct{}) *tap {
	t := &tap{Conn: c, patience: s.Patience, ends: now.Add(s.Lifetime), pause: s.BytePause, stop: stop}
	t.r = bufio.NewReaderSize(rawReader{t}, 4096)
	return t
}

// rawReader is what the buffer reads from.
type rawReader struct{ t *tap }

func (r rawReader) Read(p []byte) (int, error) {
	if err := r.t.Conn.SetReadDeadline(r.t.deadline()); err != nil {
		return 0, err
	}
	return r.t.Conn.Read(p)
}

// deadline is when the next wait ends.
func (t *tap) deadline() time.Time {
	d := time.Now().Add(t.patience)
	if d.After(t.ends) {
		return t.ends
	}
	return d
}

// Read reads through the buffer.
func (t *tap) Read(p []byte) (int, error) { return t.r.Read(p) }

// discard empties the buffer and returns what was in it.
func (t *tap) discard() []byte {
	b, err := t.r.Peek(t.r.Buffered())
	if err != nil || len(b) == 0 {
		return nil
	}
	b = append([]byte(nil), b...)
	if _, err := t.r.Discard(len(b)); err != nil {
		return nil
	}
	return b
}

// Write sends p, byte by byte where a pause is set.
func (t *tap) Write(p []byte) (int, error) {
	t.noteAlert(p)
	if t.pause <= 0 {
		return t.send(p)
	}
	for i := range p {
		if !t.sleep(t.pause) {
			return i, net.ErrClosed
		}
		if _, err := t.send(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func (t *tap) send(p []byte) (int, error) {
	if err := t.Conn.SetWriteDeadline(t.deadline()); err != nil {
		return 0, err
	}
	return t.Conn.Write(p)
}

// sleep waits and tells whether the connection may go on.
func (t *tap) sleep(d time.Duration) bool {
	if time.Now().Add(d).After(t.ends) {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.stop:
		return false
	}
}

// noteAlert looks for an alert in clear: crypto/tls writes one as a record of
// its own, and does not say which it was.
func (t *tap) noteAlert(p []byte) {
	const alertRecord = 21
	if len(p) != 7 || p[0] != alertRecord || p[3] != 0 || p[4] != 2 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.alerted = append([]byte(nil), p[5:]...)
}

// sentAlert returns level and code of the last alert in clear, or nil.
func (t *tap) sentAlert() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.alerted
}

// closeWrite sends FIN.
func (t *tap) closeWrite() {
	if c, ok := t.Conn.(*net.TCPConn); ok {
		c.CloseWrite()
	}
}

// reset sends RST.
func (t *tap) reset() {
	if c, ok := t.Conn.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
	t.Conn.Close()
}
