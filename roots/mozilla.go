package roots

import (
	"crypto/x509"
	"errors"
	"sort"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// MozillaDate is the day of the set of roots that this program carries. A test
// holds it against go.mod.
const MozillaDate = "2026-10-30"

// Mozilla returns the roots that Mozilla trusts for servers, named "mozilla".
func Mozilla() (*Store, error) {
	s := FromCertificates("mozilla")
	s.date = MozillaDate
	for r := range bundle.Roots() {
		a, ok := anchorOf(r.Certificate)
		if !ok {
			return nil, errors.New("reading Mozilla's roots: one of them is no certificate")
		}
		a.distrustAfter = distrustAfter(r.Constraint)
		s.add(a)
	}
	return s, nil
}

// distrustAfter turns Mozilla's constraint into data that can be stored: the
// last second at which a certificate may have been issued. The bundle gives a
// function, which is asked for that second.
func distrustAfter(constraint func([]*x509.Certificate) error) *time.Time {
	if constraint == nil {
		return nil
	}
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	issued := func(second int) []*x509.Certificate {
		return []*x509.Certificate{{NotBefore: from.Add(time.Duration(second) * time.Second)}}
	}
	const century = 100 * 365 * 24 * 60 * 60
	refused := sort.Search(century, func(second int) bool { return constraint(issued(second)) != nil })
	last := from.Add(time.Duration(refused-1) * time.Second)
	return &last
}
