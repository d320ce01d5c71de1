package lab

var starttlsHidden = Fault{
	Name: "starttls-hidden",
	Manual: "The capabilities do not name STARTTLS, yet the command is accepted and TLS works. Something on the way takes the word out, " +
		"or the server offers TLS by a rule that does not match the client.",
	Modes:  starttlsOnly,
	Checks: []string{"starttls-hidden"},
	Edit: func(s *Server) {
		stripStartTLS(s)
		s.Hidden = true
	},
}
