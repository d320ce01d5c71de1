package sasl

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Timestamp finds in a POP3 greeting what APOP hashes, RFC 1939, section 7:
// "<1896.697170952@dbc.mtview.ca.us>", the brackets included. The greeting may
// be the time-stamp alone. Without one the server has no APOP.
func Timestamp(greeting string) (stamp string, ok bool) {
	from := strings.IndexByte(greeting, '<')
	if from < 0 {
		return "", false
	}
	to := strings.IndexByte(greeting[from:], '>')
	if to < 0 || strings.ContainsFunc(greeting[from:from+to], notPrintableASCII) || !strings.Contains(greeting[from:from+to], "@") {
		return "", false
	}
	return greeting[from : from+to+1], true
}

func notPrintableASCII(r rune) bool { return r < 0x20 || r > 0x7e }

// APOP returns POP3's command of that name, RFC 1939, section 7: the MD5 of
// the time-stamp and the password. Like CRAM-MD5 it lets whoever has read it
// guess at home; unlike it the hash is not even keyed, and false greetings
// have been used to get at passwords letter by letter.
func APOP(greeting, user string, password Secret) (string, error) {
	stamp, ok := Timestamp(greeting)
	if !ok {
		return "", errors.New("APOP: the greeting has no time-stamp in <>, so the server does not offer it")
	}
	c := Credentials{User: user, Password: password}
	if err := c.userAndPassword("\r\n\x00"); err != nil {
		return "", fmt.Errorf("APOP: %w", err)
	}
	if strings.Contains(user, " ") {
		return "", errors.New("APOP: the user name has a space")
	}
	sum := md5.Sum([]byte(stamp + password.Reveal()))
	return "APOP " + user + " " + hex.EncodeToString(sum[:]), nil
}

// IMAPString writes text as RFC 9051, section 4.3, wants it: quoted where that
// is possible, else as a literal. A literal is two pieces: behind the first the
// client waits for the server's "+". Beyond ASCII it is a literal, because
// servers before IMAP4rev2 do not take it quoted.
func IMAPString(text string) (pieces []string, err error) {
	if strings.Contains(text, "\x00") {
		return nil, errors.New("a string of IMAP cannot hold a NUL")
	}
	if len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' || r >= utf8.RuneSelf }) {
		return []string{fmt.Sprintf("{%d}", len(text)), text}, nil
	}
	return []string{`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`}, nil
}

// IMAPLogin returns the command LOGIN without its tag, RFC 9051, section
// 6.2.3, in the pieces that are sent one after the other: behind each but the
// last the client sends CR LF and waits for the server's "+".
func IMAPLogin(user string, password Secret) ([]string, error) {
	c := Credentials{User: user, Password: password}
	if err := c.userAndPassword("\x00"); err != nil {
		return nil, fmt.Errorf("LOGIN: %w", err)
	}
	pieces := []string{"LOGIN"}
	for _, text := range []string{user, password.Reveal()} {
		written, err := IMAPString(text)
		if err != nil {
			return nil, fmt.Errorf("LOGIN: %w", err)
		}
		pieces[len(pieces)-1] += " " + written[0]
		pieces = append(pieces, written[1:]...)
	}
	return pieces, nil
}

// UserPass returns the commands by which a protocol takes user and password as
// they are: POP3 (RFC 1939), FTP (RFC 959), NNTP (RFC 4643), and IRC, which has
// only a password for the connection.
func UserPass(protocol, user string, password Secret) ([]string, error) {
	words, ok := map[string][2]string{
		"pop3": {"USER ", "PASS "}, "ftp": {"USER ", "PASS "},
		"nntp": {"AUTHINFO USER ", "AUTHINFO PASS "}, "irc": {"", "PASS :"},
	}[protocol]
	if !ok {
		return nil, fmt.Errorf("%s has no commands for user and password", protocol)
	}
	c := Credentials{User: user, Password: password}
	if words[0] == "" {
		c.User = "-"
	}
	if err := c.userAndPassword("\r\n\x00"); err != nil {
		return nil, err
	}
	if words[0] == "" {
		return []string{words[1] + password.Reveal()}, nil
	}
	return []string{words[0] + user, words[1] + password.Reveal()}, nil
}
