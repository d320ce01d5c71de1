package check

import (
	"crypto/x509"
	"slices"

	"github.com/mailseal/mailseal/observe"
)

var certEKUUnfit = &Check{
	Name:     "cert-eku-unfit",
	Question: "Does a certificate of the path say that it is not for TLS servers?",
	Manual: `What it is
The extension extended key usage lists what a certificate may be used for. This one, or an intermediate one above it, lists other uses (clients, e-mail, code) and not serverAuth.

Why it matters for mail
Programs that check refuse it as a server's certificate. It happens where a private authority has one template for everything, or where somebody took his personal e-mail certificate for the mail server.

How it was seen
We read the extension of every certificate of the path except the trust anchor. Without the extension a certificate is good for every use, and anyExtendedKeyUsage counts as serverAuth does. That an intermediate certificate's list limits those below it is not in RFC 5280, but programs do it so.

How to mend it
Get a certificate for servers; with openssl, extendedKeyUsage = serverAuth in the section of extensions. A certificate that shall also serve the mail server as a client needs both, and public authorities no longer give clientAuth. ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 4.2.1.12"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(ekuUnfit) },
}

func ekuUnfit(_ Conn, r pathResult) *view {
	for _, c := range r.certified() {
		if !forServers(c) {
			return at(c, observe.Yes, "%s has an extended key usage without serverAuth", label(c))
		}
	}
	if !hasEKU(r.sent[0]) {
		return &view{answer: observe.No, detail: "it has no extended key usage, which allows every use"}
	}
	return &view{answer: observe.No}
}

func hasEKU(c *x509.Certificate) bool { return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 }

func forServers(c *x509.Certificate) bool {
	return !hasEKU(c) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}
