package check

import (
	"github.com/mailseal/mailseal/observe"
)

var renegotiationInsecure = &Check{
	Name:     "renegotiation-insecure",
	Question: "Does the server lack secure renegotiation in TLS 1.2 or older?",
	Manual: `What it is
In old versions of TLS one end may begin a second handshake inside the first. RFC 5746 ties the two together by the extension renegotiation_info. This server does not know it.

Why it matters for mail
Without it somebody in the middle can put words of his own in front of what a client says, and the server takes both for one conversation (CVE-2009-3555); in a mail protocol that may be a command before the login. A client cannot see the attack, so it must refuse such servers whether or not they renegotiate, and current ones do.

How it was seen
renegotiation_info is not among the extensions of the ServerHello. TLS 1.3 has no renegotiation, so there the question does not arise.

How to mend it
The TLS library is from before 2010, or a box ends TLS that is. Bring it up to date. In Exim see that openssl_options does not hold +allow_unsafe_legacy_renegotiation.`,
	Citations: []Citation{
		{"RFC 5746", ""},
		{"RFC 9325", "section 3.5"},
		{"CVE-2009-3555", ""},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askOldTLS(noSecureRenegotiation) })
	},
}

func noSecureRenegotiation(t *observe.TLS) *view {
	return opposite(t.SecureRenegotiation, "the extension renegotiation_info")
}
