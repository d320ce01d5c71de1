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
func (r *Call) Err() error { return r.err }

// Session is the conversation, nil where no connection came to stand.
func (r *Call) Session() *dialogue.Session { return r.session }

// TLS is the TLS connection, nil where there is none.
func (r *Call) TLS() *tls.Conn { return r.tls }

// StartTLS goes over to TLS at any moment of a conversation in clear. What the
// server has said and nobody has read becomes residue.
func (r *Call) StartTLS() error {
	r.err = r.stage(observe.Handshake, r.t.Handshake, r.handshake)
	return r.err
}

// HangUp says goodbye and closes. The record is complete behind it.
func (r *Call) HangUp() {
	r.part(r.err)
	r.finish(r.err)
	r.o.begins(r.record.Probe.Endpoint, observe.Nothing)
}

// Ended notes how the conversation came to its end that the caller went on
// with; nil takes back that it failed. It decides whether HangUp says goodbye.
func (r *Call) Ended(err error) { r.err = err }

// Close closes without a goodbye, for who has said it already. The record is
// complete behind it.
func (r *Call) Close() {
	if r.wire != nil {
		r.wire.Part(r.t.Goodbye)
		if r.tls != nil {
			r.tls.Close()
		}
		r.wire.Close()
	}
	r.finish(r.err)
	r.o.begins(r.record.Probe.Endpoint, observe.Nothing)
}

// Seen returns what the connection has shown so far, and the certificates
// that were sent in DER form.
func (r *Call) Seen() (observe.Conn, [][]byte) {
	if r.record.End == observe.Unended {
		r.collect(nil)
	}
	return r.record, r.chain
}

// converse goes through the stages in order, up to the one that is named.
func (r *Call) converse(upTo observe.Stage) error {
	if err := r.stage(observe.Dial, r.t.Dial, r.dial); err != nil || upTo == observe.Dial {
		return err
	}
	ask := func() error { return r.speaks.Ask(r.session) }
	greet := func() error { return r.speaks.Greet(r.session) }
	if r.record.Probe.Endpoint.Mode == observe.Implicit {
		return r.stages(upTo,
			step{observe.Handshake, r.t.Handshake, r.handshake},
			step{observe.Greeting, r.t.Greeting, greet},
			step{observe.After, r.t.Reply, ask})
	}
	again := ask
	if r.speaks.Again != nil {
		again = func() error { return r.speaks.Again(r.session) }
	}
	return r.stages(upTo,
		step{observe.Greeting, r.t.Greeting, greet},
		step{observe.Capability, r.t.Reply, ask},
		step{observe.Upgraded, r.t.Reply, func() error { return r.speaks.Upgrade(r.session) }},
		step{observe.Handshake, r.t.Handshake, r.handshake},
		step{observe.After, r.t.Reply, again})
}

type step struct {
	name  observe.Stage
	limit time.Duration
	do    func() error
}

func (r *Call) stages(upTo observe.Stage, steps ...step) error {
	for _, s := range steps {
		if err := r.stage(s.name, s.limit, s.do); err != nil || s.name == upTo {
			return err
		}
	}
	return nil
}

// stage gives one step its time and writes down how long it took.
func (r *Call) stage(name observe.Stage, limit time.Duration, do func() error) error {
	r.o.begins(r.record.Probe.Endpoint, name)
	began := time.Now()
	if r.wire != nil {
		r.wire.Limit(limit)
	}
	err := do()
	now := time.Now()
	r.record.Stages = append(r.record.Stages, observe.StageTime{
		Stage: name, At: observe.Since(r.record.Began, began), Took: observe.Since(began, now),
	})
	if err == nil {
		r.record.Reached = name
	}
	return err
}

func (r *Call) dial() error {
	ctx, cancel := context.WithTimeoutCause(r.ctx, r.t.Dial, os.ErrDeadlineExceeded)
	defer cancel()
	e := r.record.Probe.Endpoint
	c, err := dial(ctx, e, r.o)
	if err != nil {
		if r.ctx.Err() == nil && ctx.Err() != nil {
			return &wire.Stop{End: observe.Timeout, Cause: "no connection in time"}
		}
		end, cause := wire.Ending(r.ctx, err)
		return &wire.Stop{End: end, Cause: cause}
	}
	r.wire = wire.New(r.ctx, c, r.record.Began, r.o.limits())
	r.session = &dialogue.Session{
		Conn: r.wire, Record: &r.record,
		Helo: heloName(r.o.Helo, c), Host: e.Host, Domain: e.Domain, Wait: r.t.Reply,
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
func (r *Call) part(err error) {
	if r.wire == nil {
		return
	}
	r.wire.Part(r.t.Goodbye)
	if r.usable(err) && r.speaks.Leave != nil {
		r.speaks.Leave(r.session)
	}
	if r.tls != nil {
		r.tls.Close()
	}
	r.wire.Close()
}

// usable tells whether the server may still be listening to commands.
func (r *Call) usable(err error) bool {
	if r.record.Reached == observe.Dial || r.record.Reached == observe.Upgraded {
		return false // before the greeting, or in the middle of a handshake
	}
	end, _ := wire.Ending(r.ctx, err)
	switch end {
	case observe.Done, observe.Refused, observe.Throttled, observe.Timeout, observe.Cancelled, observe.Excess:
		return true
	}
	return false
}

// finish closes the record.
func (r *Call) finish(err error) {
	r.record.End, r.record.Cause = wire.Ending(r.ctx, err)
	r.record.Took = observe.Since(r.record.Began, time.Now())
	r.collect(err)
}

// collect takes into the record what the wire has kept.
func (r *Call) collect(err error) {
	if r.wire == nil {
		return
	}
	r.record.Lines = r.wire.Lines()
	r.record.Residue = r.wire.Residue()
	r.readHandshake(err)
	if r.o.Tape {
		r.record.Tape = r.wire.Segments()
	}
}
