package check

import (
	"fmt"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var tlsFailing = &Check{
	Name:     "tls-failing",
	Question: "Does TLS begin and come to nothing?",
	Manual: `What it is
The server gave the go-ahead, or the port is one for implicit TLS, and then there was no finished handshake: it closed or reset the connection, fell silent, spoke clear text, sent something that is not TLS, or broke off with an alert.

Why it matters for mail
A client that believed the offer now has nothing. Mail servers queue and try again, some of them in clear; mail programs show an error that nobody understands. A certificate renewed by the wrong tool, or a firewall that lets STARTTLS pass and stumbles over the ClientHello, looks like this.

How it was seen
One handshake was tried that offers TLS 1.0 to 1.3 and everything else that this program can do. If the server ended it by an alert that means "nothing in common" (handshake_failure, insufficient_security, protocol_version), the answer is unknown: with another offer it might have worked, and other clients may be served. In TLS 1.3 our last message ends the handshake, and a server that does not agree with it says so afterwards: a fatal alert before any word inside TLS counts, too. A server that insists on a client certificate is told by certificate-demanded.

How to mend it
Read the server's log for the minute of the connection. Look for a key that does not fit its certificate, files that the server may not read, and an empty cipher list after an upgrade (smtpd_tls_exclude_ciphers and smtpd_tls_mandatory_ciphers in postfix, tls_require_ciphers in Exim, ssl_cipher_list in Dovecot, tls_ciphers in Cyrus IMAP, ssl_ciphers in nginx). Clear text on a port meant for implicit TLS means that the switch is missing: smtpd_tls_wrappermode = yes in postfix, tls_on_connect_ports in Exim, ssl = yes in Dovecot's inet_listener, listen with the word ssl in nginx. If it works from the machine itself and not from outside, a box on the way does not like the ClientHello: one with the new hybrid key exchange is longer than one packet.`,
	Citations: []Citation{
		{"RFC 3207", "section 4"},
		{"RFC 8314", "section 3"},
		{"RFC 8314", "section 4"},
		{"RFC 9846", "section 6"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(failing) },
}

func failing(c Conn) *view {
	begun := c.Probe.Endpoint.Mode == observe.Implicit || c.Upgrade.GoAhead == observe.Yes
	switch {
	case !c.expectsTLS():
		return nil
	case c.refusedWithoutCertificate():
		return &view{detail: "the server wants a certificate of ours, so the handshake could not show whether it works"}
	case c.rejected():
		a, _ := c.fatal()
		return c.alerted(a)
	case c.sealed():
		return &view{answer: observe.No, detail: "the handshake was finished"}
	case c.inTheWay():
		return c.cutShort("the handshake was not finished")
	case !begun:
		return c.cutShort("the conversation did not come to TLS")
	}
	if a, ok := c.fatal(); ok && c.End != observe.Excess { // what is too long is nobody's offer
		return c.alerted(a)
	}
	if c.End == observe.Garbled && c.TLS != nil && len(c.Chain) < len(c.TLS.Chain) {
		return &view{detail: "this program cannot read a certificate that the server sent; others may: " + c.cause()}
	}
	if spoiled(c.End) || c.End == observe.Alerted || c.End == observe.Refused {
		return &view{answer: observe.Yes, detail: "no handshake was finished: " + c.cause(), lines: c.lastWords()}
	}
	return c.cutShort("the handshake was not finished")
}

// rejected tells whether the handshake was finished for us alone. In TLS 1.3
// the client's Finished is the last message, so only what the server says
// afterwards shows that it went along: RFC 8446, section 2. A fatal alert and
// not one sealed line says that it did not.
func (c Conn) rejected() bool {
	a, ended := c.fatal()
	return c.sealed() && c.TLS.Version >= iana.TLS13 && ended && a.From == observe.Server &&
		len(c.serverLines(func(l observe.Line) bool { return l.Sealed })) == 0
}

// alerted weighs a handshake that ended by an alert. Some alerts speak of our
// offer more than of the server.
func (c Conn) alerted(a observe.Alert) *view {
	who := "the server"
	if a.From == observe.Client {
		who = "our side"
	}
	words := fmt.Sprintf("%s ended the handshake with the alert %s (%d)", who, iana.AlertName(a.Code), a.Code)
	switch {
	case a.Code == handshakeFailure || a.Code == insufficientSecurity || a.Code == protocolVersion:
		return &view{detail: words + ": no parameters in common with what this handshake offered; it may seal with other clients"}
	case a.Code == noApplication && len(c.Probe.Offer.ALPN) > 0:
		return &view{detail: words + ": it does not know the application protocol that we named"}
	case a.From == observe.Client && (a.Code == badCertificate || a.Code == unsupportedCert || a.Code == internalError):
		return &view{detail: words + ": this program cannot go on with what the server sent; others may"}
	case a.Code == unrecognizedName && c.Probe.Offer.SNI != "":
		words += ": it does not know the name " + quoted(observe.Text(c.Probe.Offer.SNI))
	}
	return &view{answer: observe.Yes, detail: words}
}
