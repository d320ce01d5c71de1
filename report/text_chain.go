package report

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/observe"
)

// trust tells in one sentence what the checks say of the path, the dates and
// the names. An expired certificate has a path all the same; that alone is not
// called trusted.
func (t *text) trust(e Endpoint) {
	s := summary(t.facts, e)
	var but []string
	if dates := t.dates(e, s); dates != "" {
		but = append(but, "out of date: "+dates)
	}
	name := t.answer(e, "name-mismatch")
	if name == observe.Yes {
		but = append(but, "the name does not fit")
	}
	turn := ", but "
	if t.answer(e, "chain-untrusted") != observe.No {
		turn = "; "
	}
	line := t.path(e, s, len(but) == 0) + after(turn, strings.Join(but, ", and "))
	if name == observe.No {
		line += "; the name fits"
	}
	t.detail("trust", "%s", line)
}

// path tells whether there is a path to a trust anchor, and in which stores.
func (t *text) path(e Endpoint, s *Summary, good bool) string {
	anchor := t.anchor(s)
	switch t.answer(e, "chain-untrusted") {
	case observe.Yes:
		return "not trusted" + t.stores(e, observe.Yes)
	case observe.No:
		stores := t.stores(e, observe.No)
		switch {
		case good && anchor != "":
			return "trusted by " + anchor + stores
		case good:
			return "trusted" + stores
		}
		return "a path to " + cmp.Or(anchor, "a trusted root") + stores
	}
	if f := t.finding(e, "chain-untrusted"); f != nil && f.Detail != "" {
		return "not known: " + f.Detail
	}
	return "not known"
}

