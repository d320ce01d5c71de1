package check

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/mailseal/mailseal/observe"
)

var certExpired = &Check{
	Name:     "cert-expired",
	Question: "Has a certificate of the path expired?",
	Manual: `What it is
A certificate is good for a span of time that stands in it. This one, or one above it on the way to the trust anchor, was used after its end.

Why it matters for mail
Programs that check refuse from one second to the next: users can neither fetch nor submit, and senders that follow MTA-STS keep their mail in the queue until it bounces. Senders that check nothing go on, so that a part of the mail still arrives and the fault is looked for in the wrong place.

How it was seen
We compared the end of every certificate of the path, the anchor with it, with the moment at which we looked. Of several paths we took one that is in date, if there is one. The clock is that of the machine that looked.

How to mend it
Renew the certificate and reload the server; a renewed file that no process has read is the usual reason, so look at what the server sends, not at the file. With certbot, put the reload into a deploy hook. If an intermediate certificate is at fault, take the present one from the authority. ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 4.1.2.5"},
		{"RFC 5280", "section 6.1.3"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachDate(func(path []*x509.Certificate) *view {
			c := firstToEnd(path)
			if f.Began.After(c.NotAfter) {
				return at(c, observe.Yes, "%s ended on %s, %s before we looked", label(c), day(c.NotAfter), span(f.Began.Sub(c.NotAfter)))
			}
			return &view{answer: observe.No, detail: "good up to " + day(c.NotAfter)}
		})
	},
}

// eachDate puts a question about time to every path.
func (f *Facts) eachDate(ask func([]*x509.Certificate) *view) []Finding {
	return f.eachChain(func(_ Conn, r pathResult) *view {
		if f.Began.IsZero() {
			return &view{detail: "nobody noted when this was seen"}
		}
		return ask(r.judged())
	})
}

// firstToEnd returns the certificate of a path that ends before the others.
func firstToEnd(path []*x509.Certificate) *x509.Certificate {
	first := path[0]
	for _, c := range path[1:] {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	return first
}

// span writes a length of time as people say it.
func span(d time.Duration) string {
	switch n := int(d / (24 * time.Hour)); {
	case n > 1:
		return plural(n, "day")
	case n == 1 || d >= 2*time.Hour:
		return plural(int(d/time.Hour), "hour")
	case d >= time.Minute:
		return plural(int(d/time.Minute), "minute")
	}
	return plural(int(d/time.Second), "second")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
