package sasl

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const (
	thePassword = "pa55-w0rd-xyzzy"
	theToken    = "t0ken-plugh-plover"
)

var holder = Credentials{User: "alice", Password: NewSecret(thePassword), Token: NewSecret(theToken)}

// shownSomewhere prints a value in all the ways that a program may, by
// accident, and returns the first that shows a secret.
func shownSomewhere(value any, secrets ...string) (how, shown string) {
	ways := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s", "% x"} {
		ways[verb] = fmt.Sprintf(verb, value)
	}
	ways["Sprint"] = fmt.Sprint(value)
	if stored, err := json.Marshal(value); err == nil {
		ways["JSON"] = string(stored)
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("test", "value", value)
		ways[name] = b.String()
	}
	for how, shown := range ways {
		for _, s := range secrets {
			for _, form := range []string{
				s, fmt.Sprintf("%x", s), fmt.Sprintf("%X", s), fmt.Sprintf("% x", s),
				base64.StdEncoding.EncodeToString([]byte(s)), strings.Trim(fmt.Sprint([]byte(s)), "[]"),
			} {
				if strings.Contains(shown, form) {
					return how, shown
				}
			}
		}
	}
	return "", ""
}

func TestSecretIsNotShown(t *testing.T) {
	secret := NewSecret(thePassword)
	type wrapped struct {
		Open   Secret
		closed Secret
		Many   []Secret
		Named  map[string]Secret
		Far    *Secret
	}
	for name, value := range map[string]any{
		"Secret": secret, "*Secret": &secret, "Credentials": holder, "*Credentials": &holder,
		"[]Secret":        []Secret{secret},
		"in a struct":     wrapped{secret, secret, []Secret{secret}, map[string]Secret{"a": secret}, &secret},
		"a struct's addr": &wrapped{secret, secret, nil, nil, &secret},
		"an error":        fmt.Errorf("password %v, %s, %q", secret, secret, secret),
	} {
		if how, shown := shownSomewhere(value, thePassword, theToken); how != "" {
			t.Errorf("%s printed by %s shows the secret: %s", name, how, strings.ReplaceAll(shown, thePassword, "…"))
		}
	}
}

func TestSecretSaysItsLength(t *testing.T) {
	for _, test := range []struct {
		secret Secret
		want   string
	}{
		{Secret{}, "[0 bytes]"},
		{NewSecret(""), "[0 bytes]"},
		{NewSecret("x"), "[1 byte]"},
		{NewSecret("twelve bytes"), "[12 bytes]"},
		{NewSecret("ä"), "[2 bytes]"},
	} {
		if got := test.secret.String(); got != test.want {
			t.Errorf("String of %d bytes = %q, want %q", test.secret.Len(), got, test.want)
		}
		if got := fmt.Sprintf("%q|%#v|%d", test.secret, test.secret, test.secret); got != strings.Join([]string{test.want, test.want, test.want}, "|") {
			t.Errorf("printed: %s, want %s thrice", got, test.want)
		}
		if stored, err := json.Marshal(test.secret); err != nil || string(stored) != `"`+test.want+`"` {
			t.Errorf("json.Marshal = %s, %v; want %q", stored, err, test.want)
		}
	}
	if got := NewSecret("open").Reveal(); got != "open" {
		t.Errorf("Reveal = %q, want open", got)
	}
}

// No exchange shows what it holds, at no stage, nor do its errors.
func TestExchangesAreNotShown(t *testing.T) {
	challenges := []string{"", "<1@a>", "r=x,s=eA==,i=4096", "e=no", `{"status":"401"}`, "v=eA==", strings.Repeat("x", 9000)}
	for _, m := range All {
		if m.Binds {
			continue
		}
		for _, challenge := range challenges {
			x := start(t, m, holder, Channel{})
			x.Initial()
			for range 4 {
				_, done, err := x.Next([]byte(challenge))
				for _, value := range []any{x, err, &x} {
					if how, _ := shownSomewhere(value, thePassword, theToken); how != "" {
						t.Fatalf("%s behind the challenge %.20q, printed by %s, shows a secret", m.Name, challenge, how)
					}
				}
				if done || err != nil {
					break
				}
			}
		}
	}
}

// Neither does a whole SCRAM, and a Meaning does only when asked.
func TestMeaningIsNotShown(t *testing.T) {
	x := example(t, 1)
	x.Initial()
	x.Next([]byte(scramExamples[1].serverFirst))
	if how, _ := shownSomewhere(x, "pencil", x.signature.Reveal()); how != "" {
		t.Errorf("a SCRAM exchange printed by %s shows a secret", how)
	}
	plain, _ := start(t, Plain, holder, Channel{}).Initial()
	bearer, _ := start(t, OAuthBearer, holder, Channel{}).Initial()
	x2, _ := start(t, XOAuth2, holder, Channel{}).Initial()
	for _, line := range []string{
		"AUTH PLAIN " + base64.StdEncoding.EncodeToString(plain),
		base64.StdEncoding.EncodeToString(plain),
		base64.StdEncoding.EncodeToString([]byte("alice\x00" + thePassword)),
		base64.StdEncoding.EncodeToString([]byte(thePassword)),
		base64.StdEncoding.EncodeToString(bearer),
		base64.StdEncoding.EncodeToString(x2),
		"PASS " + thePassword, "a LOGIN alice " + thePassword, `a LOGIN "alice" "` + thePassword + `"`,
		`a LOGIN "alice ` + thePassword, "AUTHINFO PASS " + thePassword, thePassword, thePassword + " ",
	} {
		m := Decode(line)
		if how, shown := shownSomewhere(m, thePassword, theToken); how != "" {
			t.Errorf("Decode(%q) printed by %s shows the secret: %s", line, how, shown)
		}
		var all string
		for _, p := range m.Parts {
			if how, _ := shownSomewhere(p, thePassword, theToken); how != "" || strings.Contains(p.Text(false), thePassword) {
				t.Errorf("Decode(%q): part %s shows the secret by %s", line, p.Name, how)
			}
			all += p.Text(true)
		}
		if !strings.Contains(all, thePassword) && !strings.Contains(all, theToken) {
			t.Errorf("Decode(%q): asked for, no part shows the secret: %q", line, all)
		}
	}
}
