package check

import (
	"fmt"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var earlyDataOffered = &Check{
	Name:     "early-data-offered",
	Question: "Does the server invite clients to send data before the handshake is finished?",
	Manual: `What it is
A ticket of TLS 1.3 may say that the next connection can carry data at once, in the first flight (0-RTT). This server gives out such tickets.

Why it matters for mail
Early data can be recorded and sent again by anybody, and it has no forward secrecy. A command that is played twice is a mail that is sent twice, or a login that somebody else makes. No specification says how SMTP, IMAP, POP3 or ManageSieve could use it safely, and without one an application must not.

How it was seen
A NewSessionTicket with max_early_data_size above zero. We sent no early data.

How to mend it
None of the usual mail servers offers it by itself; look at what ends TLS in front of them. haproxy: take allow-0rtt off the bind line. A program of your own on OpenSSL: SSL_CTX_set_max_early_data with 0, which is the default.`,
	Citations: []Citation{
		{"RFC 9325", "section 3.10"},
		{"RFC 8446", "appendix E.5"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(offersEarlyData) },
}

func offersEarlyData(c Conn) *view {
	if !c.mail() {
		return nil
	}
	return c.askTLS(func(t *observe.TLS) *view {
		if t.Version < iana.TLS13 {
			return nil
		}
		for _, k := range t.Tickets {
			if k.EarlyData > 0 {
				return &view{answer: observe.Yes, detail: fmt.Sprintf("a ticket invites %d bytes of early data", k.EarlyData)}
			}
		}
		if len(t.Tickets) > 0 {
			return &view{answer: observe.No, detail: "no ticket invites early data"}
		}
		if c.wentOn() {
			return &view{answer: observe.No, detail: "the server gave no ticket"}
		}
		return c.cutShort("no ticket was waited for")
	})
}
