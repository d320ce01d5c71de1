package real_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/sasl"
	"github.com/mailseal/mailseal/wire"
)

// A dovecot with all its mechanisms lets package sasl in: by each of them, in
// IMAP, POP3, ManageSieve and submission, with and without an initial
// response. The client below is no more than the test needs. What it records
// goes through the redactor, and must hold no secret at the end.

// authRows are the ports of the bed's dovecot-auth.
var authRows = []string{"14243", "14293", "14210", "14290", "14287"}

const (
	oddUser     = "wël,l=known user"
	oddPassword = "Öffne dich, Sesam"
)

var users = []sasl.Credentials{
	{User: "alice", Password: sasl.NewSecret("secret")},
	{User: oddUser, Password: sasl.NewSecret(oddPassword)},
}

// onEachAuthRow runs a test on every port of dovecot-auth.
func onEachAuthRow(t *testing.T, test func(*testing.T, *theBed, *row)) {
	b := bed(t)
	for _, key := range authRows {
		r := b.find(t, key)
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			test(t, b, r)
		})
	}
}

// Every mechanism that is offered and that we speak lets us in, and where it
// can the server proves itself.
func TestLoginByEveryMechanism(t *testing.T) {
	onEachAuthRow(t, func(t *testing.T, b *theBed, r *row) {
		offered := connect(t, b, r, nil).offered()
		for _, name := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"} {
			if !slices.Contains(offered, name) {
				t.Errorf("%s offers %q, want %s among them", r, offered, name)
			}
		}
		if !slices.ContainsFunc(offered, func(o string) bool { return strings.HasSuffix(o, "-PLUS") }) {
			t.Logf("%s: this version of dovecot offers no -PLUS; channel binding is tested in package sasl, against another implementation over real TLS", r)
		}
		for _, m := range sasl.All {
			if !m.NeedsPassword || !slices.Contains(offered, m.Name) {
				continue
			}
			for _, who := range users {
				for _, along := range []bool{false, true} {
					byMechanism(t, b, r, m, who, along)
				}
			}
		}
	})
}

func byMechanism(t *testing.T, b *theBed, r *row, m *sasl.Mechanism, who sasl.Credentials, along bool) {
	t.Helper()
	c := connect(t, b, r, nil)
	defer c.leave(who.Password.Reveal())
	x, err := c.login(m, who, along)
	if err != nil {
		t.Errorf("%s: %s as %q (initial response: %v): %v", r, m.Name, who.User, along, err)
		return
	}
	if want := map[bool]observe.Answer{true: observe.Yes, false: observe.No}[m.Mutual]; x.Verified() != want {
		t.Errorf("%s: %s as %q: the server is verified: %v, want %v", r, m.Name, who.User, x.Verified(), want)
	}
}

// A wrong password is refused, and a server that refuses has proved nothing.
func TestLoginWithAWrongPassword(t *testing.T) {
	onEachAuthRow(t, func(t *testing.T, b *theBed, r *row) {
		for _, m := range []*sasl.Mechanism{sasl.Plain, sasl.Login, sasl.CramMD5, sasl.ScramSHA1, sasl.ScramSHA256} {
			c := connect(t, b, r, nil)
			x, err := c.login(m, sasl.Credentials{User: "alice", Password: sasl.NewSecret("not-the-secret")}, true)
			if err == nil || x.Verified() == observe.Yes {
				t.Errorf("%s: %s with a wrong password: %v, verified %v; want a refusal", r, m.Name, err, x.Verified())
			}
			c.leave("not-the-secret")
		}
	})
}

// The strongest mechanism of a server that offers all is SCRAM.
func TestLoginByTheStrongest(t *testing.T) {
	onEachAuthRow(t, func(t *testing.T, b *theBed, r *row) {
		c := connect(t, b, r, nil)
		m := sasl.Strongest(c.offered(), users[0], c.over)
		if m == nil || !m.Mutual {
			t.Fatalf("%s: Strongest(%q) = %v, want a SCRAM", r, c.offered(), m)
		}
		if x, err := c.login(m, users[0], true); err != nil || x.Verified() != observe.Yes {
			t.Errorf("%s: %s: %v, verified %v; want a login", r, m.Name, err, x.Verified())
		}
		c.leave("secret")
	})
}

