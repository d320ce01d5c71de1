package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// writeText writes a report for people, the most important first:
//
//  1. the seal of the target and of each endpoint, one line each
//  2. what to mend, the worst first, with the server's own words
//  3. what could not be told, and how to get it told
//  4. advice, which costs no seal
//  5. what other standards say, in counts and clauses
//  6. what was seen, endpoint by endpoint: of one endpoint on some twenty lines,
//     of each of several on some eight
//
// What a person needs to act is always there. All the rest comes with Verbose.
func writeText(w io.Writer, r *Report, opt Options) error {
	t := &text{page: newPage(w, opt), r: r, facts: check.Read(r.Observation, r.anchors), chains: map[string]string{}}
	t.seals()
	t.mend()
	t.unknowns()
	t.advice()
	t.standards()
	t.details()
	if opt.Verbose {
		t.answers()
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

type text struct {
	*page
	r      *Report
	facts  *check.Facts
	chains map[string]string // a chain that was described, and where
}

// sealRoom is the column behind the seal: the longest word and two spaces.
const sealRoom = len("unknown") + 2

var sealMeanings = map[standard.Seal]string{
	standard.SealUnknown: "it could not be told whether the mail is sealed",
	standard.SealIntact:  "sealed, as it should be",
	standard.SealWeak:    "sealed, but with less than it should be",
	standard.SealBroken:  "there is TLS, but it does not protect",
	standard.SealMissing: "no TLS: everybody on the way can read along",
}

// seals is the headline.
func (t *text) seals() {
	o := t.r.Observation
	name := cmp.Or(o.Target.Typed, o.Target.Host)
	meaning := sealMeanings[t.r.Seal]
	counted := slices.ContainsFunc(t.r.Endpoints, func(e Endpoint) bool { return e.PassedOver == Counts })
	switch {
	case !counted:
		meaning = t.nobody()
	case t.r.Seal == standard.SealBroken && !t.handshook():
		meaning = "TLS should begin and fails: whoever insists on it gets nothing through"
	}
	t.hang(0, t.seal(t.r.Seal, sealRoom), sealRoom, name+": "+meaning)
	if o.Interrupted {
		t.text(sealRoom, "%s", stopped(o))
	}
	if len(t.r.Endpoints) > 0 {
		t.blank()
	}
	columns := t.columns()
	host := o.Target.Host
	for _, e := range t.r.Endpoints {
		if e.PassedOver != Counts {
			continue
		}
		if e.Host != host {
			t.text(2, "%s", e.Host)
			host = e.Host
		}
		t.endpoint(e, columns)
	}
	t.passedOver()
	if !counted {
		t.blank()
		t.text(2, "%s", t.nobodyRemedy())
	}
}

// handshook tells whether a handshake was finished on an endpoint whose seal is
// broken.
func (t *text) handshook() bool {
	return slices.ContainsFunc(t.r.Endpoints, func(e Endpoint) bool {
		c := t.best(e)
		return e.PassedOver == Counts && e.Seal == standard.SealBroken && c.TLS != nil && c.TLS.Complete
	})
}

// stopped tells that not everything was looked at.
func stopped(o *observe.Observation) string {
	limit := ""
	if o.Vantage.Timeout != "" {
		limit = " of " + o.Vantage.Timeout
	}
	return fmt.Sprintf("Stopped early, by hand or by the limit%s: the rest is unknown.", limit)
}

// columns are the widths of protocol, mode and address over all endpoints.
type columns struct{ protocol, mode, address int }

func (t *text) columns() columns {
	var c columns
	for _, e := range t.r.Endpoints {
		if e.PassedOver != Counts {
			continue
		}
		c.protocol = max(c.protocol, len(e.Protocol))
		c.mode = max(c.mode, len(modeName(e.Mode)))
		c.address = max(c.address, len(e.Address))
	}
	return c
}

// endpoint is one line: the seal, the place, and the shortest reason. A reason
// that does not fit is left out: it stands below.
func (t *text) endpoint(e Endpoint, c columns) {
	place := fmt.Sprintf("%-*s  %-*s  %-*s", c.protocol, e.Protocol, c.mode, modeName(e.Mode), c.address, e.Address)
	if line := place + "  " + t.reason(e); len(line) <= t.width-2-sealRoom {
		place = line
	}
	t.hang(2, t.seal(e.Seal, sealRoom), sealRoom, place)
}

// reason is what made the seal, in a few words.
func (t *text) reason(e Endpoint) string {
	c := &t.r.Observation.Conns[e.Best]
	switch e.Seal {
	case standard.SealIntact:
		return t.handshake(e)
	case standard.SealUnknown:
		return t.doubt(e, c)
	}
	maker, others := "", 0
	for _, v := range t.verdicts(e) {
		switch {
		case v.Outcome != standard.Broken || v.Level != standard.Must:
		case v.Breach == e.Seal && maker == "":
			maker = v.Check
		default:
			others++
		}
	}
	if others == 0 {
		return maker
	}
	return fmt.Sprintf("%s, %d more", maker, others)
}

// doubt is why a seal is unknown: how the connection ended, or the first
// question open that matters.
func (t *text) doubt(e Endpoint, c *observe.Conn) string {
	if early(c) {
		return endWord(c.End)
	}
	for _, v := range t.verdicts(e) {
		if v.Outcome == standard.Open && v.Breach >= standard.SealBroken {
			return v.Check + " is open"
		}
	}
	return ""
}

// handshake is the shortest description of a good one.
func (t *text) handshake(e Endpoint) string {
	s := summary(t.facts, e)
	if s == nil || !s.Complete {
		return ""
	}
	if len(s.Chain) == 0 || s.Chain[0].Unread {
		return s.Version
	}
	return s.Version + after(", ", t.left(s.Chain[0]))
}

// verdicts are those of mailseal's own standard on an endpoint.
func (t *text) verdicts(e Endpoint) []standard.Verdict {
	var all []standard.Verdict
	for _, v := range t.r.Verdicts {
		if v.Standard == standard.MailSeal.Name && v.Subject == e.Endpoint {
			all = append(all, v)
		}
	}
	return all
}

// mend lists what breaks a must, the worst first.
func (t *text) mend() {
	groups := t.groups(standard.Must)
	if len(groups) == 0 {
		return
	}
	t.heading("To mend")
	for _, g := range groups {
		t.group(t.seal(g.breach, sealRoom), sealRoom, g)
	}
	t.blank()
	t.text(2, "More on each, and how to mend it: mailseal explain %s", groups[0].check)
}

// advice lists what breaks a should.
func (t *text) advice() {
	groups := t.groups(standard.Should)
	var open []string
	if t.verbose {
		open = t.openAdvice()
	}
	if len(groups)+len(open) == 0 {
		return
	}
	t.heading("Advice")
	for _, g := range groups {
		t.group("- ", 2, g)
	}
	for _, line := range open {
		t.item(2, "-", 2, "%s", line)
	}
}

// group is one broken rule on all the endpoints that break it.
type group struct {
	check, clause string
	breach        standard.Seal
	findings      []check.Finding
}

// groups returns the broken rules of a level, the worst breach first.
func (t *text) groups(l standard.Level) []*group {
	var all []*group
	for _, v := range t.r.Verdicts {
		if v.Standard != standard.MailSeal.Name || v.Outcome != standard.Broken || v.Level != l || !t.r.counts(v.Subject) || t.told(v) {
			continue
		}
		at := slices.IndexFunc(all, func(g *group) bool { return g.check == v.Check && g.breach == v.Breach && g.clause == v.Clause })
		if at < 0 {
			at = len(all)
			all = append(all, &group{check: v.Check, clause: v.Clause, breach: v.Breach})
		}
		all[at].findings = append(all[at].findings, t.r.Findings[v.Finding])
	}
	slices.SortStableFunc(all, func(a, b *group) int { return cmp.Compare(b.breach, a.breach) })
	return all
}

// told tells whether a verdict only repeats what stands elsewhere: why an
// endpoint is unknown, or that a chain is trusted by no store at all.
func (t *text) told(v standard.Verdict) bool {
	e := t.r.of(v.Subject)
	if e == nil {
		return false
	}
	switch v.Check {
	case "server-silent", "throttled", "conversation-broken":
		return e.Seal == standard.SealUnknown && early(&t.r.Observation.Conns[e.Best])
	case "untrusted-mozilla", "untrusted-system":
		return t.answer(*e, "chain-untrusted") == observe.Yes
	}
	return false
}

// group sets a broken rule behind a head: each detail once, with the server's
// own words and the endpoints that share it.
func (t *text) group(head string, room int, g *group) {
	name := fmt.Sprintf("%s (%s): ", g.check, g.clause)
	for i, f := range g.findings {
		same := func(o check.Finding) bool { return o.Detail == f.Detail }
		if slices.IndexFunc(g.findings, same) < i {
			continue
		}
		var places []string
		for _, o := range g.findings {
			if same(o) {
				places = append(places, place(o.Subject))
			}
		}
		detail := cmp.Or(f.Detail, t.question(f.Check))
		t.hang(2, head, room, name+detail)
		t.said(2+room, f, detail)
		if f.Check == "tls-failing" {
			t.text(2+room, "%s", t.otherWay(f.Subject))
		}
		if len(t.r.Endpoints) > 1 {
			t.text(2+room, "on %s", strings.Join(places, ", "))
		}
		head, name = strings.Repeat(" ", room), "" // once is enough
	}
}

// question is what a check asks, for a finding without a detail.
func (t *text) question(name string) string {
	if c := check.ByName(name); c != nil {
		return c.Question + " Yes."
	}
	return name
}

// saidLimit is how many lines of a server stand beside one finding.
const saidLimit = 3

// said sets the lines of the server that a finding points at, unless its
// detail has them already.
func (t *text) said(indent int, f check.Finding, detail string) {
	if len(f.Evidence) == 0 {
		return
	}
	ev := f.Evidence[0]
	c := &t.r.Observation.Conns[ev.Conn]
	said := 0
	for _, i := range ev.Lines {
		if l := c.Lines[i]; l.From == observe.Server && said < saidLimit && !strings.Contains(detail, l.Text.String()) {
			t.item(indent, "server:", len("server: "), "%s", l.Text)
			said++
		}
	}
}

// place names an endpoint in a sentence.
func place(e observe.Endpoint) string { return e.Protocol + " " + e.Address }

func modeName(m observe.Mode) string {
	switch m {
	case observe.Implicit:
		return "implicit TLS"
	case observe.StartTLS:
		return "STARTTLS"
	case observe.Clear:
		return "clear"
	}
	return string(m)
}
