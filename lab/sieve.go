package lab

import (
	"io"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// sieveClear and sieveSealed are the capability lines, RFC 5804, section 1.7,
// besides "STARTTLS". In clear the list of mechanisms is empty.
var (
	sieveClear  = []string{`"IMPLEMENTATION" "mailseal-lab"`, `"SIEVE" "fileinto"`, `"VERSION" "1.0"`, `"SASL" ""`}
	sieveSealed = []string{`"IMPLEMENTATION" "mailseal-lab"`, `"SIEVE" "fileinto"`, `"VERSION" "1.0"`, `"SASL" "PLAIN"`}
)

// sieve is a session of ManageSieve, RFC 5804.
type sieve struct {
	*Session
	user bool
}

func serveSieve(c *Session) {
	s := &sieve{Session: c}
	if s.instead(observe.Greeting) {
		return
	}
	if !s.capability("greeting", s.greeting()) {
		return
	}
	for s.command() {
	}
}

// greeting is what ends the capabilities of the greeting.
func (s *sieve) greeting() []string {
	if s.server.Greeting != nil {
		return s.server.Greeting
	}
	return []string{`OK "` + s.server.Name + ` mailseal lab ready"`}
}

// capability sends the capabilities and what ends them. The server does so
// unasked when a client comes, and again once TLS stands (RFC 5804, section
// 2.2).
func (s *sieve) capability(command string, end []string) bool {
	if !s.asked && s.server.Instead[observe.Capability] != nil {
		s.Send(s.capabilities()...)
	}
	if command == "greeting" && !s.Sealed() {
		s.rec.reach(observe.Greeting)
	}
	if !s.tell(command) {
		return false
	}
	return s.Send(append(append([]string(nil), s.capabilities()...), end...)...)
}

// command reads one command and answers it. It returns false at the end.
func (s *sieve) command() bool {
	toks, line, how := s.readTokens(nil)
	switch how {
	case over:
		return false
	case tooLong:
		s.Send(`BYE "A literal is too long"`)
		return false
	case broken:
		return s.wrong(`NO "Cannot parse the command"`)
	}
	if len(toks) == 0 || !toks[0].plain {
		return s.wrong(`NO "A command is needed"`)
	}
	verb, args := strings.ToUpper(toks[0].text), toks[1:]
	switch verb {
	case "CAPABILITY":
		return s.capability(verb, []string{`OK "Capability completed"`})
	case "NOOP":
		return s.noop(args)
	case "LOGOUT":
		s.Send(`OK "Logout completed"`)
		return false
	case "STARTTLS":
		return s.startTLS(line, args)
	case "AUTHENTICATE":
		return s.authenticate(args)
	}
	return s.script(verb, args)
}

// wrong answers a mistake, and leaves after too many.
func (s *sieve) wrong(reply string) bool {
	if s.mistake() {
		s.Send(`BYE "Too many errors"`)
		return false
	}
	return s.Send(reply)
}

// noop answers NOOP, which gives its argument back (RFC 5804, section 2.13).
func (s *sieve) noop(args []token) bool {
	if len(args) == 0 {
		return s.Send(`OK "Done"`)
	}
	return s.Send("OK (TAG " + quote(args[0].text) + `) "Done"`)
}

// quote writes a string so that it cannot leave its quotes.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
		case c < ' ' || c > '~':
			c = '?'
		}
		b.WriteByte(c)
	}
	return b.String() + `"`
}

// startTLS answers STARTTLS, RFC 5804, section 2.2.
func (s *sieve) startTLS(line string, args []token) bool {
	if len(args) > 0 {
		return s.wrong(`NO "No parameters allowed"`)
	}
	if s.Sealed() || s.user {
		return s.wrong(`NO "TLS is active already, or you are logged in"`)
	}
	sealed, goesOn := s.upgrade(line, "", `OK "Begin TLS negotiation now."`, `NO "Unknown command"`)
	if !sealed {
		return goesOn
	}
	return s.capability("STARTTLS", []string{`OK "TLS negotiation successful."`})
}

// authenticate answers AUTHENTICATE "PLAIN", RFC 5804, section 2.1.
func (s *sieve) authenticate(args []token) bool {
	if s.user {
		return s.wrong(`NO "Already authenticated"`)
	}
	if len(args) == 0 || len(args) > 2 {
		return s.wrong(`NO "Syntax: AUTHENTICATE mechanism"`)
	}
	if !s.offers(`"SASL" "PLAIN"`) {
		return s.wrong(`NO (ENCRYPT-NEEDED) "Not without TLS"`)
	}
	if !strings.EqualFold(args[0].text, "PLAIN") {
		return s.wrong(`NO "No such mechanism"`)
	}
	response := ""
	if len(args) == 2 {
		response = args[1].text
	} else {
		var ok bool
		if response, ok = s.challenge(); !ok {
			return !s.ended && s.wrong(`NO "A string is needed"`)
		}
	}
	good, ok := s.run.plain(response)
	if !ok {
		return s.wrong(`NO "Cannot decode, or cancelled"`)
	}
	if !good {
		return s.wrong(`NO "Authentication failed"`)
	}
	s.user = true
	return s.Send(`OK "Logged in"`)
}

// challenge sends the empty challenge and reads a string.
func (s *sieve) challenge() (string, bool) {
	if !s.Send(`""`) {
		return "", false
	}
	line, ok := s.readSecret()
	if !ok {
		return "", false
	}
	toks, lit, ok := parseTokens(line)
	switch {
	case !ok:
		return "", false
	case lit == nil && len(toks) == 1:
		return toks[0].text, true
	case lit != nil && len(toks) == 0 && lit.plus && lit.size <= maxLiteral:
		return s.secretLiteral(lit.size)
	}
	return "", false
}

// secretLiteral reads a literal and the end of its line.
func (s *sieve) secretLiteral(size int) (string, bool) {
	text := make([]byte, size)
	if _, err := io.ReadFull(s.in, text); err != nil {
		s.fail(err)
		return "", false
	}
	s.recordLiteral(text, true)
	rest, ok := s.readSecret()
	return string(text), ok && rest == ""
}

// script answers the commands about scripts, of which there are none.
func (s *sieve) script(verb string, args []token) bool {
	switch verb {
	case "LISTSCRIPTS", "HAVESPACE", "PUTSCRIPT", "CHECKSCRIPT", "SETACTIVE", "GETSCRIPT", "DELETESCRIPT", "RENAMESCRIPT":
	default:
		return s.wrong(`NO "Unknown command"`)
	}
	if !s.user {
		return s.wrong(`NO "Authenticate first"`)
	}
	switch verb {
	case "LISTSCRIPTS", "HAVESPACE":
		return s.Send(`OK "` + verb + ` completed"`)
	case "CHECKSCRIPT", "PUTSCRIPT":
		return s.Send(`NO (QUOTA) "The lab keeps no scripts"`)
	case "SETACTIVE":
		if len(args) == 1 && args[0].text == "" { // RFC 5804, section 2.8: no script is active
			return s.Send(`OK "None is active"`)
		}
	}
	return s.Send(`NO (NONEXISTENT) "No such script"`)
}
