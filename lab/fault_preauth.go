package lab

var preauth = Fault{
	Name: "preauth",
	Manual: "The server greets a stranger with PREAUTH: he is logged in already. STARTTLS is impossible in that state, so a client that goes on " +
		"shows its mail to whoever sent the greeting (CVE-2020-12398 and others).",
	Protocols: []string{"imap"},
	Modes:     starttlsOnly,
	Checks:    []string{"preauth-greeting", "starttls-missing"},
	Edit: func(s *Server) {
		s.Greeting = []string{"* PREAUTH " + s.Name + " logged in as " + User}
		s.Capabilities = remove(s.Capabilities, "STARTTLS")
	},
}

var preauthImplicit = Fault{
	Name:      "preauth-implicit",
	Manual:    "Inside implicit TLS the server greets a stranger with PREAUTH, although he showed neither a password nor a certificate.",
	Protocols: []string{"imap"},
	Modes:     implicitOnly,
	Checks:    []string{"preauth-greeting"},
	Edit:      func(s *Server) { s.Greeting = []string{"* PREAUTH " + s.Name + " logged in as " + User} },
}
