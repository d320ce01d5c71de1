package check

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// How a chain is judged:
//
//  1. Dates are kept out. A path is looked for as if no certificate ever began
//     or ended, so that an expired certificate is expired and not also
//     untrusted. Of several paths the one that is in date when we looked wins.
//  2. One search serves every store: all anchors go into it, and each store
//     then takes the paths that end in an anchor of its own.
//  3. What a path does not need is held against the certificates that were
//     sent: each is linked to those that it certifies.
//
// Names and extended key usages are other checks' questions.

// pathKey is a chain as sent: its fingerprints, joined.
type pathKey string

// pathResult is all that is known about one chain as sent.
type pathResult struct {
	sent   []*x509.Certificate // the chain, leaf first
	cut    bool                // a certificate behind these could not be read
	stores []storeResult       // one for each store that was looked at
	best   []*x509.Certificate // the path that the other checks judge, leaf first, anchor last; nil: none
	links  links

	anchors []*x509.Certificate
}

// storeResult is what one store makes of a chain.
type storeResult struct {
	observe.RootStore
	path   []*x509.Certificate // leaf first, anchor last; nil: none
	reason string              // why there is none
}

// path judges the chain of a connection, once for each chain.
func (f *Facts) path(c Conn) pathResult {
	var b strings.Builder
	for _, p := range c.TLS.Chain {
		b.WriteString(string(p))
	}
	key := pathKey(b.String())
	if r, known := f.paths[key]; known {
		return r
	}
	r := f.findPaths(c.Chain, len(c.TLS.Chain) > len(c.Chain))
	f.paths[key] = r
	return r
}

func (f *Facts) findPaths(sent []*x509.Certificate, cut bool) pathResult {
	r := pathResult{sent: sent, cut: cut, anchors: f.anchorCertificates()}
	paths, err := search(sent, r.anchors)
	r.links = link(sent, paths)
	for _, s := range f.stores() {
		sr := storeResult{RootStore: s}
		sr.path, sr.reason = f.choose(s.Name, paths)
		if sr.path == nil && sr.reason == "" {
			sr.reason = f.explain(s.Name, r.links, sent, err)
		}
		r.stores = append(r.stores, sr)
	}
	for _, sr := range r.stores {
		r.best = f.better(r.best, sr.path)
	}
	return r
}

// in returns what the store of that name makes of the chain, and whether that
// store was looked at.
func (r pathResult) in(name string) (storeResult, bool) {
	i := slices.IndexFunc(r.stores, func(s storeResult) bool { return s.Name == name })
	if i < 0 {
		return storeResult{}, false
	}
	return r.stores[i], true
}

// judged are the certificates whose dates, keys and signatures matter: the
// path, or where there is none those that were sent and belong to the leaf.
func (r pathResult) judged() []*x509.Certificate {
	if r.best != nil {
		return r.best
	}
	var certs []*x509.Certificate
	for _, i := range r.links.order {
		certs = append(certs, r.sent[i])
	}
	return certs
}

// certified are those of the judged certificates whose keys and signatures
// somebody has to believe: without the anchor, which is believed as it is.
func (r pathResult) certified() []*x509.Certificate {
	if len(r.best) > 1 {
		return r.best[:len(r.best)-1]
	}
	var certs []*x509.Certificate
	for i, c := range r.judged() {
		if i == 0 || !selfSigned(c) {
			certs = append(certs, c)
		}
	}
	return certs
}

// stores are the sets of anchors that were looked at: those of the vantage and
// those that an anchor names. Anchors given for judging anew speak for
// themselves.
func (f *Facts) stores() []observe.RootStore {
	var all []observe.RootStore
	if !f.replaced {
		all = slices.Clone(f.Vantage.Stores)
	}
	for _, a := range f.Anchors {
		known := slices.ContainsFunc(all, func(s observe.RootStore) bool { return s.Name == a.Store })
		if !known {
			all = append(all, observe.RootStore{Name: a.Store})
		}
	}
	return all
}

func (f *Facts) anchorCertificates() []*x509.Certificate {
	var certs []*x509.Certificate
	for _, a := range f.Anchors {
		if c := f.Certificate(a.Certificate); c != nil && !slices.ContainsFunc(certs, c.Equal) {
			certs = append(certs, c)
		}
	}
	return certs
}

// search returns every path from the leaf to an anchor, dates aside.
func search(sent, anchors []*x509.Certificate) ([][]*x509.Certificate, error) {
	if len(sent) == 0 || len(anchors) == 0 {
		return nil, nil
	}
	key := searchKey(sent, anchors)
	if s, known := searches.get(key); known {
		return s.paths, s.err
	}
	paths, found := searchAbove(sent, anchors)
	var err error
	if !found {
		paths, err = verify(sent[0], sent[1:], anchors)
	}
	searched{paths, err}.keep(key, sent, anchors)
	return paths, err
}

