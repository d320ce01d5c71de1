package check

import (
	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var suiteNotForwardSecret = &Check{
	Name:     "suite-not-forward-secret",
	Question: "Can a recorded connection be read later by whoever gets the server's key?",
	Manual: `What it is
The server chose a suite in which the key of the connection hangs on the key of its certificate: RSA key transport (TLS_RSA_…), or a fixed Diffie-Hellman key in the certificate (TLS_DH_…, TLS_ECDH_…). There is no forward secrecy.

Why it matters for mail
Mail is worth reading years later. Who records the line today and gets the key tomorrow, from a backup, a stolen machine or a court, can open every recorded connection. RSA key transport also is the door for Bleichenbacher's attack in its many variants. RFC 10015 forbids it in TLS 1.2.

How it was seen
It is the suite of the ServerHello. We offered suites with forward secrecy too; TLS 1.3 has it always.

How to mend it
Allow TLS 1.3, and in TLS 1.2 only ECDHE. postfix: smtpd_tls_eecdh_grade = auto and smtpd_tls_exclude_ciphers = kRSA. Exim with OpenSSL: !kRSA in tls_require_ciphers; with GnuTLS -RSA in its priority string; tls_eccurve must not be empty. Dovecot: !kRSA in ssl_cipher_list (the default has it). Cyrus IMAP: !kRSA in tls_ciphers. nginx: !kRSA in ssl_ciphers.`,
	Citations: []Citation{
		{"RFC 9325", "section 4.1"},
		{"RFC 10015", ""},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askTLS(noForwardSecrecy) })
	},
}

func noForwardSecrecy(t *observe.TLS) *view {
	s, ok := iana.Suite(t.Suite)
	switch {
	case !ok:
		return &view{detail: "the server chose the suite " + iana.SuiteName(t.Suite) + ", which is not registered"}
	case s.ForwardSecret:
		return &view{answer: observe.No, detail: "the server chose " + s.Name}
	}
	switch s.KeyExchange {
	case "RSA", "DH", "ECDH", "PSK", "KRB5", "NULL":
		return &view{answer: observe.Yes, detail: "the server chose " + s.Name + ", whose keys can be recovered later"}
	}
	return &view{detail: "the name of the suite does not tell: " + s.Name}
}
