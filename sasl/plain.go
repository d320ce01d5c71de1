package sasl

import "fmt"

// Plain sends user and password, RFC 4616.
var Plain = &Mechanism{
	Name: "PLAIN",
	Manual: `One message: authorization identity, NUL, user, NUL, password. Base64 is no
encryption: whoever reads the line has the password, and so has the server.
Use it inside TLS only, with a certificate that was verified.`,
	References: []string{"RFC 4616"},
	Plaintext:  true, NeedsPassword: true,
	Start: startPlain,
}

// startPlain sends the strings as they are: to prepare them is the server's
// part, RFC 4616, section 2.
func startPlain(c Credentials, _ Channel) (Exchange, error) {
	if err := c.userAndPassword("\x00"); err != nil {
		return nil, fmt.Errorf("PLAIN: %w", err)
	}
	message := c.Authz + "\x00" + c.User + "\x00" + c.Password.Reveal()
	return &single{name: "PLAIN", response: NewSecret(message)}, nil
}

// userAndPassword tells what is missing, or holds a mark of the mechanism.
func (c Credentials) userAndPassword(marks string) error {
	if c.User == "" {
		return errNoUser
	}
	if c.Password.Len() == 0 {
		return errNoPassword
	}
	if err := free("the password", c.Password.Reveal(), marks); err != nil {
		return err
	}
	return c.identities(marks)
}

func (c Credentials) identities(marks string) error {
	if err := free("the user name", c.User, marks); err != nil {
		return err
	}
	return free("the authorization identity", c.Authz, marks)
}
