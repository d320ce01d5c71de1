package lab

var certRSA1024 = Fault{
	Name:   "cert-rsa-1024",
	Manual: "The key of the certificate is RSA with 1024 bits, which a state, and some day others, can break.",
	Checks: []string{"cert-key-weak"},
	Edit:   func(s *Server) { s.Leaf.Key = RSA1024 },
}

var certSHA1 = Fault{
	Name: "cert-sha1",
	Manual: "The signature on the certificate is made over SHA-1, for which two certificates with one signature can be made. " +
		"Clients of today do not accept it, so the chain is not trusted either.",
	Checks: []string{"cert-signature-weak", "chain-untrusted", "untrusted-mozilla", "untrusted-system"},
	Edit:   func(s *Server) { s.Leaf.SHA1 = true },
}
