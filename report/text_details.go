package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// keyRoom is the column behind the names of details.
const keyRoom = 14

// details tells what was seen, endpoint by endpoint.
func (t *text) details() {
	for _, e := range t.r.Endpoints {
		if e.Closed {
			continue
		}
		title := fmt.Sprintf("%s, %s", place(e.Endpoint), modeName(e.Mode))
		if e.Host != "" && !strings.HasPrefix(strings.Trim(e.Address, "["), e.Host) {
			title += ", for " + e.Host
		}
		t.heading(title)
		for _, i := range e.Conns {
			if i == e.Best || t.verbose {
				t.conn(e, i)
			}
		}
	}
}

// conn tells what one connection showed.
func (t *text) conn(e Endpoint, index int) {
	c := &t.r.Observation.Conns[index]
	if c.End != observe.Done || c.Reached != observe.After || t.verbose {
		t.detail("ended", "%s", story(c))
	}
	t.detail("times", "%s", times(c))
	t.upgrade(c)
	for _, a := range c.Alerts {
		t.detail("alert", "%s (%d), from the %s", iana.AlertName(a.Code), a.Code, a.From)
	}
	t.tls(c)
	t.capabilities(c)
	e.Best = index
	if s := summary(t.facts, e); s != nil {
		t.trust(e)
		t.chain(e, s)
	}
	if t.verbose {
		t.transcript(c)
	}
}

func (t *text) detail(key, format string, args ...any) { t.item(2, key, keyRoom, format, args...) }

func times(c *observe.Conn) string {
	var all []string
	for _, s := range c.Stages {
		all = append(all, fmt.Sprintf("%s %s", s.Stage, span(s.Took)))
	}
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, ", ") + "; in all " + span(c.Took)
}

