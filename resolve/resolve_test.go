package resolve

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

// What a resolver says is never rounded: no such name, no answer in time, a
// look-up that we stopped and a broken answer are four facts.
func TestEnding(t *testing.T) {
	stopped, stop := context.WithCancel(context.Background())
	stop()
	notFound := &net.DNSError{Err: "no such host", Name: "h.example", IsNotFound: true}
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		want observe.End
	}{
		{"no such name", context.Background(), notFound, observe.Unreachable},
		{"no answer", context.Background(), &net.DNSError{Err: "i/o timeout", IsTimeout: true}, observe.Timeout},
		{"server failure", context.Background(), &net.DNSError{Err: "server misbehaving", IsTemporary: true}, observe.Garbled},
		{"no resolver at all", context.Background(), errors.New("no resolver"), observe.Garbled},
		{"stopped", stopped, notFound, observe.Cancelled},
	} {
		if got, cause := ending(test.ctx, test.err); got != test.want || cause == "" {
			t.Errorf("ending(%s) = %q, %q; want %q and a cause", test.name, got, cause, test.want)
		}
	}
}

// A look-up that fails is a record, too.
func TestAddressesRecordsAFailure(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	found, l := Addresses(ctx, "mail.example.test", Any)
	if len(found) != 0 || l.End != observe.Cancelled || l.Cause == "" {
		t.Errorf("Addresses, stopped = %v, ended %q (%q); want none, cancelled and a cause", found, l.End, l.Cause)
	}
	if l.Name != "mail.example.test" || l.Resolver != System || l.State != observe.Indeterminate || l.At.IsZero() {
		t.Errorf("Addresses: the look-up is %+v; want its name, resolver, DNSSEC state and time", l)
	}
}

// An address literal is its own answer, without the network.
func TestAddressesOfALiteral(t *testing.T) {
	for _, test := range []struct {
		host   string
		family Family
		want   string
	}{
		{"192.0.2.1", Any, "192.0.2.1"},
		{"192.0.2.1", IPv4, "192.0.2.1"},
		{"2001:db8::1", IPv6, "2001:db8::1"},
		{"::ffff:192.0.2.1", Any, "192.0.2.1"}, // mapped: the same address
	} {
		found, l := Addresses(context.Background(), test.host, test.family)
		if len(found) != 1 || found[0].String() != test.want || l.End != observe.Done || len(l.Answers) != 1 || l.Answers[0] != test.want {
			t.Errorf("Addresses(%s, %s) = %v, answers %q, ended %q (%s); want %s", test.host, test.family, found, l.Answers, l.End, l.Cause, test.want)
		}
	}
}
