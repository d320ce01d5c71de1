package talk

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// Replay plays the server's half of a recorded conversation to a real client,
// and tells where the client leaves its own half.
//
// It plays words, not time and not TLS: what the server said between two lines
// of the client comes at once, and the handshake is crypto/tls's own, with the
// certificate that it is given. Clear text that came in the place of TLS, and
// how the connection ended, it plays.
type Replay struct {
	Conn        observe.Conn    // what was recorded
	Certificate tls.Certificate // for the sealed part
	Strict      bool            // hold the client to every byte; else to the verbs
	Wait        time.Duration   // for one line of the client; 2 minutes where zero

	Tell func(Difference) // is told each difference when it is found; may be nil
}

// Difference is a place where the client did not do what was recorded.
type Difference struct {
	Line int          // place in Conn.Lines; their number behind the last
	Want observe.Text // what was recorded; empty where nothing was
	Got  observe.Text // what came; empty where nothing did
	Why  string       // in words
}

// Played is what came of one connection.
type Played struct {
	Lines       int  // of the recording that the play came to
	Whole       bool // it came through to the end of the recording
	Stopped     bool // the context ended it, which is not the client's doing
	Differences int
}

// The bounds of what a client may send.
const (
	replayLine  = 64 << 10 // bytes of a line
	replayBlock = 10_000   // lines of a message, or behind the last line of the recording
	replayTold  = 100      // differences, then the client is given up
)

// Play serves one client and closes the connection. It ends when the context
// does.
func (r *Replay) Play(ctx context.Context, c net.Conn) Played {
	wait := r.Wait
	if wait == 0 {
		wait = 2 * time.Minute
	}
	p := &player{Replay: r, ctx: ctx, raw: c, wait: wait, in: bufio.NewReaderSize(c, replayLine), line: c}
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	defer c.Close()
	if err := p.play(); err != nil {
		stopped := ctx.Err() != nil
		if !stopped {
			p.brokenOff(err)
		}
		return Played{Lines: p.at, Stopped: stopped, Differences: p.differences}
	}
	p.end()
	return Played{Lines: len(r.Conn.Lines), Whole: true, Differences: p.differences}
}

// player is one play on its way.
type player struct {
	*Replay
	ctx         context.Context
	raw         net.Conn
	wait        time.Duration
	line        io.ReadWriter // raw, or TLS over it
	tls         *tls.Conn     // nil in clear
	in          *bufio.Reader // on line
	out         []byte        // said, and not yet written: what a fast server says in one piece
	tags        []string      // of IMAP: recorded, the client's own, recorded …
	deaf        bool          // what the client says any more is TLS to a server that has none
	at          int           // the next line of the recording
	partial     string        // what came of a line without an end
	differences int
}

// errGivenUp ends a play with a client that does something else altogether.
var errGivenUp = errors.New("the client does something else altogether")

func (p *player) play() error {
	for p.at < len(p.Conn.Lines) {
		l := p.Conn.Lines[p.at]
		if l.Sealed && p.tls == nil {
			if err := p.seal(); err != nil {
				return err
			}
		}
		if err := p.step(l); err != nil {
			return err
		}
		if p.differences >= replayTold {
			return errGivenUp
		}
	}
	switch {
	case p.tls != nil || !p.endsAtTLS():
		return p.flush()
	case p.brokeOff():
		return p.awaitHello()
	}
	return p.seal()
}

func (p *player) step(l observe.Line) error {
	if l.From == observe.Server {
		return p.say(l)
	}
	if err := p.flush(); err != nil {
		return err
	}
	if l.Break == observe.Binary {
		return p.hearMessage(l)
	}
	return p.hear(l)
}

// say speaks a line of the server's.
func (p *player) say(l observe.Line) error {
	if p.insteadOfTLS(l) {
		if err := p.awaitHello(); err != nil {
			return err
		}
	}
	text := string(l.Text)
	if tag, rest, found := strings.Cut(text, " "); found {
		if own, ok := p.ownTag(tag); ok {
			text = own + " " + rest
		}
	}
	p.out = append(p.out, text...)
	p.out = append(p.out, p.endOf(l)...)
	p.at++
	return nil
}

