package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// unknowns lists what could not be told, and how to get it told. Where a
// connection ended before its time, that is the reason for all the rest, and
// told once.
func (t *text) unknowns() {
	began := false
	begin := func() {
		if !began {
			t.heading("Could not be told")
		}
		began = true
	}
	var cut []*unfinished
	var seen []Endpoint
	for _, e := range t.r.Endpoints {
		switch c := t.best(e); {
		case e.PassedOver != Counts:
		case early(c) && e.Seal == standard.SealUnknown:
			cut = t.join(cut, e)
		case early(c): // what made the seal is told, and the rest follows from it
		default:
			seen = append(seen, e)
		}
	}
	for _, u := range cut {
		begin()
		t.ended(u)
	}
	for _, e := range seen {
		if open := t.essential(e); len(open) > 0 {
			begin()
			t.open(e, open)
		}
	}
	if len(t.r.Endpoints) > 0 { // otherwise the headline tells it
		t.lookups(begin)
	}
}

// early tells whether a connection ended before everything was asked.
func early(c *observe.Conn) bool {
	return c.End != observe.Done && (c.TLS == nil || !c.TLS.Complete)
}

// essential are the rules on an endpoint that are a must and open.
func (t *text) essential(e Endpoint) []standard.Verdict {
	var open []standard.Verdict
	for _, v := range t.verdicts(e) {
		if v.Outcome == standard.Open && v.Level == standard.Must {
			open = append(open, v)
		}
	}
	return open
}

// unfinished are connections of which the same is to be told.
type unfinished struct {
	places []string
	open   int // questions left open by that
	conn   *observe.Conn
	words  []observe.Text // that the server said last
	hint   string
}

// join adds an endpoint to those of which the same is to be told.
func (t *text) join(all []*unfinished, e Endpoint) []*unfinished {
	c, open := t.best(e), len(t.essential(e))
	words, hint := lastWords(c), t.otherWay(e.Endpoint)
	for _, u := range all {
		if story(u.conn) == story(c) && slices.Equal(u.words, words) && u.hint == hint {
			u.places, u.open = append(u.places, place(e.Endpoint)), u.open+open
			return all
		}
	}
	return append(all, &unfinished{[]string{place(e.Endpoint)}, open, c, words, hint})
}

// ended tells how far connections got, how they ended, what the server said
// last, and what to do.
func (t *text) ended(u *unfinished) {
	t.text(2, "%s: %s", strings.Join(u.places, ", "), story(u.conn))
	for _, line := range u.words {
		t.item(4, "server:", len("server: "), "%s", line)
	}
	if u.open > 0 && u.conn.Reached != observe.Nothing {
		t.text(4, "%s left open by that.", count(u.open, "question is", "questions are"))
	}
	t.text(4, "%s", remedies[u.conn.End])
	t.text(4, "%s", u.hint)
}

// story is one sentence on how far a connection got.
func story(c *observe.Conn) string {
	where := map[observe.Stage]string{
		observe.Nothing:    "while connecting",
		observe.Dial:       "after connecting",
		observe.Greeting:   "after the greeting",
		observe.Capability: "after the list of capabilities",
		observe.Upgraded:   "after the go-ahead for TLS",
		observe.Handshake:  "after the TLS handshake",
		observe.After:      "after the list of capabilities inside TLS",
	}[c.Reached]
	s := endWord(c.End) + " " + where
	if c.Cause != "" {
		s += " (" + c.Cause + ")"
	}
	return s
}

// lastWords are the last lines that the server said on a connection which
// ended before its time.
func lastWords(c *observe.Conn) []observe.Text {
	var last []observe.Text
	for i := len(c.Lines) - 1; i >= 0 && len(last) < saidLimit && c.Lines[i].From == observe.Server; i-- {
		last = append(last, c.Lines[i].Text)
	}
	slices.Reverse(last)
	return last
}

// openLimit is how many open questions of one endpoint are told one by one.
const openLimit = 5

// open tells single questions that are open on an endpoint.
func (t *text) open(e Endpoint, open []standard.Verdict) {
	told := len(open)
	if !t.verbose {
		told = min(told, openLimit)
	}
	for _, v := range open[:told] {
		t.text(2, "%s on %s", v.Check, place(e.Endpoint))
		t.text(4, "%s", t.r.Findings[v.Finding].Detail)
	}
	if more := len(open) - told; more > 0 {
		t.text(2, "%s open on %s; --verbose lists them", count(more, "more question is", "more questions are"), place(e.Endpoint))
	}
}

// openAdvice names what advice is open on endpoints that were seen. It costs no
// seal, so only --verbose tells it.
func (t *text) openAdvice() []string {
	var all []string
	for _, e := range t.r.Endpoints {
		if e.PassedOver != Counts || early(&t.r.Observation.Conns[e.Best]) {
			continue
		}
		var names []string
		for _, v := range t.verdicts(e) {
			if v.Outcome == standard.Open && v.Level == standard.Should {
				names = append(names, v.Check)
			}
		}
		if len(names) > 0 {
			all = append(all, fmt.Sprintf("open on %s: %s", place(e.Endpoint), strings.Join(names, ", ")))
		}
	}
	return all
}

