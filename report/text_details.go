package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// keyRoom is the column behind the names of details.
const keyRoom = 14

// details tells what was seen, endpoint by endpoint.
func (t *text) details() {
	shown := t.shown()
	for _, e := range shown {
		switch {
		case t.verbose:
			t.heading(t.title(e))
			for _, i := range e.Conns {
				e.Best = i
				t.whole(e)
			}
		case len(shown) == 1:
			t.heading(t.title(e))
			t.usual(e)
		default:
			t.blank()
			t.bold(t.shortTitle(e))
			t.short(e)
		}
	}
}

// shown are the endpoints of which there is something to tell that does not
// stand above: why a connection came to nothing is told there.
func (t *text) shown() []Endpoint {
	return slices.DeleteFunc(slices.Clone(t.r.Endpoints), func(e Endpoint) bool {
		c := t.best(e)
		nothing := c.TLS == nil && c.Clear == nil && c.Upgrade.Sent == "" && c.Residue == nil && len(c.Alerts) == 0
		return !t.verbose && (e.PassedOver != Counts || nothing)
	})
}

func (t *text) title(e Endpoint) string {
	title := fmt.Sprintf("%s, %s", place(e.Endpoint), modeName(e.Mode))
	if e.Host != "" && strings.Trim(hostOf(e.Endpoint), "[]") != e.Host {
		title += ", for " + e.Host
	}
	return title
}

// shortTitle leaves out the host that the headline names.
func (t *text) shortTitle(e Endpoint) string {
	if e.Host == t.r.Observation.Target.Host {
		e.Host = ""
	}
	return t.title(e)
}

// whole tells everything about one connection.
func (t *text) whole(e Endpoint) {
	c := t.best(e)
	t.detail("ended", "%s", story(c))
	t.detail("times", "%s", times(c))
	t.upgrade(c)
	t.alerts(c)
	t.tls(c)
	t.capabilities(c)
	if s := summary(t.facts, e); s != nil {
		t.trust(e)
		t.chain(e, s)
	}
	t.transcript(c)
}

// usual tells what was seen on the only endpoint.
func (t *text) usual(e Endpoint) {
	c := t.best(e)
	if c.End != observe.Done || c.Reached != observe.After {
		t.detail("ended", "%s", story(c))
	}
	t.upgrade(c)
	t.alerts(c)
	t.agreed(c, true)
	t.capabilities(c)
	if s := summary(t.facts, e); s != nil {
		t.trust(e)
		t.leaf(s)
	}
	t.detail("times", "%s", slowest(c))
}

// short tells of one endpoint among several what one needs to act.
func (t *text) short(e Endpoint) {
	c := t.best(e)
	if c.End != observe.Done || c.Reached != observe.After {
		t.detail("ended", "%s", story(c))
	}
	if c.Upgrade.GoAhead == observe.No && len(c.Upgrade.Reply) > 0 {
		t.detail("upgrade", "server: %s", clip(c.Upgrade.Reply[0].String()))
	}
	if c.Residue != nil {
		t.detail("residue", "%s", clip(c.Residue.Bytes.String()))
	}
	t.alerts(c)
	t.agreed(c, false)
	if s := summary(t.facts, e); s != nil {
		t.trust(e)
		t.certificate(e, s)
	}
}

// clip shortens a text to what fits on two lines or so.
func clip(text string) string { return cut(text, 120) }

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

// slowest tells the time in all, and where most of it went.
func slowest(c *observe.Conn) string {
	if len(c.Stages) == 0 {
		return ""
	}
	most := slices.MaxFunc(c.Stages, func(a, b observe.StageTime) int { return cmp.Compare(a.Took, b.Took) })
	return fmt.Sprintf("%s in all; slowest: %s, %s", span(c.Took), most.Stage, span(most.Took))
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
	u, key := c.Upgrade, "upgrade"
	if u.Sent != "" && (t.verbose || u.Offered != observe.Yes || u.GoAhead != observe.Yes || len(u.Reply) == 0) {
		t.detail(key, "offered: %s; go-ahead: %s", u.Offered, u.GoAhead)
		key = ""
	}
	for _, line := range u.Reply {
		t.detail(key, "server: %s", line)
		key = ""
	}
	if c.Residue != nil {
		t.detail("residue", "%s", c.Residue.Bytes)
	}
}

