package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"strings"
	"time"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// Run makes one connection and returns what it showed, with the certificates
// that it names in DER form.
func Run(ctx context.Context, p observe.Probe, o *Options) (observe.Conn, [][]byte) {
	c := Open(ctx, p, o, observe.After)
	c.HangUp()
	return c.Seen()
}

// Call is a connection under way. Who opened it may go on talking on its
// wire, and must end it by HangUp.
type Call struct {
	ctx     context.Context
	o       *Options
	t       Timeouts
	speaks  *dialogue.Protocol
	record  observe.Conn
	session *dialogue.Session // nil before the connection stands
	wire    *wire.Conn        // the same
	tls     *tls.Conn         // nil before the handshake is finished
	keys    bytes.Buffer      // the key log of our own handshake; it leaves this process only by Options.KeyLog
	chain   [][]byte
	err     error // what ended the dialogue before it was through
}

// Open makes a connection and goes through the stages up to the one that is
// named: observe.Dial leaves everything to the caller, observe.After goes all
// the way. Err tells whether it came there.
func Open(ctx context.Context, p observe.Probe, o *Options, upTo observe.Stage) *Call {
	c := &Call{ctx: ctx, o: o, t: o.Timeouts.orDefault(), speaks: o.speaks(p.Endpoint.Protocol)}
	c.record = observe.Conn{Probe: p, Began: time.Now()}
	c.err = c.converse(upTo)
	return c
}

// Err is nil if the dialogue came as far as it should; else a *wire.Stop or
// what crypto/tls said.
func (c *Call) Err() error { return c.err }

// Session is the conversation, nil where no connection came to stand.
func (c *Call) Session() *dialogue.Session { return c.session }

// TLS is the TLS connection, nil where there is none.
func (c *Call) TLS() *tls.Conn { return c.tls }

// StartTLS goes over to TLS at any moment of a conversation in clear. What the
// server has said and nobody has read becomes residue.
func (c *Call) StartTLS() error {
	c.err = c.stage(observe.Handshake, c.t.Handshake, c.handshake)
	return c.err
}

// HangUp says goodbye and closes. The record is complete behind it.
func (c *Call) HangUp() {
	c.part(c.err)
	c.finish(c.err)
	c.o.begins(c.record.Probe.Endpoint, observe.Nothing)
}

// Ended notes how the conversation came to its end that the caller went on
// with; nil takes back that it failed. It decides whether HangUp says goodbye.
func (c *Call) Ended(err error) { c.err = err }

// Close closes without a goodbye, for who has said it already. The record is
// complete behind it.
func (c *Call) Close() {
	if c.wire != nil {
		c.wire.Part(c.t.Goodbye)
		if c.tls != nil {
			c.tls.Close()
		}
		c.wire.Close()
	}
	c.finish(c.err)
	c.o.begins(c.record.Probe.Endpoint, observe.Nothing)
}

// Seen returns what the connection has shown so far, and the certificates
// that were sent in DER form.
func (c *Call) Seen() (observe.Conn, [][]byte) {
	if c.record.End == observe.Unended {
		c.collect(nil)
	}
	return c.record, c.chain
}

// converse goes through the stages in order, up to the one that is named.
func (c *Call) converse(upTo observe.Stage) error {
	if err := c.stage(observe.Dial, c.t.Dial, c.dial); err != nil || upTo == observe.Dial {
		return err
	}
	ask := func() error { return c.speaks.Ask(c.session) }
	greet := func() error { return c.speaks.Greet(c.session) }
	if c.record.Probe.Endpoint.Mode == observe.Implicit {
		return c.stages(upTo,
			step{observe.Handshake, c.t.Handshake, c.handshake},
			step{observe.Greeting, c.t.Greeting, greet},
			step{observe.After, c.t.Reply, ask})
	}
	again := ask
	if c.speaks.Again != nil {
		again = func() error { return c.speaks.Again(c.session) }
	}
	return c.stages(upTo,
		step{observe.Greeting, c.t.Greeting, greet},
		step{observe.Capability, c.t.Reply, ask},
		step{observe.Upgraded, c.t.Reply, func() error { return c.speaks.Upgrade(c.session) }},
		step{observe.Handshake, c.t.Handshake, c.handshake},
		step{observe.After, c.t.Reply, again})
}

