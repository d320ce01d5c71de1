package check

import (
	"fmt"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var chainUntrusted = &Check{
	Name:     "chain-untrusted",
	Question: "Does the chain lead to no trust anchor of any store that was looked at?",
	Manual: `What it is
Whoever checks a certificate follows it up to an authority that he holds for trustworthy, a trust anchor. From this certificate no way leads to one, in none of the sets of anchors (stores) that we looked at. Dates and names are not asked here: they have their own checks.

Why it matters for mail
A mail program that checks, as it must before it sends a password, will refuse or warn. A mail server that has to authenticate the receiver (MTA-STS, a rule of its own) will not deliver. A sender that takes any certificate will deliver, and could be talking to anybody.

How it was seen
We built the path with what was sent and the anchors of each store, at hand when we looked. The finding names for each store the first step that fails. Private authorities are right to be in no public store: check again with their root given as a file.

How to mend it
Follow the reason: if an issuer is missing, see chain-incomplete; if the certificate signs itself, see cert-self-signed; if the store stopped trusting the authority, get a certificate from another one; if the authority is your own, give its root to the clients. ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 6"},
		{"RFC 7817", "section 3"},
		{"RFC 8461", "section 4.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(untrusted) },
}

func untrusted(_ Conn, r pathResult) *view {
	var trusting, reasons []string
	for _, s := range r.stores {
		if s.path != nil {
			trusting = append(trusting, storeLabel(s.RootStore)+" by "+label(s.path[len(s.path)-1]))
			continue
		}
		reasons = append(reasons, storeLabel(s.RootStore)+": "+s.reason)
	}
	switch {
	case len(r.stores) == 0:
		return &view{detail: "no trust store was looked at"}
	case len(trusting) > 0:
		return &view{answer: observe.No, detail: "trusted in " + strings.Join(trusting, ", in ")}
	case r.cut:
		return &view{detail: "a certificate of the chain cannot be read"}
	}
	return at(r.sent[0], observe.Yes, "%s", strings.Join(reasons, "; "))
}

// untrustedIn is the same question about one store. Where that store was not
// looked at the question does not arise.
func untrustedIn(name string) func(*Facts) []Finding {
	return func(f *Facts) []Finding {
		looked := false
		for _, s := range f.stores() {
			looked = looked || s.Name == name
		}
		if !looked {
			return nil
		}
		return f.eachChain(func(_ Conn, r pathResult) *view {
			s, _ := r.in(name)
			switch {
			case s.path != nil:
				return &view{answer: observe.No, detail: "it ends in " + label(s.path[len(s.path)-1])}
			case r.cut:
				return &view{detail: "a certificate of the chain cannot be read"}
			}
			return at(r.sent[0], observe.Yes, "%s: %s", storeLabel(s.RootStore), s.reason)
		})
	}
}

// storeLabel names a store with its date.
func storeLabel(s observe.RootStore) string {
	name := observe.Escape(s.Name)
	if name == "file" { // as package roots calls what a person gave
		name = "the given file"
	}
	if s.Date == "" {
		return name
	}
	return fmt.Sprintf("%s of %s", name, observe.Escape(s.Date))
}