// span is a time with as many digits as one reads.
func span(m observe.Micros) string {
	switch d := m.Duration(); {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(m)/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// upgrade tells how the passage to TLS went, in the server's own words.
func (t *text) upgrade(c *observe.Conn) {
	u := c.Upgrade
	if u.Sent != "" {
		t.detail("upgrade", "offered: %s; go-ahead: %s", u.Offered, u.GoAhead)
	}
	for _, line := range u.Reply {
		t.detail("", "server: %s", line)
	}
	if c.Residue != nil {
		t.detail("residue", "%s", c.Residue.Bytes)
	}
}

// tls tells what was agreed upon.
func (t *text) tls(c *observe.Conn) {
	s := c.TLS
	if s == nil {
		return
	}
	if !s.Complete {
		t.detail("TLS", "the handshake was not finished")
	}
	if s.Version != 0 {
		t.detail("version", "%s", iana.VersionName(s.Version))
	}
	if s.Suite != 0 {
		t.detail("suite", "%s", iana.SuiteName(s.Suite))
	}
	t.detail("key exchange", "%s", keyExchange(s))
	if s.SignatureScheme != 0 {
		t.detail("signature", "%s", iana.SignatureSchemeName(s.SignatureScheme))
	}
	t.detail("ALPN", "%s", alpn(s, c.Probe.Offer.ALPN))
	t.detail("extensions", "%s", oldExtensions(s))
	t.detail("tickets", "%s", tickets(s))
	t.detail("OCSP staple", "%s", staple(s))
	t.detail("SCT", "%s", t.scts(s))
	if s.ClientCertificate == observe.Yes {
		t.detail("asks for", "a certificate of the client")
	}
	if s.Garbled != "" {
		t.detail("garbled", "%s", s.Garbled)
	}
}

func keyExchange(s *observe.TLS) string {
	name := groupName(s)
	if name == "" {
		return ""
	}
	if g, known := iana.Group(s.Group); known && g.PostQuantum {
		name += ", post-quantum"
	}
	if s.HelloRetry == observe.Yes {
		name += ", after a HelloRetryRequest"
	}
	return name
}

// alpn is what the server chose of what we offered. Without an offer it can
// choose nothing.
func alpn(s *observe.TLS, offer []string) string {
	switch {
	case s.ALPN != "":
		return s.ALPN.String()
	case len(offer) > 0:
		return "none chosen of " + strings.Join(offer, ", ")
	}
	return ""
}

// oldExtensions are those that TLS 1.3 has built in.
func oldExtensions(s *observe.TLS) string {
	if s.ExtendedMasterSecret == observe.Unknown && s.SecureRenegotiation == observe.Unknown {
		return ""
	}
	return fmt.Sprintf("extended master secret: %s, secure renegotiation: %s", s.ExtendedMasterSecret, s.SecureRenegotiation)
}

func tickets(s *observe.TLS) string {
	if len(s.Tickets) == 0 {
		return ""
	}
	life, early := uint32(0), uint32(0)
	for _, k := range s.Tickets {
		life, early = max(life, k.Lifetime), max(early, k.EarlyData)
	}
	line := fmt.Sprintf("%d, good for %s", len(s.Tickets), lifetime(life))
	if early > 0 {
		line += fmt.Sprintf(", early data up to %d bytes", early)
	}
	return line
}

func lifetime(seconds uint32) string {
	switch {
	case seconds == 0:
		return "a time that was not told"
	case seconds >= 2*24*3600:
		return fmt.Sprintf("%d days", seconds/(24*3600))
	case seconds >= 2*3600:
		return fmt.Sprintf("%d hours", seconds/3600)
	}
	return fmt.Sprintf("%d seconds", seconds)
}

func staple(s *observe.TLS) string {
	if len(s.OCSP) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d bytes", len(s.OCSP))
}

// scts tells where timestamps of Certificate Transparency came with the leaf.
func (t *text) scts(s *observe.TLS) string {
	var all []string
	if len(s.Chain) > 0 && describe(s.Chain[0], t.facts.Certificate(s.Chain[0])).Embedded {
		all = append(all, "in the certificate")
	}
	if n := len(s.SCTs); n > 0 {
		all = append(all, fmt.Sprintf("%d in the handshake", n))
	}
	return cmp.Or(strings.Join(all, ", "), "none")
}

// chain tells the certificates as sent; the same chain only once. Names come
// with the backslashes of RFC 4514, so only the page escapes them.
func (t *text) chain(e Endpoint, s *Summary) {
	key := ""
	for _, c := range s.Chain {
		key += string(c.SHA256) + " "
	}
	if where, told := t.chains[key]; told && key != "" {
		t.detail("chain", "%s, as on %s", count(len(s.Chain), "certificate", "certificates"), where)
		return
	}
	t.chains[key] = place(e.Endpoint)
	for i, c := range s.Chain {
		t.detail(fmt.Sprintf("chain %d of %d", i+1, len(s.Chain)), "%s", cmp.Or(string(c.Subject), "(no subject)"))
		if c.Unread {
			t.detail("", "it could not be read")
		} else {
			t.certificate(c)
		}
		t.detail("  SHA-256", "%s", string(c.SHA256))
		t.detail("  SPKI", "%s", c.SPKI)
	}
}

// namesLimit is how many names of a certificate are told; some have hundreds.
const namesLimit = 10

func (t *text) certificate(c Certificate) {
	var names []string
	for _, n := range c.Names {
		names = append(names, n.String())
	}
	if len(names) > namesLimit && !t.verbose {
		names = append(names[:namesLimit], fmt.Sprintf("and %d more", len(c.Names)-namesLimit))
	}
	t.detail("  names", "%s", strings.Join(names, ", "))
	t.detail("  valid", "%s to %s, %s", day(*c.NotBefore), day(*c.NotAfter), t.left(*c.NotAfter))
	t.detail("  issuer", "%s", string(c.Issuer))
	t.detail("  key", "%s, signed with %s", c.Key, c.Signature)
}

func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// left tells how long a certificate was good for when we looked.
func (t *text) left(until time.Time) string {
	days := int(until.Sub(t.r.Observation.Began) / (24 * time.Hour))
	switch {
	case until.Before(t.r.Observation.Began):
		return fmt.Sprintf("expired %s ago", count(-days, "day", "days"))
	case days == 0:
		return "ends today"
	}
	return count(days, "day", "days") + " left"
}

// trust tells what the checks say of the path and of the names.
func (t *text) trust(e Endpoint) {
	path := map[observe.Answer]string{observe.No: "trusted", observe.Yes: "not trusted", observe.Unknown: "not known"}
	name := map[observe.Answer]string{observe.No: "the name fits", observe.Yes: "the name does not fit"}
	line := path[t.answer(e, "chain-untrusted")]
	var stores []string
	for _, s := range []struct{ name, check string }{{"mozilla", "untrusted-mozilla"}, {"system", "untrusted-system"}} {
		switch t.answer(e, s.check) {
		case observe.No:
			stores = append(stores, s.name+": yes")
		case observe.Yes:
			stores = append(stores, s.name+": no")
		}
	}
	if len(stores) > 0 {
		line += " (" + strings.Join(stores, ", ") + ")"
	}
	t.detail("trust", "%s", line+after("; ", name[t.answer(e, "name-mismatch")]))
}

// answer is what a check says of an endpoint; unknown where it says nothing.
func (t *text) answer(e Endpoint, name string) observe.Answer {
	for _, f := range t.r.Findings {
		if f.Check == name && f.Subject == e.Endpoint {
			return f.Answer
		}
	}
	return observe.Unknown
}

// capabilities tells what the server says it can do: where there are two
// lists, the second by its differences.
func (t *text) capabilities(c *observe.Conn) {
	if c.Clear != nil {
		t.detail("in clear", "%s", items(c.Clear.Items))
	}
	switch {
	case c.Sealed == nil:
	case c.Clear == nil || t.verbose:
		t.detail("inside TLS", "%s", items(c.Sealed.Items))
	default:
		t.detail("inside TLS", "%s", difference(c.Clear.Items, c.Sealed.Items))
	}
}

func difference(from, to []observe.Text) string {
	var all []string
	if more := without(to, from); len(more) > 0 {
		all = append(all, "also "+items(more))
	}
	if less := without(from, to); len(less) > 0 {
		all = append(all, "no longer "+items(less))
	}
	return cmp.Or(strings.Join(all, "; "), "the same")
}

func items(all []observe.Text) string {
	var words []string
	for _, i := range all {
		words = append(words, i.String())
	}
	return strings.Join(words, ", ")
}

func without(all, these []observe.Text) []observe.Text {
	return slices.DeleteFunc(slices.Clone(all), func(i observe.Text) bool { return slices.Contains(these, i) })
}

// transcript tells every line, with a mark where TLS begins.
func (t *text) transcript(c *observe.Conn) {
	if len(c.Lines) == 0 {
		return
	}
	t.text(2, "transcript")
	sealed := false
	for _, l := range c.Lines {
		if l.Sealed && !sealed {
			t.text(4, "-- inside TLS --")
			sealed = true
		}
		t.item(4, fmt.Sprintf("%8s %s:", span(l.At), sides[l.From]), keyRoom, "%s%s", l.Text, remark(l))
	}
}

var sides = map[observe.Side]string{observe.Client: "C", observe.Server: "S"}

// remark tells what is odd about a line.
func remark(l observe.Line) string {
	switch {
	case l.Redacted:
		return " (a secret was taken out)"
	case l.Break == observe.LF:
		return " (ended by a bare LF)"
	case l.Break == observe.Cut:
		return " (cut off)"
	case l.Text == "":
		return "(empty)"
	}
	return ""
}

// answers lists every finding with its evidence, and every rule that is met.
func (t *text) answers() {
	for _, e := range t.r.Endpoints {
		if e.Closed {
			continue
		}
		t.heading("All answers on " + place(e.Endpoint))
		for _, f := range t.r.Findings {
			if f.Subject != e.Endpoint {
				continue
			}
			t.item(2, f.Answer.String(), 9, "%s", f.Check)
			if f.Detail != "" {
				t.text(11, "%s", f.Detail)
			}
			for _, ev := range f.Evidence {
				t.text(11, "%s", evidence(ev.Conn, ev.Lines, ev.Certificate))
			}
		}
		t.heading("Rules met on " + place(e.Endpoint))
		for _, v := range t.r.Verdicts {
			if v.Subject == e.Endpoint && v.Outcome == standard.Met {
				t.item(2, v.Standard, 9, "%s %s (%s)", v.Level, v.Check, v.Clause)
			}
		}
	}
}

func evidence(conn int, lines []int, p observe.Fingerprint) string {
	s := fmt.Sprintf("seen on connection %d", conn+1)
	if len(lines) > 0 {
		var numbers []string
		for _, l := range lines {
			numbers = append(numbers, fmt.Sprint(l+1))
		}
		s += ", line " + strings.Join(numbers, ", ")
	}
	if p != "" {
		s += ", certificate " + string(p[:min(len(p), 16)])
	}
	return s
}
