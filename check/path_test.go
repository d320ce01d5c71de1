package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// facts reads a case for tests that need more than its findings.
func facts(t testing.TB, text string) *observe.Observation {
	t.Helper()
	c, err := readCase(text)
	if err != nil {
		t.Fatalf("reading the case\n%s: %v", text, err)
	}
	return c.observation
}

const goodCase = `
endpoint: imap implicit access mail.example.test 192.0.2.1:993
store mozilla 2026-10-30: root
tls: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, complete
chain: leaf int
`

func answers(findings []Finding) map[string]observe.Answer {
	all := make(map[string]observe.Answer)
	for _, f := range findings {
		all[f.Check] = f.Answer
	}
	return all
}

func TestJudgingByOtherAnchors(t *testing.T) {
	o := facts(t, goodCase)
	other := []observe.Anchor{{Store: "file", Certificate: o.Anchors[0].Certificate}}
	for _, test := range []struct {
		name    string
		anchors []observe.Anchor
		want    map[string]observe.Answer // Unknown: no finding, or unknown
	}{
		{"its own", nil, map[string]observe.Answer{"chain-untrusted": observe.No, "untrusted-mozilla": observe.No}},
		{"a file", other, map[string]observe.Answer{"chain-untrusted": observe.No, "untrusted-mozilla": observe.Unknown}},
		{"none", []observe.Anchor{}, map[string]observe.Answer{"chain-untrusted": observe.Unknown, "untrusted-mozilla": observe.Unknown}},
	} {
		got := answers(Run(o, test.anchors))
		for check, want := range test.want {
			if got[check] != want {
				t.Errorf("by %s: %s = %v, want %v", test.name, check, got[check], want)
			}
		}
	}
}

// An observation may come from anywhere, and may call a certificate by the
// fingerprint of another. What is remembered between observations must not
// take its word for it.
func TestCachesTrustNoFingerprint(t *testing.T) {
	good := facts(t, goodCase)
	before := answers(Run(good, nil))
	lie := facts(t, strings.Replace(goodCase, "chain:", "certificate int: ca by=root cn=impostor days=-10..-5\nchain:", 1))
	chain := good.Conns[0].TLS.Chain
	lie.Certificates[chain[1]] = lie.Certificates[lie.Conns[0].TLS.Chain[1]]
	lie.Conns[0].TLS.Chain[1] = chain[1]
	Run(lie, nil)
	if after := answers(Run(good, nil)); !reflect.DeepEqual(before, after) {
		t.Errorf("answers about a good observation = %v after judging one that lies about fingerprints, want %v", after, before)
	}
}

func TestJudgingTwiceIsTheSame(t *testing.T) {
	o := facts(t, goodCase)
	want := Run(o, nil)
	var wg sync.WaitGroup
	for range 8 { // several at once, over the same facts
		wg.Go(func() {
			if got := Run(o, nil); !reflect.DeepEqual(got, want) {
				t.Errorf("Run at the same time = %+v, want %+v", got, want)
			}
		})
	}
	wg.Wait()
}

// A stranger may send a hundred certificates that all claim to have signed
// each other. The steps that are looked at are bounded.
func TestManyCertificatesOfOneName(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := facts(t, goodCase)
	tls := o.Conns[0].TLS
	tls.Chain = nil
	for i := range 100 {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: "one"}, Issuer: pkix.Name{CommonName: "one"},
			NotBefore: o.Began.Add(-time.Hour), NotAfter: o.Began.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
			SubjectKeyId: []byte{byte(i)}, AuthorityKeyId: nil,
		}
		parent := *template
		parent.SubjectKeyId = nil
		der, err := x509.CreateCertificate(rand.Reader, template, &parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		tls.Chain = append(tls.Chain, o.Keep(der))
	}
	f := Read(o, nil)
	r := f.path(f.conns[0])
	steps := 0
	for _, parents := range r.links.parents {
		steps += len(parents)
	}
	if steps > maxSteps {
		t.Errorf("links of 100 certificates of one name: %d steps, want at most %d", steps, maxSteps)
	}
	for _, finding := range Run(o, nil) {
		if len(finding.Detail) > 4096 {
			t.Errorf("check %s: a detail of %d bytes", finding.Check, len(finding.Detail))
		}
	}
}

// The better path is the one in date, whatever the order in which the
// authorities stand in the store.
func TestBetterPath(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f := &Facts{Observation: &observe.Observation{Began: now}}
	fresh := &x509.Certificate{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	old := &x509.Certificate{NotBefore: now.Add(-2 * time.Hour), NotAfter: now.Add(-time.Hour)}
	path := func(certs ...*x509.Certificate) []*x509.Certificate { return certs }
	long, short, expired := path(fresh, fresh, fresh), path(fresh, fresh), path(fresh, old)
	for _, test := range []struct {
		name       string
		a, b, want []*x509.Certificate
	}{
		{"in date first", long, expired, long},
		{"in date last", expired, long, long},
		{"the shorter", long, short, short},
		{"the first", short, path(fresh, fresh), short},
		{"nothing against something", nil, expired, expired},
		{"something against nothing", expired, nil, expired},
	} {
		if got := f.better(test.a, test.b); len(got) != len(test.want) || &got[0] != &test.want[0] {
			t.Errorf("%s: better path has %d certificates, want %d", test.name, len(got), len(test.want))
		}
	}
}

// BenchmarkPath tells what a server costs whose certificate was not met
// before, under an authority that was.
func BenchmarkPath(b *testing.B) {
	o := facts(b, goodCase)
	for b.Loop() {
		f := Read(o, nil)
		f.path(f.conns[0])
		searches.Lock()
		delete(searches.held, searchKey(f.conns[0].Chain, f.anchorCertificates()))
		searches.Unlock()
	}
}

// The short way of a search must find what the long way finds, in every case
// of every check.
func TestSearchAbove(t *testing.T) {
	short := 0
	for _, c := range All {
		for _, file := range casesOf(t, c) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			above, _, _ := strings.Cut(string(text), "---\n")
			f := Read(facts(t, above), nil)
			for _, conn := range f.conns {
				anchors := f.anchorCertificates()
				if len(conn.Chain) == 0 || len(anchors) == 0 {
					continue
				}
				got, found := searchAbove(conn.Chain, anchors)
				if !found {
					continue
				}
				short++
				want, err := verify(conn.Chain[0], conn.Chain[1:], anchors)
				if !samePaths(got, want) {
					t.Errorf("%s: %d paths the short way, %d the long way (%v)", file, len(got), len(want), err)
				}
			}
		}
	}
	if short == 0 {
		t.Error("no case went the short way")
	}
}

func samePaths(a, b [][]*x509.Certificate) bool {
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		if !slices.ContainsFunc(b, func(q []*x509.Certificate) bool {
			return slices.EqualFunc(p, q, func(x, y *x509.Certificate) bool { return x.Equal(y) })
		}) {
			return false
		}
	}
	return true
}
