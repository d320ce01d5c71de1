package check

import (
	"crypto/x509"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var certKeyUsageUnfit = &Check{
	Name:     "cert-key-usage-unfit",
	Question: "Does the key usage forbid what the key was used for in the handshake?",
	Manual: `What it is
The extension key usage says which operations a key is for. In TLS 1.3, and with DHE or ECDHE before it, the server signs with its key, which needs digitalSignature. With RSA key transport the client encrypts to it, which needs keyEncipherment; with static DH or ECDH it needs keyAgreement.

Why it matters for mail
Some libraries check this and end the handshake, others let it pass: so one sender does not deliver where the next one does, and nobody finds anything wrong.

How it was seen
We held the extension of the server's certificate against the version and the suite that were negotiated. Without the extension a key may be used for everything.

How to mend it
Get a certificate with digitalSignature (with openssl, keyUsage = critical, digitalSignature; for RSA key transport also keyEncipherment, but better switch that off). ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 4.2.1.3"},
		{"RFC 5246", "section 7.4.2"},
		{"RFC 8446", "section 4.4.2.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(keyUsageUnfit) },
}

func keyUsageUnfit(c Conn, r pathResult) *view {
	leaf := r.sent[0]
	if leaf.KeyUsage == 0 {
		return &view{answer: observe.No, detail: "it has no key usage, which allows every use"}
	}
	bit, name := usageFor(c.TLS)
	switch {
	case name == "":
		return &view{detail: "it was not seen what the key was used for"}
	case leaf.KeyUsage&bit == 0:
		return at(leaf, observe.Yes, "%s was used in a handshake that needs %s, and its key usage does not allow that", label(leaf), name)
	}
	return &view{answer: observe.No, detail: name + " is allowed"}
}

// usageFor tells what a handshake asks of the certificate's key.
func usageFor(t *observe.TLS) (x509.KeyUsage, string) {
	if t.Version == iana.TLS13 {
		return x509.KeyUsageDigitalSignature, "digitalSignature"
	}
	suite, _ := iana.Suite(t.Suite)
	switch {
	case suite.Anonymous:
		return 0, ""
	case suite.KeyExchange == "RSA" && suite.Authentication == "RSA":
		return x509.KeyUsageKeyEncipherment, "keyEncipherment"
	case suite.KeyExchange == "DH", suite.KeyExchange == "ECDH":
		return x509.KeyUsageKeyAgreement, "keyAgreement"
	case suite.KeyExchange == "DHE", suite.KeyExchange == "ECDHE":
		return x509.KeyUsageDigitalSignature, "digitalSignature"
	}
	return 0, ""
}
