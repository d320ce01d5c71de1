package lab

var escapeInText = Fault{
	Name: "escape-in-text",
	Manual: "The greeting holds NUL, a bell, and escape sequences that rename and clear a terminal. A program that prints what a server says " +
		"hands its user's terminal over.",
	Checks: []string{"escape-in-text"},
	Edit: func(s *Server) {
		const tricks = "lab\x00 \x07 \x1b]0;owned\x07 \x1b[2J\x1b[1;31m ready"
		switch s.Protocol {
		case "imap":
			s.Greeting = []string{"* OK " + tricks}
		case "pop3":
			s.Greeting = []string{"+OK " + tricks}
		case "sieve":
			s.Greeting = []string{`OK "` + tricks + `"`}
		case "lmtp":
			s.Greeting = []string{"220 " + s.Name + " LMTP " + tricks}
		default:
			s.Greeting = []string{"220 " + s.Name + " ESMTP " + tricks}
		}
	},
}
