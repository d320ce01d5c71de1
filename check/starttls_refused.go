package check

import "github.com/mailseal/mailseal/observe"

var starttlsRefused = &Check{
	Name:     "starttls-refused",
	Question: "Does the server offer STARTTLS and refuse it when asked?",
	Manual: `What it is
STARTTLS (STLS, AUTH TLS) stands in the list of what the server can do, but the command was answered by a refusal: 454 or another error in SMTP, NO or BAD in IMAP, -ERR in POP3.

Why it matters for mail
It is worse than no offer. A sender that may go on in clear does so, and one that must not gives up: both rely on the offer. It can also be somebody on the way, who answers in the server's place to keep the line readable.

How it was seen
The offer and the refusal are both in the transcript. A 454 may pass: RFC 3207 uses it for a reason that is temporary. Ask again before you act.

How to mend it
The server knows that TLS is wanted and cannot start it; its log says why. Usual reasons: a certificate or key file that is missing, or that the server may not read any more after a renewal; a certificate that does not fit its key; a chroot without the files. RFC 8314 wants a server that cannot do TLS not to offer it. postfix logs the reason at start-up of smtpd (smtpd_tls_chain_files, smtpd_tls_cert_file, smtpd_tls_key_file); for Exim try exim -bV and look at tls_certificate and tls_privatekey; for Dovecot doveconf -n shows ssl_cert and ssl_key; Cyrus IMAP needs a tls_server_key that its user may read.`,
	Citations: []Citation{
		{"RFC 3207", "section 4"},
		{"RFC 9051", "section 6.2.1"},
		{"RFC 8314", "section 4"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(refusedSTARTTLS) },
}

func refusedSTARTTLS(c Conn) *view {
	switch {
	case !c.upgrades() || c.Upgrade.Offered != observe.Yes:
		return nil
	case c.Upgrade.GoAhead == observe.Yes || c.sealed():
		return &view{answer: observe.No, detail: "the server offers TLS and gave the go-ahead"}
	case c.inTheWay():
		return c.cutShort("the answer to the offer was not seen")
	case c.Upgrade.GoAhead == observe.No:
		return &view{answer: observe.Yes, detail: "the server offers " + command(c.Probe.Endpoint.Protocol) + " and refused it" + c.reply(), lines: c.lastWords()}
	}
	return c.cutShort("the answer to the offer was not seen")
}
