package check

import (
	"fmt"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var ticketLifeTooLong = &Check{
	Name:     "ticket-life-too-long",
	Question: "Does the server give out TLS 1.3 tickets that live longer than seven days?",
	Manual: `What it is
With a ticket a client can take up a session again without a full handshake. TLS 1.3 lets it live for seven days at most. This server's live longer.

Why it matters for mail
Whoever gets the key by which the server seals its tickets can read what was resumed with them; the longer they live, the more. Clients must not use them beyond seven days, and strict ones take the message for an error and end the connection.

How it was seen
In the lifetime of a NewSessionTicket. In TLS 1.2 the number is only a hint, so there the question does not arise; nor where the server gave no ticket.

How to mend it
postfix: smtpd_tls_session_cache_timeout (3600s unless changed). Cyrus IMAP: tls_session_timeout, at most 24h. nginx: ssl_session_timeout. Dovecot: ssl_options = no_ticket takes tickets away. Exim gives none unless tls_resumption_hosts is set.`,
	Citations: []Citation{
		{"RFC 9846", "section 4.7.1"},
		{"RFC 8446", "section 4.6.1"},
		{"RFC 9325", "section 3.4"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askTLS(longTicket) })
	},
}

const sevenDays = 604800 // seconds

func longTicket(t *observe.TLS) *view {
	if t.Version < iana.TLS13 || t.Complete && len(t.Tickets) == 0 {
		return nil
	}
	if len(t.Tickets) == 0 {
		return &view{detail: "the handshake was not finished, so there was no ticket yet"}
	}
	var longest uint32
	for _, k := range t.Tickets {
		longest = max(longest, k.Lifetime)
	}
	return &view{answer: observe.Known(longest > sevenDays), detail: fmt.Sprintf("the tickets live for up to %d seconds", longest)}
}
