package check

import (
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var chainDisordered = &Check{
	Name:     "chain-disordered",
	Question: "Are the certificates sent in the wrong order?",
	Manual: `What it is
The server's own certificate comes first, and each that follows certifies the one before it. This server sends them in another order.

Why it matters for mail
Up to TLS 1.2 the order is a must, and old or small clients, printers and scanners that send mail among them, take the list as it comes and fail. Newer clients sort it for themselves, so that the fault is seen only by some.

How it was seen
We tied each certificate to the one that it certifies and compared with the order on the wire. Certificates that have nothing to do with the server's own are left out here: see the check chain-superfluous.

How to mend it
Put the file in order. ` + where,
	Citations: []Citation{
		{"RFC 5246", "section 7.4.2"},
		{"RFC 8446", "section 4.4.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(disordered) },
}

func disordered(_ Conn, r pathResult) *view {
	place := 0
	for _, i := range r.links.order {
		if i < place {
			return at(r.sent[i], observe.Yes, "%s was sent before what it certifies; the order would be %s", label(r.sent[i]), r.inOrder())
		}
		place = i
	}
	if r.cut {
		return &view{detail: "a certificate of the chain cannot be read"}
	}
	return &view{answer: observe.No}
}

// inOrder lists the certificates that belong to the leaf, as they would have
// to be sent.
func (r pathResult) inOrder() string {
	var names []string
	for _, i := range r.links.order {
		names = append(names, label(r.sent[i]))
	}
	return strings.Join(names, ", ")
}
