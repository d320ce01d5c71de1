package lab

var certExpired = Fault{
	Name:   "cert-expired",
	Manual: "The certificate was good for 90 days and ended ten days ago.",
	Checks: []string{"cert-expired"},
	Edit:   func(s *Server) { s.Leaf.NotBefore, s.Leaf.NotAfter = -100*day, -10*day },
}

var certNotYetValid = Fault{
	Name:   "cert-not-yet-valid",
	Manual: "The certificate begins in ten days: a clock is wrong, or a new certificate was put in place too early.",
	Checks: []string{"cert-not-yet-valid"},
	Edit:   func(s *Server) { s.Leaf.NotBefore, s.Leaf.NotAfter = 10*day, 100*day },
}

var certExpiresSoon = Fault{
	Name:   "cert-expires-soon",
	Manual: "The certificate has two of its 90 days left: its renewal has failed for weeks, and nobody noticed.",
	Checks: []string{"cert-expires-soon"},
	Edit:   func(s *Server) { s.Leaf.NotBefore, s.Leaf.NotAfter = -88*day, 2*day },
}

var certLifeTooLong = Fault{
	Name:   "cert-life-too-long",
	Manual: "The certificate lives for 900 days, longer than the CA/Browser Forum has allowed at any time since March 2018.",
	Checks: []string{"cert-life-too-long"},
	Edit:   func(s *Server) { s.Leaf.NotAfter = 890 * day },
}
