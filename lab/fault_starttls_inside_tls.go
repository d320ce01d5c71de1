package lab

var starttlsInsideTLS = Fault{
	Name: "starttls-inside-tls",
	Manual: "Inside TLS the capabilities still name STARTTLS, which RFC 3207, section 4.2 forbids to SMTP. So looks a server that keeps one list " +
		"for both, or a tunnel in front of a server that does not know of it.",
	Checks: []string{"starttls-inside-tls"},
	Edit: func(s *Server) {
		p, _ := protocols(s.Protocol)
		s.SealedCapabilities = append(s.SealedCapabilities, p.starttls)
	},
}
