package check

import "github.com/mailseal/mailseal/observe"

var starttlsInsideTLS = &Check{
	Name:     "starttls-inside-tls",
	Question: "Does the server offer STARTTLS again inside TLS?",
	Manual: `What it is
TLS stands, and the list of capabilities inside it still names STARTTLS (in POP3 STLS).

Why it matters for mail
The RFCs forbid it (that of IMAP advises against it): a client that believes the list would start TLS inside TLS. More often it is a hint: a proxy ends TLS and the server behind it thinks that it speaks in clear. Then that server does not know either that the line is safe, and its rules for passwords and for logging are the wrong ones.

How it was seen
In the list that the server gave inside TLS. FTP is not asked: servers commonly list AUTH TLS in both states.

How to mend it
Tell the server behind the proxy that TLS was ended before it. Behind haproxy let both speak the PROXY protocol with its TLS information (Dovecot: haproxy_trusted_networks, and haproxy = yes on the listener). nginx's mail proxy makes the list itself and leaves STARTTLS out when TLS stands, unless imap_capabilities, pop3_capabilities or smtp_capabilities name it. On a port with implicit TLS use the server's own switch for it (smtpd_tls_wrappermode = yes in postfix, tls_on_connect_ports in Exim) instead of a tunnel.`,
	Citations: []Citation{
		{"RFC 3207", "section 4.2"},
		{"RFC 9051", "section 6.2.1"},
		{"RFC 5804", "section 2.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(offeredInside) },
}

func offeredInside(c Conn) *view {
	keyword := starttls(c.Probe.Endpoint.Protocol)
	switch {
	case keyword == "" || !c.expectsTLS():
		return nil
	case !c.sealed():
		return c.cutShort(c.unknownWithoutTLS().detail)
	case c.Sealed == nil:
		return c.cutShort("no list of capabilities was seen inside TLS")
	case lists(c.Sealed, keyword):
		return &view{answer: observe.Yes, detail: keyword + " stands in the list that came inside TLS", lines: c.linesWith(true, keyword)}
	}
	return &view{answer: observe.No, detail: keyword + " does not stand in the list that came inside TLS"}
}
