package check

import "github.com/mailseal/mailseal/observe"

var sealedConversationBroken = &Check{
	Name:     "sealed-conversation-broken",
	Question: "Did the server finish the TLS handshake and then break off or spoil the conversation?",
	Manual: `What it is
TLS stands, but what the server says inside it ends too early or is not the protocol: it closed or reset the connection, fell silent after its greeting, or sent something else.

Why it matters for mail
The seal is good and the service behind it is not. From outside the port looks healthy to everything that only checks certificates, while no mail goes through. It is the usual picture of a proxy that ends TLS (stunnel, haproxy, nginx) in front of a server that is down.

How it was seen
The handshake was finished, and then the conversation ended in the way that the detail tells. A server that ended TLS because we have no certificate of our own is told by the check certificate-demanded.

How to mend it
Find out who ends TLS on this port, then look whether it reaches the server behind it: in a tunnel that is the address of the backend, in nginx's stream module proxy_pass. (nginx's mail proxy greets by itself and looks for the server behind it only later, so that a server which is down does not show here.) A server that expects a PROXY header, or must not, also ends such conversations at once: the two ends must agree (smtpd_upstream_proxy_protocol in postfix, haproxy_trusted_networks in Dovecot).`,
	Citations: []Citation{
		{"RFC 5321", "section 4.3.1"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(brokenInside) },
}

func brokenInside(c Conn) *view {
	switch {
	case !c.sealed():
		return nil
	case c.inTheWay():
		return c.cutShort("the conversation inside TLS was not finished")
	case c.refusedWithoutCertificate():
		return &view{detail: "the server wants a certificate of ours before it speaks"}
	case greets(c.Probe.Endpoint.Protocol) && !c.heard() && c.End == observe.Timeout:
		return &view{detail: "the server said nothing at all"} // server-silent
	case spoiled(c.End) || c.End == observe.Alerted:
		return &view{answer: observe.Yes, detail: "the conversation inside TLS broke: " + c.cause(), lines: c.lastWords()}
	case c.End == observe.Done || c.End == observe.Refused:
		return &view{answer: observe.No, detail: "the conversation inside TLS came to its end"}
	}
	return c.cutShort("the conversation inside TLS was not finished")
}