// endOf is what stands behind a line on the wire. A line that was cut is the
// last one, or was too long for who recorded it.
func (p *player) endOf(l observe.Line) string {
	last := !slices.ContainsFunc(p.Conn.Lines[p.at+1:], func(l observe.Line) bool { return l.From == observe.Server })
	switch {
	case l.Break == observe.Binary, l.Break == observe.Cut && last:
		return ""
	case l.Break == observe.LF:
		return "\n"
	}
	return "\r\n"
}

// insteadOfTLS tells whether a line is what came where the server's first TLS
// record should have been.
func (p *player) insteadOfTLS(l observe.Line) bool {
	if l.Break != observe.Binary || p.tls != nil || p.at < len(p.Conn.Lines)-1 {
		return false
	}
	return p.Conn.Reached == observe.Upgraded ||
		p.Conn.Probe.Endpoint.Mode == observe.Implicit && p.Conn.Reached == observe.Dial
}

// awaitHello waits until the client has begun TLS, and has no ear for it.
func (p *player) awaitHello() error {
	p.deaf = true
	return p.await()
}

// await waits until the client says anything.
func (p *player) await() error {
	if err := p.flush(); err != nil {
		return err
	}
	p.limit()
	_, err := p.in.Peek(1)
	return err
}

func (p *player) limit() {
	p.raw.SetDeadline(time.Now().Add(p.wait))
	if p.ctx.Err() != nil { // it may have ended in between
		p.raw.SetDeadline(time.Unix(1, 0))
	}
}

func (p *player) flush() error {
	if len(p.out) == 0 {
		return nil
	}
	p.limit()
	_, err := p.line.Write(p.out)
	p.out = nil
	return err
}

// hear waits for a line of the client's and compares it with the one that was
// recorded.
func (p *player) hear(l observe.Line) error {
	got, end, err := p.read()
	if err != nil {
		return err
	}
	if p.Strict {
		p.compare(l, got, end)
		p.at++
		return nil
	}
	block := p.blockEnd()
	if !l.Redacted && !p.sameVerb(string(l.Text), got) {
		to := p.resume(got)
		if to == 0 {
			p.differ(p.at, l.Text, got, "")
		} else {
			p.differ(p.at, l.Text, got, fmt.Sprintf("the replay goes on at line %d", to+1))
			p.at = to
			l, block = p.Conn.Lines[to], p.blockEnd()
		}
	}
	p.learnTag(string(l.Text), got)
	if block > p.at {
		return p.passBlock(got, block)
	}
	p.at++
	return nil
}

// read reads one line, without its end.
func (p *player) read() (string, observe.Break, error) {
	p.limit()
	b, err := p.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", observe.Cut, fmt.Errorf("the client says a line of more than %d bytes", replayLine)
	}
	text, whole := strings.CutSuffix(string(b), "\n")
	switch {
	case !whole && len(b) == 0:
		return "", observe.Cut, err
	case !whole:
		p.partial = text
		return "", observe.Cut, err
	}
	if text, crlf := strings.CutSuffix(text, "\r"); crlf {
		return text, observe.CRLF, nil
	}
	return text, observe.LF, nil
}

// compare is for --strict. A line that is redacted or cut off in the recording
// cannot be held against the client.
func (p *player) compare(l observe.Line, got string, end observe.Break) {
	want := string(l.Text)
	switch {
	case l.Redacted, l.Break == observe.Cut && strings.HasPrefix(got, want):
	case got != want:
		p.differ(p.at, l.Text, got, "")
	case end != l.Break && l.Break != observe.Cut:
		p.differ(p.at, l.Text, got, "the same words with another line end")
	}
}

func (p *player) differ(line int, want observe.Text, got, why string) {
	p.differences++
	if p.Tell != nil {
		p.Tell(Difference{Line: line, Want: want, Got: observe.Text(got), Why: why})
	}
}

// sameVerb compares what a client wants, and not with which words.
func (p *player) sameVerb(want, got string) bool {
	return strings.EqualFold(p.verb(want), p.verb(got))
}

// verb is the first word, or in IMAP the one behind the tag.
func (p *player) verb(line string) string {
	first, rest, _ := strings.Cut(line, " ")
	if second, _, _ := strings.Cut(rest, " "); second != "" && p.isIMAP() {
		return second
	}
	return first
}

func (p *player) isIMAP() bool { return p.Conn.Probe.Endpoint.Protocol == "imap" }

