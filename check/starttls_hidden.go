package check

import "github.com/mailseal/mailseal/observe"

var starttlsHidden = &Check{
	Name:     "starttls-hidden",
	Question: "Does the server go over to TLS although it does not offer it?",
	Manual: `What it is
STARTTLS does not stand in the list of what the server can do, but when we asked for it, it gave the go-ahead.

Why it matters for mail
A client looks at the list and, finding nothing, stays in clear or gives up; hardly any asks all the same. If somebody on the way takes the offer out of the list, the picture is the same: the server knows TLS, and the client never learns it.

How it was seen
We sent the command in spite of the list. Where TLS then stood, the list inside TLS shows whether the same server talks.

How to mend it
Look at the list from the server itself, over loopback. If the offer is there, something between takes it away: see the check starttls-mangled. If it is not, the server hides it: in postfix by smtpd_discard_ehlo_keywords or smtpd_discard_ehlo_keyword_address_maps, in Exim by a tls_advertise_hosts that leaves the caller out, in nginx's mail proxy by lists of its own in imap_capabilities, pop3_capabilities or smtp_capabilities.`,
	Citations: []Citation{
		{"RFC 3207", "section 3"},
		{"RFC 3207", "section 6"},
		{"RFC 2595", "section 4"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(hidden) },
}

func hidden(c Conn) *view {
	if !c.upgrades() {
		return nil
	}
	name := command(c.Probe.Endpoint.Protocol)
	switch {
	case c.Upgrade.Offered == observe.Yes:
		return &view{answer: observe.No, detail: name + " is offered"}
	case c.Upgrade.Offered == observe.No && c.Upgrade.GoAhead == observe.Yes:
		return &view{answer: observe.Yes, detail: name + " is not offered, but the server went along" + c.reply(), lines: c.lastClearWords()}
	case c.Upgrade.Offered == observe.No && c.Upgrade.GoAhead == observe.No:
		return &view{answer: observe.No, detail: name + " is neither offered nor accepted"}
	case starttls(c.Probe.Endpoint.Protocol) == "":
		return nil // nothing to look it up in
	case c.Upgrade.GoAhead == observe.Yes: // RFC 2595, section 4: with STLS there must be CAPA, so that nobody has to try
		return &view{answer: observe.Yes, detail: "the server has no list of capabilities that could offer " + name + ", but went along" + c.reply(), lines: c.lastClearWords()}
	}
	return c.cutShort("the conversation did not come to the question of TLS")
}

// lastClearWords returns the place of the server's last line before TLS.
func (c Conn) lastClearWords() []int {
	for i := len(c.Lines) - 1; i >= 0; i-- {
		if l := c.Lines[i]; l.From == observe.Server && !l.Sealed {
			return []int{i}
		}
	}
	return nil
}
