package check

import (
	"crypto/x509"
	"time"

	"github.com/mailseal/mailseal/observe"
)

var certExpiresSoon = &Check{
	Name:     "cert-expires-soon",
	Question: "Is so little of the certificate's life left that it should have been renewed?",
	Manual: `What it is
Certificates that renew themselves do so when about a third of their life is left, and try every day until it works. Less than a quarter left, and less than 21 days, means that this did not happen, or that nobody ever set it up.

Why it matters for mail
Nothing is broken yet. On the day named everything breaks at once: see cert-expired.

How it was seen
We compared what is left with the whole life of the server's certificate: soon is under a quarter of the life, and never more than 21 days. A certificate of 90 days is called soon at 21 days, one of 47 days at 12, one of 6 days at a day and a half. Where a certificate above it on the path ends earlier, that end counts.

How to mend it
Look why the renewal failed: certbot renew --dry-run, or the log of your ACME client. Often the check over HTTP on port 80 fails on a machine that is only a mail server. If the file was renewed and the server still sends the old one, reload it. ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 4.1.2.5"},
	},
	Run: func(f *Facts) []Finding { return f.eachDate(f.expiresSoon) },
}

// soonAtMost is when even a certificate with a long life should have been
// renewed by hand.
const soonAtMost = 21 * 24 * time.Hour

func (f *Facts) expiresSoon(path []*x509.Certificate) *view {
	c := firstToEnd(path)
	left, life := c.NotAfter.Sub(f.Began), path[0].NotAfter.Sub(path[0].NotBefore)
	switch {
	case left < 0: // it has expired, and cert-expired says so
		return nil
	case left < min(life/4, soonAtMost):
		return at(c, observe.Yes, "%s ends on %s: %s left", label(c), day(c.NotAfter), span(left))
	}
	return &view{answer: observe.No, detail: span(left) + " left"}
}
