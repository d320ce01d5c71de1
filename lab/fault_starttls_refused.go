package lab

var starttlsRefusedForNow = Fault{
	Name: "starttls-refused-for-now",
	Manual: "STARTTLS is offered, and the command is answered with a temporary refusal. A server says so when it cannot read its key; " +
		"a man in the middle says so to see whether the client goes on in clear.",
	Modes:  starttlsOnly,
	Checks: []string{"starttls-refused"},
	Edit: func(s *Server) {
		s.Refusal = map[string]string{
			"imap":  "NO TLS is not available for the moment",
			"pop3":  "-ERR TLS is not available for the moment",
			"sieve": `NO "TLS is not available for the moment"`,
		}[s.Protocol]
		if s.Refusal == "" {
			s.Refusal = "454 4.7.0 TLS not available due to temporary reason"
		}
	},
}

var starttlsPutOff = Fault{
	Name: "starttls-put-off",
	Manual: "STARTTLS is offered, and the command is answered by the code that means later: [UNAVAILABLE] (RFC 5530), [SYS/TEMP] (RFC 3206), " +
		"(TRYLATER) (RFC 5804). What the server would have done is not known.",
	Protocols: []string{"imap", "pop3", "sieve"},
	Modes:     starttlsOnly,
	Checks:    []string{"throttled"},
	Edit: func(s *Server) {
		s.Refusal = map[string]string{
			"imap":  "NO [UNAVAILABLE] TLS is not available for the moment",
			"pop3":  "-ERR [SYS/TEMP] TLS is not available for the moment",
			"sieve": `NO (TRYLATER) "TLS is not available for the moment"`,
		}[s.Protocol]
	},
}

var starttlsRefused = Fault{
	Name:   "starttls-refused",
	Manual: "STARTTLS is offered, and the command is then answered as if the server did not know it.",
	Modes:  starttlsOnly,
	Checks: []string{"starttls-refused"},
	Edit: func(s *Server) {
		s.Refusal = map[string]string{
			"imap":  "BAD Unknown command",
			"pop3":  "-ERR Unknown command",
			"sieve": `NO "Unknown command"`,
		}[s.Protocol]
		if s.Refusal == "" {
			s.Refusal = "502 5.5.1 Command not implemented"
		}
	},
}
