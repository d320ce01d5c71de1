package wire

import (
	"bytes"
	"fmt"
	"net"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// tape keeps the first bytes of each direction from the first byte of TLS on.
type tape struct {
	server, client []byte
	segments       []observe.Segment
}

func (w *Conn) keepServer(b []byte) { w.keep(&w.tape.server, observe.Server, b) }
func (w *Conn) keepClient(b []byte) { w.keep(&w.tape.client, observe.Client, b) }

func (w *Conn) keep(to *[]byte, from observe.Side, b []byte) {
	b = b[:min(len(b), w.lim.Tape-len(*to))]
	*to = append(*to, b...)
	if w.lim.Segments && len(b) > 0 {
		w.tape.segments = append(w.tape.segments, observe.Segment{
			At: observe.Since(w.began, time.Now()), From: from, Data: bytes.Clone(b),
		})
	}
}

// Tape returns the bytes that the server and we have sent since TLS began, as
// far as they were kept. Clear text before the server's first record is not
// among them.
func (w *Conn) Tape() (server, client []byte) { return w.tape.server, w.tape.client }

// Residue returns the clear bytes that came between the go-ahead and the
// server's first TLS record, and whether they came after the segment of the
// go-ahead. It is nil where there were none.
func (w *Conn) Residue() *observe.Residue {
	if len(w.residue) == 0 {
		return nil
	}
	return &observe.Residue{Bytes: observe.Text(w.residue), Late: w.late}
}

// Wire returns the connection as TLS must see it: what was already buffered is
// taken away as residue, and so is clear text in front of the first record.
func (w *Conn) Wire() net.Conn {
	w.keepResidue(w.buf, false)
	w.buf = nil
	return &wireSide{Conn: w.raw, w: w}
}

// Seal moves the conversation into TLS.
func (w *Conn) Seal(c net.Conn) { w.sealed = c }

const residueLimit = 4096

func (w *Conn) keepResidue(b []byte, late bool) {
	if len(b) == 0 {
		return
	}
	if len(w.residue) == 0 {
		w.late = late
	}
	w.residue = append(w.residue, b[:min(len(b), residueLimit-len(w.residue))]...)
}

// wireSide is what crypto/tls reads from and writes to.
type wireSide struct {
	net.Conn
	w       *Conn
	pending []byte // TLS bytes found behind late residue
}

func (s *wireSide) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	s.w.keepClient(b[:n])
	return n, err
}

func (s *wireSide) Read(b []byte) (int, error) {
	if !s.w.sawTLS {
		if err := s.findTLS(); err != nil {
			return 0, err
		}
	}
	if len(s.pending) > 0 {
		n := copy(b, s.pending)
		s.pending = s.pending[n:]
		return n, nil
	}
	acknowledgeAtOnce(s.Conn)
	n, err := s.Conn.Read(b)
	s.w.keepServer(b[:n])
	return n, err
}

// findTLS reads up to the first byte of the server's first TLS record and
// keeps what came before. If clear text came and no record follows soon, it
// gives up: the server is not speaking TLS.
func (s *wireSide) findTLS() error {
	var head []byte
	var chunk [4096]byte
	before, shortened := s.w.deadline, false
	for {
		n, err := s.Conn.Read(chunk[:])
		head = append(head, chunk[:n]...)
		if at := recordStart(head); at >= 0 {
			s.w.sawTLS = true
			s.w.keepResidue(head[:at], true)
			s.pending = head[at:]
			s.w.keepServer(s.pending)
			if shortened {
				s.w.until(before)
			}
			return nil
		}
		if err == nil && len(head) < residueLimit {
			if !shortened && !startsLikeRecord(head) {
				s.w.limitAtMost(s.w.lateWait)
				shortened = true // only the first piece of clear text buys time
			}
			continue
		}
		if len(head) == 0 {
			return err
		}
		return s.notTLS(head)
	}
}

func (s *wireSide) notTLS(head []byte) error {
	s.w.note(observe.Server, string(head), observe.Binary, false) // no line of the protocol, whatever it says
	first := head[:min(len(head), 60)]
	return &Stop{observe.Garbled, fmt.Sprintf("expected TLS, got \"%s\"", observe.Escape(string(first)))}
}

// limitAtMost shortens the current limit to d from now; it never lengthens it.
func (w *Conn) limitAtMost(d time.Duration) {
	if w.deadline.IsZero() || time.Until(w.deadline) > d {
		w.Limit(d)
	}
}

// recordStart returns where the first TLS record of a server begins in b: a
// handshake or an alert of SSL 3.0 to TLS 1.3; -1 if none is there yet.
func recordStart(b []byte) int {
	for i := range b {
		if len(b)-i >= 3 && startsLikeRecord(b[i:]) {
			return i
		}
	}
	return -1
}

// startsLikeRecord tells whether b, which may be short, could begin a TLS
// record of type handshake or alert.
func startsLikeRecord(b []byte) bool {
	if len(b) > 0 && b[0] != 0x16 && b[0] != 0x15 {
		return false
	}
	if len(b) > 1 && b[1] != 3 {
		return false
	}
	return len(b) < 3 || bytes.IndexByte([]byte{0, 1, 2, 3, 4}, b[2]) >= 0
}

// Segments returns the tape with its times, where [Limits.Segments] asked for
// it.
func (w *Conn) Segments() []observe.Segment { return w.tape.segments }
