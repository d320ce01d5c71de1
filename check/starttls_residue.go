package check

import "github.com/mailseal/mailseal/observe"

var starttlsResidue = &Check{
	Name:     "starttls-residue",
	Question: "Did clear text arrive between the go-ahead and the first byte of TLS?",
	Manual: `What it is
After the server's go-ahead the next thing on the line must be TLS. Here came readable bytes in between: the residue. It may lie in the same packet as the go-ahead or come a moment later.

Why it matters for mail
A client that keeps those bytes in its buffer takes them, once TLS stands, for something that came through TLS. Whoever can write into the clear part of the line can thus put words into the server's mouth: capabilities, mailboxes, alerts, a referral to another server. Many mail clients fell for it. Strict clients, on the other hand, break off, and their mail does not arrive.

On a port for TLS at once nothing readable may come at all. There ordinary clients fail on it.

How it was seen
The go-ahead was read as one line and nothing behind it; what lay there, and what came before the first TLS record, was kept away from TLS and is shown in the detail, with every byte that cannot be printed escaped. ManageSieve's second list of capabilities is not meant: it comes inside TLS.

How to mend it
If the bytes are an answer that you know, the server or a proxy in front of it answers twice: look for a box that adds lines, for a server that flushes old output after the go-ahead, and bring both up to date. If you cannot explain them, treat them as an attack on the path between us and the server, and look again from another network.`,
	Citations: []Citation{
		{"RFC 3207", "section 4.2"},
		{"RFC 3207", "section 6"},
		{"RFC 9051", "section 6.2.1"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(residue) },
}

func residue(c Conn) *view {
	switch {
	case c.Residue != nil && c.Probe.Endpoint.Mode == observe.Implicit:
		return &view{answer: observe.Yes, detail: "clear text came in front of TLS, on a port for TLS at once: " + quoted(c.Residue.Bytes)}
	case !c.upgrades() || c.declined() && c.Residue == nil:
		return nil
	case c.Residue != nil:
		return &view{answer: observe.Yes, detail: "clear text came behind the go-ahead, " + when(c.Residue) + ": " + quoted(c.Residue.Bytes), lines: c.lastClearWords()}
	case c.Upgrade.GoAhead == observe.Yes && c.TLS != nil:
		return &view{answer: observe.No, detail: "nothing came between the go-ahead and TLS"}
	case c.Upgrade.GoAhead == observe.Yes:
		return c.cutShort("no TLS came behind the go-ahead")
	}
	return c.cutShort("the conversation did not come to a go-ahead")
}

func when(r *observe.Residue) string {
	if r.Late {
		return "later but before TLS"
	}
	return "in the same segment"
}
