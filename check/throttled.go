package check

import "github.com/mailseal/mailseal/observe"

var throttled = &Check{
	Name:     "throttled",
	Question: "Did the server ask us to come again later?",
	Manual: `What it is
The server answered with a reply that means "not now": 421 or another 4xx in the greeting of SMTP, [UNAVAILABLE] or [LIMIT] in IMAP, [SYS/TEMP] in POP3, (TRYLATER) in ManageSieve, 400 in NNTP. It is busy, it limits connections from one address, or it greylists whom it does not know.

Why it matters for mail
It is not a fault. But it makes every other answer unknown: a server that sent us away has not shown whether it would have offered TLS, and no report should call that missing.

How it was seen
In the reply that is shown as evidence.

How to mend it
Ask again in a few minutes, with fewer connections at once, or from an address that the server knows. On a server of your own, raise the limit for the address that checks: in postfix smtpd_client_event_limit_exceptions (the limits are smtpd_client_connection_count_limit and smtpd_client_connection_rate_limit), in Exim smtp_accept_max_per_host and smtp_reserve_hosts, in Dovecot client_limit and process_limit of the services for the login (imap-login, pop3-login). What bounds users who have logged in, as mail_max_userip_connections in Dovecot and maxlogins_per_host in Cyrus IMAP, does not come into play here: we do not log in.`,
	Citations: []Citation{
		{"RFC 5321", "section 3.8"},
		{"RFC 3207", "section 4"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(sentAway) },
}

func sentAway(c Conn) *view {
	switch {
	case !c.reachable():
		return nil
	case c.End == observe.Throttled:
		return &view{answer: observe.Yes, detail: "the server asked us to come later: " + c.cause(), lines: c.lastWords()}
	case c.putOff():
		return &view{answer: observe.Yes, detail: "the server asked us to come later" + c.reply(), lines: c.lastWords()}
	case c.End == observe.Refused, c.End == observe.Alerted, c.End == observe.Garbled:
		return &view{answer: observe.No, detail: "the connection ended in another way: " + c.cause()}
	case c.End == observe.Done, c.sealed():
		return &view{answer: observe.No, detail: "the server served us"}
	}
	return c.cutShort("the connection ended early, and the server did not say why")
}
