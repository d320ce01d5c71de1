package report

import (
	"cmp"
	"fmt"
	"io"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// WriteBrief writes what a person wants to know of one connection before he
// goes on to talk on it: the seal and what it suffers from, the handshake, the
// trust and the chain.
func WriteBrief(w io.Writer, r *Report, opt Options) error {
	t := &text{page: newPage(w, opt), r: r, facts: check.Read(r.Observation, r.anchors), chains: map[string]string{}}
	for _, e := range r.Endpoints {
		t.brief(e)
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

func (t *text) brief(e Endpoint) {
	c := &t.r.Observation.Conns[e.Best]
	t.hang(0, t.seal(e.Seal, sealRoom), sealRoom, fmt.Sprintf("%s, %s", place(e.Endpoint), t.inShort(e, c)))
	for _, g := range t.groups(standard.Must) {
		t.item(2, "-", 2, "%s: %s", g.check, g.findings[0].Detail)
	}
	if c.Residue != nil {
		t.detail("residue", "%s", c.Residue.Bytes)
	}
	for _, a := range c.Alerts {
		t.detail("alert", "%s (%d), from the %s", iana.AlertName(a.Code), a.Code, a.From)
	}
	t.tls(c)
	t.detail("cipher", "%s", cipher(c.TLS))
	s := summary(t.facts, e)
	if s == nil {
		return
	}
	if c.TLS.Resumed {
		t.detail("session", "resumed by a ticket; the server showed no certificate anew")
	}
	t.trust(e)
	if Trusted(t.r, e.Endpoint) == observe.No {
		t.detail("", "%s", Distrust(t.r, e.Endpoint))
	}
	t.chain(e, s)
}

// inShort is the line beside the seal.
func (t *text) inShort(e Endpoint, c *observe.Conn) string {
	if c.TLS == nil || !c.TLS.Complete {
		return cmp.Or(c.Cause, "no TLS")
	}
	return t.handshake(e)
}

// cipher takes the suite apart, as people know it from other programs.
func cipher(s *observe.TLS) string {
	if s == nil {
		return ""
	}
	suite, known := iana.Suite(s.Suite)
	switch {
	case !known:
		return ""
	case suite.AEAD:
		return suite.Cipher + ", which needs no MAC: it is authenticated encryption"
	}
	return fmt.Sprintf("%s, MAC %s", suite.Cipher, suite.MAC)
}

// Trusted tells whether the certificate on an endpoint proves the server: a
// path to a trust anchor, the right name, the right time.
func Trusted(r *Report, e observe.Endpoint) observe.Answer {
	trusted := observe.Yes
	for _, name := range proofs {
		switch answerOf(r, e, name).Answer {
		case observe.Yes:
			return observe.No
		case observe.Unknown:
			trusted = observe.Unknown
		}
	}
	return trusted
}

// Distrust is why [Trusted] does not say yes, in words; empty where it does.
func Distrust(r *Report, e observe.Endpoint) string {
	for _, answer := range []observe.Answer{observe.Yes, observe.Unknown} {
		for _, name := range proofs {
			if f := answerOf(r, e, name); f.Answer == answer {
				return cmp.Or(f.Detail, name)
			}
		}
	}
	return ""
}

// proofs are the checks that must all say no where a certificate proves the
// server.
var proofs = []string{"chain-untrusted", "name-mismatch", "cert-expired", "cert-not-yet-valid"}

func answerOf(r *Report, e observe.Endpoint, name string) check.Finding {
	for _, f := range r.Findings {
		if f.Check == name && f.Subject == e {
			return f
		}
	}
	return check.Finding{Check: name}
}
