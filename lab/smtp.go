package lab

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// smtpClear and smtpSealed are the keywords of the answer to EHLO and LHLO,
// besides STARTTLS. AUTH is named inside TLS only: RFC 4954, section 4 wants
// no plain-text password to be asked for in clear.
var (
	smtpClear  = []string{"PIPELINING", "SIZE 1048576", "8BITMIME", "ENHANCEDSTATUSCODES"}
	smtpSealed = []string{"PIPELINING", "SIZE 1048576", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"}
)

// Bounds on mail.
const (
	maxMessage    = 1 << 20
	maxRecipients = 100 // RFC 5321, section 4.5.3.1.8 wants no less
)

// smtp is a session of SMTP (RFC 5321), of submission (RFC 6409) or of LMTP
// (RFC 2033).
type smtp struct {
	*Session
	esmtp bool // EHLO or LHLO was said
	helo  bool // EHLO, LHLO or HELO was said
	user  bool // AUTH went well
	from  bool // MAIL was said
	rcpts int
}

func serveSMTP(c *Session) {
	s := &smtp{Session: c}
	kind := "ESMTP"
	if s.lmtp() {
		kind = "LMTP"
	}
	if !s.greet("220 " + s.server.Name + " " + kind + " mailseal lab") {
		return
	}
	for s.command() {
	}
}

func (s *smtp) lmtp() bool       { return s.server.Protocol == "lmtp" }
func (s *smtp) submission() bool { return s.server.Protocol == "submission" }

// command reads one command and answers it. It returns false at the end.
func (s *smtp) command() bool {
	line, ok := s.readLine()
	if !ok {
		return false
	}
	verb, rest := splitVerb(line)
	switch verb {
	case "EHLO", "HELO", "LHLO":
		return s.hello(verb, rest)
	case "STARTTLS":
		return s.startTLS(line, rest)
	case "AUTH":
		return s.auth(rest)
	case "MAIL":
		return s.mail(rest)
	case "RCPT":
		return s.rcpt(rest)
	case "DATA":
		return s.data(rest)
	case "RSET":
		s.forgetMail()
		return s.Send("250 2.0.0 Flushed")
	case "NOOP":
		return s.Send("250 2.0.0 Ok")
	case "VRFY":
		return s.Send("252 2.5.2 Cannot verify, but will take mail for it")
	case "HELP":
		return s.Send("214 2.0.0 RFC 5321")
	case "QUIT":
		s.Send("221 2.0.0 " + s.server.Name + " closing")
		return false
	case "EXPN":
		return s.wrong("502 5.5.1 Command not implemented")
	}
	return s.wrong("500 5.5.2 Command not recognized")
}

// splitVerb parts a command from what follows it.
func splitVerb(line string) (verb, rest string) {
	verb, rest, _ = strings.Cut(strings.TrimRight(line, " \t"), " ")
	return strings.ToUpper(verb), strings.TrimSpace(rest)
}

// wrong answers a mistake, and says goodbye after too many.
func (s *smtp) wrong(reply string) bool {
	if s.mistake() {
		s.Send("421 4.7.0 " + s.server.Name + " Too many errors")
		return false
	}
	return s.Send(reply)
}

// hello answers EHLO and HELO, or LHLO in LMTP, which has neither of the
// others (RFC 2033, section 4.1).
func (s *smtp) hello(verb, rest string) bool {
	if (verb == "LHLO") != s.lmtp() {
		return s.wrong("500 5.5.1 Command not recognized")
	}
	if rest == "" {
		return s.wrong("501 5.5.4 A name is missing")
	}
	s.forgetMail() // RFC 5321, section 4.1.4: EHLO resets like RSET
	s.helo, s.esmtp = true, verb != "HELO"
	if !s.esmtp {
		return s.Send("250 " + s.server.Name)
	}
	if !s.tell(verb) {
		return false
	}
	return s.Send(smtpReply("250", append([]string{s.server.Name + " greets you"}, s.capabilities()...))...)
}

// smtpReply makes the lines of one reply, RFC 5321, section 4.2.
func smtpReply(code string, texts []string) []string {
	var lines []string
	for i, text := range texts {
		mark := "-"
		if i == len(texts)-1 {
			mark = " "
		}
		lines = append(lines, code+mark+text)
	}
	return lines
}

// startTLS answers STARTTLS, RFC 3207, section 4.
func (s *smtp) startTLS(line, rest string) bool {
	if rest != "" {
		return s.wrong("501 5.5.4 No parameters allowed")
	}
	if s.Sealed() {
		return s.wrong("503 5.5.1 TLS is active already")
	}
	if !s.esmtp {
		return s.wrong("503 5.5.1 Say hello first")
	}
	sealed, goesOn := s.upgrade(line, "", "220 2.0.0 Ready to start TLS", "502 5.5.1 Command not implemented")
	if sealed {
		*s = smtp{Session: s.Session} // RFC 3207, section 4.2: as after the greeting
	}
	return sealed || goesOn
}

// mechanisms are those that the capabilities name behind AUTH.
func (s *smtp) mechanisms() []string {
	for _, item := range s.capabilities() {
		if verb, rest := splitVerb(item); verb == "AUTH" {
			return strings.Fields(strings.ToUpper(rest))
		}
	}
	return nil
}

// auth answers AUTH, RFC 4954, section 4, with the mechanisms PLAIN and LOGIN.
func (s *smtp) auth(rest string) bool {
	switch {
	case !s.esmtp:
		return s.wrong("503 5.5.1 Say EHLO first")
	case s.mechanisms() == nil && !s.Sealed():
		return s.wrong("538 5.7.11 Encryption required for requested authentication mechanism")
	case s.mechanisms() == nil:
		return s.wrong("502 5.5.1 Command not implemented")
	case s.user:
		return s.wrong("503 5.5.1 Already authenticated")
	case s.from:
		return s.wrong("503 5.5.1 Not during a mail transaction")
	}
	mechanism, initial := splitVerb(rest)
	speak := map[string]func(string) (good, ok bool){"PLAIN": s.authPlain, "LOGIN": s.authLogin}[mechanism]
	if speak == nil || !slices.Contains(s.mechanisms(), mechanism) {
		return s.wrong("504 5.5.4 Unrecognized authentication mechanism")
	}
	good, ok := speak(initial)
	if !ok {
		return !s.ended && s.wrong("501 5.5.2 Cannot decode, or cancelled")
	}
	if !good {
		return s.wrong("535 5.7.8 Authentication credentials invalid")
	}
	s.user = true
	return s.Send("235 2.7.0 Authentication successful")
}

func (s *smtp) authPlain(initial string) (good, ok bool) {
	if initial == "" {
		if !s.Send("334 ") {
			return false, false
		}
		if initial, ok = s.readSecret(); !ok {
			return false, false
		}
	}
	return s.run.plain(initial)
}

// authLogin speaks LOGIN, which no RFC defines and every client knows.
func (s *smtp) authLogin(initial string) (good, ok bool) {
	if initial == "" {
		if !s.Send("334 VXNlcm5hbWU6") { // Username:
			return false, false
		}
		if initial, ok = s.readSecret(); !ok {
			return false, false
		}
	}
	user, ok := decode(initial)
	if !ok || !s.Send("334 UGFzc3dvcmQ6") { // Password:
		return false, false
	}
	line, ok := s.readSecret()
	if !ok {
		return false, false
	}
	password, ok := decode(line)
	return s.run.login(user, password), ok
}

// mail answers MAIL. A submission server wants TLS and a user first (RFC
// 6409, section 4.3, RFC 8314, section 3.3); a server for strangers must not
// ask for TLS (RFC 3207, section 4).
func (s *smtp) mail(rest string) bool {
	switch {
	case !s.helo:
		return s.wrong("503 5.5.1 Say hello first")
	case s.from:
		return s.wrong("503 5.5.1 One sender at a time")
	case s.submission() && !s.Sealed() && !s.user:
		return s.wrong("530 5.7.0 Must issue a STARTTLS command first")
	case s.submission() && !s.user:
		return s.wrong("530 5.7.0 Authentication required")
	case !isPath(rest, "FROM:"):
		return s.wrong("501 5.5.4 Syntax: MAIL FROM:<address>")
	}
	s.from = true
	return s.Send("250 2.1.0 Sender ok")
}

func (s *smtp) rcpt(rest string) bool {
	switch {
	case !s.from:
		return s.wrong("503 5.5.1 Need MAIL first")
	case !isPath(rest, "TO:") || strings.HasPrefix(rest[len("TO:"):], "<>"):
		return s.wrong("501 5.5.4 Syntax: RCPT TO:<address>")
	case s.rcpts >= maxRecipients:
		return s.Send("452 4.5.3 Too many recipients")
	}
	s.rcpts++
	return s.Send("250 2.1.5 Recipient ok")
}

// isPath tells whether an argument is FROM:<…> or TO:<…>, with parameters or
// without.
func isPath(arg, key string) bool {
	if len(arg) < len(key) || !strings.EqualFold(arg[:len(key)], key) {
		return false
	}
	path := strings.TrimLeft(arg[len(key):], " ") // a space there is wrong, and common
	end := strings.IndexByte(path, '>')
	return strings.HasPrefix(path, "<") && end > 0 && (end == len(path)-1 || path[end+1] == ' ')
}

// data takes a message and throws it away.
func (s *smtp) data(rest string) bool {
	switch {
	case rest != "":
		return s.wrong("501 5.5.4 No parameters allowed")
	case !s.from:
		return s.wrong("503 5.5.1 Need MAIL first")
	case s.rcpts == 0:
		return s.wrong("503 5.5.1 Need RCPT first")
	}
	if !s.Send("354 End data with <CR><LF>.<CR><LF>") {
		return false
	}
	fits, ok := s.message()
	if !ok {
		return false
	}
	reply, replies := "250 2.0.0 Taken, and thrown away", 1
	if !fits {
		reply = "552 5.3.4 Message too big"
	}
	if s.lmtp() {
		replies = s.rcpts // RFC 2033, section 4.2: one reply for each recipient
	}
	s.forgetMail()
	for range replies {
		if !s.Send(reply) {
			return false
		}
	}
	return true
}

// message reads up to the line with a single dot. Both line ends around the
// dot must be CRLF: RFC 5321, section 4.1.1.4 forbids to take a bare line feed
// for one.
func (s *smtp) message() (fits, ok bool) {
	size, after := 0, true
	for {
		part, err := s.in.ReadSlice('\n')
		whole := err == nil
		if err != nil && len(part) < s.in.Size() { // only a full buffer is no failure
			s.fail(err)
			return false, false
		}
		if after && whole && string(part) == ".\r\n" {
			s.recordMessage(size)
			return size <= maxMessage, true
		}
		if size += len(part); size > 4*maxMessage {
			return false, false
		}
		after = whole && strings.HasSuffix(string(part), "\r\n")
	}
}

func (s *smtp) recordMessage(size int) {
	s.rec.line(observe.Client, s.Sealed(), fmt.Sprintf("[a message of %d bytes]", size), observe.CRLF, true)
}

func (s *smtp) forgetMail() { s.from, s.rcpts = false, 0 }
