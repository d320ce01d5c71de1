package check

import (
	"bytes"
	"crypto/x509"
	"slices"
)

// searchAbove is the short way of a search: thousands of servers have a
// certificate of the same authority, so the paths of the authority are found
// (and remembered) first, and then just the one step from the leaf.
//
// It finds what verify finds, or says that it cannot: where more than one
// certificate could be the issuer, or where a rule from above the issuer
// reaches down to the leaf (RFC 5280, sections 4.2.1.9 to 4.2.1.11).
func searchAbove(sent, anchors []*x509.Certificate) (paths [][]*x509.Certificate, found bool) {
	leaf := sent[0]
	issuer, others := onlyIssuer(sent)
	if issuer == nil || !issuer.BasicConstraintsValid || !issuer.IsCA {
		return nil, false
	}
	for _, a := range anchors {
		if a.Equal(leaf) || bytes.Equal(a.RawSubject, leaf.RawIssuer) {
			return nil, false
		}
	}
	above, _ := search(append([]*x509.Certificate{issuer}, others...), anchors)
	if len(above) == 0 || slices.ContainsFunc(above, func(p []*x509.Certificate) bool { return reachesDown(p, leaf) }) {
		return nil, false
	}
	if _, err := verify(leaf, nil, []*x509.Certificate{issuer}); err != nil {
		return nil, false
	}
	for _, p := range above {
		paths = append(paths, append([]*x509.Certificate{leaf}, p...))
	}
	return paths, true
}

// onlyIssuer returns the one certificate that was sent and bears the name of
// the leaf's issuer, and the rest.
func onlyIssuer(sent []*x509.Certificate) (issuer *x509.Certificate, others []*x509.Certificate) {
	for _, c := range sent[1:] {
		if !bytes.Equal(c.RawSubject, sent[0].RawIssuer) {
			others = append(others, c)
			continue
		}
		if issuer != nil {
			return nil, nil
		}
		issuer = c
	}
	return issuer, others
}

// reachesDown tells whether a certificate above the issuer, which is the first
// of the path, has a rule for what stands below the issuer.
func reachesDown(path []*x509.Certificate, leaf *x509.Certificate) bool {
	for i, c := range path {
		switch {
		case bytes.Equal(c.RawSubject, leaf.RawSubject):
			return true
		case c.RequireExplicitPolicyZero || c.RequireExplicitPolicy > 0:
			return true
		case i > 0 && (constrainsNames(c) || c.BasicConstraintsValid && c.MaxPathLen >= 0 && c.MaxPathLen < i):
			return true
		}
	}
	return false
}

func constrainsNames(c *x509.Certificate) bool {
	return len(c.PermittedDNSDomains)+len(c.ExcludedDNSDomains)+len(c.PermittedIPRanges)+len(c.ExcludedIPRanges)+
		len(c.PermittedEmailAddresses)+len(c.ExcludedEmailAddresses)+len(c.PermittedURIDomains)+len(c.ExcludedURIDomains) > 0
}
