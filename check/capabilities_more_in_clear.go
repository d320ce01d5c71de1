package check

import (
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var capabilitiesMoreInClear = &Check{
	Name:     "capabilities-more-in-clear",
	Question: "Does the server offer ways to log in before TLS that it does not offer inside?",
	Manual: `What it is
The lists of mechanisms before and inside TLS differ the wrong way round: in clear stands something that is missing inside. A good server does the opposite, it offers more once the line is safe.

Why it matters for mail
The list before TLS can be written by anybody on the way. A mechanism that only stands there may have been put there, to lure a client away from TLS. Or two different servers answer, one in clear and one behind TLS, and only one of them was looked after.

How it was seen
Only ways to log in are compared, not other keywords: those may differ for good reasons.

How to mend it
Look whether a proxy makes one of the lists (imap_capabilities, imap_auth, smtp_auth, pop3_auth in nginx's mail proxy) and the server the other. In postfix compare smtpd_sasl_security_options with smtpd_sasl_tls_security_options: the second is for connections with TLS and should not be the stricter one. In Exim look at the server_advertise_condition of each authenticator. If the server's own configuration does not explain it, look from another network.`,
	Citations: []Citation{
		{"RFC 3207", "section 4.2"},
		{"RFC 3207", "section 6"},
		{"RFC 4954", "section 4"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(moreInClear) },
}

func moreInClear(c Conn) *view {
	protocol := c.Probe.Endpoint.Protocol
	switch {
	case !logsIn(protocol) || !c.upgrades() || !c.expectsTLS():
		return nil
	case !c.sealed():
		return c.cutShort(c.unknownWithoutTLS().detail)
	case c.Clear == nil || c.Sealed == nil:
		return c.cutShort("one of the two lists of capabilities was not seen")
	}
	inside := mechanisms(protocol, c.Sealed)
	var only []string
	for _, m := range mechanisms(protocol, c.Clear) {
		if !slices.Contains(inside, m) {
			only = append(only, m)
		}
	}
	if len(only) == 0 {
		return &view{answer: observe.No, detail: "every way to log in that is offered before TLS is offered inside too"}
	}
	return &view{answer: observe.Yes, detail: "offered only before TLS: " + quoted(observe.Text(strings.Join(only, ", "))), lines: c.linesWith(false, only...)}
}
