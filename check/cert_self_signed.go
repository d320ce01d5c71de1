package check

import "github.com/mailseal/mailseal/observe"

var certSelfSigned = &Check{
	Name:     "cert-self-signed",
	Question: "Is the server's certificate signed by nobody but itself?",
	Manual: `What it is
The certificate names itself as its issuer and bears a signature of its own key. Nobody vouches for it. Installers make such certificates (Debian calls its own snakeoil) so that TLS can start before there is a better one.

Why it matters for mail
On the ports where users fetch and submit mail, programs warn or refuse, and people who learn to accept the warning accept an attacker's certificate too. Between mail servers most senders do not look at the certificate, so that mail flows; but a sender that follows MTA-STS will not deliver, and one that follows DANE will only if a TLSA record names this key (usage 3).

How it was seen
Issuer and subject of the first certificate are equal, and its own key verifies its signature.

How to mend it
Get a certificate from an authority that your users' programs know; with ACME that is free and renews itself. Inside a company, let the company's own authority sign it and give its root to the clients. ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 3.2"},
		{"RFC 8461", "section 4.2"},
		{"RFC 7672", "section 3.1.1"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(leafSelfSigned) },
}

func leafSelfSigned(_ Conn, r pathResult) *view {
	leaf := r.sent[0]
	if selfSigned(leaf) {
		return at(leaf, observe.Yes, "%s signs itself", label(leaf))
	}
	return &view{answer: observe.No, detail: "it is signed by " + issuerLabel(leaf)}
}
