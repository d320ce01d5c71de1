package lab

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/mailseal/mailseal/iana"
)

var suite3DES = Fault{
	Name:   "suite-3des",
	Manual: "The server has one suite, with 3DES: a cipher of 112 bits whose small blocks repeat in long sessions (CVE-2016-2183).",
	Checks: []string{"suite-weak", "key-exchange-not-post-quantum"},
	Edit:   func(s *Server) { oneSuite(s, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA) },
}

var suiteRC4 = Fault{
	Name:   "suite-rc4",
	Manual: "The server has one suite, with RC4, which RFC 7465 forbids: its key stream gives the text away bit by bit.",
	Checks: []string{"suite-weak", "key-exchange-not-post-quantum"},
	Edit:   func(s *Server) { oneSuite(s, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA) },
}

var suiteStaticRSA = Fault{
	Name:   "suite-static-rsa",
	Manual: "The server has one suite, and its key exchange is RSA: whoever gets the key one day can read all that was recorded before.",
	Checks: []string{"suite-not-forward-secret", "key-exchange-not-post-quantum"},
	Edit: func(s *Server) {
		oneSuite(s, tls.TLS_RSA_WITH_AES_128_GCM_SHA256)
		s.Leaf.KeyUsage |= x509.KeyUsageKeyEncipherment
	},
}

// oneSuite leaves TLS 1.2 with one suite, and gives the server the RSA key
// that it needs for it.
func oneSuite(s *Server, suite uint16) {
	s.TLS.MaxVersion, s.TLS.Suites = iana.TLS12, []uint16{suite}
	s.Leaf.Key = RSA2048
}
