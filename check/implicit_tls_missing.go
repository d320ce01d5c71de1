package check

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var implicitTLSMissing = &Check{
	Name:     "implicit-tls-missing",
	Question: "Is there only STARTTLS, and no port with TLS from the first byte?",
	Manual: `What it is
Submission, IMAP, POP3 and NNTP each have a port on which TLS begins at once: 465, 993, 995 and 563. We looked at it and at the port with STARTTLS, and only the second one answers.

Why it matters for mail
On a port with STARTTLS the conversation begins in clear, and whoever can change it can keep it in clear, or slip in words before TLS: a whole family of faults in mail clients comes from there. RFC 8314 recommends implicit TLS for everything between users and their provider; RFC 9325 says that where a protocol has both, it must be supported.

How it was seen
The connection to the port for implicit TLS was refused, on the same address on which the port for STARTTLS took it. Where it only timed out, a firewall may be in the way, and the answer is unknown. The question is asked only where one run looked at both ports.

How to mend it
postfix: the service submissions in master.cf with -o smtpd_tls_wrappermode=yes. Exim: tls_on_connect_ports = 465, and 465 in daemon_smtp_ports. Dovecot: inet_listener imaps with port = 993 and ssl = yes, pop3s with 995. Cyrus IMAP: a service with imapd -s or pop3d -s in cyrus.conf. nginx's mail proxy: listen 993 ssl. Then open the port in the firewall, tell the mail programs by SRV records (_submissions, _imaps, _pop3s), and keep STARTTLS for a while.`,
	Citations: []Citation{
		{"RFC 8314", "section 3"},
		{"RFC 8314", "section 4"},
		{"RFC 9325", "section 3.2"},
		{"RFC 8143", "section 2"},
	},
	Run: noImplicitTLS,
}

// noImplicitTLS makes one finding for each endpoint with STARTTLS that has a
// sister with implicit TLS in the same observation.
func noImplicitTLS(f *Facts) []Finding {
	var all []Finding
	asked := make(map[observe.Endpoint]bool)
	for _, c := range f.conns {
		e := c.Probe.Endpoint
		if !c.upgrades() || !hasImplicitPort(e.Protocol) || asked[e] {
			continue
		}
		sisters := f.implicitSisters(e)
		if len(sisters) == 0 {
			continue
		}
		asked[e] = true
		finding := c.sisterly(sisters)
		finding.Subject = e
		finding.Evidence = append([]Evidence{{Conn: c.Index}}, finding.Evidence...)
		all = append(all, finding)
	}
	return all
}

// hasImplicitPort tells whether a protocol has a registered port for implicit
// TLS beside the one for STARTTLS.
func hasImplicitPort(protocol string) bool {
	switch protocol {
	case "submission", "imap", "pop3", "nntp":
		return true
	}
	return false
}

// implicitSisters are the connections to the same protocol, host and address
// with implicit TLS.
func (f *Facts) implicitSisters(e observe.Endpoint) []Conn {
	var all []Conn
	for _, c := range f.conns {
		s := c.Probe.Endpoint
		if s.Mode == observe.Implicit && s.Protocol == e.Protocol && s.Host == e.Host && s.Network == e.Network && address(s) == address(e) {
			all = append(all, c)
		}
	}
	return all
}

// address is an endpoint's address without the port.
func address(e observe.Endpoint) string {
	if i := strings.LastIndexByte(e.Address, ':'); i >= 0 && e.Network != "unix" {
		return e.Address[:i]
	}
	return e.Address
}

// sisterly answers for a connection that upgrades, by its sisters.
func (c Conn) sisterly(sisters []Conn) Finding {
	var f Finding
	refused := 0
	for _, s := range sisters {
		f.Evidence = append(f.Evidence, Evidence{Conn: s.Index})
		place := s.Probe.Endpoint.Address
		switch {
		case s.sealed():
			f.Answer, f.Detail = observe.No, "there is TLS from the first byte at "+place
			return f
		case s.reachable():
			f.Detail = "something answers at " + place + ", but no handshake was finished"
		case s.End == observe.Refused:
			refused++
		default:
			f.Detail = "it could not be seen whether anything listens at " + place + ": " + s.cause()
		}
	}
	if refused < len(sisters) {
		return f
	}
	f.Detail = "the connection to " + sisters[0].Probe.Endpoint.Address + " was refused"
	switch {
	case c.Upgrade.GoAhead == observe.Yes:
		f.Answer, f.Detail = observe.Yes, f.Detail+", so there is only STARTTLS"
	case c.declined():
		f.Answer, f.Detail = observe.Yes, f.Detail+", and there is no STARTTLS either"
	default:
		f.Detail += ", and whether there is STARTTLS could not be seen"
	}
	return f
}
