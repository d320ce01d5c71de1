package sasl

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
)

// CramMD5 answers a challenge with a keyed hash, RFC 2195.
var CramMD5 = &Mechanism{
	Name: "CRAM-MD5",
	Manual: `The server sends a text that it never sends again; the answer is the user, a
space, and the HMAC-MD5 of that text under the password. The password is not sent,
but whoever reads both can try passwords at home, and a false server can ask. The
server does not prove itself, and must store what is as good as the password.`,
	References:    []string{"RFC 2195"},
	NeedsPassword: true, ServerFirst: true,
	Start: startCramMD5,
}

func startCramMD5(c Credentials, _ Channel) (Exchange, error) {
	if c.Authz != "" {
		return nil, errors.New("CRAM-MD5: there is no place for an authorization identity")
	}
	if err := c.userAndPassword(""); err != nil {
		return nil, fmt.Errorf("CRAM-MD5: %w", err)
	}
	return &cramMD5{user: c.User, password: c.Password}, nil
}

type cramMD5 struct {
	unproved
	user     string
	password Secret
	used     bool
}

func (c *cramMD5) Initial() ([]byte, bool) { return nil, false }

// Next computes the keyed hash of RFC 2195, section 2. An empty challenge would
// be the same every time, so that what we answer could be used again.
func (c *cramMD5) Next(challenge []byte) ([]byte, bool, error) {
	if c.used {
		return nil, true, fmt.Errorf("CRAM-MD5: %w", errOver)
	}
	c.used = true
	if len(challenge) == 0 {
		return nil, true, &Lie{"CRAM-MD5", "the server's challenge is empty"}
	}
	mac := hmac.New(md5.New, []byte(c.password.Reveal()))
	mac.Write(challenge)
	return []byte(c.user + " " + hex.EncodeToString(mac.Sum(nil))), true, nil
}
