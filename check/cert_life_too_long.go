package check

import (
	"time"

	"github.com/mailseal/mailseal/observe"
)

var certLifeTooLong = &Check{
	Name:     "cert-life-too-long",
	Question: "Does the certificate live longer than public authorities may let it?",
	Manual: `What it is
The authorities in the public trust stores bind themselves to rules of the CA/Browser Forum. One rule limits the life of a server's certificate, by the day on which it begins: 825 days from 2018-03-01, 398 from 2020-09-01, 200 from 2026-03-15, 100 from 2027-03-15, 47 from 2029-03-15.

Why it matters for mail
Programs that enforce the limit refuse a longer one, although every other thing about it is right. It also means that the authority does not follow its rules, so that it may soon be in no store.

How it was seen
We counted the seconds from the certificate's beginning to its end, both included, in days of 86,400 seconds; a part of a day counts as a day. The question is put only to chains that lead to a root of Mozilla's store: a private authority may let its certificates live as long as it likes.

How to mend it
Get a new certificate; with ACME, let it renew itself, since the limit goes on falling. ` + where,
	Citations: []Citation{
		{"CA/Browser Forum Baseline Requirements for TLS server certificates", "section 6.3.2"},
		{"CA/Browser Forum ballot SC-081v3", ""},
	},
	Run: func(f *Facts) []Finding { return f.eachPublic(lifeTooLong) },
}

// lives are the limits by the day from which they hold, the latest first.
var lives = []struct {
	from string
	days int
}{
	{"2029-03-15", 47},
	{"2027-03-15", 100},
	{"2026-03-15", 200},
	{"2020-09-01", 398},
	{"2018-03-01", 825},
}

func lifeTooLong(_ Conn, r pathResult) *view {
	leaf := r.sent[0]
	const second, wholeDay = time.Second, 24 * time.Hour
	n := int((leaf.NotAfter.Sub(leaf.NotBefore) + second + wholeDay - second) / wholeDay)
	for _, l := range lives {
		if day(leaf.NotBefore) < l.from {
			continue
		}
		if n > l.days {
			return at(leaf, observe.Yes, "it lives %s; one that begins on %s may live %s", plural(n, "day"), day(leaf.NotBefore), plural(l.days, "day"))
		}
		return &view{answer: observe.No, detail: "it lives " + plural(n, "day")}
	}
	return nil // begun before the limit was counted in days
}

// eachPublic puts a question to the chains that lead to a root of Mozilla's
// store. Of a private authority it is not asked.
func (f *Facts) eachPublic(ask func(Conn, pathResult) *view) []Finding {
	return f.eachChain(func(c Conn, r pathResult) *view {
		s, looked := r.in("mozilla")
		switch {
		case !looked:
			return &view{detail: "Mozilla's store was not looked at, so that nobody knows whether the authority is a public one"}
		case s.path == nil:
			return nil
		}
		return ask(c, r)
	})
}