// lookups tells the look-ups that gave no answer.
func (t *text) lookups(begin func()) {
	for _, l := range t.r.Observation.Lookups {
		if l.End == observe.Done {
			continue
		}
		begin()
		t.text(2, "The look-up of %s (%s) by %s: %s", l.Name, l.Type, l.Resolver, becauseOf(l.End, l.Cause))
		t.text(4, "%s", lookupRemedies[l.End])
	}
}

func becauseOf(e observe.End, cause string) string {
	if cause == "" {
		return endWord(e)
	}
	return fmt.Sprintf("%s (%s)", endWord(e), cause)
}

func endWord(e observe.End) string {
	if word, known := endWords[e]; known {
		return word
	}
	return string(e)
}

var endWords = map[observe.End]string{
	observe.Unended:     "not finished",
	observe.Done:        "finished",
	observe.Refused:     "refused",
	observe.Unreachable: "unreachable",
	observe.Timeout:     "timed out",
	observe.Reset:       "reset",
	observe.Closed:      "closed by the server",
	observe.Alerted:     "ended by a TLS alert",
	observe.Throttled:   "put off by the server",
	observe.Garbled:     "not understood",
	observe.Excess:      "cut off, too long",
	observe.Cancelled:   "stopped by us",
}

// remedies tell what to do when a connection ended before everything was seen.
var remedies = map[observe.End]string{
	observe.Unended:     "Run it again.",
	observe.Done:        "The conversation went as planned, but it did not come to TLS. --verbose shows it.",
	observe.Refused:     "Does the service run, and is the port right? If the server refuses only us, look from another address, or give it another name with --helo.",
	observe.Unreachable: "Is the address right, and does this machine have a route to it? For IPv6 it often has none: -4 leaves it out.",
	observe.Timeout:     "Try again, give it more time with --timeout, or look from another network: many firewalls drop packets without a word.",
	observe.Reset:       "Try again. If it stays so, the server's log tells why, or a firewall on the way does it.",
	observe.Closed:      "Try again. If it stays so, the server's log tells why.",
	observe.Alerted:     "The server's log tells why it ended the handshake. With clients that offer other suites, groups or signature schemes it may come to its end.",
	observe.Throttled:   "Wait some minutes, then try again.",
	observe.Garbled:     "Is it this protocol, and in this mode? --protocol, --starttls and --implicit say otherwise; --verbose shows what came.",
	observe.Excess:      "The server says more than any server should. --verbose shows the beginning.",
	observe.Cancelled:   "Run it again, and give it more time with --timeout.",
}

var lookupRemedies = map[observe.End]string{
	observe.Refused:     "The resolver does not answer for us: try another one.",
	observe.Unreachable: "Is the name right? If it is new, wait until the resolver knows it. With -4 or -6 its addresses of the other family are left out.",
	observe.Timeout:     "Try again. If it stays so, look after the resolver of this machine, or name an address to dial with --connect.",
	observe.Garbled:     "Try again. If it stays so, look after the resolver of this machine, or name an address to dial with --connect.",
	observe.Cancelled:   "Run it again, and give it more time with --timeout.",
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// standards tells what others than mailseal's own say: counts, and the clauses
// that are broken.
func (t *text) standards() {
	if len(t.r.Standards) < 2 {
		return
	}
	t.heading("By other standards")
	for _, s := range t.r.Standards[1:] {
		t.item(2, s.Name, 10, "%s", s.Title)
		t.item(2, "", 10, "%s", t.standing(s))
	}
}

func (t *text) standing(s *standard.Standard) string {
	counts := map[standard.Outcome]int{}
	var broken []string
	for _, v := range t.r.Verdicts {
		if v.Standard != s.Name || !t.r.counts(v.Subject) {
			continue
		}
		counts[v.Outcome]++
		clause := fmt.Sprintf("%s %s (%s)", v.Level, v.Check, v.Clause)
		if v.Outcome == standard.Broken && !slices.Contains(broken, clause) {
			broken = append(broken, clause)
		}
	}
	met, open := counts[standard.Met], counts[standard.Open]
	if met+open+counts[standard.Broken] == 0 {
		return t.silence()
	}
	line := fmt.Sprintf("%d met", met)
	if open > 0 {
		line += fmt.Sprintf(", %d open", open)
	}
	return fmt.Sprintf("%s, %d broken", line, counts[standard.Broken]) + after(": ", strings.Join(broken, ", "))
}

// silence is why a standard says nothing.
func (t *text) silence() string {
	if slices.ContainsFunc(t.r.Endpoints, func(e Endpoint) bool { return e.PassedOver == Counts }) {
		return "it does not speak of these services"
	}
	return "nothing was seen to judge"
}

// after puts a mark before a text, unless there is none.
func after(mark, text string) string {
	if text == "" {
		return ""
	}
	return mark + text
}
