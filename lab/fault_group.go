package lab

import "crypto/tls"

var groupClassical = Fault{
	Name: "group-classical",
	Manual: "The server knows X25519 and none of the hybrid groups: what is recorded today can be read when a large quantum computer exists. " +
		"In 2026 that is most servers.",
	Checks: []string{"key-exchange-not-post-quantum"},
	Edit:   func(s *Server) { s.TLS.Groups = []uint16{uint16(tls.X25519)} },
}
