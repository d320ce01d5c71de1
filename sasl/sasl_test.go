package sasl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

var alice = Credentials{User: "alice", Password: NewSecret("open sesame"), Token: NewSecret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")}

// start begins an exchange, or fails the test.
func start(t *testing.T, m *Mechanism, c Credentials, over Channel) Exchange {
	t.Helper()
	x, err := m.Start(c, over)
	if err != nil {
		t.Fatalf("%s.Start: %v", m.Name, err)
	}
	return x
}

// The messages that the standards give as examples.
func TestMessagesOfTheStandards(t *testing.T) {
	oauth, err := base64.StdEncoding.DecodeString("bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from      string
		mechanism *Mechanism
		who       Credentials
		challenge string // for those where the server begins
		want      string
	}{
		{"RFC 4616, section 4", Plain, Credentials{User: "tim", Password: NewSecret("tanstaaftanstaaf")}, "", "\x00tim\x00tanstaaftanstaaf"},
		{"RFC 4616, section 4", Plain, Credentials{Authz: "Ursel", User: "Kurt", Password: NewSecret("xipj3plmq")}, "", "Ursel\x00Kurt\x00xipj3plmq"},
		{"RFC 2195, section 2", CramMD5, Credentials{User: "tim", Password: NewSecret("tanstaaftanstaaf")}, "<1896.697170952@postoffice.reston.mci.net>", "tim b913a602c7eda7a495b4e6e7334d3890"},
		{"RFC 7628, section 4.1", OAuthBearer, Credentials{User: "user@example.com", Token: alice.Token, Host: "server.example.com", Port: 143}, "", string(oauth)},
		{"RFC 4422, appendix A", External, Credentials{Authz: "fred@example.com"}, "", "fred@example.com"},
		{"RFC 4422, appendix A", External, Credentials{}, "", ""},
		{"RFC 4505, section 4", Anonymous, Credentials{User: "sirhc"}, "", "sirhc"},
		{"Google's XOAUTH2", XOAuth2, Credentials{User: "someuser@example.com", Token: NewSecret("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")}, "", "user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"},
	} {
		x := start(t, test.mechanism, test.who, Channel{})
		response, has := x.Initial()
		if has == test.mechanism.ServerFirst {
			t.Errorf("%s: Initial has %v, want %v", test.mechanism.Name, has, !test.mechanism.ServerFirst)
		}
		if !has {
			var done bool
			if response, done, err = x.Next([]byte(test.challenge)); err != nil || !done {
				t.Errorf("%s (%s): Next(%q) = done %v, %v; want done", test.mechanism.Name, test.from, test.challenge, done, err)
			}
		}
		if string(response) != test.want {
			t.Errorf("%s (%s): response %q, want %q", test.mechanism.Name, test.from, response, test.want)
		}
		if err := x.Succeeded(nil); err != nil || x.Verified() != observe.No {
			t.Errorf("%s: Succeeded = %v, Verified = %v; want nil, no", test.mechanism.Name, err, x.Verified())
		}
	}
}

// LOGIN answers in order, whatever the server calls its questions.
func TestLogin(t *testing.T) {
	x := start(t, Login, alice, Channel{})
	if response, has := x.Initial(); has {
		t.Errorf("LOGIN: Initial = %q, want none", response)
	}
	for i, want := range []string{"alice", "open sesame"} {
		response, done, err := x.Next([]byte("Passwort bitte"))
		if string(response) != want || done != (i == 1) || err != nil {
			t.Errorf("LOGIN: Next %d = %q, %v, %v; want %q", i+1, response, done, err, want)
		}
	}
	if response, _, err := x.Next(nil); err == nil || len(response) > 0 {
		t.Errorf("LOGIN: a third challenge gets %q, %v; want an error and nothing sent", response, err)
	}
}

// What could go along with the command is sent when the server asks for it,
// and only once.
func TestInitialResponseLater(t *testing.T) {
	for _, m := range []*Mechanism{Plain, External, Anonymous, OAuthBearer, XOAuth2} {
		along, _ := start(t, m, alice, Channel{}).Initial()
		x := start(t, m, alice, Channel{})
		later, done, err := x.Next(nil)
		if string(later) != string(along) || !done || err != nil {
			t.Errorf("%s: Next(empty) = %q, %v, %v; want %q", m.Name, later, done, err, along)
		}
		again, _, err := x.Next(nil)
		if err == nil {
			t.Errorf("%s: a second challenge gets %q without an error", m.Name, again)
		}
		if strings.Contains(string(again), "sesame") || strings.Contains(string(again), alice.Token.Reveal()) {
			t.Errorf("%s: a second challenge gets the secret again", m.Name)
		}
	}
}

// RFC 7628, section 3.2.3: the refusal comes as a challenge, and wants one
// more byte.
func TestOAuthRefusal(t *testing.T) {
	const refusal = `{"status":"invalid_token","scope":"example_scope"}`
	for _, test := range []struct {
		mechanism *Mechanism
		want      string
	}{{OAuthBearer, "\x01"}, {XOAuth2, ""}} {
		x := start(t, test.mechanism, alice, Channel{})
		x.Initial()
		response, done, err := x.Next([]byte(refusal))
		var said *ServerError
		if !errors.As(err, &said) || string(said.Text) != refusal || !done || response == nil || string(response) != test.want {
			t.Errorf("%s: Next(refusal) = %q, %v, %v; want %q and the server's words", test.mechanism.Name, response, done, err, test.want)
		}
		if _, _, err := x.Next([]byte(refusal)); err == nil {
			t.Errorf("%s: a second refusal is answered", test.mechanism.Name)
		}
	}
}

func TestCramMD5WantsAChallenge(t *testing.T) {
	var lie *Lie
	if response, _, err := start(t, CramMD5, alice, Channel{}).Next(nil); !errors.As(err, &lie) || response != nil {
		t.Errorf("CRAM-MD5: Next(empty) = %q, %v; want a lie", response, err)
	}
	x := start(t, CramMD5, alice, Channel{})
	x.Next([]byte("<1@a>"))
	if response, _, err := x.Next([]byte("<2@a>")); err == nil || response != nil {
		t.Errorf("CRAM-MD5: a second challenge gets %q, %v; want an error", response, err)
	}
}

// What a mechanism cannot carry is refused before anything is sent, and the
// error does not show it.
func TestStartRefuses(t *testing.T) {
	for _, test := range []struct {
		mechanism *Mechanism
		who       Credentials
		why       string
	}{
		{Plain, Credentials{Password: NewSecret("hush-1")}, "no user"},
		{Plain, Credentials{User: "a"}, "no password"},
		{Plain, Credentials{User: "a", Password: NewSecret("hush\x00-1")}, "NUL in the password"},
		{Plain, Credentials{User: "a\x00b", Password: NewSecret("hush-1")}, "NUL in the user"},
		{Plain, Credentials{User: "a", Authz: "b\x00", Password: NewSecret("hush-1")}, "NUL in the authorization identity"},
		{Login, Credentials{User: "a", Authz: "b", Password: NewSecret("hush-1")}, "LOGIN has no place for it"},
		{Login, Credentials{User: "a"}, "no password"},
		{CramMD5, Credentials{User: "a", Authz: "b", Password: NewSecret("hush-1")}, "CRAM-MD5 has no place for it"},
		{CramMD5, Credentials{Password: NewSecret("hush-1")}, "no user"},
		{ScramSHA256, Credentials{User: "a", Password: NewSecret("hush-1\u0007")}, "SASLprep prohibits control characters"},
		{ScramSHA256, Credentials{User: "a", Password: NewSecret("hush-\xff1")}, "not UTF-8"},
		{ScramSHA256, Credentials{User: "a", Password: NewSecret("\u00ad")}, "nothing is left of a soft hyphen"},
		{ScramSHA256, Credentials{User: "a\u0007", Password: NewSecret("hush-1")}, "SASLprep prohibits control characters"},
		{ScramSHA256Plus, Credentials{User: "a", Password: NewSecret("hush-1")}, "no TLS to bind to"},
		{ScramSHA256, Credentials{User: "a", Password: NewSecret("hush-1"), Nonce: "a,b"}, "a comma in the nonce"},
		{OAuthBearer, Credentials{User: "a"}, "no token"},
		{OAuthBearer, Credentials{User: "a", Token: NewSecret("hush-1 with spaces")}, "no bearer token"},
		{OAuthBearer, Credentials{User: "a", Token: NewSecret("hush-1\x01")}, "no bearer token"},
		{OAuthBearer, Credentials{User: "a", Token: NewSecret("hush-1"), Host: "x\x01y"}, "control character in the host"},
		{XOAuth2, Credentials{Token: NewSecret("hush-1")}, "no user"},
		{External, Credentials{Authz: "a\x00b"}, "NUL"},
		{Anonymous, Credentials{User: strings.Repeat("ä", 256)}, "more than 255 characters"},
		{Anonymous, Credentials{User: "a\r\nb"}, "line end"},
	} {
		x, err := test.mechanism.Start(test.who, Channel{})
		if err == nil || x != nil {
			t.Errorf("%s.Start(%q) = %v, %v; want an error: %s", test.mechanism.Name, test.who.User, x, err, test.why)
			continue
		}
		if strings.Contains(err.Error(), "hush") || !strings.HasPrefix(err.Error(), test.mechanism.Name+": ") {
			t.Errorf("%s.Start(%q): error %q, want the mechanism's name first and no secret", test.mechanism.Name, test.who.User, err)
		}
	}
}

func TestStrongest(t *testing.T) {
	all := []string{"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "scram-sha-256", "SCRAM-SHA-256-PLUS", "EXTERNAL", "ANONYMOUS", "XOAUTH2", "OAUTHBEARER", "NTLM"}
	withPassword := Credentials{User: "a", Password: NewSecret("b")}
	withToken := Credentials{User: "a", Token: NewSecret("b")}
	bindable := Channel{Sealed: true, Version: 0x0304, Exporter: func(string, []byte, int) ([]byte, error) { return make([]byte, 32), nil }}
	for _, test := range []struct {
		name    string
		offered []string
		have    Credentials
		over    Channel
		want    *Mechanism
	}{
		{"binding where TLS allows it", all, withPassword, bindable, ScramSHA256Plus},
		{"in clear there is nothing to bind to", all, withPassword, Channel{}, ScramSHA256},
		{"a certificate and no password", all, Credentials{}, Channel{Sealed: true, ClientCertificate: true}, External},
		{"a token", all, withToken, bindable, OAuthBearer},
		{"a token where only Google's form is offered", []string{"XOAUTH2", "PLAIN"}, withToken, bindable, XOAuth2},
		{"CRAM-MD5 before PLAIN", []string{"PLAIN", "LOGIN", "CRAM-MD5"}, withPassword, Channel{}, CramMD5},
		{"PLAIN before LOGIN", []string{"LOGIN", "PLAIN"}, withPassword, Channel{}, Plain},
		{"no password for what is offered", []string{"PLAIN", "LOGIN"}, withToken, bindable, nil},
		{"a password without a user", []string{"PLAIN"}, Credentials{Password: NewSecret("b")}, bindable, nil},
		{"ANONYMOUS is no login", []string{"ANONYMOUS"}, withPassword, bindable, nil},
		{"nothing that we know", []string{"NTLM", ""}, withPassword, bindable, nil},
		{"nothing offered", nil, withPassword, bindable, nil},
	} {
		if got := Strongest(test.offered, test.have, test.over); got != test.want {
			t.Errorf("%s: Strongest(%q) = %v, want %v", test.name, test.offered, nameOf(got), nameOf(test.want))
		}
	}
}

func nameOf(m *Mechanism) string {
	if m == nil {
		return "none"
	}
	return m.Name
}

// The shelf: every mechanism has a manual and can be found, and the order is
// that of its documentation.
func TestAll(t *testing.T) {
	for i, m := range All {
		if got := ByName(strings.ToLower(m.Name)); got != m {
			t.Errorf("ByName(%q) = %v, want %v", strings.ToLower(m.Name), nameOf(got), m.Name)
		}
		if len(strings.Fields(m.Manual)) < 15 || len(m.References) == 0 || m.Start == nil {
			t.Errorf("%s lacks a manual, references or Start", m.Name)
		}
		for j, line := range strings.Split(m.Manual, "\n") {
			if len(line) > 85 {
				t.Errorf("%s: line %d of its manual has %d columns", m.Name, j+1, len(line))
			}
		}
		if m.Plaintext && slices.ContainsFunc(All[i:], func(o *Mechanism) bool { return o.Mutual }) {
			t.Errorf("%s sends what can be used again, and stands before a mechanism that proves both sides", m.Name)
		}
		if m.Binds != strings.HasSuffix(m.Name, "-PLUS") {
			t.Errorf("%s: Binds is %v", m.Name, m.Binds)
		}
	}
	if ByName("NTLM") != nil || ByName("") != nil {
		t.Errorf("ByName finds what is not there")
	}
}

func ExampleDecode() {
	m := Decode("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l")
	fmt.Println(m.What)
	for _, p := range m.Parts[1:] {
		fmt.Println(p.Name+":", p.Text(false))
	}
	// Output:
	// PLAIN (RFC 4616): user and password
	// user: alice
	// password: [11 bytes]
}
