// Package sasl proves to a server who one is, by the mechanisms of RFC 4422,
// and keeps the passwords that this takes out of sight.
//
// The pieces, in the order in which a session needs them:
//
//  1. A [Secret] holds a password or a token. However it is printed, only its
//     length is shown; [Secret.Reveal] is the one way to its text.
//  2. [Strongest] chooses a [Mechanism] among those that a server offers, by
//     the order of [All].
//  3. [Mechanism.Start] begins an [Exchange]: it takes the server's challenges
//     and returns our responses, as bytes. It does no input or output.
//  4. A [Profile] says how a protocol carries these bytes in its lines: SMTP's
//     "334 …", IMAP's "+ …".
//  5. A [Redactor] reads along and takes the secrets out of what is shown and
//     stored; [Decode] explains to a person what such a line holds.
//
// A password sent by PLAIN or LOGIN is readable by the server and by all who
// read the line: Mechanism.Plaintext marks these. SCRAM (RFC 5802) never sends
// it, makes the server prove that it knows the password as well, and its -PLUS
// form ties the exchange to the TLS connection below, so that nobody sits in
// between. What an exchange needs of that connection is a [Channel].
//
// APOP, IMAP's LOGIN, and USER and PASS are older than SASL and belong to
// their protocols; [APOP], [IMAPLogin] and [UserPass] write them.
package sasl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// Credentials say who one is. A mechanism takes the fields that it needs.
type Credentials struct {
	User     string // the authentication identity: whose password it is
	Authz    string // the authorization identity: as whom to act; empty: as User
	Password Secret
	Token    Secret // an OAuth 2.0 access token
	Host     string // the server's name and port as they were asked for; only
	Port     int    // OAUTHBEARER sends them, and leaves them out when zero
	Nonce    string // of SCRAM; empty: a fresh one, as it must be but to show a known exchange again
}

// Mechanism is one way to prove who one is.
type Mechanism struct {
	Name       string // as it is registered and offered
	Manual     string
	References []string

	Plaintext        bool // the server, and whoever reads the line, can use again what we send
	Mutual           bool // the server proves itself as well
	Binds            bool // the exchange is tied to the TLS connection: the -PLUS forms
	ServerFirst      bool // it begins with the server's challenge
	NeedsPassword    bool
	NeedsToken       bool
	NeedsCertificate bool // the client has shown a certificate in TLS

	// Start begins an exchange. An error says what is missing or cannot be
	// sent; it never shows a secret.
	Start func(Credentials, Channel) (Exchange, error)
}

// Exchange is one run of a mechanism. It is used by one goroutine, once.
type Exchange interface {
	// Initial returns the response that may be sent along with the
	// mechanism's name, RFC 4422, section 4. Where has is true it may still be
	// empty. If the protocol cannot carry it, do not call Initial: the server
	// then sends an empty challenge, and Next answers it with the same.
	Initial() (response []byte, has bool)

	// Next answers a challenge. Done says that the mechanism expects no
	// other one. An error ends the exchange: the server has lied, refused, or
	// sent what is no challenge of this mechanism. If there is a response
	// beside the error then the server waits for it and will refuse; else
	// cancel, which is done by "*".
	Next(challenge []byte) (response []byte, done bool, err error)

	// Succeeded is told that the server has let us in, with the data that it
	// sent along (RFC 4422, section 4; nil for none). The error says that it
	// did so without the proof that the mechanism wants: do not trust it.
	Succeeded(data []byte) error

	// Verified tells whether the server has proved that it knows the
	// password: unknown before it should have, always no for mechanisms that
	// have no such proof.
	Verified() observe.Answer
}

// All are the mechanisms, strongest first:
//
//  1. SCRAM with channel binding: the password stays here, the server proves
//     itself, and nobody sits in between.
//  2. SCRAM: the same, but whoever has got between us at the TLS level relays
//     it, and can then act in our name on that connection.
//  3. EXTERNAL: the client certificate that TLS has already verified. It ranks
//     below SCRAM because the server proves nothing beyond its certificate.
//  4. OAUTHBEARER and XOAUTH2 send a token, which can be used again by who
//     reads it, but ends soon and opens less than a password.
//  5. CRAM-MD5 does not send the password, but whoever reads the exchange can
//     guess at it as fast as MD5 goes; the server must store what is as good as
//     the password.
//  6. PLAIN and LOGIN send the password. PLAIN has a standard; LOGIN has none.
//  7. ANONYMOUS proves nothing, and is never chosen by [Strongest].
var All = []*Mechanism{
	ScramSHA512Plus, ScramSHA256Plus, ScramSHA1Plus,
	ScramSHA512, ScramSHA256, ScramSHA1,
	External,
	OAuthBearer, XOAuth2,
	CramMD5,
	Plain, Login,
	Anonymous,
}

// ByName finds a mechanism of [All], in any case; nil if there is none.
func ByName(name string) *Mechanism {
	for _, m := range All {
		if strings.EqualFold(m.Name, name) {
			return m
		}
	}
	return nil
}

// Strongest returns the first mechanism of [All] that the server offers and
// for which we have what it needs; nil if there is none. Offered may hold
// words that are no mechanisms.
func Strongest(offered []string, have Credentials, over Channel) *Mechanism {
	for _, m := range All {
		if m != Anonymous && offers(offered, m.Name) && m.possible(have, over) {
			return m
		}
	}
	return nil
}

func (m *Mechanism) possible(have Credentials, over Channel) bool {
	switch {
	case m.NeedsPassword && have.Password.Len() == 0,
		m.NeedsToken && have.Token.Len() == 0,
		m.NeedsCertificate && !over.ClientCertificate,
		m.Binds && len(over.Bindings()) == 0:
		return false
	}
	return !m.NeedsPassword && !m.NeedsToken || have.User != ""
}

func offers(offered []string, name string) bool {
	return slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, name) })
}

// ServerError is the server's own word for why it refuses, where a mechanism
// has one: SCRAM's "e=" and the JSON of OAuth.
type ServerError struct {
	Mechanism string
	Text      observe.Text
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("%s: the server refuses: %s", e.Mechanism, e.Text)
}

// Lie is what only a server does that is not the one it says it is, or is
// broken beyond trust: a wrong signature, another one's nonce.
type Lie struct {
	Mechanism string
	What      string
}

func (e *Lie) Error() string { return e.Mechanism + ": " + e.What }

var (
	errNoUser     = errors.New("no user name")
	errNoPassword = errors.New("no password")
	errNoToken    = errors.New("no token")
	errOver       = errors.New("the server sends another challenge behind the last one")
)

// unproved are the endings of a mechanism by which a server proves nothing.
type unproved struct{}

func (unproved) Succeeded([]byte) error   { return nil }
func (unproved) Verified() observe.Answer { return observe.No }

// single is an exchange of one response, which may go along with the name.
type single struct {
	unproved
	name     string
	response Secret
	used     bool
}

func (s *single) Initial() ([]byte, bool) {
	s.used = true
	return []byte(s.response.Reveal()), true
}

func (s *single) Next([]byte) ([]byte, bool, error) {
	if s.used {
		return nil, true, fmt.Errorf("%s: %w", s.name, errOver)
	}
	s.used = true
	return []byte(s.response.Reveal()), true, nil
}

// free refuses text with bytes that a mechanism uses as its own marks. What
// names the text; the text itself may be a secret.
func free(what, text, marks string) error {
	if strings.ContainsAny(text, marks) {
		return fmt.Errorf("%s has a control character that cannot be sent", what)
	}
	return nil
}
