package standard

import (
	"regexp"
	"testing"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/observe"
)

func TestStandardsAreComplete(t *testing.T) {
	date := regexp.MustCompile(`^\d{4}-\d{2}(-\d{2})?$`)
	names := map[string]bool{}
	for _, s := range All {
		if s.Name == "" || names[s.Name] {
			t.Errorf("All: name %q is empty or given twice", s.Name)
		}
		names[s.Name] = true
		if s.Title == "" || s.URL == "" {
			t.Errorf("%s: title %q, URL %q: want both", s.Name, s.Title, s.URL)
		}
		if !date.MatchString(s.Date) {
			t.Errorf("%s: date %q, want YYYY-MM or YYYY-MM-DD", s.Name, s.Date)
		}
		if ByName(s.Name) != s {
			t.Errorf("ByName(%q) does not find it", s.Name)
		}
	}
	if got := ByName("no such"); got != nil {
		t.Errorf(`ByName("no such") = %v, want nil`, got)
	}
}

func TestRulesAreComplete(t *testing.T) {
	type place struct {
		check string
		role  observe.Role
	}
	for _, s := range All {
		seen := map[place]bool{}
		for _, r := range s.Rules {
			if check.ByName(r.Check) == nil {
				t.Errorf("%s: rule for %q, but there is no such check", s.Name, r.Check)
			}
			if r.Clause == "" || r.Want == observe.Unknown || (r.Level != Must && r.Level != Should) {
				t.Errorf("%s: rule for %q: clause %q, want %v, level %q: something is not said", s.Name, r.Check, r.Clause, r.Want, r.Level)
			}
			for _, role := range rolesOf(r) {
				if p := (place{r.Check, role}); seen[p] {
					t.Errorf("%s: two rules for %q and role %q", s.Name, r.Check, role)
				} else {
					seen[p] = true
				}
			}
		}
	}
}

var allRoles = []observe.Role{observe.MX, observe.Submission, observe.Access, observe.Delivery, observe.Other}

func rolesOf(r Rule) []observe.Role {
	if len(r.Roles) == 0 {
		return allRoles
	}
	return r.Roles
}

func TestSealKnowsEveryCheck(t *testing.T) {
	judged := map[string]bool{}
	for _, r := range MailSeal.Rules {
		judged[r.Check] = true
	}
	for _, c := range check.All {
		if !judged[c.Name] {
			t.Errorf("check %q has no rule in mailseal's own standard: nobody would see its answer", c.Name)
		}
	}
}

func TestSealBreaches(t *testing.T) {
	for _, r := range MailSeal.Rules {
		advice := r.Breach == SealIntact
		if (r.Level == Should) != advice || r.Breach == SealUnknown {
			t.Errorf("rule for %q: level %q, breach %v: a should is advice and costs no seal, a must costs one", r.Check, r.Level, r.Breach)
		}
	}
	for _, s := range All[1:] {
		for _, r := range s.Rules {
			if r.Breach != SealUnknown {
				t.Errorf("%s: rule for %q has breach %v: only mailseal's own standard makes the seal", s.Name, r.Check, r.Breach)
			}
		}
	}
}

// server is what every check of mailseal's own standard says about a server:
// no, but for those that are given.
func server(role observe.Role, mode observe.Mode, but map[string]observe.Answer) []check.Finding {
	e := observe.Endpoint{Protocol: "x", Mode: mode, Role: role, Network: "tcp", Address: "192.0.2.1:1"}
	var all []check.Finding
	done := map[string]bool{}
	for _, r := range MailSeal.Rules {
		if done[r.Check] || !arises(r.Check, role, mode) {
			continue
		}
		done[r.Check] = true
		f := check.Finding{Check: r.Check, Answer: observe.No, Subject: e}
		if a, named := but[r.Check]; named {
			f.Answer = a
		}
		all = append(all, f)
	}
	return all
}

// arises leaves out the questions that make no sense on a kind of port.
func arises(name string, role observe.Role, mode observe.Mode) bool {
	switch name {
	case "preauth-greeting", "login-not-disabled":
		return role == observe.Access && mode == observe.StartTLS
	case "starttls-missing", "starttls-refused", "starttls-mangled", "starttls-hidden", "starttls-residue",
		"auth-in-clear", "capabilities-more-in-clear":
		return mode == observe.StartTLS
	}
	return true
}

func answers(a observe.Answer, names ...string) map[string]observe.Answer {
	m := map[string]observe.Answer{}
	for _, n := range names {
		m[n] = a
	}
	return m
}

