package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// flat is text without its line breaks, so that a test can look for a sentence.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestTrust(t *testing.T) {
	certs := certificates(t)
	trust := func(o *observe.Observation) string {
		t.Helper()
		_, rest, _ := strings.Cut(write(t, "text", New(o, nil), Options{}), "  trust ")
		rest, _, _ = strings.Cut(rest, "  chain 1/")
		return flat(rest)
	}
	on := func(when time.Time, host string, chain ...string) *observe.Observation {
		c := imaps(certs, chain...)
		c.Probe.Endpoint.Host = host
		o := survey(certs, host, c)
		o.Began = when
		return o
	}
	const good, old = "mail.example.org", "old.example.net"
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 12, 0, 0, 0, time.UTC) }
	oneStore := on(now, good, "good", "ca")
	oneStore.Anchors = oneStore.Anchors[:1]
	file := on(now, good, "good", "ca")
	file.Vantage.Stores = []observe.RootStore{{Name: "file", Count: 1}}
	file.Anchors = []observe.Anchor{{Store: "file", Certificate: observe.FingerprintOf(certs["root"])}}
	twoAnchors := on(now, good, "good", "ca")
	twoAnchors.Anchors = append(twoAnchors.Anchors, observe.Anchor{Store: "mozilla", Certificate: observe.FingerprintOf(certs["ca"])})
	noClock := on(time.Time{}, good, "good", "ca")
	for _, c := range []struct {
		name string
		o    *observe.Observation
		want string
	}{
		{"good", on(now, good, "good", "ca"), `trusted by "Example Root R1" (mozilla, system); the name fits`},
		{"in one store only", oneStore, `trusted by "Example Root R1" (mozilla, not system); the name fits`},
		{"by a file", file, `trusted by "Example Root R1"; the name fits`},
		{"several anchors could be its end", twoAnchors, `trusted (mozilla, system); the name fits`},
		{"another name", on(now, "other.example", "good", "ca"), `a path to "Example Root R1" (mozilla, system), but the name does not fit`},
		{"expired", on(now, old, "expired", "ca"), `a path to "Example Root R1" (mozilla, system), but out of date: expired 116 days ago; the name fits`},
		{"expired today", on(day(2026, 7, 30), old, "expired", "ca"), `a path to "Example Root R1" (mozilla, system), but out of date: expired less than a day ago; the name fits`},
		{"not yet valid", on(day(2026, 9, 10), good, "good", "ca"), `a path to "Example Root R1" (mozilla, system), but out of date: begins in 29 days; the name fits`},
		{"expired, and another name", on(now, good, "expired", "ca"), `a path to "Example Root R1" (mozilla, system), but out of date: expired 116 days ago, and the name does not fit`},
		{"an expired CA and leaf", on(day(2031, 1, 1), good, "good", "ca"), `a path to "Example Root R1" (mozilla, system), but out of date: expired 1454 days ago; the name fits`},
		{"no path", on(now, good, "good"), `not trusted (mozilla, system); the name fits`},
		{"no path, and expired", on(now, old, "expired"), `not trusted (mozilla, system); out of date: expired 116 days ago; the name fits`},
		{"no clock", noClock, `trusted by "Example Root R1" (mozilla, system); the name fits`},
	} {
		if got := trust(c.o); got != c.want {
			t.Errorf("%s: trust is\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

// Where another certificate than the leaf has ended, it is named.
func TestTrustNamesTheCertificateThatEnded(t *testing.T) {
	certs := certificates(t)
	o := survey(certs, "mail.example.org", imaps(certs, "good", "ca"))
	o.Began = time.Date(2030, 3, 11, 0, 0, 0, 0, time.UTC)
	r := New(o, nil)
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Check == "cert-expired" {
			f.Evidence[0].Certificate = observe.FingerprintOf(certs["ca"])
		}
	}
	text := flat(write(t, "text", r, Options{}))
	if want := `but out of date: "Example CA E5" expired 10 days ago; the name fits`; !strings.Contains(text, want) {
		t.Errorf("text is\n%s\nwant in it\n%s", text, want)
	}
	if want := "chain 2/2 Example CA E5, until 2030-03-01, expired 10 days ago, ECDSA P-256"; !strings.Contains(text, want) {
		t.Errorf("text is\n%s\nwant in it\n%s", text, want)
	}
}

// A port asked in the wrong mode gets a hint, and no other one does.
func TestOtherWay(t *testing.T) {
	certs := certificates(t)
	ended := func(protocol string, mode observe.Mode, reached observe.Stage, end observe.End, lines ...string) observe.Conn {
		c := began(at(protocol, mode, observe.Access, "192.0.2.10:1234", "given"))
		c.Reached, c.End, c.Lines = reached, end, said(lines...)
		return c
	}
	edit := func(c observe.Conn, f func(*observe.Endpoint)) observe.Conn {
		f(&c.Probe.Endpoint)
		return c
	}
	good := imaps(certs, "good", "ca")
	good.Probe.Endpoint.Via = "given"
	clear := ended("imap", observe.Implicit, observe.Dial, observe.Garbled, "S: * OK ready")
	silent := ended("imap", observe.StartTLS, observe.Dial, observe.Timeout)
	for _, c := range []struct {
		name string
		conn observe.Conn
		host string // that was typed
		want string // empty: no hint
	}{
		{"clear text on an implicit port", clear, "mail.example.org", "speaks in clear at first: try imap://mail.example.org:1234."},
		{"the same by its address", clear, "2001:db8::1", "try imap://[2001:db8::1]:1234."},
		{"the same of a protocol with one scheme", ended("sieve", observe.Implicit, observe.Dial, observe.Garbled, `S: "IMPLEMENTATION" "x"`), "h.example", "try sieve://h.example:1234."},
		{"the same of no protocol", ended("tls", observe.Implicit, observe.Dial, observe.Garbled, "S: 220 hello"), "h.example", "name the protocol"},
		{"the same of HTTP", ended("http", observe.Implicit, observe.Dial, observe.Garbled, "S: HTTP/1.1 400"), "h.example", ""},
		{"the same of a usual port", edit(clear, func(e *observe.Endpoint) { e.Via = "port" }), "h.example", ""},
		{"the same of a socket", edit(clear, func(e *observe.Endpoint) { e.Network, e.Address = "unix", "/run/imap" }), "", "try --starttls."},
		{"an alert on an implicit port", ended("imap", observe.Implicit, observe.Dial, observe.Alerted), "h.example", ""},

		{"no greeting", silent, "mail.example.org", "wants TLS at once looks like this: try imaps://mail.example.org:1234."},
		{"no greeting, no time left", ended("pop3", observe.StartTLS, observe.Dial, observe.Cancelled), "h.example", "try pop3s://h.example:1234."},
		{"no greeting, hung up", ended("ldap", observe.StartTLS, observe.Greeting, observe.Closed, "C: 0h"), "h.example", "try ldaps://h.example:1234."},
		{"an alert instead of a greeting", ended("irc", observe.StartTLS, observe.Greeting, observe.Closed, "C: CAP LS", "S: \x15\x03\x03\x00\x02\x01\x00"), "h.example", "try ircs://h.example:1234."},
		{"no greeting, no other scheme", ended("sieve", observe.StartTLS, observe.Dial, observe.Timeout), "h.example", "try --implicit."},
		{"a domain beside the host", edit(ended("xmpp-client", observe.StartTLS, observe.Dial, observe.Reset), func(e *observe.Endpoint) { e.Domain = "example.org" }), "h.example", "try xmpps-client://example.org@h.example:1234."},
		{"no greeting on a usual port", edit(silent, func(e *observe.Endpoint) { e.Via = "port" }), "h.example", ""},
		{"a greeting, then silence", ended("imap", observe.StartTLS, observe.Greeting, observe.Timeout, "S: * OK ready"), "h.example", ""},
		{"no connection", ended("imap", observe.StartTLS, observe.Nothing, observe.Timeout), "h.example", ""},
		{"all is well", good, "h.example", ""},
	} {
		text := flat(write(t, "text", New(survey(certs, c.host, c.conn), nil), Options{}))
		got := regexp.MustCompile(`(The port speaks in clear|A port that wants TLS).*?(: try \S+|imap://\.)`).FindString(text)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: the hint is %q, want %q in:\n%s", c.name, got, c.want, text)
		}
	}
}

// Nothing answered, or nothing could be looked at: a headline that says why,
// and what to do.
func TestNobody(t *testing.T) {
	certs := certificates(t)
	lookup := func(end observe.End, cause string) *observe.Observation {
		o := survey(certs, "mail.example.org")
		o.Lookups[0].Answers, o.Lookups[0].End, o.Lookups[0].Cause = nil, end, cause
		return o
	}
	elsewhere := lookup(observe.Unreachable, "no such name")
	elsewhere.Lookups[0].Name = "backend.example"
	closed := func(end observe.End, addresses ...string) *observe.Observation {
		var conns []observe.Conn
		for _, a := range addresses {
			c := refusedPort(at("imap", observe.StartTLS, observe.Access, a, "port"))
			c.End, c.Cause = end, string(end)
			conns = append(conns, c)
		}
		return survey(certs, "mail.example.org", conns...)
	}
	for _, c := range []struct {
		name string
		o    *observe.Observation
		want string
	}{
		{"no such name", lookup(observe.Unreachable, "no such name, or no address for it"),
			"mail.example.org: no such name, or no address for it Is the name right?"},
		{"a resolver that does not answer", lookup(observe.Timeout, "the resolver did not answer in time"),
			"mail.example.org: the resolver did not answer in time Try again."},
		{"a resolver that fails", lookup(observe.Garbled, "the resolver could not answer: SERVFAIL"),
			"mail.example.org: the resolver could not answer: SERVFAIL Try again."},
		{"no time left for it", lookup(observe.Cancelled, ""), "mail.example.org: stopped by us Run it again"},
		{"the name to dial", elsewhere, "mail.example.org: the look-up of backend.example: no such name Is the name right?"},
		{"nothing at all", lookup(observe.Done, ""), "mail.example.org: no server was looked at Run it again."},
		{"usual ports that are closed", closed(observe.Refused, "192.0.2.10:143", "192.0.2.10:993", "[2001:db8::10]:143"),
			"none of its usual mail ports answers nothing answers on 192.0.2.10: 143, 993 (refused) nothing answers on [2001:db8::10]: 143 (refused) Is this the host of the mail"},
		{"usual ports that are dropped", closed(observe.Timeout, "192.0.2.10:143"), "nothing answers on 192.0.2.10: 143 (timed out)"},
		{"no route", closed(observe.Unreachable, "[2001:db8::10]:143", "[2001:db8::10]:993"),
			"there is no route to it from here not looked at: [2001:db8::10], for there is no route from here (unreachable) Is the address right"},
	} {
		r := New(c.o, nil)
		text := write(t, "text", r, Options{})
		if got := flat(text); !strings.HasPrefix(got, "unknown mail.example.org: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: text is\n%s\nwant in it\n%s", c.name, got, c.want)
		}
		if lines := strings.Count(text, "\n"); lines > 8 {
			t.Errorf("%s: %d lines, want a few:\n%s", c.name, lines, text)
		}
		for _, l := range Levels {
			if got := r.FailsAt(l); got != Undecided {
				t.Errorf("%s: FailsAt(%s) = %d, want %d", c.name, l, got, Undecided)
			}
		}
	}
}

