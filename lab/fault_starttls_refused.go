package lab

var starttlsRefusedForNow = Fault{
	Name: "starttls-refused-for-now",
	Manual: "STARTTLS is offered, and the command is answered with a temporary refusal. A server says so when it cannot read its key; " +
		"a man in the middle says so to see whether the client goes on in clear.",
	Modes:  starttlsOnly,
	Checks: []string{"starttls-refused"},
	Edit: func(s *Server) {
		s.Refusal = map[string]string{
			"imap":  "NO [UNAVAILABLE] TLS is not available for the moment", // RFC 5530
			"pop3":  "-ERR [SYS/TEMP] TLS is not available for the moment",  // RFC 3206
			"sieve": `NO (TRYLATER) "TLS is not available for the moment"`,  // RFC 5804
		}[s.Protocol]
		if s.Refusal == "" {
			s.Refusal = "454 4.7.0 TLS not available due to temporary reason"
		}
	},
}

var starttlsPutOff = Fault{
	Name: "starttls-put-off",
	Manual: "STARTTLS is offered, and the command is answered by words about too many connections. What the server would have done " +
		"for a client that comes less often is not known.",
	Modes:  starttlsOnly,
	Checks: []string{"throttled"},
	Edit: func(s *Server) {
		s.Refusal = map[string]string{
			"imap":  "NO [LIMIT] Too many connections",
			"pop3":  "-ERR [SYS/TEMP] Too many connections",
			"sieve": `NO (TRYLATER) "Too many connections"`,
		}[s.Protocol]
		if s.Refusal == "" {
			s.Refusal = "421 4.7.0 Too many connections"
		}
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
