package lab

var starttlsStripped = Fault{
	Name: "starttls-stripped",
	Manual: "The capabilities do not name STARTTLS (STLS in POP3), and the command is refused as unknown. " +
		"So looks a server without TLS, and so looks every server behind a middlebox that takes TLS away.",
	Modes:  starttlsOnly,
	Checks: []string{"starttls-missing"},
	Edit:   stripStartTLS,
}

func stripStartTLS(s *Server) {
	p, _ := protocols(s.Protocol)
	s.Capabilities = remove(s.Capabilities, p.starttls)
}
