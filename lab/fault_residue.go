package lab

// injected is what a man in the middle would have a client believe: an answer
// to the command that the client is going to send inside TLS.
func injected(protocol string) []byte {
	switch protocol {
	case "imap":
		return []byte("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
	case "pop3":
		return []byte("+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n")
	case "sieve":
		return []byte("\"SASL\" \"PLAIN\"\r\nOK \"injected\"\r\n")
	}
	return []byte("250-injected\r\n250 AUTH PLAIN LOGIN\r\n")
}

var residueSameSegment = Fault{
	Name: "residue-same-segment",
	Manual: "The go-ahead for TLS is followed by more clear text in the same segment. A client that keeps it in its buffer takes it for " +
		"something said inside TLS: that is how a man in the middle injects replies (CVE-2021-38371 and its family).",
	Modes:  starttlsOnly,
	Checks: []string{"starttls-residue"},
	Edit:   func(s *Server) { s.AfterGoAhead = injected(s.Protocol) },
}

var residueLate = Fault{
	Name: "residue-late",
	Manual: "After the go-ahead, and after the client's hello, more clear text arrives before the first TLS record. A client that emptied its " +
		"buffer at the go-ahead does not see it there; a careful one ends the connection, a careless one skips it.",
	Modes:  starttlsOnly,
	Checks: []string{"starttls-residue"},
	Edit:   func(s *Server) { s.LateAfterGoAhead = injected(s.Protocol) },
}
