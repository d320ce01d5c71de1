package sasl

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Each case is a conversation: what is sent (C:) and heard (S:), and below a
// line that changes what is shown of it (=).
func TestRedactor(t *testing.T) {
	for _, test := range []struct{ protocol, name, script string }{
		{"smtp", "AUTH PLAIN along with the command", `
S: 220 mx ESMTP
C: EHLO client.example.test
S: 250-mx
S: 250 AUTH PLAIN LOGIN
C: AUTH PLAIN AGFsaWNlAGh1bnRlcjI=
=  AUTH PLAIN [20 bytes]
S: 235 ok
C: MAIL FROM:<alice@example.test>
S: 250 ok`},
		{"smtp", "in small letters, with spaces and tabs", `
C:  	auth	plain   AGFsaWNlAGh1bnRlcjI=
=   	auth	plain   [20 bytes]`},
		{"smtp", "AUTH PLAIN in two steps", `
C: AUTH PLAIN
S: 334 
C: AGFsaWNlAGh1bnRlcjI=
=  [20 bytes]
S: 535 no
C: QUIT`},
		{"smtp", "AUTH LOGIN", `
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
=  [8 bytes]
S: 334 UGFzc3dvcmQ6
C: aHVudGVyMg==
=  [12 bytes]
S: 235 ok
C: RSET`},
		{"submission", "it is SMTP", `
C: AUTH LOGIN YWxpY2U=
=  AUTH LOGIN [8 bytes]
S: 334 UGFzc3dvcmQ6
C: hunter2 in clear by mistake
=  [27 bytes]
S: 501 not base64
C: QUIT`},
		{"smtp", "cancelled, empty and refused", `
C: AUTH EXTERNAL =
S: 334 
C: 
S: 535 no
C: AUTH CRAM-MD5
S: 334 PDFAYT4=
C: *
S: 501 cancelled
C: NOOP`},
		{"smtp", "the response where the mechanism should be", `
C: AUTH AGFsaWNlAGh1bnRlcjI=
=  AUTH [20 bytes]`},
		{"smtp", "sent ahead of the answers", `
C: NOOP
C: AUTH LOGIN
C: YWxpY2U=
=  [8 bytes]
S: 250 ok
C: aHVudGVyMg==
=  [12 bytes]
S: 334 VXNlcm5hbWU6
S: 334 UGFzc3dvcmQ6
S: 235 ok
C: QUIT`},
		{"smtp", "a server that goes on after a mistake of ours", `
C: AUTH PLAIN
S: 504 what?
C: AGFsaWNlAGh1bnRlcjI=
=  [20 bytes]
C: STARTTLS
C: NOOP`},
		{"smtp", "a server that repeats what it should not", `
C: AUTH PLAIN AGFsaWNlAGh1bnRlcjI=
=  AUTH PLAIN [20 bytes]
S: 535 user alice has not the password hunter2 (AGFsaWNlAGh1bnRlcjI=)
=  535 user alice has not the password [7 bytes] ([20 bytes])`},
		{"smtp", "the text of a message is nobody's password", `
C: DATA
S: 354 go ahead
C: Pass the salt, please
C: AUTH PLAIN is a mechanism
C: .
S: 250 ok
C: PASS hunter2
=  PASS [7 bytes]`},
		{"smtp", "SCRAM: our messages and the server's signature", `
C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=
=  AUTH SCRAM-SHA-256 [44 bytes]
S: 334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyxzPVcyMlo=
C: Yz1iaXdz
=  [8 bytes]
S: 334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==
=  334 [64 bytes]
C: 
S: 235 ok`},
		{"imap", "LOGIN with atoms", `
S: * OK ready
C: a1 LOGIN alice hunter2
=  a1 LOGIN alice [7 bytes]
S: a1 OK in
C: a2 LIST "" *`},
		{"imap", "LOGIN with quotes", `
C: a1 login "ali ce" "hunt\"er 2"
=  a1 login "ali ce" [12 bytes]
S: a1 NO bad password hunt"er 2
=  a1 NO bad password [9 bytes]`},
		{"imap", "LOGIN without a tag, as people type it", `
C: LOGIN alice hunter2
=  LOGIN alice [7 bytes]`},
		{"imap", "a quote that does not end", `
C: a1 LOGIN "alice hunter2
=  a1 LOGIN [14 bytes]
C: a2 LOGIN al"ice hunter2
=  a2 LOGIN [14 bytes]`},
		{"imap", "a tab between user and password", `
C: a1 LOGIN alice	hunter2
=  a1 LOGIN alice	[7 bytes]`},
		{"imap", "literals", `
C: a1 LOGIN {5}
S: + go on
C: alice {7}
S: + go on
C: hunter2
=  [7 bytes]
S: a1 OK in
C: a2 NOOP`},
		{"imap", "a user that is quoted and a password that is a literal", `
C: a1 LOGIN "alice" {7+}
C: hunter2
=  [7 bytes]
C: a2 NOOP`},
		{"imap", "a literal with a line end inside", `
C: a1 LOGIN alice {12+}
C: hunt
=  [4 bytes]
C: er2345
=  [6 bytes]
C: a2 SELECT INBOX`},
		{"imap", "a literal that the server does not want", `
C: a1 LOGIN {5}
S: a1 BAD no literals
C: a2 LOGIN alice hunter2
=  a2 LOGIN alice [7 bytes]`},
		{"imap", "a literal of a message is shown", `
C: a1 APPEND INBOX {21+}
C: LOGIN is what I typed
C: a2 LOGIN alice hunter2
=  a2 LOGIN alice [7 bytes]`},
		{"imap", "a password that looks like a literal", `
C: a1 LOGIN alice hunter{6}
=  a1 LOGIN alice [9 bytes]
C: a2 LOGIN alice "hunter {6}
=  a2 LOGIN alice [11 bytes]
C: a3 NOOP`},
		{"imap", "AUTHENTICATE", `
C: a1 AUTHENTICATE PLAIN
S: + 
C: AGFsaWNlAGh1bnRlcjI=
=  [20 bytes]
S: * CAPABILITY IMAP4rev1
S: a1 OK in
C: a2 NOOP`},
		{"imap", "AUTHENTICATE with the response", `
C: a1 AUTHENTICATE PLAIN AGFsaWNlAGh1bnRlcjI=
=  a1 AUTHENTICATE PLAIN [20 bytes]
S: a1 OK in
C: a2 NOOP`},
		{"imap", "another command is answered in between", `
C: a1 NOOP
C: a2 AUTHENTICATE LOGIN
S: a1 OK
S: + VXNlcm5hbWU6
C: YWxpY2U=
=  [8 bytes]
S: + UGFzc3dvcmQ6
C: aHVudGVyMg==
=  [12 bytes]
S: a2 NO
C: a3 NOOP`},
		{"pop3", "USER and PASS", `
C: USER alice
S: +OK
C: PASS hunter2 with spaces
=  PASS [19 bytes]
S: +OK
C: STAT`},
		{"pop3", "APOP", `
C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
=  APOP mrose [32 bytes]`},
		{"pop3", "AUTH", `
C: AUTH
S: +OK
S: PLAIN
S: .
C: AUTH CRAM-MD5
S: + PDFAYT4=
C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
=  [48 bytes]
S: +OK
C: LIST`},
		{"sieve", "quoted strings", `
C: AUTHENTICATE "PLAIN" "AGFsaWNlAGh1bnRlcjI="
=  AUTHENTICATE "PLAIN" [22 bytes]
S: NO "wrong password hunter2"
=  NO "wrong password [7 bytes]"
C: LOGOUT`},
		{"sieve", "literals", `
C: AUTHENTICATE "PLAIN" {20+}
C: AGFsaWNlAGh1bnRlcjI=
=  [20 bytes]
S: OK
C: LISTSCRIPTS`},
		{"sieve", "in steps, and the signature with the success", `
C: AUTHENTICATE "SCRAM-SHA-1"
S: ""
C: "biwsbj11c2VyLHI9Zn"
=  [20 bytes]
S: "cj1mLHM9"
C: {8+}
C: Yz1iaXdz
=  [8 bytes]
S: OK (SASL "dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9") "in"
=  OK (SASL "[40 bytes]") "in"
C: LISTSCRIPTS`},
		{"nntp", "AUTHINFO", `
C: AUTHINFO USER alice
S: 381 more
C: AUTHINFO PASS hunter2
=  AUTHINFO PASS [7 bytes]
S: 281 ok
C: AUTHINFO SASL PLAIN AGFsaWNlAGh1bnRlcjI=
=  AUTHINFO SASL PLAIN [20 bytes]
S: 481 no
C: AUTHINFO SASL LOGIN
S: 383 VXNlcm5hbWU6
C: YWxpY2U=
=  [8 bytes]
S: 481 no
C: QUIT`},
		{"ftp", "USER, PASS, ACCT; AUTH TLS is no login", `
C: AUTH TLS
S: 234 go ahead
C: USER alice
S: 331 password
C: PASS hunter2
=  PASS [7 bytes]
C: ACCT hunter3
=  ACCT [7 bytes]
S: 230 in
C: LIST`},
		{"irc", "PASS, OPER, services and SASL", `
C: PASS :hunter2
=  PASS [8 bytes]
C: NICK alice
C: OPER alice hunter3
=  OPER alice [7 bytes]
C: PRIVMSG NickServ :IDENTIFY alice hunter4
=  PRIVMSG NickServ :IDENTIFY [13 bytes]
C: PRIVMSG #chan :hello, AUTH PLAIN is old
C: NICKSERV IDENTIFY hunter5
=  NICKSERV IDENTIFY [7 bytes]
C: PRIVMSG Q@CServe.quakenet.org :AUTH alice hunter6
=  PRIVMSG Q@CServe.quakenet.org :AUTH [13 bytes]
C: AUTHENTICATE PLAIN
S: AUTHENTICATE +
C: AUTHENTICATE AGFsaWNlAGh1bnRlcjI=
=  AUTHENTICATE [20 bytes]
S: :irc.example.test 904 alice :failed
C: AUTHENTICATE LOGIN
S: AUTHENTICATE +
C: AUTHENTICATE YWJJ
=  AUTHENTICATE [4 bytes]
S: :irc.example.test 903 alice :ok
C: JOIN #chan`},
		{"xmpp-client", "elements", `
C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAGh1bnRlcjI=</auth>
=  <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>[20 bytes]</auth>
C: <auth mechanism='EXTERNAL'>=</auth><presence/>
C: <auth mechanism='SCRAM-SHA-1'/>
C: <response>
C: Yz1iaXdz
=  [8 bytes]
C: </response><message>hello</message>
C: <query xmlns='jabber:iq:auth'><username>alice</username><password>hunter2</password></query>
=  <query xmlns='jabber:iq:auth'><username>alice</username><password>[7 bytes]</password></query>`},
		{"http", "headers", `
C: GET / HTTP/1.1
C: Authorization: Basic YWxpY2U6aHVudGVyMg==
=  Authorization: Basic [20 bytes]
C: Cookie: session=hunter2
=  Cookie: [15 bytes]
C: Accept: */*`},
		{"", "a protocol that is not known", `
C: PASS hunter2
=  PASS [7 bytes]
C: x LOGIN alice hunter3
=  x LOGIN alice [7 bytes]
C: AUTH PLAIN
S: 334 
C: AGFsaWNlAGh1bnRlcjQ=
=  [20 bytes]
S: 235 ok
C: <password>hunter5</password>
=  <password>[7 bytes]</password>
C: a line that ends like a literal {100}
C: PASS hunter6
=  PASS [7 bytes]`},
	} {
		runRedaction(t, test.protocol, test.name, test.script)
	}
}

