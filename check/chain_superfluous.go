package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var chainSuperfluous = &Check{
	Name:     "chain-superfluous",
	Question: "Are certificates sent that no client needs?",
	Manual: `What it is
The server sends more than its own certificate and the intermediate ones: a root, which a client either has already or does not believe; the same certificate twice; one that has nothing to do with the server's own; or an expired one beside the path that clients take now.

Why it matters for mail
Little: each costs a kilobyte or two in every handshake, and may push it over the size that a server sends before it waits for the client. An old certificate left behind also hides that nobody looks after the file. One use of a root is right: where DANE publishes the authority itself (TLSA usage 2, DANE-TA), the server has to send it, root or not, unless the record holds all of it.

How it was seen
We built every path from the server's certificate to the roots of the stores that we looked at, and listed what was sent and is in none of them. A certificate by which another authority vouches for a root that the stores know is not counted while it is in date: clients with older stores take it.

How to mend it
Take what is named out of the file. ` + where,
	Citations: []Citation{
		{"RFC 8446", "section 4.4.2"},
		{"RFC 5246", "section 7.4.2"},
		{"RFC 7671", "section 5.2"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachChain(func(_ Conn, r pathResult) *view { return f.superfluous(r) })
	},
}

func (f *Facts) superfluous(r pathResult) *view {
	var found []string
	var first *view
	more := 0
	for i, c := range r.sent {
		if f.needed(r, i) {
			continue
		}
		if first == nil {
			first = at(c, observe.Yes, "")
		}
		if len(found) == maxNamed {
			more++
			continue
		}
		found = append(found, fmt.Sprintf("certificate %d of %d, %s, %s", i+1, len(r.sent), label(c), r.why(i)))
	}
	if more > 0 {
		found = append(found, fmt.Sprintf("and %d more", more))
	}
	if first != nil {
		first.detail = strings.Join(found, "; ")
		return first
	}
	if r.cut {
		return &view{detail: "a certificate of the chain cannot be read"}
	}
	return &view{answer: observe.No}
}

// maxNamed is how many certificates a detail names.
const maxNamed = 4

// why tells what makes certificate i superfluous.
func (r pathResult) why(i int) string {
	switch {
	case slices.Contains(r.links.double, i):
		return "was sent before"
	case !slices.Contains(r.links.order, i):
		return "does not belong to the server's own"
	case selfSigned(r.sent[i]):
		return "is a root"
	}
	return "is out of date, and another path does without it"
}