// EXTERNAL with the bed's client certificate.
func TestLoginByCertificate(t *testing.T) {
	onEachAuthRow(t, func(t *testing.T, b *theBed, r *row) {
		certs := filepath.Join(b.dir, "certs")
		pair, err := tls.LoadX509KeyPair(filepath.Join(certs, "client.pem"), filepath.Join(certs, "client.key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, authz := range []string{"", "bed-client"} {
			c := connect(t, b, r, &pair)
			if !slices.Contains(c.offered(), "EXTERNAL") {
				t.Skipf("%s offers no EXTERNAL", r)
			}
			if _, err := c.login(sasl.External, sasl.Credentials{Authz: authz}, true); err != nil {
				t.Errorf("%s: EXTERNAL as %q: %v", r, authz, err)
			}
			c.leave("")
		}
		c := connect(t, b, r, nil)
		if _, err := c.login(sasl.External, sasl.Credentials{Authz: "bed-client"}, true); err == nil {
			t.Errorf("%s: EXTERNAL without a certificate lets us in", r)
		}
	})
}

func TestLoginAnonymously(t *testing.T) {
	onEachAuthRow(t, func(t *testing.T, b *theBed, r *row) {
		for _, trace := range []string{"", "sirhc"} {
			c := connect(t, b, r, nil)
			if !slices.Contains(c.offered(), "ANONYMOUS") {
				t.Skipf("%s offers no ANONYMOUS", r)
			}
			if _, err := c.login(sasl.Anonymous, sasl.Credentials{User: trace}, true); err != nil {
				t.Errorf("%s: ANONYMOUS with the trace %q: %v", r, trace, err)
			}
			c.leave("")
		}
	})
}

// Tokens that the server verifies by itself, and one that it refuses in
// JSON.
func TestLoginByToken(t *testing.T) {
	onEachAuthRow(t, func(t *testing.T, b *theBed, r *row) {
		key, err := os.ReadFile(filepath.Join(b.dir, "dovecot-auth", "token.key"))
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("the bed gives this version of dovecot no tokens")
		}
		if err != nil {
			t.Fatal(err)
		}
		good := webToken(strings.TrimSpace(string(key)), "alice")
		for _, m := range []*sasl.Mechanism{sasl.OAuthBearer, sasl.XOAuth2} {
			for _, along := range []bool{false, true} {
				who := sasl.Credentials{User: "alice", Token: sasl.NewSecret(good), Host: host, Port: 143}
				c := connect(t, b, r, nil)
				if _, err := c.login(m, who, along); err != nil {
					t.Errorf("%s: %s (initial response: %v): %v", r, m.Name, along, err)
				}
				c.leave(good)

				who.Token = sasl.NewSecret(webToken("another key", "alice"))
				c = connect(t, b, r, nil)
				var said *sasl.ServerError
				if _, err := c.login(m, who, along); !errors.As(err, &said) || !strings.Contains(string(said.Text), "status") {
					t.Errorf("%s: %s with a false token (initial response: %v): %v, want the server's JSON", r, m.Name, along, err)
				}
				c.leave(who.Token.Reveal())
			}
		}
	})
}

