package talk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/sasl"
)

// Older than the mechanisms are the commands that a protocol has of its own.
// They are never chosen by themselves.
const (
	oldAPOP     = "APOP"     // POP3's, by the time-stamp of its greeting
	oldUserPass = "USERPASS" // USER and PASS, AUTHINFO, and IMAP's LOGIN
)

// AuthNames are the names that [Session.Auth] knows.
func AuthNames() []string {
	names := []string{"strongest"}
	for _, m := range sasl.All {
		names = append(names, strings.ToLower(m.Name))
	}
	return append(names, strings.ToLower(oldAPOP), strings.ToLower(oldUserPass))
}

// authOld logs in by the commands of the protocol.
func (s *Session) authOld(name string) error {
	if !s.dares(name) {
		return &Failure{LoggingIn, "not logged in"}
	}
	if err := s.Await(); err != nil {
		return err
	}
	a := &login{s: s, name: name}
	var c sasl.Credentials
	err := a.credentials(&sasl.Mechanism{NeedsPassword: true}, &c)
	var lines []string
	if err == nil {
		lines, err = s.oldLines(name, c)
	}
	if err != nil {
		s.note("%v", err)
		return &Failure{LoggingIn, "not logged in"}
	}
	for _, line := range lines {
		if _, err := s.Say(line); err != nil {
			return err
		}
		if err := s.Await(); err != nil {
			return err
		}
		if refused(s.place.Protocol, s.Answered()) {
			return failed(LoggingIn, "not logged in: the server refused")
		}
	}
	s.note("logged in as %s", observe.Escape(c.User))
	return nil
}

// oldLines are what is said, each when the server has answered the one before.
func (s *Session) oldLines(name string, c sasl.Credentials) ([]string, error) {
	switch protocol := s.place.Protocol; {
	case name == oldAPOP && protocol != "pop3":
		return nil, fmt.Errorf("APOP is a command of POP3, not of %s", protocol)
	case name == oldAPOP:
		line, err := sasl.APOP(s.greeting(), c.User, c.Password)
		return []string{line}, err
	case protocol == "imap":
		pieces, err := sasl.IMAPLogin(c.User, c.Password)
		if err == nil {
			s.mu.Lock()
			pieces[0] = s.tag() + " " + pieces[0]
			s.mu.Unlock()
		}
		return pieces, err
	default:
		return sasl.UserPass(protocol, c.User, c.Password)
	}
}

// greeting is the first line of the server's, which holds APOP's time-stamp.
func (s *Session) greeting() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.kept, func(l observe.Line) bool { return l.From == observe.Server })
	if i < 0 {
		return ""
	}
	return string(s.kept[i].Text)
}

// refused tells whether an answer is a no.
func refused(protocol string, answer []string) bool {
	if len(answer) == 0 {
		return true
	}
	last := answer[len(answer)-1]
	switch protocol {
	case "pop3":
		return !strings.HasPrefix(last, "+OK")
	case "imap":
		words := strings.Fields(last + " -")
		return words[0] != "+" && words[1] != "OK"
	case "irc":
		return false // it does not answer
	}
	code, _, ok := replyCode(last)
	return !ok || code >= 400
}
