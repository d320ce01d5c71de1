package check

import "github.com/mailseal/mailseal/observe"

var loginNotDisabled = &Check{
	Name:     "login-not-disabled",
	Question: "Does the IMAP server permit LOGIN before TLS?",
	Manual: `What it is
IMAP has a command LOGIN that carries the name and the password as they are, and that is always there, whatever mechanisms are listed. A server that does not permit it in clear says so by the capability LOGINDISABLED. This one does not say it.

Why it matters for mail
Old clients, scripts and clients set to "no encryption" use LOGIN at once. RFC 9051 says that a site should not permit it without protection of the line; with LOGINDISABLED a client must not even send it.

How it was seen
LOGINDISABLED is not in the list that came before TLS. We did not try to log in, so a server that refuses LOGIN without saying so is counted here too; its users have sent the password by then.

How to mend it
Dovecot: ssl = required, or disable_plaintext_auth = yes (in 2.4: auth_allow_cleartext = no); it then shows LOGINDISABLED, except to callers on the same machine and from login_trusted_networks. Cyrus IMAP: allowplaintext: 0. nginx's mail proxy: starttls only.`,
	Citations: []Citation{
		{"RFC 9051", "section 6.2.3"},
		{"RFC 2595", "section 3.2"},
		{"RFC 8314", "section 4.1"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(loginOpen) },
}

func loginOpen(c Conn) *view {
	switch {
	case c.Probe.Endpoint.Protocol != "imap" || !c.inClear():
		return nil
	case c.Clear == nil:
		return c.cutShort("no list of capabilities was seen before TLS")
	case lists(c.Clear, "LOGINDISABLED"):
		return &view{answer: observe.No, detail: "LOGINDISABLED is listed before TLS", lines: c.linesWith(false, "LOGINDISABLED")}
	}
	return &view{answer: observe.Yes, detail: "LOGINDISABLED is not listed before TLS", lines: c.linesWith(false, "CAPABILITY")}
}
