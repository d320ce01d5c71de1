package lab

import "crypto/x509"

var certForClients = Fault{
	Name:   "cert-for-clients",
	Manual: "The extended key usage of the certificate names client authentication alone: it is not for a server.",
	Checks: []string{"cert-eku-unfit"},
	Edit:   func(s *Server) { s.Leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
}

var certKeyUsageUnfit = Fault{
	Name: "cert-key-usage-unfit",
	Manual: "The key usage of the certificate allows key agreement alone, not signatures. But a signature is what the server proves its key with " +
		"in every handshake that is forward secret.",
	Checks: []string{"cert-key-usage-unfit"},
	Edit:   func(s *Server) { s.Leaf.KeyUsage = x509.KeyUsageKeyAgreement },
}