func runRedaction(t *testing.T, protocol, name, script string) {
	t.Helper()
	r := NewRedactor(protocol)
	lines := strings.Split(script[1:], "\n")
	for i := 0; i < len(lines); i++ {
		from, line := lines[i][:2], lines[i][3:]
		read := r.Client
		if from == "S:" {
			read = r.Server
		}
		want := line
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "=  ") {
			i++
			want = lines[i][3:]
		}
		if got, redacted := read(line); got != want || redacted != (want != line) {
			t.Errorf("%s, %s: %s %q is shown as %q, %v; want %q", protocol, name, from, line, got, redacted, want)
		}
	}
}

func TestRedactorKnows(t *testing.T) {
	r := NewRedactor("smtp")
	r.Know(NewSecret("hunter2"))
	r.Know(NewSecret("hunter2hunter2"))
	r.Know(NewSecret("abc")) // too short to look for
	for _, test := range []struct{ line, want string }{
		{"NOOP hunter2", "NOOP [7 bytes]"},
		{"NOOP hunter2hunter2!", "NOOP [14 bytes]!"},
		{"NOOP abc", "NOOP abc"},
	} {
		if got, _ := r.Client(test.line); got != test.want {
			t.Errorf("Client(%q) = %q, want %q", test.line, got, test.want)
		}
		if got, _ := r.Server(test.line); got != test.want {
			t.Errorf("Server(%q) = %q, want %q", test.line, got, test.want)
		}
	}
	for i := range 3 * mostKnown {
		r.Know(NewSecret(strings.Repeat("x", 4+i)))
	}
	if len(r.known) > mostKnown {
		t.Errorf("the redactor keeps %d secrets, want at most %d", len(r.known), mostKnown)
	}
}

