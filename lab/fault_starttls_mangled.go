package lab

import "slices"

var starttlsMaskedX = Fault{
	Name: "starttls-xxxxxxxa",
	Manual: "The answer to EHLO has XXXXXXXA in the place of STARTTLS, and the command is refused. That is the hand of a firewall which inspects " +
		"mail and overwrites every keyword that it does not allow, letter for letter.",
	Protocols: smtpFamily,
	Modes:     starttlsOnly,
	Checks:    []string{"starttls-mangled", "starttls-missing"},
	Edit:      func(s *Server) { mangle(s, "XXXXXXXA") },
}

var starttlsPrefixed = Fault{
	Name: "starttls-xstarttls",
	Manual: "The answer to EHLO has XSTARTTLS in the place of STARTTLS, and STARTTLS is refused. A client that looks for the word anywhere in " +
		"the line believes that it was offered.",
	Protocols: smtpFamily,
	Modes:     starttlsOnly,
	Checks:    []string{"starttls-mangled", "starttls-missing"},
	Edit:      func(s *Server) { mangle(s, "XSTARTTLS") },
}

// mangle puts another word into the place of STARTTLS.
func mangle(s *Server, word string) {
	if i := slices.Index(s.Capabilities, "STARTTLS"); i >= 0 {
		s.Capabilities[i] = word
	}
}

var greetingMasked = Fault{
	Name: "greeting-masked",
	Manual: "The greeting is 220 and a row of asterisks, and STARTTLS is neither offered nor known: a firewall hides what the server says of " +
		"itself, and takes TLS away without a trace in the answer to EHLO.",
	Protocols: smtpFamily,
	Modes:     starttlsOnly,
	Checks:    []string{"starttls-mangled", "starttls-missing"},
	Edit: func(s *Server) {
		s.Greeting = []string{"220 ****************************************"}
		stripStartTLS(s)
	},
}
