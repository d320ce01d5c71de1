package lab

var authInClear = Fault{
	Name:   "auth-in-clear",
	Manual: "The server takes passwords before TLS, and says so: AUTH PLAIN, USER, SASL PLAIN among the capabilities in clear.",
	Modes:  starttlsOnly,
	Checks: []string{"auth-in-clear"},
	Edit: func(s *Server) {
		switch s.Protocol {
		case "imap":
			s.Capabilities = append(s.Capabilities, "AUTH=PLAIN")
		case "pop3":
			s.Capabilities = append(s.Capabilities, "USER", "SASL PLAIN")
		case "sieve":
			s.Capabilities = append(remove(s.Capabilities, `"SASL" ""`), `"SASL" "PLAIN"`)
		default:
			s.Capabilities = append(s.Capabilities, "AUTH PLAIN LOGIN")
		}
	},
}

var loginNotDisabled = Fault{
	Name:      "login-not-disabled",
	Manual:    "The capabilities in clear lack LOGINDISABLED, so that a client may send LOGIN with a password before TLS; the server takes it.",
	Protocols: []string{"imap"},
	Modes:     starttlsOnly,
	Checks:    []string{"login-not-disabled"},
	Edit:      func(s *Server) { s.Capabilities = remove(s.Capabilities, "LOGINDISABLED") },
}

var moreInClear = Fault{
	Name: "capabilities-more-in-clear",
	Manual: "In clear the server names CRAM-MD5, a mechanism that is gone inside TLS. Two different servers stand behind the two lists, or " +
		"somebody adds to the one that can be changed.",
	Modes:  starttlsOnly,
	Checks: []string{"capabilities-more-in-clear"},
	Edit: func(s *Server) {
		switch s.Protocol {
		case "imap":
			s.Capabilities = append(s.Capabilities, "AUTH=CRAM-MD5")
		case "pop3":
			s.Capabilities = append(s.Capabilities, "SASL CRAM-MD5")
		case "sieve":
			s.Capabilities = append(remove(s.Capabilities, `"SASL" ""`), `"SASL" "CRAM-MD5"`)
		default:
			s.Capabilities = append(s.Capabilities, "AUTH CRAM-MD5")
		}
	},
}
