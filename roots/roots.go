// Package roots holds sets of trust anchors: Mozilla's, as of a date, the
// system's, and those of a file.
//
// Judging a chain needs only those anchors that could end a path from it:
// those whose subject is the issuer of a certificate that was sent. A survey
// takes them from here and stores them with the facts ([Store.Anchors]), so
// that the chain can be judged again on another machine, on another day.
package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/mailseal/mailseal/observe"
)

// Store is a set of trust anchors.
type Store struct {
	name, date string
	anchors    []anchor
	bySubject  map[string][]int
	load       func()                                              // fills the store when it is first asked; nil: it is full
	platform   func(chain []*x509.Certificate) []*x509.Certificate // where anchors cannot be listed
}

// anchor is a certificate as far as finding it needs: parsing hundreds of
// them in full at every start would cost more than a handshake.
type anchor struct {
	der           []byte
	subject, key  []byte // raw: Name and SubjectPublicKeyInfo
	distrustAfter *time.Time
}

// anchorOf reads a certificate up to its public key, RFC 5280, section 4.1.
func anchorOf(der []byte) (anchor, bool) {
	var certificate, tbs, subject, key cryptobyte.String
	input := cryptobyte.String(der)
	ok := input.ReadASN1(&certificate, asn1.SEQUENCE) && input.Empty() &&
		certificate.ReadASN1(&tbs, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) && // version
		tbs.SkipASN1(asn1.INTEGER) && // serial number
		tbs.SkipASN1(asn1.SEQUENCE) && // signature algorithm
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		tbs.SkipASN1(asn1.SEQUENCE) && // validity
		tbs.ReadASN1Element(&subject, asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&key, asn1.SEQUENCE)
	return anchor{der: der, subject: subject, key: key}, ok
}

// FromCertificates makes a store of certificates in DER form. What cannot be
// parsed is left out.
func FromCertificates(name string, ders ...[]byte) *Store {
	s := &Store{name: name, bySubject: make(map[string][]int)}
	for _, der := range ders {
		if a, ok := anchorOf(der); ok {
			s.add(a)
		}
	}
	return s
}

// File makes a store, named "file", of the certificates of a PEM file.
func File(path string) (*Store, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := FromCertificates("file", certificatesIn(text)...)
	if len(s.anchors) == 0 {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return s, nil
}

func certificatesIn(text []byte) [][]byte {
	var ders [][]byte
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return ders
		}
		if b.Type == "CERTIFICATE" {
			ders = append(ders, b.Bytes)
		}
	}
}

func (s *Store) add(a anchor) {
	subject := string(a.subject)
	s.bySubject[subject] = append(s.bySubject[subject], len(s.anchors))
	s.anchors = append(s.anchors, a)
}

func (s *Store) wait() {
	if s.load != nil {
		s.load()
	}
}

// Describe names the set.
func (s *Store) Describe() observe.RootStore {
	s.wait()
	return observe.RootStore{Name: s.name, Date: s.date, Count: len(s.anchors)}
}

// Anchors returns the anchors that could end a path from the certificates of
// chain, and their DER forms in the same order: those that issued one of them
// by name, and those that bear the name and the key of one of them.
func (s *Store) Anchors(chain [][]byte) ([]observe.Anchor, [][]byte) {
	var found []observe.Anchor
	var ders [][]byte
	for _, a := range s.candidates(parsed(chain)) {
		found = append(found, observe.Anchor{Store: s.name, Certificate: observe.FingerprintOf(a.der), DistrustAfter: a.distrustAfter})
		ders = append(ders, a.der)
	}
	return found, ders
}

func parsed(chain [][]byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, der := range chain {
		if c, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, c)
		}
	}
	return certs
}

func (s *Store) candidates(chain []*x509.Certificate) []anchor {
	s.wait()
	var found []anchor
	taken := make(map[int]bool)
	take := func(i int) {
		if !taken[i] {
			taken[i] = true
			found = append(found, s.anchors[i])
		}
	}
	for _, c := range chain {
		for _, i := range s.bySubject[string(c.RawIssuer)] {
			take(i)
		}
		for _, i := range s.bySubject[string(c.RawSubject)] {
			if bytes.Equal(s.anchors[i].key, c.RawSubjectPublicKeyInfo) {
				take(i)
			}
		}
	}
	if s.platform != nil {
		for _, c := range s.platform(chain) {
			found = append(found, anchor{der: c.Raw})
		}
	}
	return found
}
