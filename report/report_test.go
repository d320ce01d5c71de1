package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

func write(t testing.TB, format string, r *Report, opt Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := FormatByName(format).Write(&b, r, opt); err != nil {
		t.Fatalf("writing %s: %v", format, err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, o := range fixtures(t) {
		r := New(o, nil, standard.RFC8314)
		golden(t, name+".txt", write(t, "text", r, Options{}))
		if name != "hostile" { // too long to be read by anybody
			golden(t, name+".json", indented(t, write(t, "json", r, Options{Tool: "mailseal test"})))
		}
		if name == "broken" || name == "unknown" {
			golden(t, name+".verbose.txt", write(t, "text", r, Options{Verbose: true}))
		}
	}
}

// indented makes a document of one line one that people can compare.
func indented(t *testing.T, line string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(line), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what is written now (go test -update rewrites it):\n%s", path, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "want: " + w[i] + "\ngot:  " + g[i]
		}
	}
	return "one ends before the other"
}

func TestSeals(t *testing.T) {
	for name, o := range fixtures(t) {
		if name == "hostile" {
			continue
		}
		if got := New(o, nil).Seal.String(); got != name {
			t.Errorf("New(%s).Seal = %s, want %s", name, got, name)
		}
	}
}

// What does not count, and why.
func TestPassedOver(t *testing.T) {
	certs := certificates(t)
	failed := func(e observe.Endpoint, end observe.End) observe.Conn {
		c := refusedPort(e)
		c.End, c.Cause = end, string(end)
		return c
	}
	stood := func(c observe.Conn) observe.Conn { // and ended all the same
		c.Reached = observe.Dial
		return c
	}
	pop := at("pop3", observe.Implicit, observe.Access, "192.0.2.10:995", "port")
	late := at("pop3", observe.StartTLS, observe.Access, "192.0.2.10:110", "port")
	given := pop
	given.Via = "given"
	four := imaps(certs, "good", "ca")
	four.Probe.Endpoint.Via = "given"
	six := four.Probe.Endpoint
	six.Address = "[2001:db8::10]:993"
	sixPop := pop
	sixPop.Address = "[2001:db8::10]:995"
	clear, otherHost, sixUsual := six, six, six
	clear.Mode, otherHost.Host, sixUsual.Via = observe.StartTLS, "other.example.org", "port"
	reached := imaps(certs, "good", "ca")
	reached.Probe.Endpoint = sixUsual
	proxied := survey(certs, "mail.example.org", four, failed(six, observe.Unreachable))
	proxied.Vantage.Proxy = "socks5://192.0.2.1:1080"
	good := imaps(certs, "good", "ca")
	seen := func(conns ...observe.Conn) *observe.Observation { return survey(certs, "mail.example.org", conns...) }
	for _, c := range []struct {
		name string
		o    *observe.Observation
		want []PassedOver // of the endpoints in their order
		seal standard.Seal
	}{
		{"a usual port, refused", seen(good, failed(pop, observe.Refused)), []PassedOver{Counts, NoAnswer}, standard.SealIntact},
		{"the same, looked at first", seen(failed(pop, observe.Refused), good), []PassedOver{NoAnswer, Counts}, standard.SealIntact},
		{"a usual port, dropped", seen(good, failed(pop, observe.Timeout)), []PassedOver{Counts, NoAnswer}, standard.SealIntact},
		{"a usual port, rejected by a firewall", seen(good, failed(pop, observe.Unreachable)), []PassedOver{Counts, NoAnswer}, standard.SealIntact},
		{"refused once, dropped once", seen(good, failed(pop, observe.Refused), failed(pop, observe.Timeout)), []PassedOver{Counts, NoAnswer}, standard.SealIntact},
		{"no time left for a usual port", seen(good, failed(pop, observe.Cancelled)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"never begun", seen(good, failed(pop, observe.Unended)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"a usual port that stood and refused", seen(good, stood(failed(late, observe.Refused))), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"a usual port that stood and timed out", seen(good, stood(failed(late, observe.Timeout))), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"stood once, refused once", seen(good, stood(failed(late, observe.Timeout)), failed(late, observe.Refused)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"a port that was asked for, refused", seen(good, failed(given, observe.Refused)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"a port that was asked for, dropped", seen(good, failed(given, observe.Timeout)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"only usual ports, none answers", seen(failed(pop, observe.Refused), failed(sixUsual, observe.Timeout)), []PassedOver{NoAnswer, NoAnswer}, standard.SealUnknown},

		{"no route to one of two addresses", seen(four, failed(six, observe.Unreachable)), []PassedOver{Counts, NoRoute}, standard.SealIntact},
		{"the same, looked at first", seen(failed(six, observe.Unreachable), four), []PassedOver{NoRoute, Counts}, standard.SealIntact},
		{"the other one dropped", seen(four, failed(six, observe.Timeout)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"no route, and another mode was reached", seen(four, failed(clear, observe.Unreachable)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"no route, and another host was reached", seen(four, failed(otherHost, observe.Unreachable)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"no route to the only address", seen(failed(six, observe.Unreachable)), []PassedOver{Counts}, standard.SealUnknown},
		{"no route to one, the other refused", seen(failed(four.Probe.Endpoint, observe.Refused), failed(six, observe.Unreachable)), []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"unreachable by a proxy", proxied, []PassedOver{Counts, Counts}, standard.SealUnknown},
		{"no route to usual ports", seen(good, failed(sixUsual, observe.Unreachable), failed(sixPop, observe.Unreachable)), []PassedOver{Counts, NoRoute, NoRoute}, standard.SealIntact},
		{"usual ports without a route, none with", seen(failed(sixUsual, observe.Unreachable)), []PassedOver{NoRoute}, standard.SealUnknown},
		{"one of two ports rejected on an address that was reached", seen(reached, failed(sixPop, observe.Unreachable)), []PassedOver{Counts, NoAnswer}, standard.SealIntact},

		{"nothing was looked at", seen(), nil, standard.SealUnknown},
	} {
		r := New(c.o, nil)
		var got []PassedOver
		for _, e := range r.Endpoints {
			got = append(got, e.PassedOver)
			if e.PassedOver != Counts && e.Seal != standard.SealUnknown {
				t.Errorf("%s: the seal of %s is %v, want unknown", c.name, e.Address, e.Seal)
			}
		}
		if !slices.Equal(got, c.want) || r.Seal != c.seal {
			t.Errorf("New(%s): passed over %q, seal %v, want %q, %v", c.name, got, r.Seal, c.want, c.seal)
		}
	}
}

func TestBestConnection(t *testing.T) {
	certs := certificates(t)
	good := imaps(certs, "good", "ca")
	failed := began(good.Probe.Endpoint)
	failed.Reached, failed.End = observe.Dial, observe.Timeout
	half := failed
	half.TLS = &observe.TLS{Version: 0x0304}
	for _, c := range []struct {
		name  string
		conns []observe.Conn
		want  int
	}{
		{"the only one", []observe.Conn{failed}, 0},
		{"a handshake beats none", []observe.Conn{failed, good}, 1},
		{"in any order", []observe.Conn{good, failed}, 0},
		{"half a handshake beats none", []observe.Conn{failed, half}, 1},
		{"a whole beats half", []observe.Conn{half, good, failed}, 1},
		{"the first of equals", []observe.Conn{good, good}, 0},
	} {
		r := New(survey(certs, "mail.example.org", c.conns...), nil)
		if len(r.Endpoints) != 1 || r.Endpoints[0].Best != c.want || len(r.Endpoints[0].Conns) != len(c.conns) {
			t.Errorf("%s: Endpoints = %+v, want one with all connections and Best %d", c.name, r.Endpoints, c.want)
		}
	}
}

func TestStandardsAreJudgedOnce(t *testing.T) {
	o := intact(certificates(t))
	plain := New(o, nil)
	if got := len(New(o, nil, standard.MailSeal, standard.MailSeal).Verdicts); got != len(plain.Verdicts) {
		t.Errorf("New with mailseal's own standard given: %d verdicts, want %d", got, len(plain.Verdicts))
	}
	both := New(o, nil, standard.RFC8314)
	if both.Seal != plain.Seal {
		t.Errorf("New with RFC 8314 besides: seal %v, want %v", both.Seal, plain.Seal)
	}
	if len(both.Standards) != 2 || both.Standards[0] != standard.MailSeal {
		t.Errorf("Standards = %v, want mailseal's own first, then RFC 8314", both.Standards)
	}
}

func TestFailsAt(t *testing.T) {
	ends := func(decisions ...Decision) map[Level]Decision {
		m := map[Level]Decision{}
		for i, l := range Levels {
			m[l] = decisions[i]
		}
		return m
	}
	e := at("imap", observe.Implicit, observe.Access, "192.0.2.10:993", "given")
	f := e
	f.Address = "192.0.2.10:143"
	breaks := func(on observe.Endpoint, s standard.Seal) standard.Verdict {
		return standard.Verdict{Standard: standard.MailSeal.Name, Outcome: standard.Broken, Breach: s, Subject: on}
	}
	for _, c := range []struct {
		name   string
		report Report
		want   map[Level]Decision // advice, weak, broken, missing, never
	}{
		{"intact", Report{Seal: standard.SealIntact, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealIntact}}},
			ends(Passed, Passed, Passed, Passed, Passed)},
		{"intact, with advice", Report{Seal: standard.SealIntact, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealIntact}},
			Verdicts: []standard.Verdict{breaks(e, standard.SealIntact)}},
			ends(Failed, Passed, Passed, Passed, Passed)},
		{"weak", Report{Seal: standard.SealWeak, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealWeak}},
			Verdicts: []standard.Verdict{breaks(e, standard.SealWeak)}},
			ends(Failed, Failed, Passed, Passed, Passed)},
		{"broken", Report{Seal: standard.SealBroken, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealBroken}},
			Verdicts: []standard.Verdict{breaks(e, standard.SealBroken)}},
			ends(Failed, Failed, Failed, Passed, Passed)},
		{"missing", Report{Seal: standard.SealMissing, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealMissing}},
			Verdicts: []standard.Verdict{breaks(e, standard.SealMissing)}},
			ends(Failed, Failed, Failed, Failed, Passed)},
		{"unknown", Report{Endpoints: []Endpoint{{Endpoint: e}}},
			ends(Undecided, Undecided, Undecided, Undecided, Undecided)},
		{"nothing was looked at", Report{},
			ends(Undecided, Undecided, Undecided, Undecided, Undecided)},
		{"unknown, but weak anyhow", Report{Endpoints: []Endpoint{{Endpoint: e}}, Verdicts: []standard.Verdict{breaks(e, standard.SealWeak)}},
			ends(Failed, Failed, Undecided, Undecided, Undecided)},
		{"one broken, one unknown", Report{Seal: standard.SealBroken, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealBroken}, {Endpoint: f}},
			Verdicts: []standard.Verdict{breaks(e, standard.SealBroken)}},
			ends(Failed, Failed, Failed, Undecided, Undecided)},
		{"one intact, one passed over", Report{Seal: standard.SealIntact, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealIntact}, {Endpoint: f, PassedOver: NoAnswer}}},
			ends(Passed, Passed, Passed, Passed, Passed)},
		{"another standard is broken", Report{Seal: standard.SealIntact, Endpoints: []Endpoint{{Endpoint: e, Seal: standard.SealIntact}},
			Verdicts: []standard.Verdict{{Standard: "rfc8314", Outcome: standard.Broken, Subject: e}}},
			ends(Passed, Passed, Passed, Passed, Passed)},
	} {
		for l, want := range c.want {
			if got := c.report.FailsAt(l); got != want {
				t.Errorf("%s: FailsAt(%s) = %d, want %d", c.name, l, got, want)
			}
		}
	}
}

