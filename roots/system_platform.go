//go:build windows || darwin || ios

package roots

import (
	"crypto/x509"
	"time"
)

// System returns the trust store of this machine, named "system". It cannot be
// listed here: the platform answers for one chain at a time, and the anchors
// are taken from its answers.
func System() (*Store, error) {
	s := FromCertificates("system")
	s.platform = askPlatform
	return s, nil
}

// askPlatform has the platform build paths for a chain and returns their
// ends. Whether the certificates are in date is not its business, so it is
// asked for a moment in the middle of the first one's life.
func askPlatform(chain []*x509.Certificate) []*x509.Certificate {
	if len(chain) == 0 {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	leaf := chain[0]
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	moments := []time.Time{time.Now(), leaf.NotBefore.Add(life / 2)}
	for _, at := range moments {
		paths, err := leaf.Verify(x509.VerifyOptions{
			Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			continue
		}
		var ends []*x509.Certificate
		for _, p := range paths {
			ends = append(ends, p[len(p)-1])
		}
		return ends
	}
	return nil
}
