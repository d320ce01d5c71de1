package check

import (
	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var tlsVersionOld = &Check{
	Name:     "tls-version-old",
	Question: "Did the server settle on a version of TLS older than 1.2?",
	Manual: `What it is
We offered everything up to TLS 1.3, and the server chose SSL 3.0, TLS 1.0 or TLS 1.1. It knows nothing better, or was told to use nothing better.

Why it matters for mail
TLS 1.0 and 1.1 rest on SHA-1 and MD5 and have none of the modern ciphers; RFC 8996 forbids them, and more and more clients refuse them. Such clients cannot reach this server at all, or, between mail servers, deliver in clear.

How it was seen
In the ServerHello. That a server which chose 1.2 or 1.3 would also accept less is another question, which this check does not ask.

How to mend it
First bring the TLS library up to date. Then: postfix smtpd_tls_protocols = >=TLSv1.2 and smtpd_tls_mandatory_protocols = >=TLSv1.2 (before 3.6: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1). Exim with OpenSSL: openssl_options = +no_sslv2 +no_sslv3 +no_tlsv1 +no_tlsv1_1; with GnuTLS a priority string in tls_require_ciphers. Dovecot: ssl_min_protocol = TLSv1.2. Cyrus IMAP: tls_versions: tls1_2 tls1_3. nginx: ssl_protocols TLSv1.2 TLSv1.3.`,
	Citations: []Citation{
		{"RFC 8996", "section 4"},
		{"RFC 8996", "section 5"},
		{"RFC 9325", "section 3.1.1"},
		{"RFC 8314", "section 4"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askTLS(oldVersion) })
	},
}

func oldVersion(t *observe.TLS) *view {
	return &view{
		answer: observe.Known(t.Version < iana.TLS12),
		detail: "the server chose " + iana.VersionName(t.Version),
	}
}
