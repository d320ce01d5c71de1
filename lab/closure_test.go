package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/roots"
	"github.com/mailseal/mailseal/standard"
)

// modes returns the ways to TLS that a protocol has.
func modes(protocol string) []observe.Mode {
	if protocol == "lmtp" || protocol == "sieve" || protocol == "smtp" {
		return []observe.Mode{observe.StartTLS} // no implicit port is registered
	}
	return []observe.Mode{observe.StartTLS, observe.Implicit}
}

// The closure: for every fault, on every protocol and in every mode that it
// names, exactly the checks that it names answer yes. The observation goes
// through JSON in between, as a stored one would.
func TestClosure(t *testing.T) {
	ca := newCA(t)
	triggered := make(map[string]bool)
	for _, f := range lab.Faults {
		for _, c := range f.Checks {
			triggered[c] = true
			if check.ByName(c) == nil {
				t.Errorf("fault %s names the check %q, which does not exist", f.Name, c)
			}
		}
		if len(f.Checks) == 0 {
			t.Errorf("fault %s names no check: nobody would notice it", f.Name)
		}
		t.Run(f.Name, func(t *testing.T) {
			for _, p := range lab.Protocols() {
				for _, m := range modes(p) {
					if f.Fits(p, m) {
						t.Run(p+"/"+string(m), func(t *testing.T) {
							t.Parallel()
							expectYes(t, survey(t, ca, p, m, &f), f.Checks)
						})
					}
				}
			}
		})
	}
	listUntriggered(t, triggered)
}

// With no fault no check answers yes, and the seal is intact.
func TestHonest(t *testing.T) {
	ca := newCA(t)
	for _, p := range lab.Protocols() {
		for _, m := range modes(p) {
			t.Run(p+"/"+string(m), func(t *testing.T) {
				t.Parallel()
				seen := survey(t, ca, p, m, nil)
				expectYes(t, seen, nil)
				verdicts := standard.Judge(check.Run(seen, nil), standard.MailSeal)
				if got := standard.SealOn(seen.Conns[0].Probe.Endpoint, verdicts); got != standard.SealIntact {
					t.Errorf("the seal of an honest %s server (%s) is %v, want intact\n%s", p, m, got, open(verdicts))
				}
			})
		}
	}
}

// notTriggered says why no fault makes these checks answer yes.
var notTriggered = map[string]string{
	"group-weak":           "crypto/tls has no weak group to choose; see check/testdata",
	"compression-on":       "crypto/tls never offers compression; see check/testdata",
	"early-data-offered":   "crypto/tls offers early data only for QUIC; see test/real and check/testdata",
	"ticket-life-too-long": "crypto/tls gives tickets seven days and no more; see check/testdata",
	"implicit-tls-missing": "needs two ports in one observation; see check/testdata",
}

func listUntriggered(t *testing.T, triggered map[string]bool) {
	for _, c := range check.All {
		reason, known := notTriggered[c.Name]
		switch {
		case triggered[c.Name] && known && reason != "":
			t.Errorf("check %s is triggered by a fault; take it off the list of those that are not", c.Name)
		case !triggered[c.Name] && reason == "":
			t.Errorf("no fault triggers the check %s, and no reason is given", c.Name)
		case !triggered[c.Name]:
			t.Logf("no fault triggers %s: %s", c.Name, reason)
		}
	}
}

func newCA(t *testing.T) *lab.CA {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatalf("NewCA: %v", err)
	}
	return ca
}

// survey starts a server with the fault, looks at it as a user would, and
// returns the observation after a passage through JSON.
func survey(t *testing.T, ca *lab.CA, protocol string, m observe.Mode, f *lab.Fault) *observe.Observation {
	t.Helper()
	server := lab.New(protocol, m)
	limits := probe.Timeouts{}
	if f != nil {
		f.Edit(server)
		if f.Hangs {
			limits = probe.Timeouts{Greeting: 3 * time.Second, Reply: 3 * time.Second, Handshake: 3 * time.Second}
		}
	}
	running, err := server.Start(context.Background(), ca)
	if err != nil {
		t.Fatalf("starting the lab: %v", err)
	}
	defer running.Close()
	target, err := probe.ReadTarget(server.Name, probe.Override{Protocol: protocol, Mode: m, Connect: running.Addr()})
	if err != nil {
		t.Fatalf("ReadTarget: %v", err)
	}
	seen := probe.Survey(context.Background(), target, &probe.Options{
		Helo: "client.lab.test", Timeouts: limits,
		// The lab's CA plays both stores, so that the checks on each arise.
		Stores: []probe.Store{roots.FromCertificates("mozilla", ca.Root().Raw), roots.FromCertificates("system", ca.Root().Raw)},
	})
	return throughJSON(t, seen)
}

func throughJSON(t *testing.T, o *observe.Observation) *observe.Observation {
	t.Helper()
	stored, err := json.Marshal(o)
	if err != nil {
		t.Fatalf("storing: %v", err)
	}
	back := &observe.Observation{}
	if err := json.Unmarshal(stored, back); err != nil {
		t.Fatalf("reading back: %v", err)
	}
	return back
}

func expectYes(t *testing.T, o *observe.Observation, want []string) {
	t.Helper()
	var got, details []string
	for _, f := range check.Run(o, nil) {
		if f.Answer == observe.Yes {
			got = append(got, f.Check)
			details = append(details, f.Check+": "+f.Detail)
		}
	}
	want = slices.Clone(want)
	sort.Strings(got)
	sort.Strings(want)
	if !slices.Equal(got, want) {
		t.Errorf("checks that answer yes:\n got  %v\n want %v\n%s\n%s", got, want, strings.Join(details, "\n"), story(o))
	}
}

func open(verdicts []standard.Verdict) string {
	var s []string
	for _, v := range verdicts {
		if v.Outcome != standard.Met && v.Outcome != standard.NotApplicable {
			s = append(s, fmt.Sprintf("%s: %s", v.Check, v.Outcome))
		}
	}
	return strings.Join(s, "\n")
}

// story tells what happened, for a log that explains itself.
func story(o *observe.Observation) string {
	var b strings.Builder
	for _, c := range o.Conns {
		fmt.Fprintf(&b, "%s %s: reached %q, end %s (%s)\n", c.Probe.Endpoint.Protocol, c.Probe.Endpoint.Mode, c.Reached, c.End, c.Cause)
		for i, l := range c.Lines {
			if i == 30 {
				fmt.Fprintf(&b, "  … %d more\n", len(c.Lines)-i)
				break
			}
			text := l.Text.String()
			fmt.Fprintf(&b, "  %s sealed=%v %s\n", l.From, l.Sealed, text[:min(len(text), 160)])
		}
	}
	return b.String()
}
