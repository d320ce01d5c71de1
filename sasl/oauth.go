package sasl

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// OAuthBearer sends an OAuth 2.0 access token, RFC 7628.
var OAuthBearer = &Mechanism{
	Name: "OAUTHBEARER",
	Manual: `The message carries an access token, which another server has issued, and for
which host and port it is meant. Whoever reads the line can use the token until it
ends. A refusal comes as a challenge with JSON inside, which is answered by one byte.`,
	References: []string{"RFC 7628", "RFC 6750"},
	Plaintext:  true, NeedsToken: true,
	Start: func(c Credentials, _ Channel) (Exchange, error) {
		return startBearer("OAUTHBEARER", c, oauthBearer, "\x01")
	},
}

// XOAuth2 is the form of OAUTHBEARER that Google made before there was an RFC.
var XOAuth2 = &Mechanism{
	Name: "XOAUTH2",
	Manual: `The message carries user and access token. Whoever reads the line can use the
token until it ends. A refusal comes as a challenge with JSON inside, which is
answered by an empty line. It has no RFC; OAUTHBEARER is its standard.`,
	References: []string{"https://developers.google.com/workspace/gmail/imap/xoauth2-protocol"},
	Plaintext:  true, NeedsToken: true,
	Start: func(c Credentials, _ Channel) (Exchange, error) {
		return startBearer("XOAUTH2", c, xoauth2, "")
	},
}

// startBearer makes the message once. The last of its parameters is what
// answers the server's refusal.
func startBearer(name string, c Credentials, message func(Credentials) string, yes string) (Exchange, error) {
	if c.Token.Len() == 0 {
		return nil, fmt.Errorf("%s: %w", name, errNoToken)
	}
	if c.User == "" && name == "XOAUTH2" {
		return nil, fmt.Errorf("%s: %w", name, errNoUser)
	}
	if !bearerToken(c.Token.Reveal()) {
		return nil, fmt.Errorf("%s: the token has a character that no bearer token has (RFC 6750, section 2.1)", name)
	}
	if err := errors.Join(c.identities(controls), free("the host", c.Host, controls)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	first := single{name: name, response: NewSecret(message(c))}
	return &bearer{single: first, yes: yes}, nil
}

// oauthBearer is the message of RFC 7628, section 3.1: the header of GS2 (RFC
// 5801, section 4), then key and value pairs, each ended by control-A.
func oauthBearer(c Credentials) string {
	var b strings.Builder
	b.WriteString("n,")
	if as := cmp.Or(c.Authz, c.User); as != "" {
		b.WriteString("a=" + saslName(as))
	}
	b.WriteString(",\x01")
	if c.Host != "" {
		b.WriteString("host=" + c.Host + "\x01")
	}
	if c.Port != 0 {
		b.WriteString("port=" + strconv.Itoa(c.Port) + "\x01")
	}
	b.WriteString("auth=Bearer " + c.Token.Reveal() + "\x01\x01")
	return b.String()
}

func xoauth2(c Credentials) string {
	return "user=" + c.User + "\x01auth=Bearer " + c.Token.Reveal() + "\x01\x01"
}

// bearerToken tells whether s is a b64token, RFC 6750, section 2.1.
func bearerToken(s string) bool {
	s = strings.TrimRight(s, "=")
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") == ""
}

// bearer is single, but a second challenge is the server's refusal in words:
// RFC 7628, section 3.2.3.
type bearer struct {
	single
	yes     string
	refused bool
}

func (b *bearer) Next(challenge []byte) ([]byte, bool, error) {
	if !b.used {
		return b.single.Next(challenge)
	}
	if b.refused {
		return nil, true, fmt.Errorf("%s: %w", b.name, errOver)
	}
	b.refused = true
	return []byte(b.yes), true, &ServerError{b.name, observe.Text(challenge)}
}
