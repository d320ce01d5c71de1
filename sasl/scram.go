package sasl

import (
	"cmp"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// SCRAM goes like this, RFC 5802, section 5:
//
//	client-first  n,,n=user,r=OURS
//	server-first  r=OURSTHEIRS,s=SALT,i=4096
//	client-final  c=biws,r=OURSTHEIRS,p=PROOF
//	server-final  v=SIGNATURE
//
// Salt and iteration count make a key of the password. The proof shows that
// we have the key, the signature that the server has its half; both are over
// all that was said before, so that a change in between breaks them.
var (
	ScramSHA1       = scramOf("SCRAM-SHA-1", sha1.New, "RFC 5802")
	ScramSHA256     = scramOf("SCRAM-SHA-256", sha256.New, "RFC 5802", "RFC 7677")
	ScramSHA512     = scramOf("SCRAM-SHA-512", sha512.New, "RFC 5802", "draft-melnikov-scram-sha-512")
	ScramSHA1Plus   = plus(ScramSHA1, sha1.New)
	ScramSHA256Plus = plus(ScramSHA256, sha256.New)
	ScramSHA512Plus = plus(ScramSHA512, sha512.New)
)

const scramManual = `The password is not sent. Both sides prove that they know it, by keyed hashes over
the whole exchange; the server stores something from which it cannot log in
elsewhere. Salt and iteration count make guessing slow for whoever has read the
exchange. A server that signs wrongly, changes our nonce, or asks for too few or
absurdly many iterations is found out.`

const plusManual = `

The exchange is tied to the TLS connection below it. Somebody who sits between us
with two TLS connections cannot relay it, even with a certificate that we trust.`

func scramOf(name string, h func() hash.Hash, references ...string) *Mechanism {
	return &Mechanism{
		Name: name, Manual: scramManual, References: references,
		Mutual: true, NeedsPassword: true,
		Start: func(c Credentials, over Channel) (Exchange, error) { return startScram(name, h, false, c, over) },
	}
}

func plus(m *Mechanism, h func() hash.Hash) *Mechanism {
	name := m.Name + "-PLUS"
	return &Mechanism{
		Name: name, Manual: scramManual + plusManual, References: append(m.References[:len(m.References):len(m.References)], "RFC 9266", "RFC 5929"),
		Mutual: true, NeedsPassword: true, Binds: true,
		Start: func(c Credentials, over Channel) (Exchange, error) { return startScram(name, h, true, c, over) },
	}
}

// The iteration counts that we accept. Servers should announce 4096 at least
// (RFC 5802, section 5.1, and RFC 7677, section 4); who asks for fewer wants
// to guess at the password fast. More than the upper bound keeps us busy for
// seconds; no server has a use for it.
const (
	MinIterations = 4096
	MaxIterations = 2_000_000
)

// Bounds on what a server may send.
const (
	maxChallenge = 8192
	maxNonce     = 1024
	maxSalt      = 1024
)

func startScram(name string, h func() hash.Hash, bind bool, c Credentials, over Channel) (Exchange, error) {
	s := &scramExchange{name: name, hash: h, nonce: cmp.Or(c.Nonce, freshNonce())}
	if _, err := nonceOf("r=" + s.nonce); err != nil {
		return nil, fmt.Errorf("%s: the nonce has a character that is not allowed", name)
	}
	if err := s.prepare(c); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	flag, value, err := s.flag(bind, over)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	authz := ""
	if c.Authz != "" {
		authz = "a=" + saslName(c.Authz)
	}
	s.header = flag + "," + authz + ","
	s.bound = append([]byte(s.header), value...)
	return s, nil
}

// freshNonce has 144 bits and none of the characters that a nonce must not
// have, RFC 5802, section 5.1: base64 has no comma.
func freshNonce() string {
	var b [18]byte
	rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// scramExchange is one. Steps counts the messages of the server.
type scramExchange struct {
	name     string
	hash     func() hash.Hash
	user     string // prepared
	password Secret // prepared
	nonce    string // ours
	header   string // of GS2
	bound    []byte // the header and the channel binding's value

	steps     int
	signature Secret // that the server must send
	verified  observe.Answer
}

func (s *scramExchange) prepare(c Credentials) error {
	if err := c.userAndPassword("\x00"); err != nil {
		return err
	}
	var err error
	if s.user, err = prepare(c.User); err != nil {
		return fmt.Errorf("the user name %w", err)
	}
	password, err := prepare(c.Password.Reveal())
	if err != nil {
		return fmt.Errorf("the password %w", err)
	}
	s.password = NewSecret(password)
	if s.user == "" || password == "" {
		return fmt.Errorf("the user name or the password has no visible character")
	}
	return nil
}

// flag is the first letter of the header, RFC 5802, section 6: "p" binds; "y"
// says that we could but the server does not offer it, so that a server that
// did offer it sees that somebody took its offer away; "n" says that we
// cannot, or were told not to.
func (s *scramExchange) flag(bind bool, over Channel) (string, []byte, error) {
	if bind {
		name, value, err := over.binding()
		return "p=" + name, value, err
	}
	if len(over.Bindings()) > 0 && over.Offered != nil && !offersPlus(over.Offered) {
		return "y", nil, nil
	}
	return "n", nil, nil
}

// offersPlus tells whether a server can bind at all: by any of its
// mechanisms, as it is the server's ability that "y" speaks of.
func offersPlus(offered []string) bool {
	for _, o := range offered {
		o = strings.ToUpper(o)
		if strings.HasPrefix(o, "SCRAM-") && strings.HasSuffix(o, "-PLUS") {
			return true
		}
	}
	return false
}

// bare is client-first-message-bare.
func (s *scramExchange) bare() string { return "n=" + saslName(s.user) + ",r=" + s.nonce }

func (s *scramExchange) Initial() ([]byte, bool) {
	s.steps = max(s.steps, 1)
	return []byte(s.header + s.bare()), true
}

func (s *scramExchange) Next(challenge []byte) ([]byte, bool, error) {
	s.steps++
	switch {
	case len(challenge) > maxChallenge:
		return nil, true, s.lie("a message of %d bytes", len(challenge))
	case s.steps == 1: // nothing could go along with the name
		first, _ := s.Initial()
		return first, false, nil
	case s.steps == 2:
		return s.final(string(challenge))
	case s.steps == 3:
		return []byte{}, true, s.verify(string(challenge))
	}
	return nil, true, fmt.Errorf("%s: %w", s.name, errOver)
}

// final answers server-first.
func (s *scramExchange) final(challenge string) ([]byte, bool, error) {
	m, err := parseServerFirst(challenge)
	if err != nil {
		return nil, true, s.lie("%v", err)
	}
	if err := s.acceptable(m); err != nil {
		return nil, true, err
	}
	without := "c=" + base64.StdEncoding.EncodeToString(s.bound) + ",r=" + m.nonce
	proof, err := s.prove(m, s.bare()+","+challenge+","+without)
	if err != nil {
		return nil, true, err
	}
	return []byte(without + ",p=" + base64.StdEncoding.EncodeToString(proof)), false, nil
}

// acceptable refuses the nonce of another exchange, and iteration counts that
// serve only an attacker.
func (s *scramExchange) acceptable(m serverFirst) error {
	switch {
	case m.refusal != "":
		return &ServerError{s.name, observe.Text(m.refusal)}
	case !strings.HasPrefix(m.nonce, s.nonce):
		return s.lie("the server's nonce does not begin with ours: it answers another exchange")
	case m.nonce == s.nonce:
		return s.lie("the server has added nothing to our nonce")
	case m.iterations < MinIterations:
		return s.lie("the server asks for %d iterations, fewer than %d: the password could be guessed too fast", m.iterations, MinIterations)
	case m.iterations > MaxIterations:
		return s.lie("the server asks for %d iterations, more than %d", m.iterations, MaxIterations)
	}
	return nil
}

// prove computes our proof and the server's signature, RFC 5802, section 3.
func (s *scramExchange) prove(m serverFirst, authMessage string) ([]byte, error) {
	salted, err := pbkdf2.Key(s.hash, s.password.Reveal(), m.salt, m.iterations, s.hash().Size())
	if err != nil {
		return nil, fmt.Errorf("%s: deriving the key: %w", s.name, err)
	}
	clientKey := s.hmac(salted, "Client Key")
	h := s.hash()
	h.Write(clientKey)
	proof := s.hmac(h.Sum(nil), authMessage)
	subtle.XORBytes(proof, proof, clientKey)
	s.signature = NewSecret(string(s.hmac(s.hmac(salted, "Server Key"), authMessage)))
	return proof, nil
}

func (s *scramExchange) hmac(key []byte, text string) []byte {
	mac := hmac.New(s.hash, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// verify reads server-final.
func (s *scramExchange) verify(challenge string) error {
	m, err := parseServerFinal(challenge)
	if err != nil {
		return s.lie("%v", err)
	}
	if m.refusal != "" {
		return &ServerError{s.name, observe.Text(m.refusal)}
	}
	if !hmac.Equal(m.signature, []byte(s.signature.Reveal())) {
		s.verified = observe.No
		return s.lie("the server's signature is wrong: it does not know the password, or somebody changed what was said")
	}
	s.verified = observe.Yes
	return nil
}

// Succeeded takes server-final from the data that a server sends with its
// yes, as ManageSieve can. A yes without any signature is a lie.
func (s *scramExchange) Succeeded(data []byte) error {
	if len(data) > 0 && s.steps == 2 {
		s.steps++
		if err := s.verify(string(data)); err != nil {
			return err
		}
	}
	if s.verified != observe.Yes {
		s.verified = observe.No
		return s.lie("the server lets us in without its signature: it has not proved that it knows the password")
	}
	return nil
}

func (s *scramExchange) Verified() observe.Answer { return s.verified }

func (s *scramExchange) lie(format string, args ...any) error {
	s.verified = observe.No
	return &Lie{s.name, fmt.Sprintf(format, args...)}
}

type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
	refusal    string
}

// parseServerFirst reads RFC 5802, section 7: nonce, salt, iteration count, in
// this order, and extensions that may be ignored. One that may not be
// ignored would come first, as "m=".
func parseServerFirst(message string) (m serverFirst, err error) {
	fields := strings.Split(message, ",")
	if text, ok := strings.CutPrefix(fields[0], "e="); ok { // not in the grammar, but servers do it
		return serverFirst{refusal: text}, nil
	}
	if strings.HasPrefix(fields[0], "m=") {
		return m, fmt.Errorf("the server wants an extension that we do not know")
	}
	if len(fields) < 3 {
		return m, fmt.Errorf("the server's first message is not r=…,s=…,i=…")
	}
	if m.nonce, err = nonceOf(fields[0]); err != nil {
		return m, err
	}
	salt, ok := strings.CutPrefix(fields[1], "s=")
	m.salt, err = base64.StdEncoding.DecodeString(salt)
	if !ok || err != nil || len(m.salt) == 0 || len(m.salt) > maxSalt || hasBreak(salt) {
		return m, fmt.Errorf("the server's salt is not base64 of 1 to %d bytes", maxSalt)
	}
	m.iterations, err = iterationsOf(fields[2])
	return m, err
}

// nonceOf reads r=, printable ASCII without a comma.
func nonceOf(field string) (string, error) {
	nonce, ok := strings.CutPrefix(field, "r=")
	outside := func(r rune) bool { return r < 0x21 || r > 0x7e || r == ',' }
	if !ok || nonce == "" || len(nonce) > maxNonce || strings.ContainsFunc(nonce, outside) {
		return "", fmt.Errorf("the server's nonce is not r= and 1 to %d printable characters", maxNonce)
	}
	return nonce, nil
}

// iterationsOf reads i=, a number without sign and leading zero. One that no
// integer holds is told as the largest, to be refused as too high.
func iterationsOf(field string) (int, error) {
	digits, ok := strings.CutPrefix(field, "i=")
	if !ok || digits == "" || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("the server's iteration count is no number")
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return 1<<31 - 1, nil
	}
	return int(n), nil
}

type serverFinal struct {
	signature []byte
	refusal   string
}

// parseServerFinal reads the signature or the server's error, and no
// extension.
func parseServerFinal(message string) (m serverFinal, err error) {
	first, _, _ := strings.Cut(message, ",")
	if text, ok := strings.CutPrefix(first, "e="); ok && text != "" {
		return serverFinal{refusal: text}, nil
	}
	text, ok := strings.CutPrefix(first, "v=")
	m.signature, err = base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(m.signature) == 0 || hasBreak(text) {
		return m, fmt.Errorf("the server's last message has neither a signature nor an error")
	}
	return m, nil
}

// hasBreak finds line ends, which encoding/base64 reads over.
func hasBreak(s string) bool { return strings.ContainsAny(s, "\r\n") }

// saslName writes a name into a message of GS2: comma and equals sign are
// marks there, RFC 5801, section 4.
func saslName(name string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(name)
}