// What was written can be read, and judged to the same.
func TestRoundTrip(t *testing.T) {
	for name, o := range fixtures(t) {
		if name == "hostile" {
			// Fields that are plain strings lose bytes that are not UTF-8
			// when they are stored, so they are made valid first.
			o = throughJSON(t, o)
		}
		first := New(o, nil, standard.RFC8314)
		text := write(t, "json", first, Options{})
		back, err := Read(strings.NewReader(text))
		if err != nil {
			t.Errorf("Read(report %s): %v", name, err)
			continue
		}
		if !reflect.DeepEqual(back, o) {
			t.Errorf("Read(report %s) is not the observation that was written", name)
		}
		again := New(back, nil, standard.RFC8314)
		if !reflect.DeepEqual(again.Findings, first.Findings) || !reflect.DeepEqual(again.Verdicts, first.Verdicts) || again.Seal != first.Seal {
			t.Errorf("%s: judged again, it is not the same", name)
		}
	}
}

func throughJSON(t *testing.T, o *observe.Observation) *observe.Observation {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		in    string
		typed string // of the target; empty: an error is wanted
	}{
		{`{"schema":1,"target":{"typed":"bare"}}`, "bare"},
		{`{"schema":1,"observation":{"schema":1,"target":{"typed":"inside"}}}`, "inside"},
		{`{"schema":7,"target":{"typed":"later"},"more":true}`, "later"},
		{`{"target":{"typed":"no schema"}}`, ""},
		{`{"schema":1,"observation":{}}`, ""},
		{`{}`, ""},
		{`[]`, ""},
		{`not JSON`, ""},
		{``, ""},
	} {
		o, err := Read(strings.NewReader(c.in))
		switch {
		case c.typed == "" && err == nil:
			t.Errorf("Read(%q) = %+v, want an error", c.in, o)
		case c.typed != "" && err != nil:
			t.Errorf("Read(%q): %v, want target %q", c.in, err, c.typed)
		case c.typed != "" && o.Target.Typed != c.typed:
			t.Errorf("Read(%q): target %q, want %q", c.in, o.Target.Typed, c.typed)
		}
	}
}

