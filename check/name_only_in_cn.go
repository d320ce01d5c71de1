package check

import (
	"slices"

	"github.com/mailseal/mailseal/observe"
)

var nameOnlyInCN = &Check{
	Name:     "name-only-in-cn",
	Question: "Does the name stand only in the certificate's common name, where clients no longer look?",
	Manual: `What it is
Long ago the name of a server stood in the subject of its certificate, as common name (CN). Since then it belongs into the extension subjectAltName. This certificate has the right name in the wrong place only.

Why it matters for mail
Present programs look at subjectAltName alone, as RFC 9525 has it since 2023 (RFC 7817 had still let mail clients look at the common name), and say that the name is wrong, while old ones and many tools show the name in the subject and say that all is well. That makes the fault hard to see: the same server works for one user and not for the next.

How it was seen
The name that clients look for is not in subjectAltName (see name-mismatch), and it is in the subject, as it stands or by a wildcard.

How to mend it
Make the certificate anew with the name in subjectAltName. Public authorities do so by themselves; in a private one, with openssl, put subjectAltName = DNS:mail.example.org into the extensions, or use openssl req -addext.`,
	Citations: []Citation{
		{"RFC 9525", "section 2"},
		{"RFC 7817", "section 5"},
		{"RFC 5280", "section 4.2.1.6"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(onlyInCN) },
}

func onlyInCN(c Conn, r pathResult) *view {
	e, leaf := c.Probe.Endpoint, r.sent[0]
	if !named(e) {
		return nil
	}
	wanted, borne := referencesOf(e), presentedBy(leaf)
	met := func(list identifiers) bool {
		return slices.ContainsFunc(wanted, func(w identifier) bool { _, found := w.in(list); return found })
	}
	switch {
	case met(borne):
		return &view{answer: observe.No, detail: "it stands in subjectAltName"}
	case met(identifiers{{dnsID, canonical(leaf.Subject.CommonName)}}):
		return at(leaf, observe.Yes, "%s stands in the subject alone", quoted(observe.Text(leaf.Subject.CommonName)))
	}
	return &view{answer: observe.No, detail: "it does not stand in the subject either"}
}
