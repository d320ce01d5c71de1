package lab

var certificateDemanded = Fault{
	Name:   "certificate-demanded",
	Manual: "The server ends TLS with an alert unless the client shows a certificate. A stranger has none that it would know.",
	Checks: []string{"certificate-demanded"},
	Edit:   func(s *Server) { s.TLS.DemandCert = true },
}