// verify has crypto/x509 find the paths, as if no certificate ever began or
// ended.
func verify(leaf *x509.Certificate, others, anchors []*x509.Certificate) ([][]*x509.Certificate, error) {
	originals := make(map[string]*x509.Certificate, 1+len(others)+len(anchors))
	ageless := func(c *x509.Certificate) *x509.Certificate {
		originals[string(c.Raw)] = c
		copied := *c // the signature is over Raw, so the dates beside it are free to change
		copied.NotBefore, copied.NotAfter = time.Unix(0, 0), time.Unix(1<<40, 0)
		return &copied
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range anchors {
		roots.AddCert(ageless(c))
	}
	for _, c := range others {
		between.AddCert(ageless(c))
	}
	paths, err := ageless(leaf).Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: time.Unix(1, 0),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	for _, p := range paths {
		for i := range p {
			p[i] = originals[string(p[i].Raw)]
		}
	}
	return paths, err
}

// choose returns the best path that ends in an anchor of the store. A reason
// is given where one was found that the store does not let pass.
func (f *Facts) choose(store string, paths [][]*x509.Certificate) (best []*x509.Certificate, reason string) {
	for _, a := range f.Anchors {
		if a.Store != store {
			continue
		}
		anchor := f.Certificate(a.Certificate)
		for _, p := range paths {
			if !p[len(p)-1].Equal(anchor) {
				continue
			}
			if late := issuedAfter(p, a.DistrustAfter); late != nil {
				reason = fmt.Sprintf("it trusts %s only for certificates issued up to %s, and %s was issued on %s",
					label(anchor), day(*a.DistrustAfter), label(late), day(late.NotBefore))
				continue
			}
			best = f.better(best, p)
		}
	}
	if best != nil {
		return best, ""
	}
	return nil, reason
}

// better returns the path to prefer: one that is in date, then the shorter,
// then the first.
func (f *Facts) better(a, b []*x509.Certificate) []*x509.Certificate {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case f.inDate(a) != f.inDate(b):
		if f.inDate(b) {
			return b
		}
		return a
	case len(b) < len(a):
		return b
	}
	return a
}

func (f *Facts) inDate(path []*x509.Certificate) bool {
	return !slices.ContainsFunc(path, func(c *x509.Certificate) bool {
		return f.Began.Before(c.NotBefore) || f.Began.After(c.NotAfter)
	})
}

func issuedAfter(path []*x509.Certificate, limit *time.Time) *x509.Certificate {
	for _, c := range path {
		if limit != nil && c.NotBefore.After(*limit) {
			return c
		}
	}
	return nil
}

// explain says why no path leads from the leaf to an anchor of the store.
func (f *Facts) explain(store string, l links, sent []*x509.Certificate, err error) string {
	if selfSigned(sent[0]) {
		return "the certificate signs itself and is not in the store"
	}
	for _, i := range l.order {
		if reason := f.explainStep(store, l, sent, i); reason != "" {
			return reason
		}
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		return explainInvalid(invalid)
	}
	if unhandled := (x509.UnhandledCriticalExtension{}); errors.As(err, &unhandled) {
		return "a certificate has a critical extension that is not understood"
	}
	return "no path that is allowed leads from the certificate to an anchor of the store"
}

// explainStep looks at the step up from one certificate of the chain: to the
// authorities of that name that the store holds or that were sent.
func (f *Facts) explainStep(store string, l links, sent []*x509.Certificate, i int) string {
	var above []*x509.Certificate
	for _, a := range f.Anchors {
		anchor := f.Certificate(a.Certificate)
		if a.Store == store && anchor != nil && bytes.Equal(anchor.RawSubject, sent[i].RawIssuer) {
			above = append(above, anchor)
		}
	}
	for _, parent := range l.parents[i] {
		above = append(above, sent[parent])
	}
	if len(above) == 0 {
		return missingAbove(sent[i])
	}
	reason := ""
	for _, c := range above {
		why := stepFails(sent[i], c)
		if why == "" {
			return ""
		}
		reason = why
	}
	return reason
}

func missingAbove(c *x509.Certificate) string {
	if selfSigned(c) {
		return fmt.Sprintf("the chain ends in %s, which is not in the store", label(c))
	}
	return fmt.Sprintf("%s, the issuer of %s, was not sent and is not in the store", issuerLabel(c), label(c))
}

// stepFails says why parent does not certify child, whose issuer it is by
// name.
func stepFails(child, parent *x509.Certificate) string {
	err := child.CheckSignatureFrom(parent)
	var weak x509.InsecureAlgorithmError
	var unfit x509.ConstraintViolationError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &weak):
		return fmt.Sprintf("the signature on %s is made with %s, which is no longer accepted", label(child), child.SignatureAlgorithm)
	case errors.Is(err, x509.ErrUnsupportedAlgorithm):
		return fmt.Sprintf("the signature on %s is made with an algorithm that is not known", label(child))
	case errors.As(err, &unfit):
		return fmt.Sprintf("%s signed %s, but is not a certification authority", label(parent), label(child))
	}
	return fmt.Sprintf("the signature on %s does not fit the key of %s", label(child), label(parent))
}

