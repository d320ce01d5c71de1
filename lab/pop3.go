package lab

import (
	"strconv"
	"strings"
)

// pop3Clear and pop3Sealed are the lines of the answer to CAPA, RFC 2449,
// besides STLS. USER and SASL are named inside TLS only (RFC 2595, section 4).
var (
	pop3Clear  = []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "IMPLEMENTATION mailseal-lab"}
	pop3Sealed = []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "IMPLEMENTATION mailseal-lab", "USER", "SASL PLAIN"}
)

// pop3 is a session of POP3, RFC 1939.
type pop3 struct {
	*Session
	name string // USER was said
	user bool   // the TRANSACTION state
}

func servePOP3(c *Session) {
	s := &pop3{Session: c}
	if !s.greet("+OK " + s.server.Name + " mailseal lab ready") {
		return
	}
	for s.command() {
	}
}

// command reads one command and answers it. It returns false at the end.
func (s *pop3) command() bool {
	line, ok := s.readLine()
	if !ok {
		return false
	}
	verb, rest := splitVerb(line)
	switch verb {
	case "CAPA":
		return s.capa()
	case "QUIT":
		s.Send("+OK Bye")
		return false
	}
	if s.user {
		return s.transaction(verb, rest)
	}
	switch verb {
	case "STLS":
		return s.stls(line, rest)
	case "USER":
		return s.userName(rest)
	case "PASS":
		return s.pass(line)
	case "AUTH":
		return s.auth(rest)
	}
	return s.wrong("-ERR Unknown command, or not in this state")
}

// wrong answers a mistake, and leaves after too many.
func (s *pop3) wrong(reply string) bool {
	return s.Send(reply) && !s.mistake()
}

func (s *pop3) capa() bool {
	if !s.tell("CAPA") {
		return false
	}
	lines := append([]string{"+OK Capabilities follow"}, s.capabilities()...)
	return s.Send(append(lines, ".")...)
}

// stls answers STLS, RFC 2595, section 4: in the AUTHORIZATION state only.
func (s *pop3) stls(line, rest string) bool {
	if rest != "" {
		return s.wrong("-ERR No parameters allowed")
	}
	if s.Sealed() {
		return s.wrong("-ERR TLS is active already")
	}
	sealed, goesOn := s.upgrade(line, "", "+OK Begin TLS negotiation", "-ERR Unknown command")
	if sealed {
		*s = pop3{Session: s.Session} // what was said in clear is forgotten
	}
	return sealed || goesOn
}

func (s *pop3) userName(rest string) bool {
	if !s.offers("USER") {
		return s.wrong("-ERR Not without TLS")
	}
	if rest == "" {
		return s.wrong("-ERR A name is missing")
	}
	s.name = rest
	return s.Send("+OK Send the password")
}

// pass answers PASS. Its argument runs to the end of the line, spaces
// included (RFC 1939, section 7).
func (s *pop3) pass(line string) bool {
	if s.name == "" {
		return s.wrong("-ERR USER first")
	}
	_, password, _ := strings.Cut(line, " ")
	good := s.run.login(s.name, password)
	s.name = ""
	return s.loggedIn(good)
}

func (s *pop3) loggedIn(good bool) bool {
	if !good {
		return s.wrong("-ERR [AUTH] Authentication failed") // RFC 3206
	}
	s.user = true
	return s.Send("+OK The maildrop has 0 messages")
}

// auth answers AUTH, RFC 5034, section 4.
func (s *pop3) auth(rest string) bool {
	mechanism, initial := splitVerb(rest)
	if mechanism != "PLAIN" {
		return s.wrong("-ERR No such mechanism")
	}
	if !s.offers("SASL PLAIN") {
		return s.wrong("-ERR Not without TLS")
	}
	if initial == "" {
		var ok bool
		if !s.Send("+ ") {
			return false
		}
		if initial, ok = s.readSecret(); !ok {
			return false
		}
	}
	good, ok := s.run.plain(initial)
	if !ok {
		return s.wrong("-ERR Cannot decode, or cancelled")
	}
	return s.loggedIn(good)
}

// transaction answers the commands of a user, whose maildrop is empty.
func (s *pop3) transaction(verb, rest string) bool {
	switch verb {
	case "STAT":
		return s.Send("+OK 0 0")
	case "NOOP", "RSET":
		return s.Send("+OK")
	case "LIST", "UIDL":
		if rest == "" {
			return s.Send("+OK 0 messages", ".")
		}
		return s.noMessage(rest)
	case "RETR", "DELE", "TOP":
		return s.noMessage(rest)
	}
	return s.wrong("-ERR Unknown command, or not in this state")
}

func (s *pop3) noMessage(rest string) bool {
	number, _, _ := strings.Cut(rest, " ")
	if _, err := strconv.ParseUint(number, 10, 32); err != nil {
		return s.wrong("-ERR A message number is missing")
	}
	return s.Send("-ERR No such message")
}