// Names of the JSON form are a promise.
func TestJSONNames(t *testing.T) {
	text := write(t, "json", New(broken(certificates(t)), nil, standard.RFC8314), Options{Tool: "mailseal test"})
	var doc struct {
		Schema    int
		Tool      string
		Seal      string
		Endpoints []struct {
			Endpoint map[string]any
			Seal     string
			Conns    []int
			Best     int
			Summary  map[string]any
		}
		Standards   []map[string]string
		Findings    []map[string]any
		Verdicts    []map[string]any
		Observation map[string]any
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != JSONSchema || doc.Tool != "mailseal test" || doc.Seal != "broken" || len(doc.Endpoints) != 3 {
		t.Fatalf("schema %d, tool %q, seal %q, %d endpoints, want %d, %q, broken, 3", doc.Schema, doc.Tool, doc.Seal, len(doc.Endpoints), JSONSchema, "mailseal test")
	}
	s := doc.Endpoints[1].Summary
	for key, want := range map[string]any{
		"complete": true, "version": "TLS 1.3", "suite": "TLS_AES_128_GCM_SHA256", "group": "X25519MLKEM768",
		"signature_scheme": "ecdsa_secp256r1_sha256", "hello_retry": "no", "alpn": "imap",
	} {
		if s[key] != want {
			t.Errorf("summary %q = %v, want %v", key, s[key], want)
		}
	}
	leaf := s["chain"].([]any)[0].(map[string]any)
	for key, want := range map[string]any{
		"subject": "CN=old.example.net", "issuer": "CN=Example CA E5,O=Example Trust,C=XX", "key": "ECDSA P-256",
		"signature": "ECDSA-SHA256", "not_before": "2026-05-01T00:00:00Z", "not_after": "2026-07-30T00:00:00Z",
	} {
		if leaf[key] != want {
			t.Errorf("leaf %q = %v, want %v", key, leaf[key], want)
		}
	}
	if names := []string{doc.Standards[0]["name"], doc.Standards[1]["name"]}; names[0] != "seal" || names[1] != "rfc8314" {
		t.Errorf("standards %v, want seal, rfc8314", names)
	}
}

// Several reports one behind the other are JSON lines.
func TestJSONIsOneLine(t *testing.T) {
	for name, o := range fixtures(t) {
		text := write(t, "json", New(o, nil, standard.RFC8314), Options{})
		if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "}\n") {
			t.Errorf("%s: JSON has %d line feeds, want one, at its end", name, strings.Count(text, "\n"))
		}
	}
}

