package lab

import "github.com/mailseal/mailseal/observe"

var greetingGarbled = Fault{
	Name:   "greeting-garbled",
	Manual: "The greeting belongs to another protocol: the port is mapped to the wrong server.",
	Modes:  starttlsOnly,
	Checks: []string{"conversation-broken"},
	Edit: func(s *Server) {
		s.Instead[observe.Greeting] = func(c *Session) {
			c.Send("SSH-2.0-lab")
			c.Wait()
		}
	},
}

var comeLater = Fault{
	Name:   "come-later",
	Manual: "The greeting asks to come again later, and the server closes: it is busy, or it limits how often one address may come.",
	Checks: []string{"throttled"},
	Edit: func(s *Server) {
		greeting := map[string]string{
			"imap":  "* BYE [UNAVAILABLE] Too many connections, try again later",
			"pop3":  "-ERR [SYS/TEMP] Too many connections, try again later",
			"sieve": `BYE (TRYLATER) "Too many connections, try again later"`,
		}[s.Protocol]
		if greeting == "" {
			greeting = "421 4.7.0 " + s.Name + " Too many connections, try again later"
		}
		s.Instead[observe.Greeting] = func(c *Session) { c.Send(greeting) }
	},
}
