package lab

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// Bounds on what a client may send.
const (
	maxLine   = 12288   // bytes, the longest that RFC 4954, section 4 asks for
	maxErrors = 20      // wrong commands, then the server leaves
	maxDrain  = 1 << 20 // bytes that are read and thrown away
)

// Session is one connection, as the functions of [Server.Instead] see it. Its
// methods do nothing once the connection has ended.
type Session struct {
	server   *Server
	protocol protocol
	run      *Running
	tap      *tap
	conn     io.ReadWriter // the tap, or TLS over it
	tls      sealedConn    // nil in clear
	in       *bufio.Reader
	rec      *record
	ended    bool
	asked    bool // capabilities were asked for once
	mistakes int
}

// sealedConn is TLS, that of crypto/tls or our own.
type sealedConn interface {
	io.ReadWriter
	CloseWrite() error
}

// serve lives the whole life of a connection.
func (c *Session) serve() {
	c.rec.reach(observe.Dial)
	if c.server.Mode == observe.Implicit && !c.handshake() {
		return
	}
	c.protocol.serve(c)
	c.HangUp()
}

// Sealed tells whether TLS stands.
func (c *Session) Sealed() bool { return c.tls != nil }

// Send writes lines, each with its end, in one segment where they fit.
func (c *Session) Send(lines ...string) bool {
	if c.ended || len(lines) == 0 {
		return !c.ended
	}
	for _, l := range lines {
		c.rec.line(observe.Server, c.Sealed(), l, c.lineBreak(), false)
	}
	return c.write([]byte(strings.Join(lines, c.lineEnd()) + c.lineEnd()))
}

// lineEnd is what ends a line, as bytes.
func (c *Session) lineEnd() string {
	if c.server.BareLF {
		return "\n"
	}
	return "\r\n"
}

// lineBreak is what ends a line, as a record names it.
func (c *Session) lineBreak() observe.Break {
	if c.server.BareLF {
		return observe.LF
	}
	return observe.CRLF
}

// SendRaw writes bytes as they are.
func (c *Session) SendRaw(b []byte) bool {
	c.rec.line(observe.Server, c.Sealed(), string(b[:min(len(b), keptText)]), observe.Binary, false)
	return c.write(b)
}

func (c *Session) write(b []byte) bool {
	if c.ended {
		return false
	}
	if _, err := c.conn.Write(b); err != nil {
		c.fail(err)
		return false
	}
	return true
}

// fail ends the session for a reason that was not ours.
func (c *Session) fail(err error) {
	c.ended = true
	c.rec.fail(err)
}

// Wait reads and throws away until the client leaves, loses patience, or has
// sent a mebibyte.
func (c *Session) Wait() {
	if c.ended {
		return
	}
	if _, err := io.CopyN(io.Discard, c.in, maxDrain); err != nil {
		c.fail(err)
	}
}

// Pause waits, and tells whether the connection may go on.
func (c *Session) Pause(d time.Duration) bool {
	return !c.ended && c.tap.sleep(d)
}

// Reset ends the connection with RST.
func (c *Session) Reset() {
	c.ended = true
	c.rec.end(observe.Done, "the lab reset the connection")
	c.tap.reset()
}