// webToken is a JSON web token, RFC 7519, signed by HMAC with SHA-256.
func webToken(key, subject string) string {
	now := time.Now().Unix()
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"sub":%q,"iat":%d,"exp":%d}`, subject, now-60, now+3600))
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// The ways that are older than SASL.
func TestLoginTheOldWay(t *testing.T) {
	onEachAuthRow(t, func(t *testing.T, b *theBed, r *row) {
		for _, who := range users {
			c := connect(t, b, r, nil)
			switch r.protocol {
			case "imap", "imaps":
				c.imapLogin(who)
			case "pop3":
				c.userPass(who)
				if who.User == "alice" {
					c.apop(who)
				}
			default:
				return // these have no other way than SASL
			}
			c.leave(who.Password.Reveal())
		}
	})
}

func (c *client) imapLogin(who sasl.Credentials) {
	c.t.Helper()
	pieces, err := sasl.IMAPLogin(who.User, who.Password)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, piece := range pieces {
		if i == 0 {
			piece = "a7 " + piece
		}
		c.send(piece)
		if line := c.skipUntagged(); i < len(pieces)-1 && !strings.HasPrefix(line, "+") || i == len(pieces)-1 && !strings.HasPrefix(line, "a7 OK") {
			c.t.Errorf("%s: piece %d of LOGIN as %q is answered by %q", c.r, i+1, who.User, line)
			return
		}
	}
}

func (c *client) userPass(who sasl.Credentials) {
	c.t.Helper()
	lines, err := sasl.UserPass("pop3", who.User, who.Password)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, line := range lines {
		c.send(line)
		if answer := c.line(); !strings.HasPrefix(answer, "+OK") {
			c.t.Errorf("%s: command %d of USER and PASS as %q is answered by %q", c.r, i+1, who.User, answer)
		}
	}
}

// apop logs in on a connection of its own.
func (c *client) apop(who sasl.Credentials) {
	c.t.Helper()
	other := connect(c.t, c.b, c.r, nil)
	if _, ok := sasl.Timestamp(other.greeting); !ok {
		c.t.Logf("%s: this version of dovecot has no APOP: its greeting is %q", c.r, other.greeting)
		return
	}
	command, err := sasl.APOP(other.greeting, who.User, who.Password)
	if err != nil {
		c.t.Fatal(err)
	}
	other.send(command)
	if answer := other.line(); !strings.HasPrefix(answer, "+OK") {
		c.t.Errorf("%s: APOP as %q is answered by %q", c.r, who.User, answer)
	}
	other.leave(command[len("APOP alice "):])
}

// client is a connection inside TLS, before the login.
type client struct {
	*wire.Conn
	t *testing.T
	b *theBed
	r *row

	profile      *sasl.Profile
	redactor     *sasl.Redactor
	over         sasl.Channel
	greeting     string
	capabilities []string // inside TLS
}

// connect greets, starts TLS and asks what the server can do.
func connect(t *testing.T, b *theBed, r *row, certificate *tls.Certificate) *client {
	t.Helper()
	raw, err := net.Dial("tcp", "127.0.0.1:"+r.port)
	if err != nil {
		t.Fatal(err)
	}
	protocol := strings.TrimSuffix(r.protocol, "s")
	c := &client{t: t, b: b, r: r, profile: sasl.ProfileOf(protocol), redactor: sasl.NewRedactor(protocol)}
	c.Conn = wire.New(context.Background(), raw, time.Now(), wire.Limits{})
	t.Cleanup(func() { c.Close() })
	c.Limit(patience)
	if r.mode == observe.Implicit {
		c.seal(certificate)
		c.greeting = c.line()
	} else {
		c.greet()
		c.send(map[string]string{"imap": "a1 STARTTLS", "pop3": "STLS", "submission": "STARTTLS", "sieve": "STARTTLS"}[protocol])
		c.line()
		c.seal(certificate)
	}
	c.ask()
	return c
}

// greet reads up to the end of the greeting, and of EHLO's answer.
func (c *client) greet() {
	c.greeting = c.line()
	switch c.r.protocol {
	case "sieve":
		for line := c.greeting; !strings.HasPrefix(line, "OK"); line = c.line() {
		}
	case "submission":
		c.send("EHLO " + helo)
		for strings.HasPrefix(c.line(), "250-") {
		}
	}
}

func (c *client) seal(certificate *tls.Certificate) {
	c.t.Helper()
	text, err := os.ReadFile(c.b.ca())
	if err != nil {
		c.t.Fatal(err)
	}
	config := &tls.Config{ServerName: host, RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(text)
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	sealed := tls.Client(c.Wire(), config)
	if err := sealed.Handshake(); err != nil {
		c.t.Fatalf("%s: handshake: %v", c.r, err)
	}
	c.Seal(sealed)
	state := sealed.ConnectionState()
	c.over = sasl.ChannelOf(&state, true)
	c.over.ClientCertificate = certificate != nil
}

// ask keeps each word of the capabilities.
func (c *client) ask() {
	last := func(line string) bool { return strings.HasPrefix(line, "OK") } // ManageSieve tells unasked
	switch c.profile.Protocol {
	case "imap":
		c.send("a2 CAPABILITY")
		last = func(line string) bool { return strings.HasPrefix(line, "a2 ") }
	case "pop3":
		c.send("CAPA")
		last = func(line string) bool { return line == "." }
	case "smtp":
		c.send("EHLO " + helo)
		last = func(line string) bool { return strings.HasPrefix(line, "250 ") }
	}
	for {
		line := c.line()
		c.capabilities = append(c.capabilities, strings.Fields(strings.NewReplacer(`"`, " ", "250-", "", "250 ", "", "AUTH=", "").Replace(line))...)
		if last(line) {
			c.over.Offered = c.offered()
			return
		}
	}
}

