package check

import (
	"strings"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var suiteWeak = &Check{
	Name:     "suite-weak",
	Question: "Did the server settle on a cipher suite that can be broken, or that does not protect at all?",
	Manual: `What it is
The suite that the server chose has no encryption (NULL), nobody's identity (anon), a cipher cut down for the export rules of the 1990s, RC4, DES, 3DES or IDEA, or otherwise fewer than 112 bits of strength.

Why it matters for mail
Who records the line can read it, now or with an affordable effort; with anon suites, who stands on the line can pretend to be the server. Ciphers with blocks of 64 bits (3DES, IDEA) give parts of a long connection away, known as SWEET32. Many clients have none of these suites any more and cannot connect.

How it was seen
It is the suite of the ServerHello, chosen from an offer that held far better ones. A suite in CBC mode is not counted here for that alone.

How to mend it
postfix: leave smtpd_tls_ciphers and smtpd_tls_mandatory_ciphers at medium or set them to high, and smtpd_tls_exclude_ciphers = aNULL, eNULL, EXPORT, RC4, DES, 3DES, IDEA (on port 25 aNULL may stay: nobody is authenticated there without DANE or MTA-STS anyway, and RFC 7435 prefers some protection to none). Exim: tls_require_ciphers. Dovecot: ssl_cipher_list, whose default is good. Cyrus IMAP: tls_ciphers. nginx: ssl_ciphers. Write the list short: ECDHE with AES-GCM and CHACHA20-POLY1305.`,
	Citations: []Citation{
		{"RFC 9325", "section 4.1"},
		{"RFC 7465", ""},
		{"CVE-2016-2183", ""},
		{"RFC 7435", ""},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askTLS(weakSuite) })
	},
}

func weakSuite(t *observe.TLS) *view {
	s, ok := iana.Suite(t.Suite)
	if !ok {
		return &view{detail: "the server chose the suite " + iana.SuiteName(t.Suite) + ", which is not registered"}
	}
	if why := weakness(s); why != "" {
		return &view{answer: observe.Yes, detail: "the server chose " + s.Name + ": " + why}
	}
	return &view{answer: observe.No, detail: "the server chose " + s.Name}
}

// weakness says what is wrong with a suite, "" if nothing is.
func weakness(s iana.SuiteInfo) string {
	switch {
	case s.Cipher == "NULL":
		return "it does not encrypt"
	case s.Anonymous:
		return "nobody is authenticated"
	case s.Export:
		return "it was weakened for export"
	case strings.HasPrefix(s.Cipher, "RC4"):
		return "RC4 is broken"
	case s.Bits < 112:
		return "its cipher has fewer than 112 bits of strength"
	case strings.HasPrefix(s.Cipher, "3DES"), strings.HasPrefix(s.Cipher, "IDEA"):
		return "its cipher has blocks of 64 bits"
	}
	return ""
}