func join(maps ...map[string]observe.Answer) map[string]observe.Answer {
	all := map[string]observe.Answer{}
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// Everything that only a handshake shows.
var ofTheHandshake = answers(observe.Unknown,
	"starttls-inside-tls", "capabilities-more-in-clear", "tls-version-old", "suite-weak", "suite-not-forward-secret",
	"group-weak", "extended-master-secret-missing", "renegotiation-insecure", "compression-on", "early-data-offered",
	"ticket-life-too-long", "certificate-demanded", "key-exchange-not-post-quantum", "chain-incomplete", "chain-disordered",
	"chain-superfluous", "cert-self-signed", "chain-untrusted", "untrusted-mozilla", "untrusted-system", "name-mismatch",
	"name-only-in-cn", "cert-expired", "cert-not-yet-valid", "cert-expires-soon", "cert-life-too-long", "cert-key-weak",
	"cert-signature-weak", "cert-eku-unfit", "cert-key-usage-unfit", "must-staple-unmet", "sct-missing", "ocsp-staple-unfit")

// Everything that needs an answer to the upgrade command, or to the greeting.
var ofTheUpgrade = join(ofTheHandshake, answers(observe.Unknown, "starttls-residue", "tls-failing", "starttls-refused"))
var ofTheGreeting = join(ofTheUpgrade, answers(observe.Unknown,
	"starttls-missing", "starttls-mangled", "starttls-hidden", "preauth-greeting", "auth-in-clear", "login-not-disabled"))

func TestSealByFault(t *testing.T) {
	yes := func(names ...string) map[string]observe.Answer { return answers(observe.Yes, names...) }
	const (
		m, s, a, d, o = observe.MX, observe.Submission, observe.Access, observe.Delivery, observe.Other
		start, impl   = observe.StartTLS, observe.Implicit
	)
	type want map[observe.Role]Seal
	same := func(seal Seal) want { return want{m: seal, s: seal, a: seal, d: seal, o: seal} }
	checked := func(strict, opportunistic Seal) want {
		return want{s: strict, a: strict, o: strict, m: opportunistic, d: opportunistic}
	}
	for _, c := range []struct {
		fault string
		mode  observe.Mode
		but   map[string]observe.Answer
		want  want
	}{
		{"honest", start, nil, same(SealIntact)},
		{"honest, implicit TLS", impl, nil, same(SealIntact)},

		{"STARTTLS stripped", start, join(ofTheUpgrade, yes("starttls-missing")), same(SealMissing)},
		{"STARTTLS stripped, the rest seen", start, yes("starttls-missing"), same(SealMissing)},
		{"STARTTLS refused", start, join(ofTheHandshake, answers(observe.Unknown, "tls-failing", "starttls-residue"), yes("starttls-refused")), same(SealMissing)},
		{"STARTTLS mangled, and none", start, join(ofTheUpgrade, yes("starttls-mangled", "starttls-missing")), same(SealMissing)},
		{"STARTTLS mangled, TLS all the same", start, yes("starttls-mangled", "starttls-hidden"), same(SealBroken)},
		{"STARTTLS hidden", start, yes("starttls-hidden"), same(SealBroken)},
		{"residue", start, yes("starttls-residue"), same(SealBroken)},
		{"TLS fails after the go-ahead", start, join(ofTheHandshake, yes("tls-failing")), same(SealBroken)},
		{"TLS fails, implicit", impl, join(ofTheHandshake, yes("tls-failing")), same(SealBroken)},
		{"greeted as logged in", start, join(ofTheUpgrade, yes("preauth-greeting")), want{a: SealBroken}},

		{"silent", start, join(ofTheGreeting, yes("server-silent")), same(SealUnknown)},
		{"broke off before the greeting", start, join(ofTheGreeting, yes("conversation-broken")), same(SealUnknown)},
		{"throttled at the upgrade", start, join(ofTheUpgrade, yes("throttled")), same(SealUnknown)},
		{"handshake not seen", start, join(ofTheHandshake, answers(observe.Unknown, "tls-failing")), same(SealUnknown)},
		{"handshake not seen, implicit", impl, join(ofTheHandshake, answers(observe.Unknown, "tls-failing")), same(SealUnknown)},
		{"certificates not kept", impl, answers(observe.Unknown, "chain-untrusted", "name-mismatch", "cert-expired", "cert-not-yet-valid"), checked(SealUnknown, SealIntact)},
		{"no trust anchors at hand", start, answers(observe.Unknown, "chain-untrusted"), checked(SealUnknown, SealIntact)},
		{"open, but weak anyhow", impl, join(answers(observe.Unknown, "chain-untrusted"), yes("suite-weak")), checked(SealUnknown, SealWeak)},
		{"open, but broken anyhow", impl, join(answers(observe.Unknown, "chain-untrusted"), yes("cert-expired")), checked(SealBroken, SealWeak)},
		{"open, but missing anyhow", start, join(ofTheGreeting, yes("starttls-missing")), same(SealMissing)},
		{"a weak rule is open", impl, answers(observe.Unknown, "suite-weak", "group-weak"), same(SealIntact)},

		{"expired", start, yes("cert-expired"), checked(SealBroken, SealWeak)},
		{"not yet valid", impl, yes("cert-not-yet-valid"), checked(SealBroken, SealWeak)},
		{"wrong name", start, yes("name-mismatch"), checked(SealBroken, SealWeak)},
		{"self-signed", impl, yes("cert-self-signed", "chain-untrusted", "untrusted-mozilla", "untrusted-system"), checked(SealBroken, SealWeak)},
		{"self-signed, but trusted", impl, yes("cert-self-signed", "untrusted-mozilla"), same(SealIntact)},

		{"intermediate left out", impl, yes("chain-incomplete"), same(SealWeak)},
		{"TLS 1.0 only", start, yes("tls-version-old", "suite-weak"), same(SealWeak)},
		{"RSA key transport", impl, yes("suite-not-forward-secret"), same(SealWeak)},
		{"small group", impl, yes("group-weak"), same(SealWeak)},
		{"small key", impl, yes("cert-key-weak"), same(SealWeak)},
		{"SHA-1 signature", impl, yes("cert-signature-weak"), same(SealWeak)},
		{"certificate for clients", impl, yes("cert-eku-unfit"), checked(SealBroken, SealWeak)}, // who checks refuses it
		{"key that must not sign", impl, yes("cert-key-usage-unfit"), same(SealWeak)},
		{"must-staple without a staple", impl, yes("must-staple-unmet"), same(SealWeak)},
		{"stale staple", impl, yes("ocsp-staple-unfit"), same(SealWeak)},
		{"compression", impl, yes("compression-on"), same(SealWeak)},
		{"old renegotiation", impl, yes("renegotiation-insecure"), same(SealWeak)},
		{"early data", impl, yes("early-data-offered"), same(SealWeak)},
		{"passwords in clear", start, yes("auth-in-clear"), want{s: SealWeak, a: SealWeak, m: SealWeak, d: SealIntact, o: SealIntact}},
		{"LOGIN in clear", start, yes("login-not-disabled"), want{a: SealWeak}},

		{"only advice", start, yes("starttls-inside-tls", "capabilities-more-in-clear", "untrusted-mozilla", "untrusted-system",
			"name-only-in-cn", "cert-expires-soon", "cert-life-too-long", "chain-disordered", "chain-superfluous", "sct-missing",
			"implicit-tls-missing", "extended-master-secret-missing", "ticket-life-too-long", "key-exchange-not-post-quantum",
			"certificate-demanded", "escape-in-text", "line-ends-bare"), same(SealIntact)},
	} {
		for role, want := range c.want {
			findings := server(role, c.mode, c.but)
			if got := SealOn(findings[0].Subject, Judge(findings, MailSeal)); got != want {
				t.Errorf("%s, role %s: SealOn = %v, want %v", c.fault, role, got, want)
			}
		}
	}
}

func TestSealOn(t *testing.T) {
	v := func(o Outcome, b Seal) Verdict { return Verdict{Outcome: o, Breach: b} }
	for _, c := range []struct {
		name     string
		verdicts []Verdict
		want     Seal
	}{
		{"nothing was seen", nil, SealUnknown},
		{"only a weak rule is met", []Verdict{v(Met, SealWeak)}, SealUnknown},
		{"an essential one is met", []Verdict{v(Met, SealBroken)}, SealIntact},
		{"an essential one is open", []Verdict{v(Met, SealMissing), v(Open, SealBroken)}, SealUnknown},
		{"a weak one is open", []Verdict{v(Met, SealMissing), v(Open, SealWeak)}, SealIntact},
		{"a weak one is broken", []Verdict{v(Met, SealMissing), v(Broken, SealWeak)}, SealWeak},
		{"advice is broken", []Verdict{v(Met, SealMissing), v(Broken, SealIntact)}, SealIntact},
		{"broken wins over open", []Verdict{v(Open, SealMissing), v(Broken, SealBroken)}, SealBroken},
		{"missing wins over broken", []Verdict{v(Broken, SealMissing), v(Broken, SealBroken)}, SealMissing},
		{"another role's rule", []Verdict{v(Met, SealMissing), v(NotApplicable, SealBroken)}, SealIntact},
		{"only another role's rules", []Verdict{v(NotApplicable, SealBroken)}, SealUnknown},
	} {
		if got := SealOn(observe.Endpoint{}, c.verdicts); got != c.want {
			t.Errorf("%s: SealOn = %v, want %v", c.name, got, c.want)
		}
		other := observe.Endpoint{Address: "192.0.2.2:1"}
		more := append(c.verdicts, Verdict{Outcome: Broken, Breach: SealMissing, Subject: other}, Verdict{Outcome: Met, Breach: SealMissing, Subject: other})
		if got := SealOn(observe.Endpoint{}, more); got != c.want {
			t.Errorf("%s, and another endpoint: SealOn = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWorst(t *testing.T) {
	order := []Seal{SealIntact, SealWeak, SealUnknown, SealBroken, SealMissing} // best first
	for i, a := range order {
		for j, b := range order {
			if got, want := Worst(a, b), order[max(i, j)]; got != want {
				t.Errorf("Worst(%v, %v) = %v, want %v", a, b, got, want)
			}
		}
	}
}

func TestSealText(t *testing.T) {
	for _, s := range []Seal{SealUnknown, SealIntact, SealWeak, SealBroken, SealMissing} {
		text, _ := s.MarshalText()
		var back Seal
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("UnmarshalText(%q) = %v, %v, want %v", text, back, err, s)
		}
	}
	var s Seal
	if err := s.UnmarshalText([]byte("waxed")); err == nil {
		t.Error(`UnmarshalText("waxed") = nil, want an error`)
	}
	if got := Seal(200).String(); got != "unknown" {
		t.Errorf("Seal(200).String() = %q, want unknown", got)
	}
}

func TestJudge(t *testing.T) {
	s := &Standard{Name: "t", Rules: []Rule{
		{Check: "a", Want: observe.No, Level: Must, Clause: "1"},
		{Check: "b", Want: observe.Yes, Level: Should, Clause: "2", Roles: []observe.Role{observe.MX}},
	}}
	on := func(role observe.Role) observe.Endpoint { return observe.Endpoint{Role: role} }
	findings := []check.Finding{
		{Check: "b", Answer: observe.Yes, Subject: on(observe.MX)},
		{Check: "a", Answer: observe.Yes, Subject: on(observe.MX)},
		{Check: "b", Answer: observe.No, Subject: on(observe.MX)},
		{Check: "b", Answer: observe.Unknown, Subject: on(observe.MX)},
		{Check: "b", Answer: observe.No, Subject: on(observe.Access)},
		{Check: "c", Answer: observe.Yes, Subject: on(observe.MX)},
	}
	type got struct {
		clause  string
		outcome Outcome
		finding int
	}
	want := []got{{"1", Broken, 1}, {"2", Met, 0}, {"2", Broken, 2}, {"2", Open, 3}, {"2", NotApplicable, 4}}
	verdicts := Judge(findings, s)
	if len(verdicts) != len(want) {
		t.Fatalf("Judge gave %d verdicts, want %d: %+v", len(verdicts), len(want), verdicts)
	}
	for i, v := range verdicts {
		if g := (got{v.Clause, v.Outcome, v.Finding}); g != want[i] || v.Standard != "t" || v.Subject != findings[v.Finding].Subject {
			t.Errorf("Judge: verdict %d is %+v, want %+v", i, v, want[i])
		}
	}
}

func TestRFC8314SaysNothingOfAnMX(t *testing.T) {
	for _, v := range Judge(server(observe.MX, observe.StartTLS, nil), RFC8314) {
		if v.Outcome != NotApplicable {
			t.Errorf("rule for %q is %s on an MX, want %s", v.Check, v.Outcome, NotApplicable)
		}
	}
}

func TestRFC8314Levels(t *testing.T) {
	for name, want := range map[string]Level{
		"tls-version-old": Must, "cert-expired": Must, "chain-untrusted": Must, "name-mismatch": Must,
		"starttls-missing": Should, "implicit-tls-missing": Should, "auth-in-clear": Should, "suite-weak": Should,
	} {
		findings := server(observe.Submission, observe.StartTLS, answers(observe.Yes, name))
		for _, v := range Judge(findings, RFC8314) {
			if v.Check == name && (v.Outcome != Broken || v.Level != want) {
				t.Errorf("%s = yes on submission: %s %s, want %s %s", name, v.Level, v.Outcome, want, Broken)
			}
			if v.Check != name && v.Outcome != Met {
				t.Errorf("%s = yes on submission: rule for %q is %s, want %s", name, v.Check, v.Outcome, Met)
			}
		}
	}
}
