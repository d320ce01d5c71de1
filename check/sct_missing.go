package check

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/ocsp"

	"github.com/mailseal/mailseal/observe"
)

var sctMissing = &Check{
	Name:     "sct-missing",
	Question: "Does a public certificate come without any proof that it was logged?",
	Manual: `What it is
Public authorities enter the certificates that they make into logs that everybody can read (Certificate Transparency). A log gives a receipt for that, a signed certificate timestamp, SCT. It travels in the certificate itself, in a TLS extension or in a stapled OCSP response. Here it came in none of them.

Why it matters for mail
Browsers refuse a public certificate without SCTs. Mail programs mostly do not look, except on systems where the system's own library does it for all. It matters more as a sign: hardly any authority makes public certificates without SCTs, so ask where this one comes from.

How it was seen
We counted the SCTs in all three places. We did not verify their signatures, nor ask the logs. The question is put only to chains that lead to a root of Mozilla's store.

How to mend it
Get a certificate with embedded SCTs, which every usual public authority gives by default. ` + where,
	Citations: []Citation{
		{"RFC 6962", "section 3.3"},
	},
	Run: func(f *Facts) []Finding { return f.eachPublic(noSCT) },
}

func noSCT(c Conn, r pathResult) *view {
	leaf := r.sent[0]
	inside, beside, stapled := EmbeddedSCTs(leaf), len(c.TLS.SCTs), stapledSCTs(c.TLS.OCSP, leaf)
	switch {
	case inside+beside+stapled > 0:
		return &view{answer: observe.No, detail: fmt.Sprintf("%d in the certificate, %d in the TLS extension, %d in the OCSP response", inside, beside, stapled)}
	case !c.sealed(): // an OCSP response may still have come
		return c.cutShort("the handshake was not finished")
	}
	return at(leaf, observe.Yes, "%s came without an SCT", label(leaf))
}

var (
	oidEmbeddedSCTs = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
	oidStapledSCTs  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 5}
)

// EmbeddedSCTs counts the signed certificate timestamps inside a certificate.
func EmbeddedSCTs(c *x509.Certificate) int {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidEmbeddedSCTs) {
			return countSCTs(e.Value)
		}
	}
	return 0
}

func stapledSCTs(staple []byte, leaf *x509.Certificate) int {
	if len(staple) == 0 {
		return 0
	}
	r, err := ocsp.ParseResponseForCert(staple, leaf, nil)
	if err != nil {
		return 0
	}
	for _, e := range r.Extensions {
		if e.Id.Equal(oidStapledSCTs) {
			return countSCTs(e.Value)
		}
	}
	return 0
}

// countSCTs counts a SignedCertificateTimestampList in an OCTET STRING, RFC
// 6962, section 3.3. A list that cannot be read to its end counts as none.
func countSCTs(der []byte) int {
	var list []byte
	if rest, err := asn1.Unmarshal(der, &list); err != nil || len(rest) > 0 {
		return 0
	}
	outer := cryptobyte.String(list)
	var items, one cryptobyte.String
	if !outer.ReadUint16LengthPrefixed(&items) || !outer.Empty() {
		return 0
	}
	n := 0
	for !items.Empty() {
		if !items.ReadUint16LengthPrefixed(&one) || one.Empty() {
			return 0
		}
		n++
	}
	return n
}