// learnTag remembers how the client calls what the recording calls otherwise
// (RFC 9051, section 2.2.1), if the server will come back to it.
func (p *player) learnTag(recorded, got string) {
	want, _, ok1 := strings.Cut(recorded, " ")
	own, _, ok2 := strings.Cut(got, " ")
	if !p.isIMAP() || !ok1 || !ok2 || want == own {
		return
	}
	isAnswer := func(l observe.Line) bool {
		return l.From == observe.Server && strings.HasPrefix(string(l.Text), want+" ")
	}
	if slices.ContainsFunc(p.Conn.Lines[p.at:], isAnswer) {
		p.tags = append(p.tags, want, own)
	}
}

// ownTag returns the client's tag for a recorded one. The last counts.
func (p *player) ownTag(recorded string) (string, bool) {
	for i := len(p.tags) - 2; i >= 0; i -= 2 {
		if p.tags[i] == recorded {
			return p.tags[i+1], true
		}
	}
	return "", false
}

// resume finds the line at which a client that has left something out is in
// the recording again: the same verb, further on, on the same side of TLS. It
// returns 0 where there is none.
func (p *player) resume(got string) int {
	sealed := p.Conn.Lines[p.at].Sealed
	for i := p.at + 1; i < len(p.Conn.Lines) && p.Conn.Lines[i].Sealed == sealed; i++ {
		l := p.Conn.Lines[i]
		if l.From == observe.Client && !l.Redacted && l.Break != observe.Binary && p.sameVerb(string(l.Text), got) {
			return i
		}
	}
	return 0
}

// blockEnd returns the last line of the block that begins at this line, if
// the client says several lines in one go up to a dot or an empty line: a
// message, or the head of an HTTP request. Else it returns this line.
func (p *player) blockEnd() int {
	i := p.at
	for i+1 < len(p.Conn.Lines) && isText(p.Conn.Lines[i+1], p.Conn.Lines[p.at].Sealed) {
		i++
	}
	if end := string(p.Conn.Lines[i].Text); end == "." || end == "" {
		return i
	}
	return p.at
}

func isText(l observe.Line, sealed bool) bool {
	return l.From == observe.Client && l.Break != observe.Binary && l.Sealed == sealed
}

// passBlock reads on to the end of the block: another message may have more
// lines or fewer.
func (p *player) passBlock(line string, end int) error {
	for n := 0; line != string(p.Conn.Lines[end].Text); n++ {
		if n == replayBlock {
			return fmt.Errorf("the client says more than %d lines in one go", replayBlock)
		}
		var err error
		if line, _, err = p.read(); err != nil {
			return err
		}
	}
	p.at = end + 1
	return nil
}

// hearMessage waits for a message of a binary protocol. Nobody tells where it
// ends, so it is as long as the one that was recorded; in XMPP it has as many
// tags.
func (p *player) hearMessage(l observe.Line) error {
	p.limit()
	tags := 0
	if !p.Strict && strings.HasPrefix(p.Conn.Probe.Endpoint.Protocol, "xmpp") {
		tags = strings.Count(string(l.Text), ">")
	}
	got, err := p.readMessage(len(l.Text), tags)
	if err != nil {
		p.partial = string(got)
		return err
	}
	if p.Strict && !l.Redacted && string(got) != string(l.Text) {
		p.differ(p.at, l.Text, string(got), "")
	}
	p.at++
	return nil
}

// readMessage reads a number of bytes, or up to a number of tags where there
// are any.
func (p *player) readMessage(size, tags int) ([]byte, error) {
	if tags == 0 {
		got := make([]byte, size)
		n, err := io.ReadFull(p.in, got)
		return got[:n], err
	}
	var got []byte
	for range tags {
		b, err := p.in.ReadSlice('>')
		got = append(got, b...)
		if err != nil || len(got) > replayLine {
			return got, cmp.Or(err, bufio.ErrBufferFull)
		}
	}
	return got, nil
}

// endsAtTLS tells whether the recording goes on to TLS, although no line was
// said inside it.
func (p *player) endsAtTLS() bool {
	n := len(p.Conn.Lines)
	switch p.Conn.Reached {
	case observe.Handshake, observe.After:
		return true
	case observe.Upgraded:
		return n == 0 || !p.deaf
	}
	return p.Conn.Probe.Endpoint.Mode == observe.Implicit && n == 0
}

