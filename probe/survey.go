package probe

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/resolve"
)

// Survey looks at a target and returns what was seen. It ends when ctx does,
// with what is known by then.
func Survey(ctx context.Context, t observe.Target, o *Options) *observe.Observation {
	began := time.Now()
	places, lookup := Places(ctx, t, o)
	results := make([]result, len(places))
	runAll(ctx, places, o, results)
	seen := NewObservation(t, began, lookup, o)
	for _, r := range results {
		Add(seen, r.conn, r.chain, o)
	}
	seen.Interrupted = ctx.Err() != nil
	return seen
}

// NewObservation begins the record of a target: who looked, from where, and
// what the name system said (nil: it was not asked).
func NewObservation(t observe.Target, began time.Time, lookup *observe.Lookup, o *Options) *observe.Observation {
	seen := &observe.Observation{
		Schema: observe.Schema, Tool: o.Tool, Side: observe.Client,
		Began: began.UTC(), Ended: time.Now().UTC(), Vantage: o.vantage(), Target: t,
	}
	if lookup != nil {
		seen.Lookups = append(seen.Lookups, *lookup)
		seen.Vantage.Resolver = lookup.Resolver
	}
	return seen
}

// Add puts what a connection showed into the record, with the certificates
// that were sent and the trust anchors that could end their chain.
func Add(seen *observe.Observation, c observe.Conn, chain [][]byte, o *Options) {
	seen.Conns = append(seen.Conns, c)
	keepCertificates(seen, chain, o.Stores)
	seen.Ended = time.Now().UTC()
}

func (o *Options) vantage() observe.Vantage {
	v := observe.Vantage{Helo: o.Helo, Bind: o.Bind}
	if o.Proxy != nil {
		v.Proxy = o.Proxy.Scheme + "://" + o.Proxy.Host
	}
	for _, s := range o.Stores {
		v.Stores = append(v.Stores, s.Describe())
	}
	return v
}

type result struct {
	conn  observe.Conn
	chain [][]byte
}

// runAll asks all places, a few at once, and waits for them.
func runAll(ctx context.Context, places []observe.Endpoint, o *Options, results []result) {
	var all sync.WaitGroup
	free := make(chan struct{}, o.parallel())
	for i, e := range places {
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			results[i].conn, results[i].chain = Run(ctx, WholeProbe(e, o), o)
		})
	}
	all.Wait()
}

// WholeProbe is the one full handshake: everything is offered, and the name
// that is verified.
func WholeProbe(e observe.Endpoint, o *Options) observe.Probe {
	offer := WholeOffer()
	offer.ALPN = o.ALPN
	offer.SNI = sniFor(e)
	if o.SNI != "" {
		offer.SNI = o.SNI
	}
	if o.NoSNI {
		offer.SNI = ""
	}
	return observe.Probe{Endpoint: e, Offer: offer}
}

// sniFor is the name being verified, never an address (RFC 6066, section 3).
// For XMPP that is the service domain.
func sniFor(e observe.Endpoint) string {
	name := e.Host
	if e.Domain != "" {
		name = e.Domain
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	return name
}

func keepCertificates(seen *observe.Observation, chain [][]byte, stores []Store) {
	for _, der := range chain {
		seen.Keep(der)
	}
	if len(chain) == 0 {
		return
	}
	for _, s := range stores {
		anchors, ders := s.Anchors(chain)
		for i, a := range anchors {
			if !holds(seen.Anchors, a) {
				seen.Keep(ders[i])
				seen.Anchors = append(seen.Anchors, a)
			}
		}
	}
}

func holds(all []observe.Anchor, a observe.Anchor) bool {
	for _, b := range all {
		if b.Store == a.Store && b.Certificate == a.Certificate {
			return true
		}
	}
	return false
}

// Places finds where to knock: every port that is asked for, on every address
// of the host. It also returns what the name system said, if it was asked.
func Places(ctx context.Context, t observe.Target, o *Options) ([]observe.Endpoint, *observe.Lookup) {
	if t.Path != "" {
		return []observe.Endpoint{{
			Protocol: t.Protocol, Mode: t.Mode, Role: o.speaks(t.Protocol).Role,
			Host: t.Host, Network: "unix", Address: t.Path, Via: "given",
		}}, nil
	}
	doors := doorsOf(t, o)
	host, port := t.Host, 0
	if t.Connect != "" {
		host, port, _ = splitHostPort(t.Connect) // was checked by ReadTarget
	}
	addresses, lookup := addressesOf(ctx, host, o)
	var all []observe.Endpoint
	for _, a := range addresses {
		for _, d := range doors {
			e := d
			e.Host, e.Domain = t.Host, t.Domain
			number := d.Address
			if port != 0 {
				number = strconv.Itoa(port)
			}
			e.Address = net.JoinHostPort(a, number)
			all = append(all, e)
		}
	}
	return all, lookup
}

// doorsOf returns endpoints that have only a port in place of an address.
func doorsOf(t observe.Target, o *Options) []observe.Endpoint {
	if t.Protocol != "" {
		p := o.speaks(t.Protocol)
		return []observe.Endpoint{{
			Protocol: p.Name, Mode: t.Mode, Role: p.RoleOn(t.Port), Network: "tcp",
			Address: strconv.Itoa(t.Port), Via: "given",
		}}
	}
	var doors []observe.Endpoint
	for _, p := range dialogue.All {
		for _, port := range p.Ports {
			if port.Usual {
				doors = append(doors, observe.Endpoint{
					Protocol: p.Name, Mode: port.Mode, Role: p.RoleOn(port.Number), Network: "tcp",
					Address: strconv.Itoa(port.Number), Via: "port",
				})
			}
		}
	}
	return doors
}

// addressesOf asks for the addresses of a host. Behind a proxy names are the
// proxy's business.
func addressesOf(ctx context.Context, host string, o *Options) ([]string, *observe.Lookup) {
	if _, err := netip.ParseAddr(host); err == nil || o.Proxy != nil {
		return []string{host}, nil
	}
	family := o.Family
	if family == "" {
		family = resolve.Any
	}
	found, lookup := resolve.Addresses(ctx, host, family)
	var all []string
	for _, a := range found {
		all = append(all, a.String())
	}
	return all, &lookup
}
