package check

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
)

// links are the ties between the certificates that were sent: who certifies
// whom.
type links struct {
	order   []int         // from the leaf up: the certificates that belong to it
	parents map[int][]int // by index in the chain
	double  []int         // the same certificate again
}

// maxSteps bounds the signatures that are checked for links: a chain comes
// from a stranger.
const maxSteps = 64

// link finds the certificates that belong to the leaf. Steps that are part of
// a path need not be checked again.
func link(sent []*x509.Certificate, paths [][]*x509.Certificate) links {
	l := links{parents: make(map[int][]int)}
	if len(sent) == 0 {
		return l
	}
	steps := 0
	certifies := func(parent, child *x509.Certificate) bool {
		if !bytes.Equal(parent.RawSubject, child.RawIssuer) || !keysAgree(parent, child) {
			return false
		}
		if inPaths(paths, child, parent) {
			return true
		}
		steps++
		return steps <= maxSteps && signs(parent, child)
	}
	l.order = []int{0}
	for at := 0; at < len(l.order); at++ {
		i := l.order[at]
		if selfSigned(sent[i]) {
			continue
		}
		for j := range sent {
			if j == i || slices.ContainsFunc(sent[:j], sent[j].Equal) || !certifies(sent[j], sent[i]) {
				continue
			}
			l.parents[i] = append(l.parents[i], j)
			if !slices.Contains(l.order, j) {
				l.order = append(l.order, j)
			}
		}
	}
	for j := range sent {
		if slices.ContainsFunc(sent[:j], sent[j].Equal) {
			l.double = append(l.double, j)
		}
	}
	return l
}

// keysAgree compares the key identifiers, where both certificates have one
// (RFC 5280, section 4.2.1.1).
func keysAgree(parent, child *x509.Certificate) bool {
	return len(child.AuthorityKeyId) == 0 || len(parent.SubjectKeyId) == 0 ||
		bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId)
}

// signs tells whether the parent's key made the child's signature. Where that
// cannot be computed any more (SHA-1, MD5) the names decide: that the
// signature is weak is another question.
func signs(parent, child *x509.Certificate) bool {
	err := child.CheckSignatureFrom(parent)
	var weak x509.InsecureAlgorithmError
	var unfit x509.ConstraintViolationError
	return err == nil || errors.As(err, &weak) || errors.As(err, &unfit) || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

func inPaths(paths [][]*x509.Certificate, child, parent *x509.Certificate) bool {
	for _, p := range paths {
		i := slices.IndexFunc(p, child.Equal)
		if i >= 0 && i+1 < len(p) && p[i+1].Equal(parent) {
			return true
		}
	}
	return false
}
