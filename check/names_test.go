package check

import (
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.example.test", "a.example.test", true},
		{"*.example.test", "xn--bcher-kva.example.test", true},
		{"*.example.test", "example.test", false},     // a label must stand there
		{"*.example.test", ".example.test", false},    // and not an empty one
		{"*.example.test", "a.b.example.test", false}, // just one
		{"*a.example.test", "aa.example.test", false}, // the whole label
		{"a*.example.test", "aa.example.test", false},
		{"a.*.test", "a.b.test", false}, // the left-most
		{"*.*.test", "a.b.test", false}, // the only one
		{"*.*.test", "a.*.test", false},
		{"*", "localhost", false},
		{"*.", "localhost.", false},
		{"", "", false},
		{"example.test", "example.test", false}, // no wildcard at all: equal names are compared elsewhere
	} {
		if got := covers(test.pattern, test.name); got != test.want {
			t.Errorf("covers(%q, %q) = %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
}

// FuzzNames holds our comparison against the one of crypto/x509, which knows
// the rules of RFC 9525 for DNS names.
func FuzzNames(f *testing.F) {
	for _, s := range []string{
		"mail.example.test mail.example.test", "*.example.test a.example.test", "*.test a.b.test", "MAIL.test mail.TEST",
		"m*.example.test mail.example.test", "*.*.test a.b.test", "a..b a..b", "* a", "xn--a.test XN--A.test", "_a.b _a.b", "192.0.2.1 192.0.2.1",
	} {
		pattern, host, _ := strings.Cut(s, " ")
		f.Add(pattern, host)
	}
	f.Fuzz(func(t *testing.T, pattern, host string) {
		c := &x509.Certificate{DNSNames: []string{pattern}}
		e := observe.Endpoint{Protocol: "imap", Host: host}
		ours := false
		for _, w := range referencesOf(e) {
			_, found := w.in(presentedBy(c))
			ours = ours || found
		}
		if !named(e) && ours {
			t.Errorf("an endpoint without a name, host %q, found itself in %q", host, pattern)
		}
		theirs := c.VerifyHostname(host) == nil
		if theirs && !ours && named(e) {
			t.Errorf("host %q, certificate for %q: no match, but crypto/x509 finds one", host, pattern)
		}
		if ours && !theirs && plainName(host) && plainName(strings.TrimPrefix(pattern, "*.")) {
			t.Errorf("host %q, certificate for %q: a match, but crypto/x509 finds none", host, pattern)
		}
	})
}

// plainName tells whether a name is made of letters, digits and hyphens, so
// that nobody can say that it is none.
func plainName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		bad := func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
		}
		if label == "" || strings.ContainsFunc(label, bad) {
			return false
		}
	}
	return true
}

// FuzzOtherNames drives the reader of subjectAltName over any bytes.
func FuzzOtherNames(f *testing.F) {
	for _, id := range []asn1.ObjectIdentifier{oidOnDNSSRV, oidOnXMPPAddr} {
		for _, tag := range []int{asn1.TagIA5String, asn1.TagUTF8String} {
			inner, err := otherName(id, tag, "_imaps.Example.test")
			if err != nil {
				f.Fatal(err)
			}
			der, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(der)
		}
	}
	f.Add([]byte{0x30, 0x80, 0xa0, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, i := range otherNames(der) {
			if i.kind != srvID && i.kind != xmppAddr || strings.ContainsRune(i.text, 0) || len(i.text) > len(der) {
				t.Errorf("otherNames(%x) has %+v", der, i)
			}
		}
	})
}

// FuzzStaple drives the readers of what travels beside a certificate over any
// bytes.
func FuzzStaple(f *testing.F) {
	base := goodCase + "scts: 1\n"
	for _, s := range []string{"good", "revoked", "unknown", "garbage", "good for=int by=root", "good with=int"} {
		o := facts(f, base+"staple: "+s+"\n")
		f.Add(o.Conns[0].TLS.OCSP)
	}
	f.Add([]byte{0x30, 0x03, 0x0a, 0x01, 0x03}) // tryLater
	o := facts(f, base)
	f.Fuzz(func(t *testing.T, staple []byte) {
		o.Conns[0].TLS.OCSP = staple
		findings := Run(o, nil)
		for _, finding := range findings {
			if observe.Escape(finding.Detail) != strings.ReplaceAll(finding.Detail, `\`, `\\`) {
				t.Errorf("staple %x: detail %q of %s is not fit to show", staple, finding.Detail, finding.Check)
			}
		}
		if _, there := answers(findings)["ocsp-staple-unfit"]; there != (len(staple) > 0) {
			t.Errorf("staple %x: a finding about it: %v", staple, there)
		}
	})
}

// FuzzSCTs counts in any bytes, and never more than there can be.
func FuzzSCTs(f *testing.F) {
	o := facts(f, strings.Replace(goodCase, "chain:", "certificate leaf: scts=2\nchain:", 1))
	leaf, err := x509.ParseCertificate(o.Certificates[o.Conns[0].TLS.Chain[0]])
	if err != nil {
		f.Fatal(err)
	}
	if n := EmbeddedSCTs(leaf); n != 2 {
		f.Fatalf("EmbeddedSCTs of a certificate with two = %d", n)
	}
	for _, e := range leaf.Extensions {
		if e.Id.Equal(oidEmbeddedSCTs) {
			f.Add(e.Value)
		}
	}
	f.Add([]byte{4, 2, 0, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		if n := countSCTs(der); n < 0 || n > len(der)/3 {
			t.Errorf("countSCTs(%x) = %d", der, n)
		}
	})
}

// FuzzCertificate judges any bytes as the first certificate of a chain.
func FuzzCertificate(f *testing.F) {
	for _, words := range []string{"", "self", "must-staple scts=1", "key=rsa1024 e=1", "names=*.example.test srv=_imaps.example.test", "sign=sha1", "garbage"} {
		o := facts(f, strings.Replace(goodCase, "chain:", "certificate leaf: "+words+"\nchain:", 1))
		f.Add(o.Certificates[o.Conns[0].TLS.Chain[0]])
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		o := facts(t, goodCase)
		o.Conns[0].TLS.Chain[0] = o.Keep(der)
		for _, finding := range Run(o, nil) {
			if len(finding.Detail) > 4096 {
				t.Errorf("check %s of %x: a detail of %d bytes", finding.Check, der, len(finding.Detail))
			}
		}
	})
}
