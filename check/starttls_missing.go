package check

import "github.com/mailseal/mailseal/observe"

var starttlsMissing = &Check{
	Name:     "starttls-missing",
	Question: "Is there no way from clear text to TLS on this port?",
	Manual: `What it is
The server does not list STARTTLS (in POP3 STLS, in FTP AUTH TLS) among what it can do, and when we asked for it all the same, it did not go along.

Why it matters for mail
Everything on this port travels in clear: the mail, and on ports for users the password. Between mail servers it also means that a sender which insists on TLS, by DANE or MTA-STS or its own rule, will not deliver here at all.

How it was seen
We read the whole list of capabilities, then sent the command anyway. A box on the way can take the offer out of the list; see the check starttls-mangled, and look from a second network before you blame the server.

How to mend it
Give the server a certificate and switch TLS on. postfix: smtpd_tls_chain_files (or smtpd_tls_cert_file and smtpd_tls_key_file) and smtpd_tls_security_level = may on port 25, encrypt on port 587; look also whether smtpd_discard_ehlo_keywords or smtpd_discard_ehlo_keyword_address_maps takes starttls away. Exim: tls_certificate, tls_privatekey and tls_advertise_hosts = *. Dovecot: ssl = required (or yes), with its certificate. Cyrus IMAP: tls_server_cert and tls_server_key in imapd.conf. nginx's mail proxy: starttls on, or only, with ssl_certificate and ssl_certificate_key. Cisco ASA: allow-tls in the inspection policy for ESMTP.`,
	Citations: []Citation{
		{"RFC 3207", "section 4"},
		{"RFC 9051", "section 6.2.1"},
		{"RFC 2595", "section 4"},
		{"RFC 5804", "section 2.2"},
		{"RFC 9325", "section 3.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(noSTARTTLS) },
}

func noSTARTTLS(c Conn) *view {
	if !c.upgrades() || c.Probe.Endpoint.Network == "unix" { // a socket of this machine has no line to seal
		return nil
	}
	name := command(c.Probe.Endpoint.Protocol)
	switch {
	case c.Upgrade.GoAhead == observe.Yes || c.sealed():
		return &view{answer: observe.No, detail: "the server gave the go-ahead for TLS"}
	case c.Upgrade.Offered == observe.Yes:
		return &view{answer: observe.No, detail: name + " is offered"}
	case c.inTheWay():
		return c.cutShort("the server was not asked for TLS to the end")
	case c.Upgrade.GoAhead == observe.No && c.Upgrade.Offered == observe.Unknown:
		return &view{answer: observe.Yes, detail: "the server refused " + name + ", and has no list of capabilities that offers it" + c.reply(), lines: c.lastWords()}
	case c.cannotAsk():
		return &view{answer: observe.Yes, detail: "TLS is not offered, and this protocol has no way to ask for it all the same", lines: c.lastWords()}
	case c.Upgrade.GoAhead == observe.No:
		return &view{answer: observe.Yes, detail: name + " is not offered, and was refused when we asked for it" + c.reply(), lines: c.lastWords()}
	case c.Upgrade.Offered == observe.No && c.Upgrade.Sent != "" && (c.End == observe.Closed || c.End == observe.Reset || c.End == observe.Garbled):
		return &view{answer: observe.Yes, detail: name + " is not offered, and asking for it ended the conversation: " + c.cause(), lines: c.lastWords()}
	}
	return c.cutShort("the conversation did not come to the question of TLS")
}

// reply quotes the server's answer to the upgrade command.
func (c Conn) reply() string {
	if n := len(c.Upgrade.Reply); n > 0 {
		return ": " + quoted(c.Upgrade.Reply[n-1])
	}
	return ""
}