func TestNoRouteNamesTheFlag(t *testing.T) {
	certs := certificates(t)
	given := func(address string, end observe.End) observe.Conn {
		c := imaps(certs, "good", "ca")
		if end != observe.Done {
			c = refusedPort(c.Probe.Endpoint)
			c.End, c.Cause = end, "no route to host"
		}
		c.Probe.Endpoint.Address, c.Probe.Endpoint.Via = address, "given"
		return c
	}
	for _, c := range []struct {
		reached, lost, want string
	}{
		{"192.0.2.10:993", "[2001:db8::10]:993", "not looked at: [2001:db8::10], for there is no route from here (no route to host); -4 leaves IPv6 out"},
		{"[2001:db8::10]:993", "192.0.2.10:993", "not looked at: 192.0.2.10, for there is no route from here (no route to host); -6 leaves IPv4 out"},
		{"192.0.2.10:993", "192.0.2.11:993", "not looked at: 192.0.2.11, for there is no route from here (no route to host) imap"},
	} {
		o := survey(certs, "mail.example.org", given(c.reached, observe.Done), given(c.lost, observe.Unreachable))
		if got := flat(strings.ReplaceAll(write(t, "text", New(o, nil), Options{}), "Advice", "imap")); !strings.Contains(got, c.want) {
			t.Errorf("%s reached, %s not: text is\n%s\nwant in it\n%s", c.reached, c.lost, got, c.want)
		}
	}
}