// HangUp ends the connection in order: close_notify where TLS stands, then
// FIN, then it reads what the client still sends, because closing with unread
// bytes would make the kernel send RST.
func (c *Session) HangUp() {
	if c.ended {
		return
	}
	c.ended = true
	c.rec.end(observe.Done, "")
	if c.tls != nil {
		c.tls.CloseWrite()
	}
	c.tap.closeWrite()
	c.tap.ends = earlier(c.tap.ends, time.Now().Add(time.Second))
	io.CopyN(io.Discard, c.tap, 64<<10)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// instead runs what the description has for a stage, and tells whether it had
// anything.
func (c *Session) instead(s observe.Stage) bool {
	act := c.server.Instead[s]
	if act == nil {
		return false
	}
	act(c)
	c.HangUp()
	return true
}

// greet sends the greeting, or the given honest one.
func (c *Session) greet(honest ...string) bool {
	if c.instead(observe.Greeting) {
		return false
	}
	if c.server.Greeting != nil {
		honest = c.server.Greeting
	}
	if !c.Send(honest...) {
		return false
	}
	if !c.Sealed() {
		c.rec.reach(observe.Greeting)
	}
	return true
}

// capabilities are the items that hold now.
func (c *Session) capabilities() []string {
	if c.Sealed() {
		return c.server.SealedCapabilities
	}
	return c.server.Capabilities
}

// offers tells whether an item is among the capabilities, in either case.
func (c *Session) offers(item string) bool {
	for _, have := range c.capabilities() {
		if strings.EqualFold(have, item) {
			return true
		}
	}
	return false
}

// tell notes that the capabilities are being told, and does what is to be
// done instead. It returns false when the session is over.
func (c *Session) tell(command string) bool {
	if !c.asked {
		c.asked = true
		if c.instead(observe.Capability) {
			return false
		}
	}
	told := &observe.Capabilities{From: command}
	for _, item := range c.capabilities() {
		told.Items = append(told.Items, observe.Text(item))
	}
	c.rec.edit(func(o *observe.Conn) {
		if c.Sealed() {
			o.Sealed = told
			return
		}
		o.Clear = told
		o.Upgrade.Offered = observe.Known(c.offers(c.protocol.starttls))
	})
	if c.Sealed() {
		c.rec.reach(observe.After)
		return true
	}
	c.rec.reach(observe.Capability)
	return true
}

// readLine reads a line and writes it down without its secrets.
func (c *Session) readLine() (string, bool) {
	text, end, ok := c.readRaw()
	if !ok {
		return "", false
	}
	shown, hidden := redact(text, c.run.secrets)
	c.rec.line(observe.Client, c.Sealed(), shown, end, hidden)
	return text, true
}

// readSecret reads a line of which only the length is written down.
func (c *Session) readSecret() (string, bool) {
	text, end, ok := c.readRaw()
	if !ok {
		return "", false
	}
	c.rec.line(observe.Client, c.Sealed(), hide(text), end, true)
	return text, true
}

// readRaw reads up to a line feed, within the bound.
func (c *Session) readRaw() (string, observe.Break, bool) {
	if c.ended {
		return "", "", false
	}
	var line []byte
	for {
		part, err := c.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			c.rec.line(observe.Client, c.Sealed(), hide(string(line)), observe.Cut, true)
			c.rec.end(observe.Excess, "the client sent a line without an end")
			return "", "", false
		}
		if err == nil {
			break
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if len(line) > 0 {
			shown, hidden := redact(string(line), c.run.secrets)
			c.rec.line(observe.Client, c.Sealed(), shown, observe.Cut, hidden)
		}
		c.fail(err)
		return "", "", false
	}
	line = line[:len(line)-1]
	if text, ok := bytes.CutSuffix(line, []byte("\r")); ok {
		return string(text), observe.CRLF, true
	}
	return string(line), observe.LF, true
}

// mistake counts a wrong command and tells whether that was one too many.
func (c *Session) mistake() bool {
	c.mistakes++
	return c.mistakes > maxErrors
}

// upgrade answers the command that asks for TLS, of which command is the
// client's line and prefix what stands before every reply (the tag in IMAP).
// It returns true when TLS stands, and else whether the conversation in clear
// goes on.
func (c *Session) upgrade(command, prefix, goAhead, unknown string) (sealed, goesOn bool) {
	s := c.server
	c.rec.edit(func(o *observe.Conn) { o.Upgrade.Sent = observe.Text(command) })
	if s.Instead[observe.Upgraded] != nil {
		c.instead(observe.Upgraded)
		return false, false
	}
	if refusal := c.refusal(unknown); refusal != "" {
		c.replied(prefix+refusal, observe.No)
		return false, c.Send(prefix + refusal)
	}
	if s.GoAhead != "" {
		goAhead = s.GoAhead
	}
	c.replied(prefix+goAhead, observe.Yes)
	c.rec.line(observe.Server, false, prefix+goAhead, c.lineBreak(), false)
	if len(s.AfterGoAhead) > 0 {
		c.rec.line(observe.Server, false, string(s.AfterGoAhead), observe.Binary, false)
	}
	// What the client sent behind its command came in clear from anybody, and
	// must not be taken for something said inside TLS. RFC 3207, section 4.2:
	// knowledge from before TLS is discarded.
	if pipelined := c.tap.discard(); pipelined != nil {
		text, _ := redact(string(pipelined[:min(len(pipelined), keptText)]), c.run.secrets)
		c.rec.edit(func(o *observe.Conn) { o.Residue = &observe.Residue{Bytes: observe.Text(text)} })
	}
	if !c.write(append([]byte(prefix+goAhead+c.lineEnd()), s.AfterGoAhead...)) {
		return false, false
	}
	c.rec.reach(observe.Upgraded)
	return c.handshake(), false
}

// refusal is the reply that refuses TLS, or empty.
func (c *Session) refusal(unknown string) string {
	if c.server.Refusal != "" {
		return c.server.Refusal
	}
	if c.server.Mode == observe.StartTLS && (c.server.Hidden || c.offers(c.protocol.starttls)) {
		return ""
	}
	return unknown
}

func (c *Session) replied(reply string, goAhead observe.Answer) {
	c.rec.edit(func(o *observe.Conn) {
		o.Upgrade.Reply = []observe.Text{observe.Text(reply)}
		o.Upgrade.GoAhead = goAhead
	})
}

// handshake does TLS and tells whether it stands.
func (c *Session) handshake() bool {
	if c.instead(observe.Handshake) {
		return false
	}
	if late := c.server.LateAfterGoAhead; len(late) > 0 {
		if _, err := c.tap.r.Peek(1); err != nil {
			c.fail(err)
			return false
		}
		if !c.SendRaw(late) {
			return false
		}
	}
	t, err := c.accept()
	if err != nil {
		c.fail(err)
		return false
	}
	c.tls, c.conn, c.in = t, t, bufio.NewReaderSize(t, 4096)
	c.rec.reach(observe.Handshake)
	return !c.instead(observe.After)
}

// accept does the handshake, by crypto/tls where it can. Every read and write
// below has its deadline.
func (c *Session) accept() (sealedConn, error) {
	if without := c.server.TLS.Without; len(without) > 0 {
		t := &tls12{conn: c.tap, certificate: c.run.config.Certificates[0], without: without}
		err := t.accept()
		c.noteTLS(tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: suiteECDSAGCM, CurveID: tls.CurveP256}, err == nil)
		return t, err
	}
	t := tls.Server(c.tap, c.run.config)
	err := t.HandshakeContext(context.Background())
	c.noteTLS(t.ConnectionState(), err == nil)
	return t, err
}

