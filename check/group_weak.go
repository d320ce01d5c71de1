package check

import (
	"fmt"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var groupWeak = &Check{
	Name:     "group-weak",
	Question: "Is the key exchange made in a group that is too small?",
	Manual: `What it is
The elliptic curve that the server chose has less than 112 bits of strength (less than 224 bits in size), or the prime of its Diffie-Hellman is shorter than 2048 bits.

Why it matters for mail
Primes of 512 and 768 bits were broken in public, 1024 is in reach of a state, and because many servers share the same prime, breaking it once opens all of them (Logjam). Who can do it reads the whole connection.

How it was seen
In the key exchange of the handshake. Before TLS 1.3 the server alone picks the prime.

How to mend it
Best, do without finite-field Diffie-Hellman in TLS 1.2: RFC 10015 forbids it. postfix: smtpd_tls_exclude_ciphers = kDHE, or a file with a prime of 2048 bits in smtpd_tls_dh1024_param_file (since 3.1 the built-in prime has 2048 bits); curves in tls_eecdh_auto_curves. Exim: tls_dhparam, tls_dh_max_bits, and tls_eccurve for the curve. Dovecot: ssl_dh and ssl_curve_list. Cyrus IMAP: tls_server_dhparam and tls_eccurve. nginx: ssl_dhparam and ssl_ecdh_curve.`,
	Citations: []Citation{
		{"RFC 9325", "section 4.5"},
		{"RFC 10015", "section 3"},
		{"CVE-2015-4000", ""},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askTLS(weakGroup) })
	},
}

func weakGroup(t *observe.TLS) *view {
	if t.DHBits > 0 {
		return &view{answer: observe.Known(t.DHBits < 2048), detail: fmt.Sprintf("the Diffie-Hellman prime has %d bits", t.DHBits)}
	}
	s, known := iana.Suite(t.Suite)
	if t.Group == 0 && known && !s.ForwardSecret {
		return nil // no such exchange is made
	}
	g, ok := iana.Group(t.Group)
	switch {
	case t.Group == 0:
		return &view{detail: "the group was not seen"}
	case !ok:
		return &view{detail: "the group " + iana.GroupName(t.Group) + " is not registered"}
	case g.Bits == 0:
		return &view{detail: "the strength of the group " + g.Name + " is not known"}
	}
	return &view{answer: observe.Known(g.Bits < 112), detail: fmt.Sprintf("the group is %s, with about %d bits of strength", g.Name, g.Bits)}
}