func TestJSONKeepsAngles(t *testing.T) {
	o := intact(certificates(t))
	o.Conns[0].Lines[0].Text = "220 <b>&</b> \u2028"
	text := write(t, "json", New(o, nil), Options{})
	if want := `"220 <b>&</b> \\xe2\\x80\\xa8"`; !strings.Contains(text, want) {
		t.Errorf("JSON does not have the line of the server as %s", want)
	}
}

func TestNothingNastyComesOut(t *testing.T) {
	r := New(hostile(certificates(t)), nil, standard.RFC8314)
	for _, c := range []struct {
		name   string
		format string
		opt    Options
	}{
		{"text", "text", Options{}},
		{"verbose text", "text", Options{Verbose: true}},
		{"narrow text", "text", Options{Width: 20, Verbose: true}},
		{"json", "json", Options{}},
	} {
		out := write(t, c.format, r, c.opt)
		if !utf8.ValidString(out) {
			t.Errorf("%s: not UTF-8", c.name)
		}
		for i, r := range out {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s: character %U at %d, behind %q", c.name, r, i, out[max(0, i-30):i])
				break
			}
		}
		if c.format == "text" && strings.Contains(out, strings.Repeat("A", 1000)) {
			t.Errorf("%s: a line of 10,000 characters came out whole", c.name)
		}
	}
	if out := write(t, "text", r, Options{}); len(out) > 20000 {
		t.Errorf("text: %d bytes of a hostile server, want no wall", len(out))
	}
}

