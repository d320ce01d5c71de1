package lab

var certWrongName = Fault{
	Name:   "cert-wrong-name",
	Manual: "The certificate is good, but for another host. So looks a server that answers for many names and forgot one.",
	Checks: []string{"name-mismatch"},
	Edit:   func(s *Server) { s.Leaf.CommonName, s.Leaf.Names = "other.lab.test", []string{"other.lab.test"} },
}

var certNameOnlyInCN = Fault{
	Name: "cert-name-only-in-cn",
	Manual: "The certificate has no subject alternative name; the host stands in the common name alone, where RFC 9525 does not look for it. " +
		"Old clients accept it, new ones do not.",
	Checks: []string{"name-only-in-cn", "name-mismatch"},
	Edit:   func(s *Server) { s.Leaf.NoNames = true },
}
