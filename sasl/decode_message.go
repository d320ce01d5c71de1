package sasl

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// message explains what has the marks of a mechanism. Text that is not in
// base64 is tried without a mechanism.
func message(text, mechanism string) (Meaning, bool) {
	for _, read := range []func(string, string) (Meaning, bool){
		readPrompt, readBinary, readOAuth, readPlain,
		readClientFirst, readServerFirst, readClientFinal, readServerFinal,
		readCramChallenge, readCramAnswer, readRefusal,
	} {
		if m, ok := read(text, mechanism); ok {
			return m, true
		}
	}
	return Meaning{}, false
}

// readBinary only names it. A token of GSSAPI begins with an ASN.1 tag, RFC
// 2743, section 3.1.
func readBinary(text, _ string) (Meaning, bool) {
	m := Meaning{What: "a binary message, as of GSSAPI; mailseal does not speak such mechanisms"}
	switch {
	case strings.HasPrefix(text, "NTLMSSP\x00"):
		m.What, m.Mechanism = "a message of NTLM, which mailseal does not speak", "NTLM"
	case utf8.ValidString(text), text[0] != 0x60:
		return m, false
	}
	m.shut("message", text)
	return m, true
}

// readPlain goes by the NULs.
func readPlain(text, _ string) (Meaning, bool) {
	parts := strings.SplitN(text, "\x00", 3)
	m := Meaning{What: "PLAIN (RFC 4616): user and password", Mechanism: "PLAIN"}
	switch {
	case len(parts) == 1:
		return m, false
	case len(parts) == 2:
		m.What = "almost PLAIN (RFC 4616): it has one NUL and needs two, \\0user\\0password"
		m.open("before the NUL", parts[0])
		m.shut("behind the NUL", parts[1])
		m.note("The first NUL is missing, or digits behind \\0 were read as an octal number: in perl and printf \\0123 is one newline and a 3.")
		m.lineEnd("it", parts[1])
		return m, true
	}
	m.open("authorization identity", parts[0])
	m.open("user", parts[1])
	m.shut("password", parts[2])
	m.notePlain(parts[0], parts[1], parts[2])
	return m, true
}

func (m *Meaning) notePlain(authz, user, password string) {
	m.lineEnd("the password", password)
	if strings.Contains(password, "\x00") {
		m.note("The password has a NUL, which PLAIN cannot carry.")
	}
	if password == "" {
		m.note("The password is empty. In perl \"…$word\" in double quotes is a variable.")
	}
	if user == "" {
		m.note("The user is empty.")
	}
	if authz != "" && authz != user {
		m.note("It asks to act as another one than the user who logs in.")
	}
	m.note("Base64 is no encryption: whoever reads this line has the password.")
}

// readOAuth reads OAUTHBEARER and XOAUTH2: pairs ended by control-A.
func readOAuth(text, _ string) (Meaning, bool) {
	if text == "\x01" {
		return Meaning{What: "OAUTHBEARER (RFC 7628): the client has understood that it is refused", Mechanism: "OAUTHBEARER"}, true
	}
	fields := strings.Split(text, "\x01")
	if len(fields) < 3 {
		return Meaning{}, false
	}
	m := Meaning{What: "XOAUTH2: user and access token", Mechanism: "XOAUTH2"}
	if header, ok := gs2(fields[0] + ","); ok {
		m = Meaning{What: "OAUTHBEARER (RFC 7628): an access token", Mechanism: "OAUTHBEARER"}
		m.open("user", header.authz)
		fields = fields[1:]
	}
	for _, f := range fields[:min(len(fields), 32)] {
		switch key, value, _ := strings.Cut(f, "="); key {
		case "":
		case "auth":
			m.shut("token", strings.TrimPrefix(value, "Bearer "))
		case "user", "host", "port":
			m.open(key, value)
		default:
			m.shut(key, value)
		}
	}
	m.note("Whoever reads this line can use the token until it ends.")
	return m, true
}

// header is that of GS2, RFC 5801, section 4.
type header struct{ flag, authz, rest string }

var gs2Header = regexp.MustCompile(`(?s)^(n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,(.*)$`)

func gs2(text string) (header, bool) {
	m := gs2Header.FindStringSubmatch(text)
	if m == nil {
		return header{}, false
	}
	return header{flag: m[1], authz: plainName(m[2]), rest: m[3]}, true
}

// plainName undoes saslName.
func plainName(name string) string {
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name)
}

func (m *Meaning) binding(flag string) {
	name, bound := strings.CutPrefix(flag, "p=")
	switch {
	case bound:
		m.open("channel binding", name)
		m.note("The exchange is tied to the TLS connection.")
	case flag == "y":
		m.open("channel binding", "y")
		m.note("y: the client could bind the exchange to the TLS connection, but was not offered to. A server that did offer it refuses, as somebody has removed the offer.")
	default:
		m.open("channel binding", "n")
		m.note("n: the client cannot, or will not, bind the exchange to the TLS connection.")
	}
}

var (
	clientFirst = regexp.MustCompile(`(?s)^n=([^,]*),r=([^,]*)`)
	firstOfAll  = regexp.MustCompile(`(?s)^r=([^,]*),s=([^,]*),i=([0-9]{1,20})`)
	clientFinal = regexp.MustCompile(`(?s)^c=([^,]*),r=([^,]*)(?:,.*)?,p=([^,]*)$`)
)

