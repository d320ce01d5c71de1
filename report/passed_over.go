package report

import (
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// PassedOver is why an endpoint does not count into the target's seal. The
// zero value is that it counts, so what nobody thought of is not overlooked.
type PassedOver string

// The reasons. In both no connection ever stood.
const (
	Counts   PassedOver = ""          // it counts
	NoAnswer PassedOver = "no-answer" // a usual port of a bare host that nobody named: refused, or dropped by a firewall
	NoRoute  PassedOver = "no-route"  // an address that cannot be reached from here: one of several, or of a bare host
)

// passOver finds the endpoints that do not count. Nobody asked for each of the
// usual ports, and an address without a route says more about us than about
// the server. A service that was asked for and did not answer counts, and so
// does one for which there was no time left.
func passOver(o *observe.Observation, all []Endpoint) {
	stood := make([]bool, len(all))
	hosts := make(map[string]bool)             // addresses without their ports
	services := make(map[observe.Endpoint]int) // endpoints without their addresses
	for i, e := range all {
		stood[i] = slices.ContainsFunc(e.Conns, func(c int) bool { return o.Conns[c].Reached != observe.Nothing })
		if stood[i] {
			hosts[hostOf(e.Endpoint)] = true
			services[service(e.Endpoint)]++
		}
	}
	for i := range all {
		e := &all[i]
		usual := e.Via == "port"
		switch {
		case stood[i]:
		case o.Vantage.Proxy == "" && !hosts[hostOf(e.Endpoint)] && ended(o, e.Conns, observe.Unreachable) &&
			(usual || services[service(e.Endpoint)] > 0):
			e.PassedOver = NoRoute
		case usual && ended(o, e.Conns, observe.Refused, observe.Timeout, observe.Unreachable):
			e.PassedOver = NoAnswer
		}
	}
}

// ended tells whether every connection ended in one of these ways.
func ended(o *observe.Observation, conns []int, ends ...observe.End) bool {
	return !slices.ContainsFunc(conns, func(i int) bool { return !slices.Contains(ends, o.Conns[i].End) })
}

// service is an endpoint on whatever address.
func service(e observe.Endpoint) observe.Endpoint {
	return observe.Endpoint{Protocol: e.Protocol, Mode: e.Mode, Host: e.Host, Domain: e.Domain, Network: e.Network}
}

// hostOf is the address of an endpoint without its port.
func hostOf(e observe.Endpoint) string {
	if at := strings.LastIndex(e.Address, ":"); at >= 0 && e.Network == "tcp" {
		return e.Address[:at]
	}
	return e.Address
}

// portOf is the port of an endpoint; empty for a path.
func portOf(e observe.Endpoint) string {
	return strings.TrimPrefix(strings.TrimPrefix(e.Address, hostOf(e)), ":")
}
