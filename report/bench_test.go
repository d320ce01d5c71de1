package report

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// corpus is what a scan leaves behind: n stored observations, read back from
// their stored form. The certificates are those of the fixtures on every host,
// or every host has one of its own, all of the same authority.
func corpus(b *testing.B, n int, own bool) []*observe.Observation {
	b.Helper()
	certs := certificates(b)
	var issue func(host string, until time.Time) []byte
	if own {
		issue = authority(b, certs)
	}
	all := make([]*observe.Observation, n)
	for i := range all {
		host := fmt.Sprintf("mail%d.example.org", i)
		if own {
			certs["good"], certs["expired"] = issue(host, now.AddDate(0, 1, 0)), issue(host, now.AddDate(0, 0, -1))
		}
		kinds := []func() *observe.Observation{
			func() *observe.Observation { return survey(certs, host, smtp(certs, "good", "ca")) }, // most hosts of a scan
			func() *observe.Observation { return survey(certs, host, imaps(certs, "good", "ca")) },
			func() *observe.Observation {
				return survey(certs, host, smtp(certs, "good", "ca"), imaps(certs, "good", "ca"))
			},
			func() *observe.Observation { return survey(certs, host, smtp(certs, "expired", "ca")) },
			func() *observe.Observation { return intact(certs) },
			func() *observe.Observation { return weak(certs) },
			func() *observe.Observation { return broken(certs) },
			func() *observe.Observation { return missing(certs) },
			func() *observe.Observation { return unknown(certs) },
		}
		text, err := json.Marshal(kinds[i%len(kinds)]())
		if err != nil {
			b.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte(`"mail.example.org"`), []byte(`"`+host+`"`))
		if all[i], err = Read(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
	return all
}

// authority makes a root and a CA of its own in certs, and returns what issues
// certificates.
func authority(b *testing.B, certs map[string][]byte) func(host string, until time.Time) []byte {
	b.Helper()
	serial := int64(0)
	sign := func(c, by *x509.Certificate, key crypto.PublicKey, with crypto.Signer) *x509.Certificate {
		serial++
		c.SerialNumber, c.BasicConstraintsValid = big.NewInt(serial), true
		der, err := x509.CreateCertificate(rand.Reader, c, by, key, with)
		if err != nil {
			b.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			b.Fatal(err)
		}
		return parsed
	}
	var keys [3]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(5, 0, 0),
			IsCA: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	r := ca("Benchmark Root")
	root := sign(r, r, keys[0].Public(), keys[0])
	between := sign(ca("Benchmark CA"), root, keys[1].Public(), keys[0])
	certs["root"], certs["ca"] = root.Raw, between.Raw
	return func(host string, until time.Time) []byte {
		return sign(&x509.Certificate{
			Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: until.AddDate(0, -3, 0), NotAfter: until,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, between, keys[2].Public(), keys[1]).Raw
	}
}

// BenchmarkJudge judges 10,000 stored observations in every round. The aim is
// less than two seconds a round on one core. Where every host has a
// certificate of its own, half of the time goes into checking signatures.
func BenchmarkJudge(b *testing.B) {
	for _, own := range []bool{false, true} {
		b.Run(map[bool]string{false: "certificates=shared", true: "certificates=own"}[own], func(b *testing.B) {
			all := corpus(b, 10_000, own)
			b.ReportAllocs()
			for b.Loop() {
				for _, o := range all {
					New(o, nil, standard.RFC8314)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(all)), "µs/observation")
		})
	}
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