func readClientFirst(text, mechanism string) (Meaning, bool) {
	h, ok := gs2(text)
	f := clientFirst.FindStringSubmatch(h.rest)
	if !ok || f == nil {
		return Meaning{}, false
	}
	m := Meaning{What: "SCRAM (RFC 5802), first message of the client", Mechanism: mechanism}
	if h.authz != "" {
		m.open("authorization identity", h.authz)
	}
	m.open("user", plainName(f[1]))
	m.open("nonce", f[2])
	m.binding(h.flag)
	return m, true
}

func readServerFirst(text, mechanism string) (Meaning, bool) {
	f := firstOfAll.FindStringSubmatch(text)
	if f == nil {
		return Meaning{}, false
	}
	m := Meaning{What: "SCRAM (RFC 5802), first message of the server", Mechanism: mechanism}
	m.open("nonce, of both", f[1])
	m.open("salt", f[2])
	m.open("iterations", f[3])
	if n, err := iterationsOf("i=" + f[3]); err == nil && n < MinIterations {
		m.note(fmt.Sprintf("Fewer than %d iterations make it cheap to guess at the password; mailseal refuses.", MinIterations))
	} else if err == nil && n > MaxIterations {
		m.note(fmt.Sprintf("More than %d iterations keep a client busy for long; mailseal refuses.", MaxIterations))
	}
	return m, true
}

func readClientFinal(text, mechanism string) (Meaning, bool) {
	f := clientFinal.FindStringSubmatch(text)
	if f == nil {
		return Meaning{}, false
	}
	m := Meaning{What: "SCRAM (RFC 5802), last message of the client", Mechanism: mechanism}
	bound, err := base64.StdEncoding.DecodeString(f[1])
	if h, ok := gs2(string(bound)); ok && err == nil {
		m.binding(h.flag)
		if h.rest != "" {
			m.open("value of the binding", fmt.Sprintf("%x", h.rest))
		}
	} else {
		m.open("binding, not understood", f[1])
	}
	m.open("nonce, of both", f[2])
	m.shut("proof", f[3])
	m.note("The password is not in it. Whoever has the whole exchange can guess at it, slowed down by the iterations.")
	return m, true
}

func readServerFinal(text, mechanism string) (Meaning, bool) {
	m := Meaning{What: "SCRAM (RFC 5802), last message of the server", Mechanism: mechanism}
	final, err := parseServerFinal(text)
	switch {
	case err != nil:
		return m, false
	case final.refusal != "":
		m.open("error", final.refusal)
	default:
		m.shut("signature", strings.TrimPrefix(text, "v="))
		m.note("By the signature the server proves that it knows the password. Only who made the exchange can verify it.")
	}
	return m, true
}

var (
	cramChallenge = regexp.MustCompile(`^<[!-;=?-~]+>$`)
	cramAnswer    = regexp.MustCompile(`(?s)^(.+) ([0-9a-f]{32})(\r?\n)?$`)
)

func readCramChallenge(text, mechanism string) (Meaning, bool) {
	m := Meaning{What: "a challenge of CRAM-MD5 (RFC 2195), or the time-stamp of APOP (RFC 1939)", Mechanism: mechanism}
	m.open("challenge", text)
	return m, cramChallenge.MatchString(text)
}

func readCramAnswer(text, _ string) (Meaning, bool) {
	f := cramAnswer.FindStringSubmatch(text)
	if f == nil {
		return Meaning{}, false
	}
	m := Meaning{What: "CRAM-MD5 (RFC 2195), the answer", Mechanism: "CRAM-MD5"}
	m.open("user", f[1])
	m.shut("digest", f[2])
	m.lineEnd("it", text)
	m.note("The digest is the HMAC-MD5 of the challenge under the password; who has both can guess at the password.")
	return m, true
}

// readRefusal reads the JSON of OAuth, RFC 7628, section 3.2.2.
func readRefusal(text, mechanism string) (Meaning, bool) {
	var refusal struct {
		Status, Scope, Schemes string
		Configuration          string `json:"openid-configuration"`
	}
	if !strings.HasPrefix(strings.TrimSpace(text), "{") || json.Unmarshal([]byte(text), &refusal) != nil || refusal.Status == "" {
		return Meaning{}, false
	}
	m := Meaning{What: "OAUTHBEARER (RFC 7628) or XOAUTH2: the server refuses the token, and says why", Mechanism: mechanism}
	m.open("status", refusal.Status)
	for _, f := range []struct{ name, value string }{
		{"scope", refusal.Scope}, {"schemes", refusal.Schemes}, {"openid-configuration", refusal.Configuration},
	} {
		if f.value != "" {
			m.open(f.name, f.value)
		}
	}
	return m, true
}

var prompt = regexp.MustCompile(`(?i)^(user ?name|user|login|password|pass)[ ]?:[ ]?$`)

// readPrompt knows what servers ask by LOGIN. The words are not standardised.
func readPrompt(text, _ string) (Meaning, bool) {
	if !prompt.MatchString(text) && text != "User Name\x00" && text != "Password\x00" {
		return Meaning{}, false
	}
	m := Meaning{What: "LOGIN: the server asks", Mechanism: "LOGIN"}
	m.open("question", strings.TrimSuffix(text, "\x00"))
	return m, true
}