// noteTLS writes down what the handshake showed.
func (c *Session) noteTLS(state tls.ConnectionState, complete bool) {
	c.rec.edit(func(o *observe.Conn) {
		o.TLS = &observe.TLS{
			Complete: complete, Version: state.Version, Suite: state.CipherSuite, Group: uint16(state.CurveID),
			ALPN: observe.Text(state.NegotiatedProtocol), Resumed: state.DidResume, Chain: c.rec.chain,
			ClientCertificate: observe.Known(c.server.TLS.DemandCert),
		}
		if a := c.tap.sentAlert(); a != nil {
			o.Alerts = append(o.Alerts, observe.Alert{From: observe.Server, Level: a[0], Code: a[1]})
		}
	})
}

// sawHello writes down what the client offered.
func (c *Session) sawHello(h *tls.ClientHelloInfo) {
	offer := observe.Offer{SNI: h.ServerName, ALPN: h.SupportedProtos}
	for _, s := range h.CipherSuites {
		if !isGrease(s) {
			offer.Suites = append(offer.Suites, s)
		}
	}
	for _, g := range h.SupportedCurves {
		if !isGrease(uint16(g)) {
			offer.Groups = append(offer.Groups, uint16(g))
		}
	}
	for _, v := range h.SupportedVersions {
		if isGrease(v) {
			continue
		}
		offer.MaxVersion = max(offer.MaxVersion, v)
		if offer.MinVersion == 0 || v < offer.MinVersion {
			offer.MinVersion = v
		}
	}
	c.rec.edit(func(o *observe.Conn) { o.Probe.Offer = offer })
}

// isGrease tells whether a number is one of the 16 that mean nothing, RFC
// 8701, section 2.
func isGrease(n uint16) bool { return n&0x0f0f == 0x0a0a && n>>8 == n&0xff }