// Whatever is said before, a password that our own code writes does not come
// through: every mechanism and every old command, in every protocol.
func TestRedactorLosesNoPassword(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[!-~äöü ]{1,3}XYZZY[!-~ ]{0,20}q`).Draw(t, "password")
		user := rapid.StringMatching(`[a-z"\\]{1,8}( [a-z]{1,3})?`).Draw(t, "user")
		protocol := rapid.SampledFrom([]string{"smtp", "submission", "lmtp", "imap", "pop3", "sieve", "nntp", "irc"}).Draw(t, "protocol")
		r := NewRedactor(protocol)
		for _, noise := range rapid.SliceOfN(rapid.SampledFrom([]string{"NOOP", "a1 NOOP", "EHLO x", "{", "\"", "<a", "CAPA", "*"}), 0, 3).Draw(t, "noise") {
			r.Client(noise)
		}
		who := Credentials{User: user, Password: NewSecret(password)}
		for _, line := range loginLines(t, r, protocol, who) {
			shown, redacted := r.Client(line)
			if strings.Contains(shown, password) || strings.Contains(shown, "XYZZY") {
				t.Fatalf("%s: %q is shown as %q", protocol, line, shown)
			}
			for _, s := range []string{"\x00" + user + "\x00" + password, password} {
				if strings.Contains(shown, base64.StdEncoding.EncodeToString([]byte(s))) {
					t.Fatalf("%s: %q is shown as %q", protocol, line, shown)
				}
			}
			if redacted != (shown != line) {
				t.Fatalf("%s: Client(%q) = %q, %v", protocol, line, shown, redacted)
			}
		}
	})
}