type step struct {
	name  observe.Stage
	limit time.Duration
	do    func() error
}

func (c *Call) stages(upTo observe.Stage, steps ...step) error {
	for _, s := range steps {
		if err := c.stage(s.name, s.limit, s.do); err != nil || s.name == upTo {
			return err
		}
	}
	return nil
}

// stage gives one step its time and writes down how long it took.
func (c *Call) stage(name observe.Stage, limit time.Duration, do func() error) error {
	c.o.begins(c.record.Probe.Endpoint, name)
	began := time.Now()
	if c.wire != nil {
		c.wire.Limit(limit)
	}
	err := do()
	now := time.Now()
	c.record.Stages = append(c.record.Stages, observe.StageTime{
		Stage: name, At: observe.Since(c.record.Began, began), Took: observe.Since(began, now),
	})
	if err == nil {
		c.record.Reached = name
	}
	return err
}

func (c *Call) dial() error {
	ctx, cancel := context.WithTimeoutCause(c.ctx, c.t.Dial, os.ErrDeadlineExceeded)
	defer cancel()
	e := c.record.Probe.Endpoint
	raw, err := dial(ctx, e, c.o)
	if err != nil {
		if c.ctx.Err() == nil && ctx.Err() != nil {
			return &wire.Stop{End: observe.Timeout, Cause: "no connection in time"}
		}
		end, cause := wire.Ending(c.ctx, err)
		return &wire.Stop{End: end, Cause: cause}
	}
	c.wire = wire.New(c.ctx, raw, c.record.Began, c.o.limits())
	c.session = &dialogue.Session{
		Conn: c.wire, Record: &c.record,
		Helo: heloName(c.o.Helo, raw), Host: e.Host, Domain: e.Domain,
	}
	return nil
}

// heloName is the name for EHLO: the one that was asked for, this machine's
// if it is a full name, else its address as a literal (RFC 5321, section
// 4.1.1.1).
func heloName(wanted string, c net.Conn) string {
	if wanted != "" {
		return wanted
	}
	if name, err := os.Hostname(); err == nil && strings.Contains(strings.Trim(name, "."), ".") && isPlainName(name) {
		return name
	}
	a, ok := c.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case a.IP.To4() == nil:
		return "[IPv6:" + a.IP.String() + "]"
	}
	return "[" + a.IP.String() + "]"
}

// part leaves politely: a goodbye where the conversation is usable, the end
// of TLS where TLS stands. Neither is waited for.
func (c *Call) part(err error) {
	if c.wire == nil {
		return
	}
	c.wire.Part(c.t.Goodbye)
	if c.usable(err) && c.speaks.Leave != nil {
		c.speaks.Leave(c.session)
	}
	if c.tls != nil {
		c.tls.Close()
	}
	c.wire.Close()
}

// usable tells whether the server may still be listening to commands.
func (c *Call) usable(err error) bool {
	if c.record.Reached == observe.Dial || c.record.Reached == observe.Upgraded {
		return false // before the greeting, or in the middle of a handshake
	}
	end, _ := wire.Ending(c.ctx, err)
	switch end {
	case observe.Done, observe.Refused, observe.Throttled, observe.Timeout, observe.Cancelled, observe.Excess:
		return true
	}
	return false
}

// finish closes the record.
func (c *Call) finish(err error) {
	c.record.End, c.record.Cause = wire.Ending(c.ctx, err)
	c.record.Took = observe.Since(c.record.Began, time.Now())
	c.collect(err)
}

// collect takes into the record what the wire has kept.
func (c *Call) collect(err error) {
	if c.wire == nil {
		return
	}
	c.record.Lines = c.wire.Lines()
	c.record.Residue = c.wire.Residue()
	c.readHandshake(err)
	if c.o.Tape {
		c.record.Tape = c.wire.Segments()
	}
}