// A seal may be broken with TLS and without: the headline says which.
func TestHeadlineOfABrokenSeal(t *testing.T) {
	certs := certificates(t)
	headline := func(conns ...observe.Conn) string {
		text := flat(write(t, "text", New(survey(certs, "mail.example.org", conns...), nil), Options{}))
		line, _, _ := strings.Cut(strings.TrimPrefix(text, "broken mail.example.org: "), " broken ")
		return line
	}
	clear := began(at("imap", observe.Implicit, observe.Access, "192.0.2.1:993", "given"))
	clear.Reached, clear.End, clear.Cause = observe.Dial, observe.Garbled, "expected TLS, got \"* OK ready\""
	expired := imaps(certs, "expired", "ca")
	const protects, fails = "there is TLS, but it does not protect", "TLS should begin and fails: whoever insists on it gets nothing through"
	for _, c := range []struct {
		name  string
		conns []observe.Conn
		want  string
	}{
		{"expired", []observe.Conn{expired}, protects},
		{"clear text instead of TLS", []observe.Conn{clear}, fails},
		{"both", []observe.Conn{clear, expired}, protects},
	} {
		if got := headline(c.conns...); got != c.want {
			t.Errorf("%s: the headline says %q, want %q", c.name, got, c.want)
		}
	}
}