func (t *text) alerts(c *observe.Conn) {
	for _, a := range c.Alerts {
		t.detail("alert", "%s (%d), from the %s", iana.AlertName(a.Code), a.Code, a.From)
	}
}

// agreed tells in a few lines what was agreed upon, and what came with it.
func (t *text) agreed(c *observe.Conn, more bool) {
	s := c.TLS
	if s == nil {
		return
	}
	t.detail("TLS", "%s", strings.Join(t.terms(s, more), ", "))
	if !more {
		return
	}
	t.detail("ALPN", "%s", alpn(s, c.Probe.Offer.ALPN))
	if s.ExtendedMasterSecret == observe.No || s.SecureRenegotiation == observe.No {
		t.detail("extensions", "%s", oldExtensions(s))
	}
	if s.Complete {
		t.detail("sent along", "%s; OCSP staple: %s; SCT: %s", cmp.Or(after("tickets: ", tickets(s)), "no ticket"), staple(s), t.scts(s))
	}
	t.detail("garbled", "%s", s.Garbled)
}

// terms are what was agreed upon.
func (t *text) terms(s *observe.TLS, more bool) []string {
	var all []string
	if !s.Complete {
		all = append(all, "the handshake was not finished")
	}
	if s.Version != 0 {
		all = append(all, iana.VersionName(s.Version))
	}
	if s.Suite != 0 {
		all = append(all, iana.SuiteName(s.Suite))
	}
	if name := groupName(s); name != "" {
		all = append(all, name)
	}
	if s.SignatureScheme != 0 && more {
		all = append(all, iana.SignatureSchemeName(s.SignatureScheme))
	}
	if s.ClientCertificate == observe.Yes {
		all = append(all, "asks for a certificate of the client")
	}
	return all
}

// tls tells what was agreed upon, one thing a line.
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

// answer is what a check says of an endpoint; unknown where it says nothing.
func (t *text) answer(e Endpoint, name string) observe.Answer {
	if f := t.finding(e, name); f != nil {
		return f.Answer
	}
	return observe.Unknown
}

// finding is that of a check on an endpoint, or nil.
func (t *text) finding(e Endpoint, name string) *check.Finding {
	for i, f := range t.r.Findings {
		if f.Check == name && f.Subject == e.Endpoint {
			return &t.r.Findings[i]
		}
	}
	return nil
}

// capabilities tells what the server says it can do: where there are two
// lists, the second by its differences.
func (t *text) capabilities(c *observe.Conn) {
	if c.Clear != nil {
		t.detail("in clear", "%s", t.items(c.Clear.Items))
	}
	switch {
	case c.Sealed == nil:
	case c.Clear == nil || t.verbose:
		t.detail("inside TLS", "%s", t.items(c.Sealed.Items))
	default:
		t.detail("inside TLS", "%s", t.difference(c.Clear.Items, c.Sealed.Items))
	}
}

func (t *text) difference(from, to []observe.Text) string {
	var all []string
	if more := without(to, from); len(more) > 0 {
		all = append(all, "also "+t.items(more))
	}
	if less := without(from, to); len(less) > 0 {
		all = append(all, "no longer "+t.items(less))
	}
	return cmp.Or(strings.Join(all, "; "), "the same")
}

// itemsLimit is how long a list of capabilities gets; some have hundreds.
const itemsLimit = 180

// items lists capabilities: without verbose, as many as fit on some lines.
func (t *text) items(all []observe.Text) string {
	var words []string
	for i, length := 0, 0; i < len(all); i++ {
		word := all[i].String()
		if length += len(word) + 2; i > 0 && length > itemsLimit && !t.verbose {
			words = append(words, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		words = append(words, word)
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
		if e.PassedOver != Counts {
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
