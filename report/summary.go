package report

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// Summary is what one handshake showed, with names instead of numbers. An
// empty name means that nothing was seen.
type Summary struct {
	Complete        bool           `json:"complete"` // the handshake was finished
	Version         string         `json:"version,omitempty"`
	Suite           string         `json:"suite,omitempty"`
	Group           string         `json:"group,omitempty"`
	SignatureScheme string         `json:"signature_scheme,omitempty"`
	HelloRetry      observe.Answer `json:"hello_retry"`
	ALPN            observe.Text   `json:"alpn,omitempty"`
	Chain           []Certificate  `json:"chain,omitempty"` // as sent
}

// Certificate is one certificate of a chain, in words.
type Certificate struct {
	SHA256    observe.Fingerprint `json:"sha256"` // of the certificate
	SPKI      string              `json:"spki_sha256,omitempty"`
	Subject   observe.Text        `json:"subject,omitempty"`
	Names     []observe.Text      `json:"names,omitempty"` // subjectAltName: DNS names and addresses
	Issuer    observe.Text        `json:"issuer,omitempty"`
	NotBefore *time.Time          `json:"not_before,omitempty"`
	NotAfter  *time.Time          `json:"not_after,omitempty"`
	Key       string              `json:"key,omitempty"`
	Signature string              `json:"signature,omitempty"`
	Embedded  bool                `json:"scts_embedded,omitempty"` // it has SCTs inside
	Unread    bool                `json:"unread,omitempty"`        // it was not kept, or cannot be parsed
}

// summary describes the handshake of the connection that got furthest; nil
// where the server sent no TLS at all.
func summary(f *check.Facts, e Endpoint) *Summary {
	t := f.Conns[e.Best].TLS
	if t == nil {
		return nil
	}
	s := &Summary{Complete: t.Complete, HelloRetry: t.HelloRetry, ALPN: t.ALPN, Group: groupName(t)}
	if t.Version != 0 {
		s.Version = iana.VersionName(t.Version)
	}
	if t.Suite != 0 {
		s.Suite = iana.SuiteName(t.Suite)
	}
	if t.SignatureScheme != 0 {
		s.SignatureScheme = iana.SignatureSchemeName(t.SignatureScheme)
	}
	for _, p := range t.Chain {
		s.Chain = append(s.Chain, describe(p, f.Certificate(p)))
	}
	return s
}

func groupName(t *observe.TLS) string {
	switch {
	case t.Group != 0:
		return iana.GroupName(t.Group)
	case t.DHBits != 0:
		return fmt.Sprintf("DHE with %d bits", t.DHBits)
	}
	return ""
}

func describe(p observe.Fingerprint, c *x509.Certificate) Certificate {
	if c == nil {
		return Certificate{SHA256: p, Unread: true}
	}
	spki := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	d := Certificate{
		SHA256: p, SPKI: hex.EncodeToString(spki[:]),
		Subject: observe.Text(c.Subject.String()), Issuer: observe.Text(c.Issuer.String()),
		NotBefore: &c.NotBefore, NotAfter: &c.NotAfter,
		Key: keyName(c), Signature: c.SignatureAlgorithm.String(),
		Embedded: check.EmbeddedSCTs(c) > 0,
	}
	for _, n := range c.DNSNames {
		d.Names = append(d.Names, observe.Text(n))
	}
	for _, a := range c.IPAddresses {
		d.Names = append(d.Names, observe.Text(a.String()))
	}
	return d
}

func keyName(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}
