package check

import "github.com/mailseal/mailseal/observe"

var chainIncomplete = &Check{
	Name:     "chain-incomplete",
	Question: "Is a certificate missing between the server's own and a trust anchor?",
	Manual: `What it is
A server has to send its own certificate and every intermediate one on the way up to a root that its clients hold. Here the way ends early: the issuer of the last certificate was neither sent, nor is it a root of any store that we looked at.

Why it matters for mail
Browsers hide this fault, because they fetch or remember missing certificates. Mail servers and most mail programs do not: they say that the certificate cannot be trusted, and the mail stays in the sender's queue or the user learns to click warnings away. It is the most frequent fault after a renewal by hand.

How it was seen
We tried to build a path from the server's certificate to a trust anchor with nothing but the certificates that it sent. If authorities were sent as well and the issuer of the last is unknown, nobody can tell whether one more is missing or whether it is the root of a private authority: then the answer is unknown. Where the server's own certificate came alone it is yes, although a private root could have signed it directly. Either way chain-untrusted says what clients will make of it.

How to mend it
Give the server the whole chain. ` + where,
	Citations: []Citation{
		{"RFC 5246", "section 7.4.2"},
		{"RFC 8446", "section 4.4.2"},
		{"RFC 5280", "section 6.1"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(incomplete) },
}

func incomplete(_ Conn, r pathResult) *view {
	top := r.top()
	switch {
	case r.best != nil:
		return &view{answer: observe.No, detail: "what was sent leads to " + label(r.best[len(r.best)-1])}
	case selfSigned(top):
		return &view{answer: observe.No, detail: "what was sent leads up to " + label(top) + ", which signs itself"}
	case r.cut:
		return &view{detail: "a certificate of the chain cannot be read"}
	case len(r.stores) == 0:
		return &view{detail: "no trust store was looked at, so that nobody knows where the chain has to end"}
	case r.anchored(top):
		return &view{answer: observe.No, detail: issuerLabel(top) + ", the issuer of the last certificate, is a trust anchor"}
	}
	if top.IsCA { // it may be the last before a private root
		return at(top, observe.Unknown, "%s, the issuer of %s, was not sent and is a root in no store: another intermediate is missing, or it is a root that clients must be given", issuerLabel(top), label(top))
	}
	return at(top, observe.Yes, "%s, the issuer of %s, was not sent and is a root in no store", issuerLabel(top), label(top))
}
