package sasl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/mailseal/mailseal/observe"
)

// The examples of RFC 5802, section 5, and RFC 7677, section 3.
var scramExamples = []struct {
	mechanism                                          *Mechanism
	nonce, clientFirst, serverFirst, final, serverLast string
}{
	{
		ScramSHA1, "fyko+d2lbbFgONRv9qkxdawL",
		"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
	},
	{
		ScramSHA256, "rOprNGfwEbeRWgbNEkqO",
		"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	},
}

var pencil = Credentials{User: "user", Password: NewSecret("pencil")}

// example begins one of the exchanges of the standards, with its nonce.
func example(t *testing.T, i int) *scramExchange {
	t.Helper()
	who := pencil
	who.Nonce = scramExamples[i].nonce
	return start(t, scramExamples[i].mechanism, who, Channel{}).(*scramExchange)
}

func TestScramOfTheStandards(t *testing.T) {
	for i, test := range scramExamples {
		x := example(t, i)
		if first, has := x.Initial(); string(first) != test.clientFirst || !has {
			t.Errorf("%s: Initial = %q, want %q", test.mechanism.Name, first, test.clientFirst)
		}
		final, done, err := x.Next([]byte(test.serverFirst))
		if string(final) != test.final || done || err != nil {
			t.Errorf("%s: Next(server-first) = %q, %v, %v; want %q", test.mechanism.Name, final, done, err, test.final)
		}
		if x.Verified() != observe.Unknown {
			t.Errorf("%s: before its signature the server is verified: %v", test.mechanism.Name, x.Verified())
		}
		empty, done, err := x.Next([]byte(test.serverLast))
		if len(empty) > 0 || empty == nil || !done || err != nil || x.Verified() != observe.Yes {
			t.Errorf("%s: Next(server-final) = %q, %v, %v, verified %v; want an empty response, done, yes", test.mechanism.Name, empty, done, err, x.Verified())
		}
		if err := x.Succeeded(nil); err != nil {
			t.Errorf("%s: Succeeded = %v", test.mechanism.Name, err)
		}
	}
}

// ManageSieve sends the signature along with its yes.
func TestScramSignatureWithSuccess(t *testing.T) {
	x := example(t, 1)
	x.Initial()
	x.Next([]byte(scramExamples[1].serverFirst))
	if err := x.Succeeded([]byte(scramExamples[1].serverLast)); err != nil || x.Verified() != observe.Yes {
		t.Errorf("Succeeded(signature) = %v, verified %v; want yes", err, x.Verified())
	}
}

// A server that lies in its first message.
func TestScramServerFirstLies(t *testing.T) {
	const nonce, rest = "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	const salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
	for _, test := range []struct{ name, message, says string }{
		{"another nonce", "r=XOprNGfwEbeRWgbNEkqO" + rest + ",s=" + salt + ",i=4096", "does not begin with ours"},
		{"our nonce cut short", "r=rOprNGfwEbeRWgbNEkq,s=" + salt + ",i=4096", "does not begin with ours"},
		{"our nonce and nothing more", "r=" + nonce + ",s=" + salt + ",i=4096", "added nothing"},
		{"too few iterations", "r=" + nonce + rest + ",s=" + salt + ",i=4095", "4095 iterations, fewer than 4096"},
		{"one iteration", "r=" + nonce + rest + ",s=" + salt + ",i=1", "1 iterations, fewer"},
		{"too many iterations", "r=" + nonce + rest + ",s=" + salt + ",i=2000001", "2000001 iterations, more than 2000000"},
		{"absurdly many iterations", "r=" + nonce + rest + ",s=" + salt + ",i=99999999999999999999", "more than 2000000"},
		{"no iterations", "r=" + nonce + rest + ",s=" + salt + ",i=0", "no number"},
		{"negative iterations", "r=" + nonce + rest + ",s=" + salt + ",i=-4096", "no number"},
		{"signed iterations", "r=" + nonce + rest + ",s=" + salt + ",i=+4096", "no number"},
		{"hexadecimal iterations", "r=" + nonce + rest + ",s=" + salt + ",i=0x1000", "no number"},
		{"no count", "r=" + nonce + rest + ",s=" + salt, "not r=…,s=…,i=…"},
		{"no salt", "r=" + nonce + rest + ",s=,i=4096", "salt"},
		{"salt is not base64", "r=" + nonce + rest + ",s=!!!!,i=4096", "salt"},
		{"salt with a line end", "r=" + nonce + rest + ",s=W22Z\naJ0SNY7soEsUEjb6gQ==,i=4096", "salt"},
		{"salt of 1025 bytes", "r=" + nonce + rest + ",s=" + base64.StdEncoding.EncodeToString(make([]byte, 1025)) + ",i=4096", "salt"},
		{"a nonce of 1025 bytes", "r=" + nonce + strings.Repeat("x", 1025-len(nonce)) + ",s=" + salt + ",i=4096", "nonce"},
		{"a nonce with a space", "r=" + nonce + " x,s=" + salt + ",i=4096", "nonce"},
		{"a nonce with a control character", "r=" + nonce + "\x07,s=" + salt + ",i=4096", "nonce"},
		{"the order is wrong", "s=" + salt + ",r=" + nonce + rest + ",i=4096", "nonce"},
		{"a mandatory extension", "m=x,r=" + nonce + rest + ",s=" + salt + ",i=4096", "extension"},
		{"empty", "", "not r=…,s=…,i=…"},
		{"9000 bytes", strings.Repeat("r", 9000), "9000 bytes"},
	} {
		x := example(t, 1)
		x.Initial()
		response, done, err := x.Next([]byte(test.message))
		var lie *Lie
		if !errors.As(err, &lie) || response != nil || !done || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: Next(%.40q…) = %q, %v, %v; want nothing sent and an error with %q", test.name, test.message, response, done, err, test.says)
		}
		if x.Verified() != observe.No {
			t.Errorf("%s: Verified = %v, want no", test.name, x.Verified())
		}
	}
}

