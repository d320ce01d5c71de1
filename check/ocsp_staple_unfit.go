package check

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/mailseal/mailseal/observe"
)

var ocspStapleUnfit = &Check{
	Name:     "ocsp-staple-unfit",
	Question: "Is the stapled OCSP response of no use, or does it say that the certificate is revoked?",
	Manual: `What it is
The server sent an OCSP response with its certificate, a word of the authority that it has not been revoked. But the response cannot be read, is about another certificate, bears a signature that does not fit, is out of date, or says that the certificate is revoked.

Why it matters for mail
A client that reads the response ends the handshake, where without a response it would have gone on. Servers that staple from a file, as Exim does, go on sending the old file when the job that fetches the new one fails.

How it was seen
We read the response as the handshake brought it, held its serial number, signature and times against the certificate, its issuer (where that was sent or is in a store) and the moment at which we looked. Five minutes are allowed between the two clocks. Where no response was sent the question is not put.

How to mend it
If the certificate is revoked, replace it and its key, and find out why. Else fetch a new response (openssl ocsp -respout FILE …) and see why the job that does it failed, or switch stapling off: Exim, tls_ocsp_file; nginx, ssl_stapling (its mail proxy does not staple). Many authorities have ended OCSP, and then off is right.`,
	Citations: []Citation{
		{"RFC 6960", "section 3.2"},
		{"RFC 6066", "section 8"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachChain(func(c Conn, r pathResult) *view {
			if len(c.TLS.OCSP) == 0 {
				return nil
			}
			return f.staple(c.TLS.OCSP, r)
		})
	},
}

// clockSkew is how far two clocks may be apart.
const clockSkew = 5 * time.Minute

func (f *Facts) staple(der []byte, r pathResult) *view {
	leaf := r.sent[0]
	response, err := ocsp.ParseResponseForCert(der, leaf, nil)
	if err != nil {
		return at(leaf, observe.Yes, "%s", stapleFault(der, err))
	}
	issuer := r.issuer()
	if issuer != nil && !signedFor(response, issuer) {
		return at(leaf, observe.Yes, "the response bears no signature of %s or of a responder that it named", label(issuer))
	}
	says := f.stapleSays(response, leaf)
	if issuer == nil && says.answer == observe.No {
		return &view{detail: "the response says that all is well, but the issuer's certificate is not at hand to verify that"}
	}
	return says
}

// signedFor tells whether the issuer signed the response, or a responder that
// it named: one with a certificate of the issuer for just that, RFC 6960,
// section 4.2.2.2. That the responder's key made the signature was seen when
// the response was parsed. The issuer may send its own certificate along, as
// OpenSSL's responder does.
func signedFor(response *ocsp.Response, issuer *x509.Certificate) bool {
	if response.CheckSignatureFrom(issuer) == nil {
		return true
	}
	c := response.Certificate
	return c != nil && slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) && c.CheckSignatureFrom(issuer) == nil
}

// stapleFault says in our words why a response could not be taken.
func stapleFault(der []byte, err error) string {
	if refused := (ocsp.ResponseError{}); errors.As(err, &refused) {
		return "instead of a response the server passes on the responder's refusal: " + refused.Status.String()
	}
	if _, err := ocsp.ParseResponse(der, nil); err == nil {
		return "the response is about another certificate"
	}
	return "the response cannot be read, or has nothing about this certificate"
}

// stapleSays reads a response that belongs to the certificate.
func (f *Facts) stapleSays(r *ocsp.Response, leaf *x509.Certificate) *view {
	switch {
	case r.Status == ocsp.Revoked:
		return at(leaf, observe.Yes, "%s was revoked on %s", label(leaf), day(r.RevokedAt))
	case r.Status != ocsp.Good:
		return at(leaf, observe.Yes, "the responder does not know %s", label(leaf))
	case f.Began.IsZero():
		return &view{detail: "nobody noted when this was seen"}
	case !r.NextUpdate.IsZero() && f.Began.After(r.NextUpdate.Add(clockSkew)):
		return at(leaf, observe.Yes, "the response ended on %s, %s before we looked", day(r.NextUpdate), span(f.Began.Sub(r.NextUpdate)))
	case f.Began.Before(r.ThisUpdate.Add(-clockSkew)):
		return at(leaf, observe.Yes, "the response begins on %s, after we looked", day(r.ThisUpdate))
	}
	return &view{answer: observe.No, detail: "good, of " + day(r.ThisUpdate)}
}

// issuer returns the certificate that signed the server's own, if it is known.
func (r pathResult) issuer() *x509.Certificate {
	if len(r.best) > 1 {
		return r.best[1]
	}
	if above := r.links.parents[0]; len(above) > 0 {
		return r.sent[above[0]]
	}
	return nil
}
