package sasl

import "fmt"

// Login sends user and password, each when it is asked for. It has no RFC.
var Login = &Mechanism{
	Name: "LOGIN",
	Manual: `The server asks "Username:" and "Password:", each in base64, and gets the
answers in base64. It was never standardised, and says no more than PLAIN: whoever
reads the line has the password. Some old servers offer nothing else.`,
	References: []string{"draft-murchison-sasl-login-00"},
	Plaintext:  true, NeedsPassword: true, ServerFirst: true,
	Start: startLogin,
}

func startLogin(c Credentials, _ Channel) (Exchange, error) {
	if c.Authz != "" {
		return nil, fmt.Errorf("LOGIN: there is no place for an authorization identity")
	}
	if err := c.userAndPassword("\x00"); err != nil {
		return nil, fmt.Errorf("LOGIN: %w", err)
	}
	return &login{answers: []Secret{NewSecret(c.User), c.Password}}, nil
}

// login answers by the order of the questions. Their words differ between
// servers, and are for people.
type login struct {
	unproved
	answers []Secret // that are still to be given
}

func (l *login) Initial() ([]byte, bool) { return nil, false }

func (l *login) Next([]byte) ([]byte, bool, error) {
	if len(l.answers) == 0 {
		return nil, true, fmt.Errorf("LOGIN: %w", errOver)
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer.Reveal()), len(l.answers) == 0, nil
}
