package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// What did not count, and what to say where nothing did.

// passedOver tells the endpoints that do not count: those without an answer by
// address and by how they ended, those without a route by address.
func (t *text) passedOver() {
	for _, host := range t.hosts(NoAnswer) {
		var groups []string
		for _, end := range []observe.End{observe.Refused, observe.Timeout, observe.Unreachable} {
			if ports := t.silentPorts(host, end); len(ports) > 0 {
				groups = append(groups, fmt.Sprintf("%s (%s)", strings.Join(ports, ", "), endWord(end)))
			}
		}
		t.text(2, "nothing answers on %s: %s", host, strings.Join(groups, ", "))
	}
	for _, host := range t.hosts(NoRoute) {
		t.text(2, "not looked at: %s, for there is no route from here%s%s", host, t.noRouteCause(host), t.familyFlag(host))
	}
}

// hosts are the addresses that were passed over for a reason, each once.
func (t *text) hosts(reason PassedOver) []string {
	var all []string
	for _, e := range t.r.Endpoints {
		if host := hostOf(e.Endpoint); e.PassedOver == reason && !slices.Contains(all, host) {
			all = append(all, host)
		}
	}
	return all
}

// silentPorts are the ports of an address on which nothing answers.
func (t *text) silentPorts(host string, end observe.End) []string {
	var all []string
	for _, e := range t.r.Endpoints {
		if e.PassedOver == NoAnswer && hostOf(e.Endpoint) == host && t.best(e).End == end {
			all = append(all, cmp.Or(portOf(e.Endpoint), e.Address))
		}
	}
	return all
}

func (t *text) noRouteCause(host string) string {
	for _, e := range t.r.Endpoints {
		if c := t.best(e); e.PassedOver == NoRoute && hostOf(e.Endpoint) == host && c.Cause != "" {
			return " (" + c.Cause + ")"
		}
	}
	return ""
}

// familyFlag is how to leave an address out, if one of the other family was
// reached.
func (t *text) familyFlag(host string) string {
	six := func(host string) bool { return strings.HasPrefix(host, "[") }
	other := func(e Endpoint) bool { return e.PassedOver == Counts && six(hostOf(e.Endpoint)) != six(host) }
	switch {
	case !slices.ContainsFunc(t.r.Endpoints, other):
		return ""
	case six(host):
		return "; -4 leaves IPv6 out"
	}
	return "; -6 leaves IPv4 out"
}

// nobody completes the headline where no endpoint counts.
func (t *text) nobody() string {
	o := t.r.Observation
	if l := t.failedLookup(); l != nil {
		why := cmp.Or(l.Cause, endWord(l.End))
		if l.Name != o.Target.Host {
			return fmt.Sprintf("the look-up of %s: %s", l.Name, why)
		}
		return why
	}
	switch {
	case len(t.r.Endpoints) == 0:
		return "no server was looked at"
	case len(t.hosts(NoAnswer)) == 0:
		return "there is no route to it from here"
	}
	return "none of its usual mail ports answers"
}

// nobodyRemedy tells what to do then.
func (t *text) nobodyRemedy() string {
	o := t.r.Observation
	if l := t.failedLookup(); l != nil {
		return lookupRemedies[l.End]
	}
	switch {
	case len(t.r.Endpoints) == 0:
		return "Run it again."
	case len(t.hosts(NoAnswer)) == 0:
		return remedies[observe.Unreachable]
	}
	return fmt.Sprintf("Is this the host of the mail, or only the mail domain? Firewalls may hide it from here. A service on another port is looked at as imap://%s:1143.", cmp.Or(o.Target.Host, "host"))
}

// failedLookup is the look-up for want of which no server was looked at; nil
// if there is none.
func (t *text) failedLookup() *observe.Lookup {
	if len(t.r.Endpoints) > 0 {
		return nil
	}
	for i, l := range t.r.Observation.Lookups {
		if l.End != observe.Done {
			return &t.r.Observation.Lookups[i]
		}
	}
	return nil
}

// best is the connection of an endpoint that got furthest.
func (t *text) best(e Endpoint) *observe.Conn { return &t.r.Observation.Conns[e.Best] }
