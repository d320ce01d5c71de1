package check

import (
	//lint:ignore SA1019 such a key is named when it is met, not used
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var certKeyWeak = &Check{
	Name:     "cert-key-weak",
	Question: "Is a key of the path too weak?",
	Manual: `What it is
The key in a certificate proves that the server is the one that it names, and the keys above it prove the certificates below. A key that can be computed by others proves nothing: RSA under 2048 bits, an elliptic curve under 224 bits, DSA under 2048 bits, or an RSA key whose public exponent is 1 or even, which is none at all.

Why it matters for mail
Whoever computes the key can stand in for the server, and where TLS was negotiated with RSA key transport can read what was recorded years ago. Present libraries refuse such keys by default, so that mail also just fails.

How it was seen
We read the keys of the certificates on the path, except the trust anchor's, which is believed by itself; where there is no path, those of the certificates that were sent and belong to the server's own.

How to mend it
Make a new key, RSA with 2048 bits or more or P-256, and get a new certificate for it; do not renew with the old one (certbot: --force-renewal with --key-type). If DANE publishes the key, publish the new record first and wait until the old one has left every cache. ` + where,
	Citations: []Citation{
		{"RFC 9325", "section 4.5"},
		{"CA/Browser Forum Baseline Requirements for TLS server certificates", "section 6.1.5 and 6.1.6"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(keyWeak) },
}

func keyWeak(_ Conn, r pathResult) *view {
	var kinds []string
	var unknown *view
	for _, c := range r.certified() {
		kind, weak := keyKind(c)
		if weak != "" {
			return at(c, observe.Yes, "the key of %s is %s: %s", label(c), kind, weak)
		}
		if kind == "" {
			unknown = at(c, observe.Unknown, "the key of %s is of a kind that we do not know", label(c))
		}
		kinds = append(kinds, kind)
	}
	if unknown != nil {
		return unknown
	}
	return &view{answer: observe.No, detail: strings.Join(kinds, ", ")}
}

// keyKind names the key of a certificate and what is weak about it.
func keyKind(c *x509.Certificate) (kind, weak string) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		kind = fmt.Sprintf("RSA %d", k.N.BitLen())
		switch {
		case k.N.BitLen() < 2048:
			weak = "it should have 2048 bits or more"
		case k.E == 1 || k.E%2 == 0:
			weak = fmt.Sprintf("its exponent is %d", k.E)
		}
	case *ecdsa.PublicKey:
		kind = k.Curve.Params().Name
		if k.Curve.Params().BitSize < 224 {
			weak = "it should have 224 bits or more"
		}
	case ed25519.PublicKey:
		kind = "Ed25519"
	case *dsa.PublicKey:
		kind = fmt.Sprintf("DSA %d", k.P.BitLen())
		if k.P.BitLen() < 2048 {
			weak = "it should have 2048 bits or more"
		}
	}
	return kind, weak
}
