package lab

var mustStapleUnmet = Fault{
	Name:   "must-staple-unmet",
	Manual: "The certificate demands a stapled OCSP response (RFC 7633), and the server staples none. Clients that honour the demand leave.",
	Checks: []string{"must-staple-unmet"},
	Edit:   func(s *Server) { s.Leaf.MustStaple = true },
}

var stapleGarbled = Fault{
	Name:   "ocsp-staple-garbled",
	Manual: "The stapled OCSP response is not one: what the server fetched and kept was an error page.",
	Checks: []string{"ocsp-staple-unfit"},
	Edit:   func(s *Server) { s.Leaf.Staple = []byte("<html>503 Service Unavailable</html>") },
}

var sctMissing = Fault{
	Name:   "sct-missing",
	Manual: "The certificate carries no receipt of a Certificate Transparency log, which only matters if its authority is a public one.",
	Checks: []string{"sct-missing"},
	Edit:   func(s *Server) { s.Leaf.SCTs = 0 },
}
