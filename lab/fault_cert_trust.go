package lab

var certSelfSigned = Fault{
	Name:   "cert-self-signed",
	Manual: "The certificate is signed with its own key and sent alone. Many mail servers were installed so and never changed.",
	Checks: []string{"cert-self-signed", "chain-untrusted", "untrusted-mozilla", "untrusted-system"},
	Edit:   func(s *Server) { s.Leaf.Issuer, s.Leaf.Chain = Itself, nil },
}

var certUnknownCA = Fault{
	Name:   "cert-unknown-ca",
	Manual: "The chain is whole and in order, but its root is one that nobody trusts: the CA of a company, or of an attacker.",
	Checks: []string{"chain-untrusted", "untrusted-mozilla", "untrusted-system"}, // whether an intermediate is missing as well cannot be told
	Edit: func(s *Server) {
		s.Leaf.Issuer, s.Leaf.Chain = StrangerIntermediate, []Authority{StrangerIntermediate}
	},
}

var certUnknownCAWithRoot = Fault{
	Name:   "cert-unknown-ca-with-root",
	Manual: "As cert-unknown-ca, and the unknown root is sent along, so that the chain is whole for everybody to see.",
	Checks: []string{"chain-superfluous", "chain-untrusted", "untrusted-mozilla", "untrusted-system"},
	Edit: func(s *Server) {
		s.Leaf.Issuer, s.Leaf.Chain = StrangerIntermediate, []Authority{StrangerIntermediate, StrangerRoot}
	},
}