// brokeOff tells whether the server ended the conversation where its TLS
// should have begun.
func (p *player) brokeOff() bool {
	if p.Conn.Reached == observe.Handshake || p.Conn.Reached == observe.After {
		return false
	}
	return slices.Contains([]observe.End{observe.Closed, observe.Reset, observe.Timeout}, p.Conn.End)
}

// seal goes over to TLS, with the residue that was recorded in front of it.
func (p *player) seal() error {
	residue := p.Conn.Residue
	if residue != nil && !residue.Late {
		p.out = append(p.out, residue.Bytes...)
	}
	if err := p.await(); err != nil {
		return err
	}
	if residue != nil && residue.Late {
		p.out = append(p.out, residue.Bytes...)
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.dropClear()
	p.tls = tls.Server(&readAhead{p.raw, p.in}, &tls.Config{
		Certificates: []tls.Certificate{p.Certificate},
		MinVersion:   tls.VersionTLS10, // whatever the client is, this is about its words
	})
	p.limit()
	if err := p.tls.HandshakeContext(p.ctx); err != nil {
		return fmt.Errorf("the TLS handshake: %w", err)
	}
	p.line, p.in = p.tls, bufio.NewReaderSize(p.tls, replayLine)
	return nil
}

const recordOfHandshake = 22 // RFC 8446, section 5.1

// dropClear takes away what the client has said in clear behind its last
// command: it is neither TLS nor an answer to anything.
func (p *player) dropClear() {
	ahead, _ := p.in.Peek(p.in.Buffered())
	n := bytes.IndexByte(ahead, recordOfHandshake)
	if n < 0 {
		n = len(ahead)
	}
	if n > 0 {
		p.differ(p.at, "", string(ahead[:n]), "clear text where TLS should begin")
		p.in.Discard(n)
	}
}

// readAhead is a connection some of whose bytes were read already.
type readAhead struct {
	net.Conn
	r *bufio.Reader
}

func (c *readAhead) Read(b []byte) (int, error) { return c.r.Read(b) }

// brokenOff tells why the play did not come through.
func (p *player) brokenOff(err error) {
	want := observe.Text("")
	if p.at < len(p.Conn.Lines) && p.Conn.Lines[p.at].From == observe.Client {
		want = p.Conn.Lines[p.at].Text
	}
	why := err.Error()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = "the client says no more"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		why = "the client left"
	}
	p.differ(p.at, want, p.partial, why)
}

// end does to the connection what the server did.
func (p *player) end() {
	switch p.Conn.End {
	case observe.Reset:
		p.reset()
		return
	case observe.Timeout, observe.Cancelled, observe.Unended: // the server was silent, or nobody knows
	case observe.Done:
		if p.saidGoodbye() {
			p.closeWrite()
		}
	default:
		p.closeWrite()
	}
	p.hearOut()
}

// saidGoodbye tells whether the last word was the client's.
func (p *player) saidGoodbye() bool {
	n := len(p.Conn.Lines)
	return n > 0 && p.Conn.Lines[n-1].From == observe.Client && p.Conn.Lines[n-1].Sealed == (p.tls != nil)
}

// reset breaks the connection off, and gives what was said before a moment to
// arrive: a reset overtakes it.
func (p *player) reset() {
	select {
	case <-time.After(resetPause):
	case <-p.ctx.Done():
	}
	if c, ok := p.raw.(interface{ SetLinger(int) error }); ok {
		c.SetLinger(0)
	}
}

const resetPause = 200 * time.Millisecond

// hearOut waits for the client to go, and tells what it says until then.
func (p *player) hearOut() {
	if p.deaf {
		p.limit()
		io.CopyN(io.Discard, p.in, replayBlock*replayLine)
		return
	}
	for range replayBlock {
		line, _, err := p.read()
		switch {
		case err == nil:
			p.differ(len(p.Conn.Lines), "", line, "the recording ends here")
			p.closeWrite()
		case errors.Is(err, os.ErrDeadlineExceeded) && p.ctx.Err() == nil:
			p.differ(len(p.Conn.Lines), "", "", "the client stays")
			return
		default:
			return // it went, or we did
		}
		if p.differences >= replayTold {
			return
		}
	}
}

// closeWrite says that no more will come.
func (p *player) closeWrite() {
	p.limit()
	if p.tls != nil && (p.Conn.TLS == nil || p.Conn.TLS.CloseNotify != observe.No) {
		p.tls.CloseWrite()
		return
	}
	if c, ok := p.raw.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}