// offered are the mechanisms that we know among the words of the
// capabilities, and the -PLUS forms.
func (c *client) offered() []string {
	var names []string
	for _, m := range sasl.All {
		if slices.Contains(c.capabilities, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.Line()
	if err != nil {
		c.t.Fatalf("%s: %v; until then:\n%s", c.r, err, c.talk())
	}
	c.redactor.Server(line)
	return line
}

func (c *client) skipUntagged() string {
	for {
		if line := c.line(); !strings.HasPrefix(line, "* ") {
			return line
		}
	}
}

func (c *client) send(line string) {
	c.t.Helper()
	shown, _ := c.redactor.Client(line)
	if err := c.SendAs(line, shown, observe.CRLF, patience); err != nil {
		c.t.Fatalf("%s: sending: %v", c.r, err)
	}
}

var literalSize = regexp.MustCompile(`^\{[0-9]+\+?\}$`)

// whole joins a literal of ManageSieve with its line.
func (c *client) whole(line string) string {
	if literalSize.MatchString(line) && c.profile.Protocol == "sieve" {
		return line + "\r\n" + c.line()
	}
	return line
}

// login runs an exchange.
func (c *client) login(m *sasl.Mechanism, who sasl.Credentials, along bool) (sasl.Exchange, error) {
	c.t.Helper()
	x, err := m.Start(who, c.over)
	if err != nil {
		c.t.Fatal(err)
	}
	var first []byte
	along = along && !m.ServerFirst
	if along {
		first, _ = x.Initial()
		if !c.profile.Carries(m.Name, first, c.capabilities) {
			// It waits for the empty challenge, and is sent then.
			return x, c.exchange(x, c.begin(m.Name, nil, false), first)
		}
	}
	return x, c.exchange(x, c.begin(m.Name, first, along), nil)
}

func (c *client) begin(name string, first []byte, along bool) string {
	command := c.profile.Begin(name, first, along)
	if c.profile.Protocol == "imap" {
		command = "a3 " + command
	}
	return command
}

// exchange sends the command and answers challenges. What waits is the answer
// to the first of them.
func (c *client) exchange(x sasl.Exchange, command string, waits []byte) error {
	c.t.Helper()
	var wrong error
	c.send(command)
	for range 8 {
		line := c.whole(c.line())
		if ended, success, data := c.profile.Ended(line); ended {
			switch {
			case wrong != nil:
				return wrong
			case !success:
				return fmt.Errorf("refused: %q", line)
			}
			return x.Succeeded(data)
		}
		challenge, ok, err := c.profile.Challenge(line)
		if !ok {
			continue
		}
		response := waits
		if waits == nil && err == nil {
			response, _, err = x.Next(challenge)
		}
		waits = nil
		if err != nil {
			wrong = err
		}
		if err != nil && response == nil {
			c.send(c.profile.Cancel())
			continue
		}
		for _, l := range c.profile.Answer(response) {
			c.send(l)
		}
	}
	return errors.New("the exchange does not end")
}

// leave says goodbye, and looks for the secret in all that was recorded.
func (c *client) leave(secret string) {
	c.t.Helper()
	c.send(map[string]string{"imap": "a9 LOGOUT", "pop3": "QUIT", "smtp": "QUIT", "sieve": "LOGOUT"}[c.profile.Protocol])
	c.Close()
	talk := c.talk()
	if secret == "" {
		return
	}
	for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + secret))} {
		if strings.Contains(talk, form) {
			c.t.Errorf("%s: the record shows the secret", c.r)
		}
	}
}

// talk is the record, a line each.
func (c *client) talk() string {
	var b strings.Builder
	for _, l := range c.Lines() {
		fmt.Fprintf(&b, "%s: %s\n", l.From, string(l.Text))
	}
	return b.String()
}
