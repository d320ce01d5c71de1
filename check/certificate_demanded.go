package check

import (
	"fmt"
	"strings"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var certificateDemanded = &Check{
	Name:     "certificate-demanded",
	Question: "Does the server refuse whoever has no certificate of his own?",
	Manual: `What it is
In TLS the server may ask the client for a certificate. Most that ask go on without one. This server ended the connection because we showed none.

Why it matters for mail
Strangers cannot deliver mail to such a server and users cannot reach it without a certificate in their mail program. On a private service that may be the intention. On port 25 it is not: a public mail server must take mail from anybody, and most senders have no certificate.

How it was seen
We sent an empty certificate list, and the server answered by an alert: certificate_required, or, in older versions, another one right after it had asked. In TLS 1.3 our half of the handshake is finished by then, so the alert comes as the first thing inside TLS. Postfix says it in words there: 421 and that no client certificate was presented. To be asked is not a finding.

How to mend it
Ask without insisting, or do not ask. postfix: smtpd_tls_req_ccert = no (smtpd_tls_ask_ccert = yes only where you use the answer). Exim: take the hosts out of tls_verify_hosts; tls_try_verify_hosts asks and goes on. Dovecot 2.3: ssl_verify_client_cert and auth_ssl_require_client_cert. Cyrus IMAP: tls_client_certs: optional or off. nginx: ssl_verify_client off or optional. To check a server that insists on purpose, give this program nothing and read the answer as what it is.`,
	Citations: []Citation{
		{"RFC 8446", "section 4.4.2.4"},
		{"RFC 8314", "section 4.2"},
		{"RFC 3207", "section 4"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(demanding) },
}

func demanding(c Conn) *view {
	switch {
	case !c.expectsTLS():
		return nil
	case c.refusedWithoutCertificate():
		a, _ := c.fatal()
		return &view{answer: observe.Yes, detail: fmt.Sprintf("without a certificate of ours the server ended TLS with the alert %s (%d)", iana.AlertName(a.Code), a.Code)}
	case !c.sealed():
		return c.cutShort(c.unknownWithoutTLS().detail)
	case c.TLS.ClientCertificate == observe.No:
		return &view{answer: observe.No, detail: "the server did not ask for a certificate"}
	case c.Sealed == nil && c.End == observe.Refused:
		return c.refusedInside()
	case c.wentOn():
		return &view{answer: observe.No, detail: "the server asked for a certificate and went on without"}
	}
	return c.cutShort("it was not seen whether the server goes on without a certificate")
}

// refusedInside is the view of a server that asked for a certificate, finished
// the handshake without, and then refused. Postfix with smtpd_tls_req_ccert
// does so, and tells why; Prosody does too, and does not.
func (c Conn) refusedInside() *view {
	for _, i := range c.lastWords() {
		if words := c.Lines[i].Text; strings.Contains(strings.ToLower(string(words)), "certificate") {
			return &view{answer: observe.Yes, detail: "inside TLS the server refused: " + quoted(words), lines: []int{i}}
		}
	}
	return c.cutShort("the server asked for a certificate and refused inside TLS, perhaps for want of one")
}

// wentOn tells whether the server said something inside TLS.
func (c Conn) wentOn() bool {
	return c.Sealed != nil || len(c.serverLines(func(l observe.Line) bool { return l.Sealed })) > 0
}
