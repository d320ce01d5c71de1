package check

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var certSignatureWeak = &Check{
	Name:     "cert-signature-weak",
	Question: "Is a certificate of the path signed over a hash that can be forged?",
	Manual: `What it is
An authority signs the hash of a certificate. With MD2, MD4, MD5 or SHA-1 two different certificates can be made that have the same hash, and the signature on the one is good for the other. It was done with MD5 in 2008, and for SHA-1 a collision is affordable.

Why it matters for mail
Present libraries refuse such certificates, so that mail programs and checking senders fail; public authorities have not made any with SHA-1 since 2016. Where one is still accepted, an attacker may have its twin.

How it was seen
We read the signature algorithm of the server's certificate and of the intermediate ones on the path. The signature on a root does not count: nobody relies on it.

How to mend it
Get a new certificate; no public authority will use SHA-1 any more. A private authority needs default_md = sha256 in openssl.cnf, and new intermediate certificates as well. ` + where,
	Citations: []Citation{
		{"RFC 9325", "section 4.5"},
		{"RFC 8446", "section 4.4.2.4"},
		{"CA/Browser Forum Baseline Requirements for TLS server certificates", "section 7.1.3"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(signatureWeak) },
}

func signatureWeak(_ Conn, r pathResult) *view {
	if selfSigned(r.sent[0]) {
		return nil // nobody relies on the signature of a certificate on itself
	}
	var kinds []string
	for _, c := range r.certified() {
		name, known := signatureName(c)
		switch {
		case weakSignature(c):
			return at(c, observe.Yes, "%s is signed with %s", label(c), name)
		case !known:
			return at(c, observe.Unknown, "%s is signed with the algorithm %s, which we do not know", label(c), name)
		}
		kinds = append(kinds, name)
	}
	return &view{answer: observe.No, detail: strings.Join(kinds, ", ")}
}

// oldSignatures are algorithms that crypto/x509 does not name, RFC 3279,
// section 2.2.1, and RFC 2313, section 11.
var oldSignatures = map[string]string{
	"1.2.840.113549.1.1.2": "MD2-RSA",
	"1.2.840.113549.1.1.3": "MD4-RSA",
}

// weakSignature tells whether the signature on a certificate is made over a
// hash in which collisions can be found.
func weakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	case x509.UnknownSignatureAlgorithm:
		return oldSignatures[signatureID(c)] != ""
	}
	return false
}

// signatureName names the algorithm, or gives its object identifier where it
// is not known.
func signatureName(c *x509.Certificate) (name string, known bool) {
	if c.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		return c.SignatureAlgorithm.String(), true
	}
	id := signatureID(c)
	if name, old := oldSignatures[id]; old {
		return name, true
	}
	return id, false
}

func signatureID(c *x509.Certificate) string {
	var outer struct {
		Signed    asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Raw, &outer); err != nil {
		return "?"
	}
	return outer.Algorithm.Algorithm.String()
}
