// Package probe is the door of the seeing wing: from a target to an
// observation.
//
// [ReadTarget] reads what a person typed. [Survey] finds the places to knock,
// asks each with [Run], and gathers what came back. Run makes one connection:
// dial, the clear dialogue, the handshake, the dialogue inside, goodbye. What
// goes wrong on the way is part of the record; there is no error.
//
// Who wants to talk himself opens a connection up to a stage with [Open], and
// makes its record an observation with [NewObservation] and [Add].
package probe

import (
	"crypto/tls"
	"io"
	"net/url"
	"time"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/resolve"
	"github.com/mailseal/mailseal/wire"
)

// Options say how to look. The zero value is sensible.
type Options struct {
	Tool        string                                // name and version for the record
	Helo        string                                // for EHLO; empty: this machine's name, or its address as a literal
	SNI         string                                // sent instead of the host
	NoSNI       bool                                  // none is sent
	ALPN        []string                              // none by default: a foreign list would be refused by strict servers
	Family      resolve.Family                        // empty: IPv6 and IPv4
	Bind        string                                // local address
	Proxy       *url.URL                              // socks5 or http
	Stores      []Store                               // trust stores to take anchors from
	Timeouts    Timeouts                              // for each stage
	Parallel    int                                   // connections at once; 4 where zero
	Limits      wire.Limits                           // of the conversation
	KeyLog      io.Writer                             // NSS key log for other programs; nobody gets it by default
	Sessions    tls.ClientSessionCache                // tickets to resume with; nil: every connection is new
	Certificate *tls.Certificate                      // shown to servers that ask for one
	Tape        bool                                  // keep the bytes on the wire
	Script      *dialogue.Protocol                    // speaks instead of the dialogue that the target names
	Watch       func(observe.Endpoint, observe.Stage) // is told when a stage begins, and Nothing when it is all over; called by several goroutines
}

// Store is a set of trust anchors.
type Store interface {
	// Anchors returns those anchors that could end a path from the
	// certificates of chain, and their DER forms, in the same order.
	Anchors(chain [][]byte) ([]observe.Anchor, [][]byte)
	Describe() observe.RootStore
}

// Timeouts bound each stage as a whole; a zero field is the default beside
// it.
type Timeouts struct {
	Dial      time.Duration // 10 s
	Greeting  time.Duration // 30 s: some servers delay it on purpose
	Reply     time.Duration // 20 s for one command
	Handshake time.Duration // 20 s
	Goodbye   time.Duration // 1 s
}

func (t Timeouts) orDefault() Timeouts {
	set := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	set(&t.Dial, 10*time.Second)
	set(&t.Greeting, 30*time.Second)
	set(&t.Reply, 20*time.Second)
	set(&t.Handshake, 20*time.Second)
	set(&t.Goodbye, time.Second)
	return t
}

var past = time.Unix(1, 0)

// begins tells the watcher that a stage begins.
func (o *Options) begins(e observe.Endpoint, s observe.Stage) {
	if o.Watch != nil {
		o.Watch(e, s)
	}
}

func (o *Options) limits() wire.Limits {
	l := o.Limits
	l.Segments = l.Segments || o.Tape
	return l
}

// speaks returns how to talk by the protocol of that name.
func (o *Options) speaks(name string) *dialogue.Protocol {
	if o.Script != nil && o.Script.Name == name {
		return o.Script
	}
	return dialogue.ByName(name)
}

func (o *Options) parallel() int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return 4
}
