package check

import "github.com/mailseal/mailseal/observe"

var serverSilent = &Check{
	Name:     "server-silent",
	Question: "Does the server take the connection and then say nothing?",
	Manual: `What it is
In SMTP, LMTP, IMAP, POP3, ManageSieve, NNTP, FTP and MySQL the server speaks first. This one took the connection (on a port with implicit TLS: and finished the handshake) and did not say a word until our time for the greeting was over.

Why it matters for mail
Nobody can find out whether such a server would go over to TLS, so every other question about it stays open. Senders wait, some of them for the five minutes that RFC 5321 advises, and then put the mail back into the queue.

How it was seen
The connection stood, and not one line came within the time for the greeting. A server that greets late on purpose, against spammers, is silent for us only if it is later than that time; try again with a longer one. Silence on a port that wants TLS from the first byte looks the same: there the server waits for us to begin.

How to mend it
Look whether the service behind the port is alive: a proxy or a firewall often takes a connection for a server that is down. In postfix, smtpd waits for name look-ups before it greets (smtpd_peername_lookup), so a dead resolver makes it silent; postscreen waits postscreen_greet_wait. Exim looks up the caller by host_lookup and asks it back by rfc1413_hosts before it greets. If the port is meant for implicit TLS, ask it with the scheme that says so (submissions, imaps, pop3s), or set smtpd_tls_wrappermode only on the service where you want it.`,
	Citations: []Citation{
		{"RFC 5321", "section 4.3.1"},
		{"RFC 5321", "section 4.5.3.2.1"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(silent) },
}

func silent(c Conn) *view {
	switch {
	case !c.reachable() || !greets(c.Probe.Endpoint.Protocol):
		return nil
	case c.heard():
		return &view{answer: observe.No, detail: "the server said something"}
	case c.Probe.Endpoint.Mode == observe.Implicit && !c.sealed():
		return c.cutShort("there is no TLS yet to greet in")
	case c.End == observe.Timeout && (c.Reached == observe.Dial || c.sealed()):
		return &view{answer: observe.Yes, detail: "the connection stands, but the server did not greet in time"}
	}
	return c.cutShort("the connection ended before the greeting")
}
