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
	r := &run{ctx: ctx, o: o, t: o.Timeouts.orDefault(), speaks: o.speaks(p.Endpoint.Protocol)}
	r.record = observe.Conn{Probe: p, Began: time.Now()}
	err := r.converse()
	r.part(err)
	r.finish(err)
	o.begins(p.Endpoint, observe.Nothing)
	return r.record, r.chain
}

// run is one connection under way.
type run struct {
	ctx     context.Context
	o       *Options
	t       Timeouts
	speaks  *dialogue.Protocol
	record  observe.Conn
	session *dialogue.Session
	wire    *wire.Conn
	tls     *tls.Conn
	keys    bytes.Buffer // the key log of our own handshake; it never leaves this process
	chain   [][]byte
}

// converse goes through the stages in order.
func (r *run) converse() error {
	if err := r.stage(observe.Dial, r.t.Dial, r.dial); err != nil {
		return err
	}
	ask := func() error { return r.speaks.Ask(r.session) }
	greet := func() error { return r.speaks.Greet(r.session) }
	if r.record.Probe.Endpoint.Mode == observe.Implicit {
		return r.stages(
			step{observe.Handshake, r.t.Handshake, r.handshake},
			step{observe.Greeting, r.t.Greeting, greet},
			step{observe.After, r.t.Reply, ask})
	}
	again := ask
	if r.speaks.Again != nil {
		again = func() error { return r.speaks.Again(r.session) }
	}
	return r.stages(
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

func (r *run) stages(steps ...step) error {
	for _, s := range steps {
		if err := r.stage(s.name, s.limit, s.do); err != nil {
			return err
		}
	}
	return nil
}

// stage gives one step its time and writes down how long it took.
func (r *run) stage(name observe.Stage, limit time.Duration, do func() error) error {
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

func (r *run) dial() error {
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
	r.wire = wire.New(r.ctx, c, r.record.Began, wire.Limits{Segments: r.o.Tape})
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
func (r *run) part(err error) {
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
func (r *run) usable(err error) bool {
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
func (r *run) finish(err error) {
	r.record.End, r.record.Cause = wire.Ending(r.ctx, err)
	r.record.Took = observe.Since(r.record.Began, time.Now())
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
