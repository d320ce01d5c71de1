package check

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"github.com/mailseal/mailseal/observe"
)

var mustStapleUnmet = &Check{
	Name:     "must-staple-unmet",
	Question: "Does the certificate demand a stapled OCSP response that the server did not send?",
	Manual: `What it is
A certificate can bear an extension, TLS feature, by which its owner promises that his server will always send an OCSP response with it (must-staple): a fresh word of the authority that the certificate was not revoked. This server sent none.

Why it matters for mail
A client that knows the extension must take the certificate for invalid, and where it needs a valid one it ends the connection: that is what the extension is for. Few mail programs know it, so that the fault shows only to some.

How it was seen
The extension 1.3.6.1.5.5.7.1.24 of the server's certificate lists status_request, we asked for the response in our ClientHello, and none came. Where the certificate makes no such promise the question is not put.

How to mend it
Either switch stapling on (Exim: tls_ocsp_file; nginx: ssl_stapling, which its mail proxy does not have), or get a certificate without the extension (certbot: leave --must-staple away). The second is the better choice for mail: several mail servers cannot staple, and many authorities have ended OCSP.`,
	Citations: []Citation{
		{"RFC 7633", "section 4.3.3"},
		{"RFC 6066", "section 8"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachChain(func(c Conn, r pathResult) *view {
			switch {
			case !mustStaple(r.sent[0]):
				return nil
			case len(c.TLS.OCSP) > 0:
				return &view{answer: observe.No, detail: "a response was sent"}
			case !c.sealed(): // in TLS 1.2 the response follows the certificate
				return c.cutShort("the handshake was not finished")
			}
			return at(r.sent[0], observe.Yes, "%s demands a stapled OCSP response, and none was sent", label(r.sent[0]))
		})
	},
}

var oidTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

// statusRequest is the number of the TLS extension by which a client asks for
// a response, and by which the certificate promises one.
const statusRequest = 5

// mustStaple tells whether the certificate promises a stapled response.
func mustStaple(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidTLSFeature) {
			continue
		}
		var features []int
		rest, err := asn1.Unmarshal(e.Value, &features)
		return err == nil && len(rest) == 0 && slices.Contains(features, statusRequest)
	}
	return false
}
