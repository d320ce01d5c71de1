// Package resolve asks the name system and keeps what it said.
//
// For now it asks for addresses only, by the system's own resolver. What that
// resolver says is not validated here, so the DNSSEC state of every answer is
// indeterminate.
package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// Family limits addresses to one version of IP.
type Family string

// The families; the values are those that net.Resolver takes.
const (
	Any  Family = "ip"
	IPv4 Family = "ip4"
	IPv6 Family = "ip6"
)

// System is what a record names as the resolver that was asked.
const System = "system"

// Addresses asks for the addresses of a host, IPv6 and IPv4, in the order of
// the answer. The look-up tells how it went; there is no error.
func Addresses(ctx context.Context, host string, family Family) ([]netip.Addr, observe.Lookup) {
	l := observe.Lookup{Name: host, Type: "HOST", At: time.Now(), Resolver: System, State: observe.Indeterminate}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, string(family), host)
	l.Took = observe.Since(l.At, time.Now())
	if err != nil {
		l.End, l.Cause = ending(ctx, err)
		return nil, l
	}
	l.End = observe.Done
	var unique []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); !slices.Contains(unique, a) {
			unique = append(unique, a)
			l.Answers = append(l.Answers, a.String())
		}
	}
	return unique, l
}

func ending(ctx context.Context, err error) (observe.End, string) {
	d, _ := errors.AsType[*net.DNSError](err)
	a, _ := errors.AsType[*net.AddrError](err) // the name has addresses, but none of the family asked for
	switch {
	case ctx.Err() != nil:
		return observe.Cancelled, "the name look-up was stopped"
	case d != nil && d.IsNotFound, a != nil:
		return observe.Unreachable, "no such name, or no address for it"
	case d != nil && d.IsTimeout:
		return observe.Timeout, "the resolver did not answer in time"
	}
	return observe.Garbled, "the resolver could not answer: " + err.Error()
}