func TestTextKeepsToTheWidth(t *testing.T) {
	all := fixtures(t)
	far := imaps(certificates(t), "good", "ca")
	far.Probe.Endpoint.Host = strings.Repeat("long-label.", 12) + "example.org"
	far.Probe.Endpoint.Address = "[2001:db8:1234:5678:9abc:def0:1234:5678]:993"
	all["long names"] = survey(certificates(t), far.Probe.Endpoint.Host, far)
	for name, o := range all {
		r := New(o, nil, standard.RFC8314)
		for _, opt := range []Options{{}, {Verbose: true}, {Width: 60}, {Width: 120, Color: true}} {
			width := opt.Width
			if width == 0 {
				width = 80
			}
			for _, line := range strings.Split(write(t, "text", r, opt), "\n") {
				if got := lipgloss.Width(line); got > width {
					t.Errorf("%s at %d columns: %d: %q", name, width, got, line)
				}
			}
		}
	}
}

// Colour adds, it says nothing of its own.
func TestColorIsAnAddition(t *testing.T) {
	for name, o := range fixtures(t) {
		r := New(o, nil, standard.RFC8314)
		plain, colored := write(t, "text", r, Options{}), write(t, "text", r, Options{Color: true})
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: plain text has an escape sequence", name)
		}
		if !strings.Contains(colored, "\x1b[") {
			t.Errorf("%s: coloured text has no colour", name)
		}
		if got := strip(colored); got != plain {
			t.Errorf("%s: coloured text without its colours differs from plain text:\n%s", name, firstDifference(plain, got))
		}
	}
}

// strip takes SGR sequences away.
func strip(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text string
		room int
		want []string
	}{
		{"", 10, []string{""}},
		{"one line", 10, []string{"one line"}},
		{"ten chars!", 10, []string{"ten chars!"}},
		{"breaks at a space", 10, []string{"breaks at", "a space"}},
		{"abcdefghijklmno", 10, []string{"abcdefghij", "klmno"}},
		{"a abcdefghijklmno", 10, []string{"a", "abcdefghij", "klmno"}},
		{"一二三四五六七", 10, []string{"一二三四五", "六七"}},
		{"too narrow a room", 2, []string{"too narrow", "a room"}},
		{"trailing  spaces    x", 10, []string{"trailing", "spaces", "x"}},
	} {
		if got := wrap(c.text, c.room); !reflect.DeepEqual(got, c.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", c.text, c.room, got, c.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("breaks at a space", 10)
	f.Add("一二三四五六七 \x1b[31m", 12)
	f.Add("    ", 10)
	f.Fuzz(func(t *testing.T, text string, room int) {
		room = min(max(room, 10), 200)
		text = clean(text)
		lines := wrap(text, room)
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if got := squeeze(strings.Join(lines, "")); got != squeeze(text) {
			t.Errorf("wrap(%q, %d) lost something: %q", text, room, lines)
		}
		for _, l := range lines {
			columns := 0
			for _, r := range l {
				columns += columnsOf(r)
			}
			if columns > room {
				t.Errorf("wrap(%q, %d): line %q has %d columns", text, room, l, columns)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, o := range fixtures(f) {
		text, err := json.Marshal(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"schema":1,"conns":[{"tls":{"chain":["x"]},"probe":{}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		r := New(o, nil, standard.RFC8314)
		for _, form := range Formats {
			for _, verbose := range []bool{false, true} {
				if err := form.Write(&bytes.Buffer{}, r, Options{Verbose: verbose}); err != nil && form.Name == "text" {
					t.Errorf("writing %s, verbose %v: %v", form.Name, verbose, err)
				}
			}
		}
	})
}

func TestFormats(t *testing.T) {
	for _, f := range Formats {
		if f.Name == "" || f.Write == nil || FormatByName(f.Name) == nil {
			t.Errorf("format %+v is not whole", f)
		}
	}
	if got := FormatByName("no such"); got != nil {
		t.Errorf(`FormatByName("no such") = %v, want nil`, got)
	}
}
