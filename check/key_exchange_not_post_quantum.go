package check

import (
	"slices"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var keyExchangeNotPostQuantum = &Check{
	Name:     "key-exchange-not-post-quantum",
	Question: "Does the server make the keys without a part that withstands a quantum computer?",
	Manual: `What it is
TLS 1.3 has hybrid groups: an elliptic curve and ML-KEM together (X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024). Both would have to be broken. We offered them and the server chose something else.

Why it matters for mail
What is recorded today can be read by a quantum computer of tomorrow, and mail keeps its value for a long time. The hybrids cost about a kilobyte in each direction and hardly any time. It is no fault that they are missing; it is a thing to plan.

How it was seen
By the group of the finished handshake. A server that settled on TLS 1.2 cannot have one. Where a probe offered no hybrid, the question is not asked.

How to mend it
It needs a TLS library that has them: OpenSSL 3.5, or a recent GnuTLS, BoringSSL or AWS-LC. Then allow TLS 1.3 and see that no list of groups leaves them out: tls_eecdh_auto_curves in postfix, tls_eccurve in Exim (auto), ssl_curve_list in Dovecot (empty), tls_eccurve in Cyrus IMAP, ssl_ecdh_curve in nginx (auto).`,
	Citations: []Citation{
		{"RFC 10024", "section 4"},
		{"RFC 10024", "section 6"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(notPostQuantum) },
}

func notPostQuantum(c Conn) *view {
	if !slices.ContainsFunc(c.Probe.Offer.Groups, isPostQuantum) {
		return nil
	}
	return c.askTLS(func(t *observe.TLS) *view {
		switch {
		case isPostQuantum(t.Group):
			return &view{answer: observe.No, detail: "the group is " + iana.GroupName(t.Group)}
		case t.Group == 0 && t.Version >= iana.TLS13:
			return &view{detail: "the group was not seen"}
		case t.Version < iana.TLS13:
			return &view{answer: observe.Yes, detail: "the server chose " + iana.VersionName(t.Version) + ", which has no such group"}
		}
		return &view{answer: observe.Yes, detail: "the server chose " + iana.GroupName(t.Group) + " from an offer with hybrid groups"}
	})
}

func isPostQuantum(group uint16) bool {
	g, ok := iana.Group(group)
	return ok && g.PostQuantum
}
