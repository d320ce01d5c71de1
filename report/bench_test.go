package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// corpus is what a scan leaves behind: n stored observations, each of another
// host, mostly intact, read back from their stored form.
func corpus(b *testing.B, n int) []*observe.Observation {
	b.Helper()
	certs := certificates(b)
	kinds := []*observe.Observation{
		survey(certs, "x", smtp(certs, "good", "ca")), // most hosts of a scan: one MX, one port
		survey(certs, "x", imaps(certs, "good", "ca")),
		survey(certs, "x", smtp(certs, "good", "ca"), imaps(certs, "good", "ca")),
		survey(certs, "x", smtp(certs, "expired", "ca")),
		intact(certs), weak(certs), broken(certs), missing(certs), unknown(certs),
	}
	all := make([]*observe.Observation, n)
	for i := range all {
		text, err := json.Marshal(kinds[i%len(kinds)])
		if err != nil {
			b.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("mail.example.org"), fmt.Appendf(nil, "mail%d.example.org", i))
		if all[i], err = Read(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
	return all
}

// BenchmarkJudge judges 10,000 stored observations in every round. The aim is
// less than two seconds a round on one core.
func BenchmarkJudge(b *testing.B) {
	all := corpus(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		for _, o := range all {
			New(o, nil, standard.RFC8314)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(all)), "µs/observation")
}

// BenchmarkReadJSON reads one stored observation of two ports.
func BenchmarkReadJSON(b *testing.B) {
	certs := certificates(b)
	text, err := json.Marshal(intact(certs))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkText writes a report on three ports for people.
func BenchmarkText(b *testing.B) {
	r := New(broken(certificates(b)), nil, standard.RFC8314)
	b.ReportAllocs()
	for b.Loop() {
		if err := writeText(io.Discard, r, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
