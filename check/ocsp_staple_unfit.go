package check

import (
	"crypto/x509"
	"errors"
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
If the certificate is revoked, replace it and its key, and find out why. Else fetch a new response (openssl ocsp -respout FILE …) and see why the job that does it failed, or switch stapling off: Exim, tls_ocsp_file; nginx, ssl_stapling. Many authorities have ended OCSP, and then off is right.`,
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
	if issuer := r.issuer(); issuer != nil {
		// The issuer may have signed it itself and sent its own certificate along, which OpenSSL's responder does and the
		// parser takes for one of a responder that the issuer named (RFC 6960, section 4.2.2.2).
		if _, err := ocsp.ParseResponseForCert(der, leaf, issuer); err != nil && response.CheckSignatureFrom(issuer) != nil {
			return at(leaf, observe.Yes, "the response bears no signature of %s or of a responder that it named", label(issuer))
		}
	}
	return f.stapleSays(response, leaf)
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
