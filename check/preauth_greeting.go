package check

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var preauthGreeting = &Check{
	Name:     "preauth-greeting",
	Question: "Does the IMAP server greet a stranger as if he had logged in?",
	Manual: `What it is
The greeting is PREAUTH instead of OK: the server counts us as logged in already, though we showed it neither a name nor a certificate.

Why it matters for mail
PREAUTH is for connections that were let in by other means, such as a program started through ssh, or a client certificate. On a port that anybody can reach it either opens somebody's mailbox to strangers, or it comes from somebody on the way: STARTTLS is not permitted any more after it, so it keeps a client in clear.

How it was seen
In the first line of the server. We sent no certificate of our own.

How to mend it
Find out what gives this greeting: a copy of the imap program run from inetd or a socket unit without its login process (Dovecot's imap binary instead of imap-login), a test set-up, or a proxy with a fixed user. If the server itself does not send it when asked over loopback, something on the path does.`,
	Citations: []Citation{
		{"RFC 9051", "section 7.1.4"},
		{"RFC 8314", "section 3.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(preauth) },
}

func preauth(c Conn) *view {
	if !c.reachable() || c.Probe.Endpoint.Protocol != "imap" || c.Probe.Endpoint.Network == "unix" {
		return nil
	}
	first := c.serverLines(func(observe.Line) bool { return true })
	if len(first) == 0 {
		return c.cutShort("no greeting was seen")
	}
	greeting := c.Lines[first[0]].Text
	if strings.HasPrefix(strings.ToUpper(string(greeting)), "* PREAUTH") {
		return &view{answer: observe.Yes, detail: "the greeting is " + quoted(greeting), lines: first[:1]}
	}
	if c.Lines[first[0]].Break == observe.Cut {
		return c.cutShort("no whole greeting was seen")
	}
	return &view{answer: observe.No, detail: "the greeting is not PREAUTH", lines: first[:1]}
}
