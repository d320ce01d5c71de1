package lab

var extendedMasterSecretMissing = Fault{
	Name: "extended-master-secret-missing",
	Manual: "The server speaks TLS 1.2 without the extended master secret (RFC 7627): two sessions can be made to share their keys, " +
		"and what is bound to one is bound to the other (the triple handshake attack).",
	Checks: []string{"extended-master-secret-missing", "key-exchange-not-post-quantum"},
	Edit:   func(s *Server) { s.TLS.Without = []uint16{extMasterSecret} },
}

var renegotiationInsecure = Fault{
	Name: "renegotiation-insecure",
	Manual: "The server speaks TLS 1.2 and does not answer the renegotiation_info extension (RFC 5746): somebody in the middle can put " +
		"words of his own before those of the client (CVE-2009-3555). OpenSSL 3 does not connect to such a server.",
	Checks: []string{"renegotiation-insecure", "key-exchange-not-post-quantum"},
	Edit:   func(s *Server) { s.TLS.Without = []uint16{extRenegotiationInfo} },
}