func TestInterruptedIsToldOnTop(t *testing.T) {
	o := intact(certificates(t))
	o.Interrupted = true
	lines := strings.Split(write(t, "text", New(o, nil), Options{}), "\n")
	if want := "Stopped early, by hand or by the limit of 1m0s: the rest is unknown."; strings.TrimSpace(lines[1]) != want {
		t.Errorf("the second line is %q, want %q", lines[1], want)
	}
	for name, o := range fixtures(t) {
		if text := write(t, "text", New(o, nil), Options{}); strings.Contains(text, "Stopped early") != o.Interrupted {
			t.Errorf("%s: text says that it was stopped: %v, want %v", name, !o.Interrupted, o.Interrupted)
		}
	}
}

// Connections that came to nothing in the same way are told once.
func TestSameEndsAreToldOnce(t *testing.T) {
	certs := certificates(t)
	stopped := func(address string, reached observe.Stage) observe.Conn {
		c := began(at("imap", observe.StartTLS, observe.Access, address, "port"))
		c.Reached, c.End, c.Cause = reached, observe.Cancelled, "a person stopped us"
		return c
	}
	o := survey(certs, "mail.example.org", stopped("192.0.2.1:143", ""), stopped("192.0.2.2:143", ""), stopped("192.0.2.3:143", observe.Dial))
	text := flat(write(t, "text", New(o, nil), Options{}))
	for _, want := range []string{"imap 192.0.2.1:143, imap 192.0.2.2:143: stopped by us while connecting", "imap 192.0.2.3:143: stopped by us after connecting"} {
		if !strings.Contains(text, want) {
			t.Errorf("text is\n%s\nwant in it\n%s", text, want)
		}
	}
}