// loginLines are the client's lines of one way to log in.
func loginLines(t *rapid.T, r *Redactor, protocol string, who Credentials) []string {
	if rapid.Bool().Draw(t, "old way") {
		if protocol == "imap" {
			pieces, err := IMAPLogin(who.User, who.Password)
			if err != nil {
				t.Fatal(err)
			}
			pieces[0] = "a7 " + pieces[0]
			return pieces
		}
		if lines, err := UserPass(protocol, who.User, who.Password); err == nil {
			return lines
		}
	}
	m := rapid.SampledFrom([]*Mechanism{Plain, Login}).Draw(t, "mechanism")
	p := ProfileOf(protocol)
	x, err := m.Start(who, Channel{})
	if err != nil {
		t.Fatal(err)
	}
	along := !m.ServerFirst && rapid.Bool().Draw(t, "along") && protocol != "irc"
	tag := map[bool]string{true: "a7 "}[protocol == "imap"]
	if along {
		response, _ := x.Initial()
		return []string{tag + p.Begin(m.Name, response, true)}
	}
	lines := []string{tag + p.Begin(m.Name, nil, false)}
	for done := false; !done; {
		var response []byte
		if response, done, err = x.Next(nil); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, p.Answer(response)...)
	}
	return lines
}

func FuzzRedactor(f *testing.F) {
	f.Add("imap", "a LOGIN {5}\nalice {3}\nabc\na NOOP", "+ go\n+ go")
	f.Add("smtp", "AUTH PLAIN\nAGEAYg==\nQUIT", "334 \n235 ok")
	f.Add("xmpp-client", "<auth\nmechanism='PLAIN'>AGEAYg==\n</auth>", "")
	f.Add("", "\x00\nAUTH \"\nPASS\n{999999999}\n{0}", "+\n334\nOK (SASL \"\")")
	f.Fuzz(func(t *testing.T, protocol, client, server string) {
		r := NewRedactor(protocol)
		heard := strings.Split(server, "\n")
		for i, line := range strings.Split(client, "\n") {
			if shown, redacted := r.Client(line); redacted != (shown != line) {
				t.Fatalf("Client(%q) = %q, %v", line, shown, redacted)
			}
			if i < len(heard) {
				r.Server(heard[i])
			}
		}
		// Whatever state the lines have led to, these are not shown.
		if r.body || r.literal.open && r.literal.kind == harmless {
			return
		}
		const password = "XYZZY-unseen"
		for _, line := range []string{"PASS " + password, base64.StdEncoding.EncodeToString([]byte("\x00a\x00" + password))} {
			if r.client("AUTH PLAIN"); r.literal.open {
				return
			}
			if shown, _ := r.Client(line); strings.Contains(shown, password) || shown == line {
				t.Fatalf("behind %q and %q, %q is shown as %q", client, server, line, shown)
			}
		}
	})
}
