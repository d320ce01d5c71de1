package lab

import (
	"strings"
)

// imapClear and imapSealed are the items of the CAPABILITY response, besides
// STARTTLS. In clear LOGIN is disabled and no mechanism is named (RFC 3501,
// section 6.2.1; RFC 2595, section 3.2).
var (
	imapClear  = []string{"IMAP4rev1", "LITERAL-", "ID", "LOGINDISABLED"}
	imapSealed = []string{"IMAP4rev1", "LITERAL-", "ID", "SASL-IR", "AUTH=PLAIN"}
)

// imap is a session of IMAP4rev1, RFC 3501.
type imap struct {
	*Session
	user     bool // the authenticated state
	selected bool // INBOX is selected
}

func serveIMAP(c *Session) {
	s := &imap{Session: c}
	if !s.greetIMAP() {
		return
	}
	for s.command() {
	}
}

func (s *imap) greetIMAP() bool {
	code := ""
	if s.server.GreetCapabilities {
		code = "[CAPABILITY " + strings.Join(s.capabilities(), " ") + "] "
	}
	if !s.greet("* OK " + code + s.server.Name + " mailseal lab ready") {
		return false
	}
	s.user = s.server.Greeting != nil && strings.HasPrefix(s.server.Greeting[0], "* PREAUTH")
	return code == "" || s.tell("greeting")
}

// command reads one command and answers it. It returns false at the end.
func (s *imap) command() bool {
	toks, line, how := s.readTokens(func() bool { return s.Send("+ Ready for literal data") })
	switch how {
	case over:
		return false
	case tooLong:
		s.Send("* BYE A literal is too long")
		return false
	case broken:
		return s.wrong(tagOf(line), "Cannot parse the command")
	}
	if len(toks) < 2 || !isTag(toks[0]) {
		return s.wrong(tagOf(line), "A tag and a command are needed")
	}
	return s.answer(toks[0].text, strings.ToUpper(toks[1].text), toks[2:], line)
}

// tagOf returns the tag of a line, or "*" where it has none.
func tagOf(line string) string {
	word, _ := nextWord(line, 0)
	if isTag(token{word, true}) {
		return word
	}
	return "*"
}

// isTag tells whether a token can be a tag: it is echoed, so nothing but
// letters, digits and harmless signs is taken.
func isTag(t token) bool {
	if !t.plain || t.text == "" || len(t.text) > 64 {
		return false
	}
	for _, b := range []byte(t.text) {
		if b <= ' ' || b > '~' || strings.IndexByte(`()"{%*\+]`, b) >= 0 {
			return false
		}
	}
	return true
}

// wrong answers a mistake, and leaves after too many.
func (s *imap) wrong(tag, text string) bool {
	if s.mistake() {
		s.Send("* BYE Too many errors")
		return false
	}
	return s.Send(tag + " BAD " + text)
}

// answer carries out a command of any state.
func (s *imap) answer(tag, verb string, args []token, line string) bool {
	switch verb {
	case "CAPABILITY":
		if !s.tell(verb) {
			return false
		}
		return s.Send("* CAPABILITY "+strings.Join(s.capabilities(), " "), tag+" OK Capability completed")
	case "NOOP":
		return s.Send(tag + " OK Noop completed")
	case "ID": // RFC 2971
		return s.Send(`* ID ("name" "mailseal-lab")`, tag+" OK Id completed")
	case "LOGOUT":
		s.Send("* BYE Logging out", tag+" OK Logout completed")
		return false
	}
	if s.user {
		return s.authenticated(tag, verb, args)
	}
	switch verb {
	case "STARTTLS":
		return s.startTLS(tag, line, args)
	case "LOGIN":
		return s.login(tag, args)
	case "AUTHENTICATE":
		return s.authenticate(tag, args)
	}
	return s.wrong(tag, "Unknown command, or not in this state")
}

// startTLS answers STARTTLS, RFC 3501, section 6.2.1. It is valid before
// authentication only, and only once.
func (s *imap) startTLS(tag, line string, args []token) bool {
	if len(args) > 0 {
		return s.wrong(tag, "No parameters allowed")
	}
	if s.Sealed() {
		return s.wrong(tag, "TLS is active already")
	}
	sealed, goesOn := s.upgrade(line, tag+" ", "OK Begin TLS negotiation now", "BAD Unknown command")
	return sealed || goesOn
}

func (s *imap) login(tag string, args []token) bool {
	if s.offers("LOGINDISABLED") {
		return s.Send(tag + " NO [PRIVACYREQUIRED] LOGIN is disabled without TLS") // RFC 5530, section 3
	}
	if len(args) != 2 {
		return s.wrong(tag, "Syntax: LOGIN user password")
	}
	return s.loggedIn(tag, s.run.login(args[0].text, args[1].text))
}

