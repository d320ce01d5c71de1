package check

import "crypto/x509"

// weakHash tells whether a signature is made over a hash in which collisions
// can be found.
func weakHash(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}
