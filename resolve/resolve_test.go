package resolve

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

func TestAddressesOfLocalhost(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	addrs, l := Addresses(context.Background(), "localhost", IPv4)
	if !slices.Contains(addrs, loopback) || l.End != observe.Done || l.State != observe.Indeterminate {
		t.Errorf("Addresses(localhost, IPv4) = %v, %+v; want 127.0.0.1, done, indeterminate", addrs, l)
	}
	if l.Name != "localhost" || l.Resolver != System || !slices.Contains(l.Answers, "127.0.0.1") {
		t.Errorf("the look-up is recorded as %+v", l)
	}
	for _, a := range addrs {
		if !a.Is4() {
			t.Errorf("Addresses(localhost, IPv4) has %v", a)
		}
	}
}

// A name that cannot exist (RFC 6761, section 6.4) is a fact with words, and
// no address.
func TestNoSuchName(t *testing.T) {
	answering(t, true)
	addrs, l := Addresses(context.Background(), "no-such-name.invalid", Any)
	if len(addrs) != 0 || l.End != observe.Unreachable || l.Cause == "" {
		t.Errorf("Addresses = %v, %+v; want nothing, unreachable, with a cause", addrs, l)
	}
}

// A name that has addresses of the other family only is no fault of the
// resolver.
func TestOtherFamily(t *testing.T) {
	addrs, l := Addresses(context.Background(), "127.0.0.1", IPv6)
	if len(addrs) != 0 || l.End != observe.Unreachable || l.Cause == "" {
		t.Errorf("Addresses(127.0.0.1, IPv6) = %v, %+v; want nothing, unreachable, with a cause", addrs, l)
	}
}

// A resolver that never answers does not hold anybody longer than the context.
func TestSilentResolver(t *testing.T) {
	answering(t, false)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	addrs, l := Addresses(ctx, "mail.example.test", Any)
	if len(addrs) != 0 || l.End != observe.Cancelled || l.Cause == "" {
		t.Errorf("Addresses = %v, %+v; want nothing, cancelled, with a cause", addrs, l)
	}
}

// answering makes the program's resolver ask a server on loopback, which says
// that no name exists, or nothing.
func answering(t *testing.T, speaks bool) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			if speaks && n > 12 {
				b[2], b[3] = 0x81, 0x83 // a response: recursion desired and available, NXDOMAIN (RFC 1035, section 4.1.1)
				server.WriteTo(b[:n], from)
			}
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		server.Close()
		<-done
	})
}