// authenticate answers AUTHENTICATE PLAIN, with an initial response (RFC
// 4959) or without.
func (s *imap) authenticate(tag string, args []token) bool {
	if len(args) == 0 || len(args) > 2 {
		return s.wrong(tag, "Syntax: AUTHENTICATE mechanism")
	}
	if !strings.EqualFold(args[0].text, "PLAIN") {
		return s.Send(tag + " NO No such mechanism")
	}
	if !s.offers("AUTH=PLAIN") {
		return s.Send(tag + " NO [PRIVACYREQUIRED] Not without TLS")
	}
	response := ""
	if len(args) == 2 {
		response = args[1].text
	} else {
		var ok bool
		if !s.Send("+ ") {
			return false
		}
		if response, ok = s.readSecret(); !ok {
			return false
		}
	}
	good, ok := s.run.plain(response)
	if !ok {
		return s.wrong(tag, "Cannot decode, or cancelled")
	}
	return s.loggedIn(tag, good)
}

func (s *imap) loggedIn(tag string, good bool) bool {
	if !good {
		return s.Send(tag+" NO [AUTHENTICATIONFAILED] Authentication failed") && !s.mistake()
	}
	s.user = true
	return s.Send(tag + " OK Logged in")
}

// authenticated carries out what a user may ask for. The mailbox is empty and
// nothing can be made.
func (s *imap) authenticated(tag, verb string, args []token) bool {
	switch verb {
	case "LIST", "LSUB":
		return s.list(tag, verb, args)
	case "SELECT", "EXAMINE":
		return s.open(tag, verb, args)
	case "STATUS":
		if len(args) < 3 || !isInbox(args[0]) {
			return s.Send(tag + " NO [NONEXISTENT] No such mailbox")
		}
		return s.Send("* STATUS INBOX (MESSAGES 0 RECENT 0 UIDNEXT 1 UIDVALIDITY 1 UNSEEN 0)", tag+" OK Status completed")
	case "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "APPEND":
		return s.Send(tag + " NO [NOPERM] The lab has one mailbox and it stays empty")
	}
	if s.selected {
		return s.inMailbox(tag, verb, args)
	}
	return s.wrong(tag, "Unknown command, or not in this state")
}

func isInbox(t token) bool { return strings.EqualFold(t.text, "INBOX") }

func (s *imap) list(tag, verb string, args []token) bool {
	if len(args) != 2 {
		return s.wrong(tag, "Syntax: "+verb+" reference mailbox")
	}
	done := tag + " OK " + verb + " completed"
	switch pattern := args[1].text; {
	case pattern == "":
		return s.Send("* "+verb+` (\Noselect) "/" ""`, done)
	case pattern == "*", pattern == "%", strings.EqualFold(pattern, "INBOX"):
		return s.Send("* "+verb+` () "/" INBOX`, done)
	}
	return s.Send(done)
}

func (s *imap) open(tag, verb string, args []token) bool {
	if len(args) == 0 {
		return s.wrong(tag, "Syntax: "+verb+" mailbox")
	}
	s.selected = isInbox(args[0])
	if !s.selected {
		return s.Send(tag + " NO [NONEXISTENT] No such mailbox")
	}
	access := "READ-WRITE"
	if verb == "EXAMINE" {
		access = "READ-ONLY"
	}
	return s.Send(
		`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`, "* 0 EXISTS", "* 0 RECENT",
		"* OK [UIDVALIDITY 1] The only one", "* OK [UIDNEXT 1] Nothing came yet", "* OK [PERMANENTFLAGS ()] None",
		tag+" OK ["+access+"] "+verb+" completed",
	)
}

// inMailbox carries out the commands of the selected state.
func (s *imap) inMailbox(tag, verb string, args []token) bool {
	if verb == "UID" && len(args) > 0 { // RFC 3501, section 6.4.8: no message has a number, so no command has a result
		verb = strings.ToUpper(args[0].text)
		if verb != "SEARCH" && verb != "EXPUNGE" {
			return s.Send(tag + " OK There are no messages")
		}
	}
	switch verb {
	case "CLOSE":
		s.selected = false
		return s.Send(tag + " OK Close completed")
	case "SEARCH":
		return s.Send("* SEARCH", tag+" OK Search completed")
	case "CHECK", "EXPUNGE":
		return s.Send(tag + " OK " + verb + " completed, there are no messages")
	case "FETCH", "STORE", "COPY":
		return s.wrong(tag, "There are no messages")
	}
	return s.wrong(tag, "Unknown command, or not in this state")
}
