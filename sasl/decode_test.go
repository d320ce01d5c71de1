package sasl

import (
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/mailseal/mailseal/observe"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// meaning writes a Meaning in one line, with its secrets.
func meaning(m Meaning) string {
	words := []string{m.Mechanism}
	for _, p := range m.Parts {
		kind := "="
		if p.Secret.text != nil {
			kind = "!"
		}
		words = append(words, p.Name+kind+p.Text(true))
	}
	return strings.Join(words, "|")
}

func TestDecode(t *testing.T) {
	const plain = "PLAIN|authorization identity=|user=alice|password!hunter2"
	for _, test := range []struct{ line, want, says string }{ // ! marks a secret; says: words of What or of a note
		{"AGFsaWNlAGh1bnRlcjI=", plain, "PLAIN (RFC 4616)"},
		{"AUTH PLAIN AGFsaWNlAGh1bnRlcjI=\r\n", plain, "whoever reads this line has the password"},
		{"auth plain AGFsaWNlAGh1bnRlcjI=", plain, ""},
		{"a1 AUTHENTICATE PLAIN AGFsaWNlAGh1bnRlcjI=", plain, ""},
		{`AUTHENTICATE "PLAIN" "AGFsaWNlAGh1bnRlcjI="`, plain, ""},
		{"AUTHINFO SASL PLAIN AGFsaWNlAGh1bnRlcjI=", plain, ""},
		{"AUTHENTICATE AGFsaWNlAGh1bnRlcjI=", plain, ""},
		{"C: AGFsaWNlAGh1bnRlcjI=", plain, ""},
		{"AGFsaWNlAGh1bnRlcjI", plain, "lacks its padding"},
		{"AGFsaWNl\nAGh1bnRlcjI=", plain, "perl's encode_base64"},
		{b64("\x00alice\x00hunter2\n"), `PLAIN|authorization identity=|user=alice|password!hunter2\x0a`, "echo puts one there"},
		{b64("bob\x00alice\x00hunter2"), "PLAIN|authorization identity=bob|user=alice|password!hunter2", "as another one"},
		{b64("alice\x00hunter2"), "PLAIN|before the NUL=alice|behind the NUL!hunter2", "octal"},
		{b64("\x00alice\x00hun\x00ter2"), `PLAIN|authorization identity=|user=alice|password!hun\x00ter2`, "has a NUL"},
		{b64("\x00alice\x00"), "PLAIN|authorization identity=|user=alice|password!", "password is empty"},
		{b64("\x00\x00hunter2"), "PLAIN|authorization identity=|user=|password!hunter2", "user is empty"},
		{b64("\x00al\xe9\x00hunter2"), `PLAIN|authorization identity=|user=al\xe9|password!hunter2`, ""},

		{"334 VXNlcm5hbWU6", "LOGIN|question=Username:", "the server asks"},
		{"334 UGFzc3dvcmQ6", "LOGIN|question=Password:", ""},
		{"+ UGFzc3dvcmQ6", "LOGIN|question=Password:", ""},
		{"AUTH LOGIN YWxpY2U=", "LOGIN|user=alice", "sent along with LOGIN"},
		{"YWxpY2U=", "|text!alice", "user or the password of LOGIN"},
		{b64("hunter2\n"), `|text!hunter2\x0a`, "echo puts one there"},

		{"334 " + b64("<1896.697170952@postoffice.reston.mci.net>"), "|challenge=<1896.697170952@postoffice.reston.mci.net>", "CRAM-MD5"},
		{b64("tim b913a602c7eda7a495b4e6e7334d3890"), "CRAM-MD5|user=tim|digest!b913a602c7eda7a495b4e6e7334d3890", "can guess"},
		{"tim b913a602c7eda7a495b4e6e7334d3890", "CRAM-MD5|user=tim|digest!b913a602c7eda7a495b4e6e7334d3890", "not in base64"},

		{"AUTH SCRAM-SHA-1 " + b64(scramExamples[0].clientFirst), "SCRAM-SHA-1|user=user|nonce=fyko+d2lbbFgONRv9qkxdawL|channel binding=n", "cannot, or will not"},
		{b64("y,a=x=2Cy,n=a=3Db,r=abc"), "|authorization identity=x,y|user=a=b|nonce=abc|channel binding=y", "somebody has removed the offer"},
		{b64("p=tls-exporter,,n=user,r=abc"), "|user=user|nonce=abc|channel binding=tls-exporter", "tied to the TLS connection"},
		{b64(scramExamples[0].serverFirst), "|nonce, of both=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j|salt=QSXCR+Q6sek8bf92|iterations=4096", "first message of the server"},
		{b64("r=abc,s=QSXCR,i=100"), "|nonce, of both=abc|salt=QSXCR|iterations=100", "Fewer than 4096"},
		{b64("r=abc,s=QSXCR,i=90000000000"), "|nonce, of both=abc|salt=QSXCR|iterations=90000000000", "More than 2000000"},
		{b64(scramExamples[0].final), "|channel binding=n|nonce, of both=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j|proof!v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "The password is not in it"},
		{b64("c=" + b64("p=tls-exporter,,\x01\x02") + ",r=abc,p=eA=="), "|channel binding=tls-exporter|value of the binding=0102|nonce, of both=abc|proof!eA==", ""},
		{b64("c=!,r=abc,p=eA=="), "|binding, not understood=!|nonce, of both=abc|proof!eA==", ""},
		{b64(scramExamples[0].serverLast), "|signature!rmF9pqV8S7suAoZWja4dJRkFsKQ=", "proves"},
		{`OK (SASL "` + b64(scramExamples[0].serverLast) + `")`, "|signature!rmF9pqV8S7suAoZWja4dJRkFsKQ=", ""},
		{scramExamples[0].clientFirst, "|user=user|nonce=fyko+d2lbbFgONRv9qkxdawL|channel binding=n", "not in base64"},
		{b64("e=invalid-proof"), "|error=invalid-proof", "last message of the server"},

		{b64("user=a@b\x01auth=Bearer tok\x01\x01"), "XOAUTH2|user=a@b|token!tok", "until it ends"},
		{b64("n,a=a@b,\x01host=h\x01port=143\x01auth=Bearer tok\x01x=y\x01\x01"), "OAUTHBEARER|user=a@b|host=h|port=143|token!tok|x!y", "RFC 7628"},
		{"AQ==", "OAUTHBEARER", "has understood"},
		{"334 " + b64(`{"status":"401","schemes":"bearer","scope":"mail"}`), "|status=401|scope=mail|schemes=bearer", "refuses the token"},
		{b64(`{"status":`), `|text!{"status":`, ""},

		{"AUTH EXTERNAL =", "EXTERNAL", "an empty message"},
		{"AUTH EXTERNAL " + b64("fred@example.com"), "EXTERNAL|authorization identity=fred@example.com", "as whom"},
		{"AUTH ANONYMOUS c2lyaGM=", "ANONYMOUS|trace=sirhc", ""},
		{"AUTH CRAM-MD5", "CRAM-MD5", "sends nothing along"},
		{"334 ", "", "an empty message"},
		{"+", "", "an empty message"},
		{"AUTHENTICATE +", "", "an empty message"},
		{"", "", "an empty message"},
		{"*", "", "cancels"},
		{`"*"`, "", "cancels"},

		{"APOP mrose c4c9334bac560ecc979e58001b3e22fb", "APOP|user=mrose|digest!c4c9334bac560ecc979e58001b3e22fb", "RFC 1939"},
		{"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>", "APOP|time-stamp=<1896.697170952@dbc.mtview.ca.us>", "greeting"},
		{"a1 LOGIN alice hunter2", "|user=alice|password!hunter2", "IMAP's LOGIN"},
		{`LOGIN "ali ce" "hunt\"er2"`, `|user=ali ce|password!hunt"er2`, ""},
		{`a1 LOGIN "alice hunter2`, `|arguments!"alice hunter2`, "quotes do not fit"},
		{"USER alice", "|user=alice", ""},
		{"PASS hunt er2", "|password!hunt er2", "as it is"},
		{"AUTHINFO USER alice", "|user=alice", "NNTP"},
		{"AUTHINFO PASS hunter2", "|password!hunter2", "NNTP"},

		{b64("NTLMSSP\x00\x01"), `NTLM|message!NTLMSSP\x00\x01`, "does not speak"},
		{b64("\x60\x81\x00\xff"), `|message!` + "`" + `\x81\x00\xff`, "GSSAPI"},
		{"not base64 at all!", "|line!not base64 at all!", "neither"},
		{"\x1b[31m", `|line!\x1b[31m`, "neither"},
	} {
		m := Decode(test.line)
		if got := meaning(m); got != test.want {
			t.Errorf("Decode(%q) = %q, want %q", test.line, got, test.want)
		}
		if said := m.What + " " + strings.Join(m.Notes, " "); !strings.Contains(said, test.says) {
			t.Errorf("Decode(%q) says %q, want something with %q", test.line, said, test.says)
		}
	}
}

// What the mechanisms write, Decode reads.
func TestDecodeReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		who := Credentials{
			User:     rapid.StringMatching(`[a-z][a-z.,=]{2,12}@example\.org`).Draw(t, "user"),
			Password: NewSecret(rapid.StringMatching(`[!-~]{8,20}`).Draw(t, "password")),
			Token:    NewSecret(rapid.StringMatching(`[A-Za-z0-9._~+/-]{8,40}={0,2}`).Draw(t, "token")),
		}
		m := rapid.SampledFrom([]*Mechanism{Plain, OAuthBearer, XOAuth2, ScramSHA1, ScramSHA512, CramMD5}).Draw(t, "mechanism")
		x, err := m.Start(who, Channel{})
		if err != nil {
			t.Fatal(err)
		}
		response, has := x.Initial()
		if !has {
			response, _, _ = x.Next([]byte("<1@a>"))
		}
		read := Decode(ProfileOf("smtp").Begin(m.Name, response, true))
		if read.Mechanism != m.Name {
			t.Fatalf("Decode takes what %s writes for %q (%s)", m.Name, read.Mechanism, read.What)
		}
		all := map[string]string{}
		for _, p := range read.Parts {
			all[p.Name] = p.Text(true)
		}
		want := map[string]string{"user": who.User, "password": who.Password.Reveal(), "token": who.Token.Reveal()}
		for name, text := range want {
			if got, there := all[name]; there && got != strings.ReplaceAll(text, `\`, `\\`) {
				t.Fatalf("Decode reads the %s %q of %s as %q", name, text, m.Name, got)
			}
		}
		if _, there := all["user"]; !there {
			t.Fatalf("Decode finds no user in what %s writes: %v", m.Name, read)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"AUTH PLAIN AGFsaWNlAGh1bnRlcjI=", "a LOGIN \"a\" {3}", "APOP a b", "334 AQ==", "OK (SASL \"AA==\")",
		b64(scramExamples[0].final), b64("user=a\x01auth=b\x01\x01"), b64(`{"status":"x"}`), "AUTHENTICATE \"", "\"", "PASS", "LOGIN ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m := Decode(line)
		if m.What == "" || len(m.Parts) > 40 {
			t.Fatalf("Decode(%q) = %+v", line, m)
		}
		for _, p := range m.Parts {
			if text := p.Text(true); !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\r\n") {
				t.Fatalf("Decode(%q): the part %s has %q, which is not for a terminal", line, p.Name, text)
			}
		}
		for _, said := range append(m.Notes, m.What, m.Mechanism) {
			if strings.ContainsAny(said, "\x1b\r\n") {
				t.Fatalf("Decode(%q) says %q", line, said)
			}
		}
	})
}

func FuzzScramMessages(f *testing.F) {
	for _, e := range scramExamples {
		f.Add(e.serverFirst, e.serverLast)
	}
	f.Add("r=,s=,i=", "e=x")
	f.Add("m=1,r=a,s=AA==,i=4096", "v=,")
	f.Fuzz(func(t *testing.T, first, final string) {
		m, err := parseServerFirst(first)
		if err == nil && m.refusal == "" && (m.nonce == "" || len(m.nonce) > maxNonce || len(m.salt) == 0 || len(m.salt) > maxSalt || m.iterations <= 0) {
			t.Fatalf("parseServerFirst(%q) = %+v", first, m)
		}
		if m, err := parseServerFinal(final); err == nil && (m.refusal == "") == (len(m.signature) == 0) {
			t.Fatalf("parseServerFinal(%q) = %+v", final, m)
		}
		if m.iterations > 10_000 { // the time that it takes is bounded, but not what we want here
			return
		}
		x := &scramExchange{name: "SCRAM-SHA-1", hash: sha1.New, user: "user", password: NewSecret("pencil"), nonce: "fyko+d2lbbFgONRv9qkxdawL", header: "n,,", bound: []byte("n,,")}
		x.Initial()
		for _, challenge := range []string{first, final} {
			x.Next([]byte(challenge))
		}
		if x.Verified() == observe.Yes && (first != scramExamples[0].serverFirst || final != scramExamples[0].serverLast) && !strings.HasPrefix(final, scramExamples[0].serverLast+",") {
			t.Fatalf("the server is verified by %q and %q", first, final)
		}
	})
}