// stores tells in parentheses which of the public stores give an answer, and
// which the other one.
func (t *text) stores(e Endpoint, answer observe.Answer) string {
	var all []string
	for _, s := range []struct{ name, check string }{{"mozilla", "untrusted-mozilla"}, {"system", "untrusted-system"}} {
		switch t.answer(e, s.check) {
		case observe.Unknown:
		case answer:
			all = append(all, s.name)
		default:
			all = append(all, "not "+s.name)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// anchor names the trust anchor in which a path must end, because it is the
// only one that issued something of what was sent. Where there are several,
// it is empty.
func (t *text) anchor(s *Summary) string {
	var found *x509.Certificate
	for _, a := range t.facts.Anchors {
		c := t.facts.Certificate(a.Certificate)
		if c == nil || !t.issued(c, s) {
			continue
		}
		if found != nil && !bytes.Equal(found.RawSubject, c.RawSubject) {
			return ""
		}
		found = c
	}
	if found == nil {
		return ""
	}
	return `"` + commonName(found) + `"`
}

// issued tells whether an anchor bears the name of an issuer in the chain, or
// was sent itself.
func (t *text) issued(anchor *x509.Certificate, s *Summary) bool {
	return slices.ContainsFunc(s.Chain, func(c Certificate) bool {
		sent := t.facts.Certificate(c.SHA256)
		return sent != nil && (bytes.Equal(sent.RawIssuer, anchor.RawSubject) || sent.Equal(anchor))
	})
}

// commonName is what people call a certificate. The page escapes it.
func commonName(c *x509.Certificate) string {
	return clip(cmp.Or(c.Subject.CommonName, c.Subject.String(), "no subject"))
}

// dates tells which certificate of the path is out of date; the leaf's is told
// without its name.
func (t *text) dates(e Endpoint, s *Summary) string {
	var all []string
	for _, name := range []string{"cert-expired", "cert-not-yet-valid"} {
		f := t.finding(e, name)
		if f == nil || f.Answer != observe.Yes {
			continue
		}
		c := t.outOfDate(f.Evidence)
		switch {
		case c == nil:
			all = append(all, name)
		case len(s.Chain) > 0 && s.Chain[0].SHA256 == observe.FingerprintOf(c.Raw):
			all = append(all, t.left(describe(s.Chain[0].SHA256, c)))
		default:
			all = append(all, fmt.Sprintf(`"%s" %s`, commonName(c), t.left(describe("", c))))
		}
	}
	return strings.Join(all, ", ")
}

// outOfDate is the certificate that a finding is about, or nil.
func (t *text) outOfDate(evidence []check.Evidence) *x509.Certificate {
	if len(evidence) == 0 {
		return nil
	}
	return t.facts.Certificate(evidence[0].Certificate)
}

// chain tells every certificate as sent; the same chain only once. Names come
// with the backslashes of RFC 4514, so only the page escapes them.
func (t *text) chain(e Endpoint, s *Summary) {
	if where := t.toldOn(e, s.Chain); where != "" {
		t.detail("chain", "%s, as on %s", count(len(s.Chain), "certificate", "certificates"), where)
		return
	}
	for i := range s.Chain {
		t.link(s.Chain, i)
	}
}

// othersLimit is how many certificates above the leaf are told; some servers
// send a hundred.
const othersLimit = 5

// leaf tells the server's own certificate, and one line of each other.
func (t *text) leaf(s *Summary) {
	for i, c := range s.Chain {
		switch {
		case i == 0:
			t.link(s.Chain, i)
		case i > othersLimit:
			t.detail("", "and %d more", len(s.Chain)-i)
			return
		case c.Unread:
			t.detail(position(s.Chain, i), "it could not be read")
		default:
			t.detail(position(s.Chain, i), "%s, until %s%s, %s", t.name(c), day(*c.NotAfter), after(", ", t.unfit(c)), c.Key)
		}
	}
}

// certificate tells of the server's own certificate what one needs to find
// it, on few lines.
func (t *text) certificate(e Endpoint, s *Summary) {
	if len(s.Chain) == 0 {
		return
	}
	if where := t.toldOn(e, s.Chain[:1]); where != "" {
		t.detail("certificate", "as on %s", where)
		return
	}
	c := s.Chain[0]
	if c.Unread {
		t.detail("certificate", "it could not be read; SHA-256 %s", clip(string(c.SHA256)))
		return
	}
	t.detail("certificate", "%s, %s", t.name(c), t.valid(c))
	t.detail("  names", "%s", names(c, shortNamesLimit))
	t.detail("  SPKI", "%s", c.SPKI)
}

// toldOn is where the same certificates were told already; empty if they were
// not.
func (t *text) toldOn(e Endpoint, certs []Certificate) string {
	key := ""
	for _, c := range certs {
		key += string(c.SHA256) + " "
	}
	if key == "" {
		return ""
	}
	where := t.chains[key]
	if where == "" {
		t.chains[key] = place(e.Endpoint)
	}
	return where
}

func position(chain []Certificate, i int) string {
	return fmt.Sprintf("chain %d/%d", i+1, len(chain))
}

// link tells all of one certificate.
func (t *text) link(chain []Certificate, i int) {
	c := chain[i]
	t.detail(position(chain, i), "%s", cmp.Or(string(c.Subject), "(no subject)"))
	if c.Unread {
		t.detail("", "it could not be read")
		t.detail("  SHA-256", "%s", string(c.SHA256))
		return
	}
	limit := namesLimit
	if t.verbose {
		limit = len(c.Names)
	}
	t.detail("  names", "%s", names(c, limit))
	t.detail("  valid", "%s", t.valid(c))
	t.detail("  issuer", "%s", string(c.Issuer))
	t.detail("  key", "%s, signed with %s", c.Key, c.Signature)
	t.detail("  SHA-256", "%s", string(c.SHA256))
	t.detail("  SPKI", "%s", c.SPKI)
}

// name is what people call a certificate of a chain.
func (t *text) name(c Certificate) string { return commonName(t.facts.Certificate(c.SHA256)) }

// namesLimit is how many names of a certificate are told; some have hundreds.
const (
	namesLimit      = 10
	shortNamesLimit = 4
)

func names(c Certificate, limit int) string {
	var all []string
	for _, n := range c.Names[:min(limit, len(c.Names))] {
		all = append(all, n.String())
	}
	if more := len(c.Names) - limit; more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}

// valid tells from when to when, and how that stood when we looked.
func (t *text) valid(c Certificate) string {
	return fmt.Sprintf("%s to %s", day(*c.NotBefore), day(*c.NotAfter)) + after(", ", t.left(c))
}

func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// left tells how a certificate stood in its time when we looked; empty where
// nobody noted when that was.
func (t *text) left(c Certificate) string {
	if t.r.Observation.Began.IsZero() {
		return ""
	}
	if unfit := t.unfit(c); unfit != "" {
		return unfit
	}
	if days := days(c.NotAfter.Sub(t.r.Observation.Began)); days > 0 {
		return count(days, "day", "days") + " left"
	}
	return "less than a day left"
}

// unfit tells what is wrong with the dates of a certificate.
func (t *text) unfit(c Certificate) string {
	began := t.r.Observation.Began
	switch {
	case began.IsZero():
		return ""
	case c.NotAfter.Before(began):
		return "expired " + some(days(began.Sub(*c.NotAfter))) + " ago"
	case c.NotBefore.After(began):
		return "begins in " + some(days(c.NotBefore.Sub(began)))
	}
	return ""
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

func some(days int) string {
	if days == 0 {
		return "less than a day"
	}
	return count(days, "day", "days")
}
