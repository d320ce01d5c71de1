package check

import (
	"crypto/x509"

	"github.com/mailseal/mailseal/observe"
)

var certNotYetValid = &Check{
	Name:     "cert-not-yet-valid",
	Question: "Was a certificate of the path used before its time began?",
	Manual: `What it is
A certificate is good for a span of time that stands in it. This one, or one above it on the way to the trust anchor, begins only after the moment at which we looked.

Why it matters for mail
Programs that check refuse it just as they refuse an expired one. It is seldom a certificate that was put in place too early; mostly a clock is wrong: that of the machine that made the certificate, or of the one that looked.

How it was seen
We compared the beginning of every certificate of the path, the anchor with it, with the moment at which we looked, by the clock of the machine that mailseal ran on.

How to mend it
Look at both clocks first (timedatectl, chronyc tracking). If they are right, go back to the certificate that was used before until the new one begins; if the server made its certificate itself, make it again with the right time.`,
	Citations: []Citation{
		{"RFC 5280", "section 4.1.2.5"},
		{"RFC 5280", "section 6.1.3"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachDate(func(path []*x509.Certificate) *view {
			for _, c := range path {
				if f.Began.Before(c.NotBefore) {
					return at(c, observe.Yes, "%s begins on %s, %s after we looked", label(c), day(c.NotBefore), span(c.NotBefore.Sub(f.Began)))
				}
			}
			return &view{answer: observe.No}
		})
	},
}