func explainInvalid(e x509.CertificateInvalidError) string {
	switch e.Reason {
	case x509.NotAuthorizedToSign:
		return fmt.Sprintf("%s is not a certification authority", label(e.Cert))
	case x509.TooManyIntermediates:
		return "the path is longer than an authority in it allows"
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName, x509.TooManyConstraints:
		return "an authority in the path is not allowed to certify these names"
	case x509.NameMismatch:
		return "an issuer's name is not the subject of the certificate above it"
	}
	return "the path breaks a rule of RFC 5280"
}

// top returns the last certificate on the way up that was sent.
func (r pathResult) top() *x509.Certificate {
	i, seen := 0, map[int]bool{}
	for len(r.links.parents[i]) > 0 && !seen[i] {
		seen[i] = true
		i = r.links.parents[i][0]
	}
	return r.sent[i]
}

// anchored tells whether an anchor bears the name of a certificate's issuer.
func (r pathResult) anchored(c *x509.Certificate) bool {
	return slices.ContainsFunc(r.anchors, func(a *x509.Certificate) bool { return bytes.Equal(a.RawSubject, c.RawIssuer) })
}

// needed tells whether any path needs certificate i of those that were sent.
// A certificate by which another authority vouches for one that the stores
// know is needed by clients with older stores, as long as it is in date.
func (f *Facts) needed(r pathResult, i int) bool {
	c := r.sent[i]
	switch {
	case i == 0:
		return true
	case selfSigned(c), slices.Contains(r.links.double, i), !slices.Contains(r.links.order, i):
		return false
	case slices.ContainsFunc(r.best, c.Equal):
		return true
	}
	return r.best == nil || f.inDate(r.sent[i:i+1])
}

// selfSigned tells whether a certificate is its own issuer.
func selfSigned(c *x509.Certificate) bool {
	if !bytes.Equal(c.RawSubject, c.RawIssuer) || !keysAgree(c, c) {
		return false
	}
	key := sha256.Sum256(c.Raw)
	if signed, known := selfSignatures.get(key); known {
		return signed
	}
	signed := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil || weakSignature(c)
	selfSignatures.put(key, signed)
	return signed
}

// label names a certificate in a sentence: its common name, or what else it
// has, escaped and bounded, in quotes.
func label(c *x509.Certificate) string {
	name := c.Subject.CommonName
	switch {
	case name != "":
	case len(c.DNSNames) > 0:
		name = c.DNSNames[0]
	case len(c.Subject.Organization) > 0:
		name = c.Subject.Organization[0]
	default:
		name = "serial " + c.SerialNumber.Text(16)
	}
	return quoted(observe.Text(name))
}

// issuerLabel names the issuer of a certificate.
func issuerLabel(c *x509.Certificate) string {
	name := c.Issuer.CommonName
	if name == "" {
		name = c.Issuer.String()
	}
	return quoted(observe.Text(name))
}

// day writes a moment as people read it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// eachChain puts a question to the chain of every connection that should have
// shown one. The record of a client shows a chain too, but that is our own.
func (f *Facts) eachChain(ask func(Conn, pathResult) *view) []Finding {
	if f.Side == observe.Server {
		return nil
	}
	return f.eachEndpoint(func(c Conn) *view {
		switch {
		case !c.expectsTLS():
			return nil
		case c.TLS == nil:
			return c.cutShort(c.unknownWithoutTLS().detail)
		case c.TLS.Resumed:
			return &view{detail: "the session was resumed, and its certificate not sent again"}
		case len(c.TLS.Chain) == 0:
			return c.cutShort("no certificate was seen")
		case len(c.Chain) == 0:
			return &view{detail: "the certificate cannot be read: it is not in the form of RFC 5280, or has a key of a kind that we do not know"}
		}
		return ask(c, f.path(c))
	})
}

// at is an answer with the certificate that it is about.
func at(c *x509.Certificate, a observe.Answer, format string, args ...any) *view {
	return &view{answer: a, detail: fmt.Sprintf(format, args...), cert: observe.FingerprintOf(c.Raw)}
}

// where tells in manuals how servers take a chain.
const where = `The file that a server reads holds its own certificate first, then the intermediate ones in order, and not the root; certbot and other ACME clients call it fullchain.pem. postfix: smtpd_tls_chain_files (the key before the certificates), or smtpd_tls_cert_file with smtpd_tls_key_file. Dovecot: ssl_cert = <FILE with ssl_key, from version 2.4 on ssl_server_cert_file with ssl_server_key_file. Exim: tls_certificate with tls_privatekey. nginx: ssl_certificate with ssl_certificate_key. Cyrus IMAP: tls_server_cert with tls_server_key. Then reload the server: most read the file only at start.`
