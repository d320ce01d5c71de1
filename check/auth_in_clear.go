package check

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var authInClear = &Check{
	Name:     "auth-in-clear",
	Question: "Does the server offer, before TLS, a way to log in that shows the password?",
	Manual: `What it is
The list of capabilities that came in clear names PLAIN or LOGIN as a way to log in (in POP3 and NNTP also USER). All three hand the password over as it is; base64 hides nothing.

Why it matters for mail
A client that is not told to insist on TLS will take the offer and send name and password over the open line. Everybody between can read them, and they open the whole account. RFC 8314 calls clear text for users obsolete, and since RFC 4954 such mechanisms should not be had without protection.

How it was seen
In the list before TLS. We did not try to log in. Mechanisms that do not show the password (CRAM-MD5, SCRAM, GSSAPI) do not count here. On port 25 it is seldom wanted at all: users submit their mail on 465 or 587.

How to mend it
postfix: smtpd_tls_auth_only = yes, or smtpd_tls_security_level = encrypt on the submission service; on port 25 smtpd_sasl_auth_enable = no. Exim: auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}, or a server_advertise_condition in each authenticator. Dovecot: ssl = required, or disable_plaintext_auth = yes (in 2.4: auth_allow_cleartext = no); callers from login_trusted_networks are let off. Cyrus IMAP: allowplaintext: 0. nginx's mail proxy: starttls only, and check smtp_auth, imap_auth and pop3_auth.`,
	Citations: []Citation{
		{"RFC 8314", "section 4.1"},
		{"RFC 4954", "section 4"},
		{"RFC 9051", "section 6.2.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(clearAuth) },
}

func clearAuth(c Conn) *view {
	protocol := c.Probe.Endpoint.Protocol
	switch {
	case !logsIn(protocol) || !c.inClear():
		return nil
	case c.Clear == nil:
		return c.cutShort("no list of capabilities was seen before TLS")
	}
	open := readable(mechanisms(protocol, c.Clear))
	if len(open) == 0 {
		return &view{answer: observe.No, detail: "nothing offered before TLS shows the password"}
	}
	return &view{answer: observe.Yes, detail: "offered before TLS: " + strings.Join(open, ", "), lines: c.linesWith(false, open...)}
}

// logsIn tells whether we can read how one logs in in a protocol.
func logsIn(protocol string) bool { return starttls(protocol) != "" }

// inClear tells whether a conversation begins in clear and goes over a
// network. What stays inside one machine, nobody overhears.
func (c Conn) inClear() bool {
	e := c.Probe.Endpoint
	return c.reachable() && e.Mode != observe.Implicit && e.Network != "unix"
}
