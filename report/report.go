// Package report makes of an observation what a person or a program reads.
//
// [New] is the one door to the right wing: observation → findings → verdicts →
// seals. It opens no connection, reads no clock and cannot fail; the same
// observation and the same trust anchors always give the same report.
//
//  1. Package check puts its questions to the facts: findings.
//  2. Package standard holds its tables against the findings: verdicts.
//     mailseal's own standard is always among them, because it makes the seal.
//  3. The verdicts on one endpoint make its seal, and the worst of the
//     endpoints that count makes that of the target.
//
// A [Format] writes a report. To add one: a file here, a line in [Formats], a
// golden file in testdata.
package report

import (
	"slices"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// Report is an observation with all that follows from it.
type Report struct {
	Observation *observe.Observation
	Findings    []check.Finding
	Verdicts    []standard.Verdict
	Standards   []*standard.Standard // that were judged by; mailseal's own is the first
	Endpoints   []Endpoint           // in the order in which they were looked at
	Seal        standard.Seal        // of the target

	anchors []observe.Anchor // that were given to judge by
}

// Endpoint is what is known of one place to knock.
type Endpoint struct {
	observe.Endpoint
	Seal       standard.Seal
	Conns      []int      // indexes in Observation.Conns
	Best       int        // index of the connection that got furthest
	PassedOver PassedOver // why it does not count into the target's seal
}

// New judges an observation. With nil anchors the chains are judged by those
// that the observation holds. mailseal's own standard is always judged by;
// standards are those to judge by besides.
func New(o *observe.Observation, anchors []observe.Anchor, standards ...*standard.Standard) *Report {
	r := &Report{Observation: o, Findings: check.Run(o, anchors), Standards: []*standard.Standard{standard.MailSeal}, anchors: anchors}
	for _, s := range standards {
		if !slices.Contains(r.Standards, s) {
			r.Standards = append(r.Standards, s)
		}
	}
	r.Verdicts = standard.Judge(r.Findings, r.Standards...)
	r.Endpoints = endpoints(o)
	r.seal()
	return r
}

// endpoints gathers the connections by endpoint.
func endpoints(o *observe.Observation) []Endpoint {
	var all []Endpoint
	place := make(map[observe.Endpoint]int)
	for i := range o.Conns {
		e := o.Conns[i].Probe.Endpoint
		at, known := place[e]
		if !known {
			at = len(all)
			place[e] = at
			all = append(all, Endpoint{Endpoint: e, Best: i})
		}
		all[at].Conns = append(all[at].Conns, i)
		if further(&o.Conns[i], &o.Conns[all[at].Best]) {
			all[at].Best = i
		}
	}
	passOver(o, all)
	return all
}

// further tells whether connection a shows more than b.
func further(a, b *observe.Conn) bool {
	depth := func(c *observe.Conn) int {
		switch {
		case c.TLS != nil && c.TLS.Complete:
			return 3 + len(c.Stages)
		case c.TLS != nil:
			return 2
		case c.Reached != observe.Nothing:
			return 1
		}
		return 0
	}
	return depth(a) > depth(b)
}

// seal gives every endpoint its seal, and the target that of the worst which
// counts. Where none counts, the target's is unknown.
func (r *Report) seal() {
	counted := false
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		e.Seal = standard.SealOn(e.Endpoint, r.Verdicts)
		switch {
		case e.PassedOver != Counts:
		case !counted:
			r.Seal, counted = e.Seal, true
		default:
			r.Seal = standard.Worst(r.Seal, e.Seal)
		}
	}
}

// of returns the endpoint of that description, or nil.
func (r *Report) of(e observe.Endpoint) *Endpoint {
	for i := range r.Endpoints {
		if r.Endpoints[i].Endpoint == e {
			return &r.Endpoints[i]
		}
	}
	return nil
}

// counts tells whether an endpoint counts into the target's seal.
func (r *Report) counts(e observe.Endpoint) bool {
	at := r.of(e)
	return at != nil && at.PassedOver == Counts
}