// An extension that may be ignored is part of what is signed.
func TestScramExtensionsAreIgnored(t *testing.T) {
	x := example(t, 1)
	x.Initial()
	response, _, err := x.Next([]byte(scramExamples[1].serverFirst + ",x=1,y=abc"))
	if err != nil || !strings.HasPrefix(string(response), "c=biws,") || string(response) == scramExamples[1].final {
		t.Errorf("Next(server-first with extensions) = %q, %v; want another proof than without", response, err)
	}
}

// A server that lies in its last message, or leaves it out.
func TestScramServerFinalLies(t *testing.T) {
	good := scramExamples[1].serverLast
	for _, test := range []struct{ name, message, says string }{
		{"a signature of zeroes", "v=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "signature is wrong"},
		{"one bit off", "v=7" + good[3:], "signature is wrong"},
		{"cut short", "v=6rri", "signature is wrong"},
		{"none", "v=", "neither a signature nor an error"},
		{"not base64", "v=????", "neither"},
		{"another message", scramExamples[1].serverFirst, "neither"},
		{"empty", "", "neither"},
		{"an error", "e=other-error", "the server refuses: other-error"},
		{"an error that steers a terminal", "e=\x1b[31m", `the server refuses: \x1b[31m`},
	} {
		x := example(t, 1)
		x.Initial()
		x.Next([]byte(scramExamples[1].serverFirst))
		_, done, err := x.Next([]byte(test.message))
		if err == nil || !done || !strings.Contains(err.Error(), test.says) || x.Verified() == observe.Yes {
			t.Errorf("%s: Next(%q) = %v, %v, verified %v; want an error with %q", test.name, test.message, done, err, x.Verified(), test.says)
		}
		if err := x.Succeeded(nil); err == nil {
			t.Errorf("%s: and then Succeeded says nothing", test.name)
		}
	}
	x := example(t, 1)
	x.Initial()
	x.Next([]byte(scramExamples[1].serverFirst))
	var lie *Lie
	if err := x.Succeeded(nil); !errors.As(err, &lie) || x.Verified() != observe.No {
		t.Errorf("Succeeded without a signature = %v, verified %v; want a lie", err, x.Verified())
	}
	x = example(t, 1)
	x.Initial()
	if err := x.Succeeded(nil); !errors.As(err, &lie) {
		t.Errorf("Succeeded at once = %v; want a lie", err)
	}
	x = example(t, 1)
	x.Initial()
	for _, challenge := range []string{scramExamples[1].serverFirst, good} {
		x.Next([]byte(challenge))
	}
	if response, _, err := x.Next([]byte(good)); err == nil || response != nil {
		t.Errorf("a third message gets %q, %v; want an error", response, err)
	}
}

// RFC 5802, section 6: which of the three flags is sent.
func TestScramFlag(t *testing.T) {
	clear := Channel{}
	bindable := Channel{Sealed: true, Version: tls.VersionTLS13, Exporter: func(string, []byte, int) ([]byte, error) { return make([]byte, 32), nil }}
	over := func(c Channel, offered ...string) Channel { c.Offered = offered; return c }
	for _, test := range []struct {
		name      string
		mechanism *Mechanism
		over      Channel
		want      string
	}{
		{"we cannot bind", ScramSHA256, over(clear, "SCRAM-SHA-256"), "n,,"},
		{"we could, the server does not offer it", ScramSHA256, over(bindable, "PLAIN", "SCRAM-SHA-256"), "y,,"},
		{"we could, the server offers nothing", ScramSHA256, over(bindable, []string{}...), "y,,"},
		{"we could, what is offered is not known", ScramSHA256, bindable, "n,,"},
		{"we could, the server offers it, but a person chose otherwise", ScramSHA256, over(bindable, "SCRAM-SHA-256", "scram-sha-256-plus"), "n,,"},
		{"we could, it is offered with another hash", ScramSHA256, over(bindable, "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"), "n,,"},
		{"we bind", ScramSHA256Plus, over(bindable, "SCRAM-SHA-256-PLUS"), "p=tls-exporter,,"},
	} {
		first, _ := start(t, test.mechanism, pencil, test.over).Initial()
		if !strings.HasPrefix(string(first), test.want+"n=user,r=") {
			t.Errorf("%s: client-first %q, want %q first", test.name, first, test.want)
		}
	}
}

func TestScramNames(t *testing.T) {
	c := Credentials{User: "a=b,c", Authz: "x,y=z", Password: NewSecret("p")}
	first, _ := start(t, ScramSHA1, c, Channel{}).Initial()
	if want := "n,a=x=2Cy=3Dz,n=a=3Db=2Cc,r="; !strings.HasPrefix(string(first), want) {
		t.Errorf("client-first of %q as %q is %q, want %q first", c.User, c.Authz, first, want)
	}
}

// RFC 4013, section 3, has these examples.
func TestPrepare(t *testing.T) {
	for _, test := range []struct {
		text, want string
		bad        bool
	}{
		{"I\u00adX", "IX", false},
		{"user", "user", false},
		{"USER", "USER", false},
		{"\u00aa", "a", false},
		{"\u2168", "IX", false},
		{"\u0007", "", true},
		{"\u06271", "", true},
		{"a\u00a0b", "a b", false},
		{"\U0001F511 key", "\U0001F511 key", false}, // Unicode 3.2 did not have it
		{"\xff", "", true},
	} {
		got, err := prepare(test.text)
		if got != test.want || (err != nil) != test.bad {
			t.Errorf("prepare(%q) = %q, %v; want %q, error %v", test.text, got, err, test.want, test.bad)
		}
	}
}

// sides names a hash for us and for the other implementation.
var sides = []struct {
	ours, plus *Mechanism
	theirs     scram.HashGeneratorFcn
	hash       func() hash.Hash
}{
	{ScramSHA1, ScramSHA1Plus, scram.SHA1, sha1.New},
	{ScramSHA256, ScramSHA256Plus, scram.SHA256, sha256.New},
	{ScramSHA512, ScramSHA512Plus, scram.SHA512, sha512.New},
}

// serverOf is an independent server that knows one user.
func serverOf(t *testing.T, h scram.HashGeneratorFcn, user, password string) *scram.Server {
	t.Helper()
	client, err := h.NewClient(user, password, "")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "some salt", Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	server, err := h.NewServer(func(name string) (scram.StoredCredentials, error) {
		if name != user {
			return scram.StoredCredentials{}, errors.New("no such user")
		}
		return stored, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// converse runs an exchange against a server; what the server thought of it
// is the first result, what we thought the second.
func converse(x Exchange, server *scram.ServerConversation) (theirs, ours error) {
	response, _ := x.Initial()
	for range 3 {
		challenge, err := server.Step(string(response))
		if err != nil && challenge == "" {
			return err, nil
		}
		theirs = err
		var done bool
		if response, done, ours = x.Next([]byte(challenge)); ours != nil || done {
			return theirs, ours
		}
	}
	return errors.New("it does not end"), nil
}

func TestScramAgainstAnotherImplementation(t *testing.T) {
	for _, s := range sides {
		for _, test := range []struct {
			name, user, password, typed string
			good                        bool
		}{
			{"plain names", "alice", "open sesame", "open sesame", true},
			{"names with marks", "a=l,ice", "o,p=en", "o,p=en", true},
			{"beyond ASCII", "älïce", "Öffne dich", "Öffne dich", true},
			{"typed in another form", "alice", "\u00d6ffne\u00a0dich", "O\u0308ffne dich", true},
			{"a wrong password", "alice", "open sesame", "Open sesame", false},
		} {
			server := serverOf(t, s.theirs, test.user, test.password)
			x := start(t, s.ours, Credentials{User: test.user, Password: NewSecret(test.typed)}, Channel{})
			conversation := server.NewConversation()
			theirs, ours := converse(x, conversation)
			if !test.good {
				if theirs == nil || conversation.Valid() || x.Verified() == observe.Yes {
					t.Errorf("%s, %s: the server says %v, verified %v; want a refusal", s.ours.Name, test.name, theirs, x.Verified())
				}
				continue
			}
			if theirs != nil || ours != nil || !conversation.Valid() || x.Verified() != observe.Yes {
				t.Errorf("%s, %s: the server says %v, we say %v, verified %v; want a login", s.ours.Name, test.name, theirs, ours, x.Verified())
			}
			if conversation.Username() != test.user {
				t.Errorf("%s, %s: the server knows %q, want %q", s.ours.Name, test.name, conversation.Username(), test.user)
			}
		}
	}
}

// A server that does not know the password can only invent its messages.
func TestScramFalseServer(t *testing.T) {
	for _, s := range sides {
		x := start(t, s.ours, pencil, Channel{})
		first, _ := x.Initial()
		_, nonce, _ := strings.Cut(string(first), ",r=")
		if _, _, err := x.Next([]byte("r=" + nonce + "abc,s=c2FsdA==,i=4096")); err != nil {
			t.Fatalf("%s: server-first: %v", s.ours.Name, err)
		}
		invented := make([]byte, s.hash().Size())
		rand.Read(invented)
		_, _, err := x.Next([]byte("v=" + base64.StdEncoding.EncodeToString(invented)))
		var lie *Lie
		if !errors.As(err, &lie) || x.Verified() != observe.No {
			t.Errorf("%s: an invented signature is answered by %v, verified %v; want a lie", s.ours.Name, err, x.Verified())
		}
	}
}

// The -PLUS forms over real TLS, each side computing its own value.
func TestScramPlusOverTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, binding := range []string{TLSExporter, TLSUnique, TLSServerEndPoint} {
			if binding == TLSUnique && version == tls.VersionTLS13 {
				continue // there is none
			}
			client, server, cert := handshake(t, version, x509.ECDSAWithSHA384)
			over := ChannelOf(client, true)
			over.Binding = binding
			over.Offered = []string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
			value := theirBinding(t, binding, server, cert)
			for _, s := range sides {
				name := fmt.Sprintf("%s, %s, %s", s.plus.Name, tls.VersionName(version), binding)
				x := start(t, s.plus, pencil, over)
				conversation := serverOf(t, s.theirs, "user", "pencil").NewConversationWithChannelBindingRequired(value)
				theirs, ours := converse(x, conversation)
				if theirs != nil || ours != nil || !conversation.Valid() || x.Verified() != observe.Yes {
					t.Errorf("%s: the server says %v, we say %v, verified %v; want a login", name, theirs, ours, x.Verified())
				}
			}
		}
	}
}

// theirBinding is the value as the other implementation has it.
func theirBinding(t *testing.T, name string, server *tls.ConnectionState, cert *x509.Certificate) scram.ChannelBinding {
	t.Helper()
	var value scram.ChannelBinding
	var err error
	switch name {
	case TLSExporter:
		value, err = scram.NewTLSExporterBinding(server)
	case TLSUnique:
		value = scram.NewTLSUniqueBinding(server.TLSUnique)
	default:
		value, err = scram.NewTLSServerEndpointBinding(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// One who sits in between has two TLS connections: what is bound to ours does
// not fit to his.
func TestScramPlusFindsTheManInTheMiddle(t *testing.T) {
	client, _, _ := handshake(t, tls.VersionTLS13, x509.ECDSAWithSHA256)
	_, server, cert := handshake(t, tls.VersionTLS13, x509.ECDSAWithSHA256)
	for _, binding := range []string{TLSExporter, TLSServerEndPoint} {
		over := ChannelOf(client, true)
		over.Binding = binding
		x := start(t, ScramSHA256Plus, pencil, over)
		conversation := serverOf(t, scram.SHA256, "user", "pencil").NewConversationWithChannelBinding(theirBinding(t, binding, server, cert))
		if theirs, ours := converse(x, conversation); theirs == nil && ours == nil || conversation.Valid() || x.Verified() == observe.Yes {
			t.Errorf("%s: relayed to another connection the server says %v, we say %v, verified %v; want a refusal", binding, theirs, ours, x.Verified())
		}
	}
}

// One who takes -PLUS out of the server's offer is found by the flag "y".
func TestScramFindsTheDowngrade(t *testing.T) {
	client, server, cert := handshake(t, tls.VersionTLS13, x509.ECDSAWithSHA256)
	over := ChannelOf(client, true)
	over.Offered = []string{"SCRAM-SHA-256", "PLAIN"} // as we were told
	x := start(t, ScramSHA256, pencil, over)
	conversation := serverOf(t, scram.SHA256, "user", "pencil").NewConversationWithChannelBinding(theirBinding(t, TLSExporter, server, cert))
	if theirs, ours := converse(x, conversation); theirs == nil && ours == nil || conversation.Valid() || x.Verified() == observe.Yes {
		t.Errorf("the server offers -PLUS and is sent y: it says %v, we say %v, verified %v; want a refusal", theirs, ours, x.Verified())
	}
}

// handshake makes a TLS connection in this process and returns both ends'
// view of it, and the server's certificate.
func handshake(t *testing.T, version uint16, signed x509.SignatureAlgorithm) (client, server *tls.ConnectionState, cert *x509.Certificate) {
	t.Helper()
	der, key := certificate(t, signed)
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	c := tls.Client(here, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	s := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: version, SessionTicketsDisabled: true})
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	if err := <-done; err != nil {
		t.Fatalf("handshake, server: %v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := c.ConnectionState(), s.ConnectionState()
	return &ours, &theirs, cert
}

// certificate makes one that is signed by itself with that algorithm.
func certificate(t *testing.T, signed x509.SignatureAlgorithm) ([]byte, crypto.Signer) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch signed {
	case x509.PureEd25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case x509.SHA256WithRSA, x512, x509.SHA256WithRSAPSS:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.test"}, SignatureAlgorithm: signed,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.example.test"},
	}, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.test"}, SignatureAlgorithm: signed}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

const x512 = x509.SHA512WithRSA

// RFC 5929, section 4.1: the hash is that of the signature.
func TestEndPointHash(t *testing.T) {
	for _, test := range []struct {
		signed x509.SignatureAlgorithm
		want   crypto.Hash // 0: not defined
	}{
		{x509.ECDSAWithSHA256, crypto.SHA256},
		{x509.ECDSAWithSHA384, crypto.SHA384},
		{x509.ECDSAWithSHA512, crypto.SHA512},
		{x509.SHA256WithRSA, crypto.SHA256},
		{x509.SHA256WithRSAPSS, crypto.SHA256},
		{x512, crypto.SHA512},
		{x509.PureEd25519, 0},
	} {
		der, _ := certificate(t, test.signed)
		got, err := endPointHash(der)
		if got != test.want || (err != nil) != (test.want == 0) {
			t.Errorf("endPointHash(certificate signed by %v) = %v, %v; want %v", test.signed, got, err, test.want)
		}
	}
	for _, bad := range [][]byte{nil, {}, {0x30}, []byte("no certificate")} {
		if got, err := endPointHash(bad); err == nil {
			t.Errorf("endPointHash(%q) = %v, want an error", bad, got)
		}
	}
}

func TestBindings(t *testing.T) {
	ecdsaLeaf, _ := certificate(t, x509.ECDSAWithSHA256)
	edLeaf, _ := certificate(t, x509.PureEd25519)
	exporter := func(string, []byte, int) ([]byte, error) { return make([]byte, 32), nil }
	for _, test := range []struct {
		name string
		over Channel
		want []string
	}{
		{"in clear", Channel{Leaf: ecdsaLeaf, Exporter: exporter, Version: tls.VersionTLS13}, nil},
		{"TLS 1.3", Channel{Sealed: true, Version: tls.VersionTLS13, Exporter: exporter, Leaf: ecdsaLeaf}, []string{TLSExporter, TLSServerEndPoint}},
		{"TLS 1.3, Ed25519", Channel{Sealed: true, Version: tls.VersionTLS13, Exporter: exporter, Leaf: edLeaf}, []string{TLSExporter}},
		{"TLS 1.2 with extended master secret", Channel{Sealed: true, Version: tls.VersionTLS12, ExtendedMasterSecret: true, Exporter: exporter, Unique: []byte("12 bytes"), Leaf: ecdsaLeaf}, []string{TLSUnique, TLSExporter, TLSServerEndPoint}},
		{"TLS 1.2 without it", Channel{Sealed: true, Version: tls.VersionTLS12, Exporter: exporter, Unique: []byte("12 bytes"), Leaf: ecdsaLeaf}, []string{TLSServerEndPoint}},
		{"nothing to bind to", Channel{Sealed: true, Version: tls.VersionTLS12}, nil},
	} {
		if got := test.over.Bindings(); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: Bindings = %q, want %q", test.name, got, test.want)
		}
	}
	over := Channel{Sealed: true, Version: tls.VersionTLS12, Leaf: ecdsaLeaf, Binding: TLSExporter}
	if _, err := ScramSHA1Plus.Start(pencil, over); err == nil {
		t.Errorf("Start with a binding that is not possible succeeds")
	}
	failing := Channel{Sealed: true, Version: tls.VersionTLS13, Exporter: func(string, []byte, int) ([]byte, error) { return nil, errors.New("no") }}
	if _, err := ScramSHA1Plus.Start(pencil, failing); err == nil {
		t.Errorf("Start with an exporter that fails succeeds")
	}
}
