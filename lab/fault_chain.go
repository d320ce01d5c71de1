package lab

var chainIncomplete = Fault{
	Name: "chain-incomplete",
	Manual: "The intermediate is not sent. A browser may know it from elsewhere, a mail server does not: " +
		"the certificate cannot be traced to a root.",
	Checks: []string{"chain-incomplete", "chain-untrusted", "untrusted-mozilla", "untrusted-system"},
	Edit:   func(s *Server) { s.Leaf.Chain = nil },
}

var chainDisordered = Fault{
	Name:   "chain-disordered",
	Manual: "Two intermediates are sent in the wrong order. TLS 1.2 forbids that and many clients forgive it.",
	Checks: []string{"chain-disordered"},
	Edit:   func(s *Server) { s.Leaf.Issuer, s.Leaf.Chain = Issuing, []Authority{Intermediate, Issuing} },
}

var chainSuperfluous = Fault{
	Name:   "chain-superfluous",
	Manual: "A certificate that has nothing to do with the rest is sent behind the chain: left over from the CA before, most of the time.",
	Checks: []string{"chain-superfluous"},
	Edit:   func(s *Server) { s.Leaf.Chain = []Authority{Intermediate, StrangerIntermediate} },
}

var chainWithRoot = Fault{
	Name:   "chain-with-root",
	Manual: "The root is sent along. A client that trusts it has it already, and one that does not will not trust it for that.",
	Checks: []string{"chain-superfluous"},
	Edit:   func(s *Server) { s.Leaf.Chain = []Authority{Intermediate, Root} },
}

var chainHundred = Fault{
	Name:   "chain-of-100",
	Manual: "The server sends 100 certificates, of which two are needed. A client that follows every one of them is kept busy.",
	Checks: []string{"chain-superfluous"},
	Edit: func(s *Server) {
		s.Leaf.Chain = []Authority{Intermediate}
		for len(s.Leaf.Chain) < 99 {
			s.Leaf.Chain = append(s.Leaf.Chain, StrangerIntermediate)
		}
	},
}
