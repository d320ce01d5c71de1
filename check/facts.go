package check

import (
	"crypto/x509"

	"github.com/mailseal/mailseal/observe"
)

// Facts are an observation made ready for questions: its connections by
// endpoint, its certificates parsed once.
type Facts struct {
	*observe.Observation
	Anchors []observe.Anchor // trust anchors to judge by

	replaced bool // the anchors are not the observation's own, so its list of stores says nothing about them

	conns []Conn
	certs map[observe.Fingerprint]*x509.Certificate
	paths map[pathKey]pathResult
}

// Conn is a connection and its place in the observation.
type Conn struct {
	*observe.Conn
	Index int
	Chain []*x509.Certificate // as sent; ends before the first that cannot be parsed
}

// Read makes facts of an observation. With nil anchors the chain is judged by
// the anchors that the observation holds.
func Read(o *observe.Observation, anchors []observe.Anchor) *Facts {
	replaced := anchors != nil
	if !replaced {
		anchors = o.Anchors
	}
	f := &Facts{
		Observation: o, Anchors: anchors, replaced: replaced,
		certs: make(map[observe.Fingerprint]*x509.Certificate), paths: make(map[pathKey]pathResult),
	}
	for i := range o.Conns {
		c := Conn{Conn: &o.Conns[i], Index: i}
		if c.TLS != nil {
			c.Chain = f.parse(c.TLS.Chain)
		}
		f.conns = append(f.conns, c)
	}
	return f
}

// Certificate returns the parsed certificate, or nil where it is not kept or
// cannot be parsed.
func (f *Facts) Certificate(p observe.Fingerprint) *x509.Certificate {
	if c, known := f.certs[p]; known {
		return c
	}
	c, err := parseCertificate(f.Certificates[p])
	if err != nil {
		c = nil
	}
	f.certs[p] = c
	return c
}

func (f *Facts) parse(chain []observe.Fingerprint) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, p := range chain {
		c := f.Certificate(p)
		if c == nil {
			break
		}
		certs = append(certs, c)
	}
	return certs
}

// eachEndpoint puts a question to every connection and makes one finding for
// each endpoint: one yes is enough, a no needs that somebody saw it, and
// unknown is what is left. A nil view means that the question does not arise
// on that connection.
func (f *Facts) eachEndpoint(ask func(Conn) *view) []Finding {
	var all []Finding
	for _, c := range f.conns {
		v := ask(c)
		if v == nil {
			continue
		}
		i := about(all, &c.Probe.Endpoint)
		if i < 0 {
			i = len(all)
			all = append(all, Finding{Subject: c.Probe.Endpoint})
		}
		all[i].add(v, c)
	}
	return all
}

// about returns the place of the finding about an endpoint, or -1. There are
// few endpoints: to compare them is cheaper than to hash them.
func about(all []Finding, e *observe.Endpoint) int {
	for i := range all {
		if all[i].Subject == *e {
			return i
		}
	}
	return -1
}

// view is what one connection says to a question.
type view struct {
	answer observe.Answer
	detail string
	lines  []int
	cert   observe.Fingerprint
}

func (f *Finding) add(v *view, c Conn) {
	if v.answer > f.Answer || len(f.Evidence) == 0 { // unknown < no < yes
		f.Answer, f.Detail, f.Evidence = v.answer, v.detail, nil
	}
	if v.answer == f.Answer {
		f.Evidence = append(f.Evidence, Evidence{Conn: c.Index, Lines: v.lines, Certificate: v.cert})
	}
}

// reachable tells whether a connection came to stand. Where it did not, no
// question about the service arises: that nobody listens is told by the
// connection itself.
func (c Conn) reachable() bool { return c.Reached != observe.Nothing }

// sealed tells whether the handshake was finished.
func (c Conn) sealed() bool { return c.TLS != nil && c.TLS.Complete }

// unknownWithoutTLS is the view of a question about TLS on a connection that
// never got there.
func (c Conn) unknownWithoutTLS() *view {
	return &view{detail: "no TLS handshake was seen here"}
}
