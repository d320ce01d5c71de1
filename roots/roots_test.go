package roots

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/mailseal/mailseal/observe"
)

// What anchorOf reads is what crypto/x509 reads, for every root of Mozilla's.
func TestAnchorOf(t *testing.T) {
	n := 0
	for r := range bundle.Roots() {
		n++
		want, err := x509.ParseCertificate(r.Certificate)
		if err != nil {
			t.Fatalf("root %d: %v", n, err)
		}
		got, ok := anchorOf(r.Certificate)
		if !ok || !bytes.Equal(got.subject, want.RawSubject) || !bytes.Equal(got.key, want.RawSubjectPublicKeyInfo) {
			t.Errorf("anchorOf(%s): subject or key differs from crypto/x509's", want.Subject)
		}
	}
	if n < 100 {
		t.Errorf("%d roots in Mozilla's bundle, want at least 100", n)
	}
}

func FuzzAnchorOf(f *testing.F) {
	for r := range bundle.Roots() {
		f.Add(r.Certificate)
		break
	}
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		got, ok := anchorOf(der)
		want, err := x509.ParseCertificate(der)
		if err == nil && (!ok || !bytes.Equal(got.subject, want.RawSubject)) {
			t.Errorf("anchorOf: %v, subject %x, want %x", ok, got.subject, want.RawSubject)
		}
	})
}

// The date that the program tells is that of the module in go.mod.
func TestMozillaDate(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`x509roots/fallback v0\.0\.0-(\d{4})(\d\d)(\d\d)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("go.mod names no version of x509roots/fallback")
	}
	if want := string(bytes.Join(m[1:], []byte("-"))); MozillaDate != want {
		t.Errorf("MozillaDate is %s, go.mod says %s", MozillaDate, want)
	}
}

func TestMozilla(t *testing.T) {
	s, err := Mozilla()
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Describe(); d.Name != "mozilla" || d.Date != MozillaDate || d.Count < 100 {
		t.Errorf("Describe() = %+v", d)
	}
	for i, a := range s.anchors {
		r := constraintOf(a.der)
		if (a.distrustAfter != nil) != (r != nil) {
			t.Errorf("root %d: distrust date %v, but the bundle has a constraint: %v", i, a.distrustAfter, r != nil)
			continue
		}
		if r == nil {
			continue
		}
		at := func(when time.Time) error { return r([]*x509.Certificate{{NotBefore: when}}) }
		if at(*a.distrustAfter) != nil || at(a.distrustAfter.Add(time.Second)) == nil {
			t.Errorf("root %d: %v is not the last second that the bundle allows", i, a.distrustAfter)
		}
	}
}

func constraintOf(der []byte) func([]*x509.Certificate) error {
	for r := range bundle.Roots() {
		if bytes.Equal(r.Certificate, der) {
			return r.Constraint
		}
	}
	return nil
}

func TestAnchors(t *testing.T) {
	root, rootKey := issue(t, "root", nil, nil)
	twin, _ := issue(t, "root", nil, nil) // the same name, another key
	other, _ := issue(t, "other", nil, nil)
	leaf, _ := issue(t, "leaf", root, rootKey)
	s := FromCertificates("lab", root.Raw, twin.Raw, other.Raw, []byte("no certificate"))
	for _, test := range []struct {
		name  string
		chain [][]byte
		want  []*x509.Certificate
	}{
		{"both of the issuer's name", [][]byte{leaf.Raw}, []*x509.Certificate{root, twin}},
		{"sent itself", [][]byte{other.Raw}, []*x509.Certificate{other}},
		{"once, though named twice", [][]byte{leaf.Raw, root.Raw}, []*x509.Certificate{root, twin}},
		{"what is no certificate is passed over", [][]byte{[]byte("x"), leaf.Raw}, []*x509.Certificate{root, twin}},
		{"nothing sent", nil, nil},
	} {
		anchors, ders := s.Anchors(test.chain)
		if len(anchors) != len(test.want) || len(ders) != len(test.want) {
			t.Errorf("%s: %d anchors, %d certificates, want %d", test.name, len(anchors), len(ders), len(test.want))
			continue
		}
		for i, w := range test.want {
			if anchors[i].Store != "lab" || anchors[i].Certificate != observe.FingerprintOf(w.Raw) || !bytes.Equal(ders[i], w.Raw) {
				t.Errorf("%s: anchor %d is %+v, want %s", test.name, i, anchors[i], w.Subject)
			}
		}
	}
}

func issue(t *testing.T, name string, by *x509.Certificate, byKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if by == nil {
		by, byKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, key.Public(), byKey)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, key
}

func TestFile(t *testing.T) {
	root, _ := issue(t, "root", nil, nil)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
	key := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	for _, test := range []struct {
		name, text string
		count      int // 0: an error
	}{
		{"one", block, 1},
		{"two, and words around them", "a comment\n" + block + "\nmore\n" + block, 2},
		{"a key beside it", key + block, 1},
		{"a key alone", key, 0},
		{"empty", "", 0},
	} {
		path := filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := File(path)
		if test.count == 0 {
			if err == nil || !strings.Contains(err.Error(), "no certificate") {
				t.Errorf("%s: File: %v, want an error that says so", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: File: %v", test.name, err)
			continue
		}
		if d := s.Describe(); d.Name != "file" || d.Count != test.count {
			t.Errorf("%s: Describe() = %+v, want %d", test.name, d, test.count)
		}
	}
	if _, err := File(filepath.Join(t.TempDir(), "none.pem")); err == nil {
		t.Error("File of a path that is not there: no error")
	}
}
