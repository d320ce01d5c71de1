package lab

import "github.com/mailseal/mailseal/observe"

var silent = Fault{
	Name: "silent",
	Manual: "The server takes the connection and says nothing: no greeting comes, in clear or (with implicit TLS) inside TLS. " +
		"Overloaded servers and tarpits look like this, and ports on which another protocol expects the client to speak first.",
	Checks: []string{"server-silent"},
	Hangs:  true,
	Edit:   func(s *Server) { s.Instead[observe.Greeting] = (*Session).Wait },
}