// What was seen of one endpoint takes some twenty lines, of each of several
// some eight.
func TestDetailsAreShort(t *testing.T) {
	certs := certificates(t)
	many := submission(certs, "good", "ca", "root")
	for i := range 200 {
		many.Clear.Items = append(many.Clear.Items, observe.Text(fmt.Sprintf("CAPABILITY-%d", i)))
		many.Sealed.Items = append(many.Sealed.Items, observe.Text(fmt.Sprintf("ABILITY-%d", i)))
		many.TLS.Chain = append(many.TLS.Chain, observe.FingerprintOf(certs["ca"]))
	}
	one := write(t, "text", New(survey(certs, "mail.example.org", many), nil), Options{})
	if got := block(one, "submission 192.0.2.10:587, "); got < 10 || got > 30 {
		t.Errorf("one endpoint with far too much: %d lines, want 10 to 30:\n%s", got, one)
	}
	usual := write(t, "text", New(survey(certs, "mail.example.org", submission(certs, "good", "ca")), nil), Options{})
	if got := block(usual, "submission 192.0.2.10:587, "); got < 10 || got > 20 {
		t.Errorf("one endpoint: %d lines, want 10 to 20:\n%s", got, usual)
	}
	for _, o := range []*observe.Observation{intact(certs), weak(certs), broken(certs), missing(certs)} {
		text := write(t, "text", New(o, nil), Options{})
		for _, c := range o.Conns {
			if got := block(text, place(c.Probe.Endpoint)+", "); got > 8 {
				t.Errorf("%s among several: %d lines, want at most 8:\n%s", place(c.Probe.Endpoint), got, text)
			}
		}
	}
}

// block counts the lines about one endpoint.
func block(text, title string) int {
	_, rest, _ := strings.Cut(text, "\n"+title)
	_, rest, _ = strings.Cut(rest, "\n")
	rest, _, _ = strings.Cut(strings.TrimPrefix(rest, "\n"), "\n\n")
	return len(strings.Split(strings.TrimSpace(rest), "\n"))
}

// However short the text is, this is always there.
func TestShortTextHasWhatOneNeeds(t *testing.T) {
	text := write(t, "text", New(broken(certificates(t)), nil), Options{})
	for _, want := range []string{
		`250 injected\x0d\x0a`, "220 2.0.0 Ready to start TLS", "old.example.net", "2026-05-01 to 2026-07-30", "expired 116 days ago",
		"51d062f5d2bbaa64c2bbbaa57a91b8257f1b5fdde867b7a553de511bc91d71fe", "was not sent", "the name does not fit", "TLS 1.3",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("text on several endpoints does not have %q", want)
		}
	}
	text = write(t, "text", New(missing(certificates(t)), nil), Options{})
	for _, want := range []string{"502 5.5.1 Error: command not", "a2 NO no certificate is configured"} {
		if !strings.Contains(text, want) {
			t.Errorf("text on what is missing does not have %q", want)
		}
	}
}

// Advice that is open costs nothing and tells little: only -v has it.
func TestOpenAdviceIsVerbose(t *testing.T) {
	o := intact(certificates(t))
	o.Began = time.Time{} // without a clock, the dates are open
	r := New(o, nil)
	for _, verbose := range []bool{false, true} {
		if got := strings.Contains(write(t, "text", r, Options{Verbose: verbose}), "- open on "); got != verbose {
			t.Errorf("verbose %v: open advice is told: %v", verbose, got)
		}
	}
}

// The reason why an endpoint does not count is a name in JSON.
func TestPassedOverInJSON(t *testing.T) {
	var doc struct {
		Endpoints []map[string]any
	}
	if err := json.Unmarshal([]byte(write(t, "json", New(intact(certificates(t)), nil), Options{})), &doc); err != nil {
		t.Fatal(err)
	}
	var got []any
	for _, e := range doc.Endpoints {
		got = append(got, e["passed_over"])
	}
	if want := "[<nil> <nil> no-answer]"; fmt.Sprint(got) != want {
		t.Errorf("passed_over of the endpoints is %v, want %s", got, want)
	}
}
