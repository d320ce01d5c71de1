package sasl

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func TestProfiles(t *testing.T) {
	for _, test := range []struct {
		protocol                                       string
		begin, along, empty, answer, emptyAnswer, stop string
	}{
		{"smtp", "AUTH X", "AUTH X YQ==", "AUTH X =", "YQ==", "", "*"},
		{"submission", "AUTH X", "AUTH X YQ==", "AUTH X =", "YQ==", "", "*"},
		{"lmtp", "AUTH X", "AUTH X YQ==", "AUTH X =", "YQ==", "", "*"},
		{"imap", "AUTHENTICATE X", "AUTHENTICATE X YQ==", "AUTHENTICATE X =", "YQ==", "", "*"},
		{"pop3", "AUTH X", "AUTH X YQ==", "AUTH X =", "YQ==", "", "*"},
		{"sieve", `AUTHENTICATE "X"`, `AUTHENTICATE "X" "YQ=="`, `AUTHENTICATE "X" ""`, `"YQ=="`, `""`, `"*"`},
		{"nntp", "AUTHINFO SASL X", "AUTHINFO SASL X YQ==", "AUTHINFO SASL X =", "YQ==", "=", "*"},
		{"irc", "AUTHENTICATE X", "AUTHENTICATE X YQ==", "", "AUTHENTICATE YQ==", "AUTHENTICATE +", "AUTHENTICATE *"},
	} {
		p := ProfileOf(test.protocol)
		for _, c := range []struct{ call, got, want string }{
			{"Begin(X)", p.Begin("X", nil, false), test.begin},
			{"Begin(X, a)", p.Begin("X", []byte("a"), true), test.along},
			{"Answer(a)", strings.Join(p.Answer([]byte("a")), "\n"), test.answer},
			{"Answer()", strings.Join(p.Answer(nil), "\n"), test.emptyAnswer},
			{"Cancel()", p.Cancel(), test.stop},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s = %q, want %q", test.protocol, c.call, c.got, c.want)
			}
		}
		if got := p.Begin("X", []byte{}, true); p.InitialResponse != Never && got != test.empty {
			t.Errorf("%s: Begin(X, empty) = %q, want %q", test.protocol, got, test.empty)
		}
		if len(p.References) == 0 {
			t.Errorf("%s has no references", test.protocol)
		}
	}
	if ProfileOf("ftp") != nil || ProfileOf("") != nil {
		t.Errorf("ProfileOf finds what has no SASL")
	}
}

func TestCarries(t *testing.T) {
	for _, test := range []struct {
		protocol     string
		length       int
		capabilities []string
		want         bool
	}{
		{"smtp", 20, nil, true},
		{"smtp", 372, nil, true},  // 496 + "AUTH PLAIN " + CR LF = 509
		{"smtp", 375, nil, false}, // 513
		{"pop3", 150, nil, true},  // 213
		{"pop3", 180, nil, true},  // 253
		{"pop3", 183, nil, false}, // 257
		{"imap", 20, nil, false},
		{"imap", 20, []string{"IMAP4rev1", "sasl-ir"}, true},
		{"imap", 5000, []string{"SASL-IR"}, true},
		{"sieve", 5000, nil, true},
		{"irc", 20, nil, false},
	} {
		if got := ProfileOf(test.protocol).Carries("PLAIN", make([]byte, test.length), test.capabilities); got != test.want {
			t.Errorf("%s: Carries(PLAIN, %d bytes, %q) = %v, want %v", test.protocol, test.length, test.capabilities, got, test.want)
		}
	}
}

func TestServerLines(t *testing.T) {
	const none = "no"
	for _, test := range []struct{ protocol, line, challenge, ended string }{ // ended: none, refused, or in and the data
		{"smtp", "334 YQ==", "a", none},
		{"smtp", "334 ", "", none},
		{"smtp", "334", "", none},
		{"smtp", "334 =", "", none},
		{"smtp", "334 ???", "bad", none},
		{"smtp", "334 YQ\r==", "bad", none},
		{"smtp", "3345 YQ==", none, none},
		{"smtp", "235 2.7.0 in", none, "in "},
		{"smtp", "235-in", none, none}, // the last line of a reply counts
		{"smtp", "535 no", none, "refused"},
		{"smtp", "454 later", none, "refused"},
		{"smtp", "250 ok", none, none},
		{"smtp", "", none, none},
		{"imap", "+ YQ==", "a", none},
		{"imap", "+", "", none},
		{"imap", "* CAPABILITY IMAP4rev1", none, none},
		{"imap", "* BYE", none, "refused"},
		{"imap", "a1 OK in", none, "in "},
		{"imap", "a1 NO no", none, "refused"},
		{"imap", "a1 BAD what", none, "refused"},
		{"pop3", "+ YQ==", "a", none},
		{"pop3", "+OK", none, "in "},
		{"pop3", "-ERR [AUTH] no", none, "refused"},
		{"sieve", `"YQ=="`, "a", none},
		{"sieve", `""`, "", none},
		{"sieve", "{4}\r\nYQ==", "a", none},
		{"sieve", "{5}\r\nYQ==", none, none},
		{"sieve", `OK "in"`, none, "in "},
		{"sieve", `OK (SASL "YQ==") "in"`, none, "in a"},
		{"sieve", `ok (sasl "YQ==")`, none, "in a"},
		{"sieve", `OK (SASL "??")`, none, "in "},
		{"sieve", `OK (SASL `, none, "in "},
		{"sieve", `NO "no"`, none, "refused"},
		{"nntp", "383 YQ==", "a", none},
		{"nntp", "383 =", "", none},
		{"nntp", "281 in", none, "in "},
		{"nntp", "283 YQ==", none, "in a"},
		{"nntp", "481 no", none, "refused"},
		{"irc", "AUTHENTICATE +", "", none},
		{"irc", ":server AUTHENTICATE YQ==", "a", none},
		{"irc", "@time=1 :server AUTHENTICATE :YQ==", "a", none},
		{"irc", ":server 900 alice alice!a@b alice :in", none, none},
		{"irc", ":server 903 alice :in", none, "in "},
		{"irc", ":server 904 alice :no", none, "refused"},
		{"irc", ":server NOTICE * :hello", none, none},
	} {
		p := ProfileOf(test.protocol)
		challenge, ok, err := p.Challenge(test.line)
		got := string(challenge)
		if err != nil {
			got = "bad"
		}
		if !ok {
			got = none
		}
		if got != test.challenge {
			t.Errorf("%s: Challenge(%q) = %q, %v, %v; want %q", test.protocol, test.line, challenge, ok, err, test.challenge)
		}
		ended, success, data := p.Ended(test.line)
		got = map[bool]string{true: "refused", false: none}[ended]
		if success {
			got = "in " + string(data)
		}
		if got != test.ended {
			t.Errorf("%s: Ended(%q) = %v, %v, %q; want %q", test.protocol, test.line, ended, success, data, test.ended)
		}
	}
}

// IRC takes 400 characters a line; a response that fills its last one is
// followed by an empty one.
func TestPiecesOfIRC(t *testing.T) {
	for _, test := range []struct {
		length int
		want   string // the lengths of the pieces; 1 is "+"
	}{{0, "[1]"}, {1, "[4]"}, {299, "[400 1]"}, {300, "[400 1]"}, {301, "[400 4]"}, {600, "[400 400 1]"}} {
		var lengths []int
		var joined string
		for _, line := range ProfileOf("irc").Answer([]byte(strings.Repeat("x", test.length))) {
			text := strings.TrimPrefix(line, "AUTHENTICATE ")
			lengths = append(lengths, len(text))
			joined += strings.TrimPrefix(text, "+")
		}
		if fmt.Sprint(lengths) != test.want {
			t.Errorf("a response of %d bytes is sent in pieces of %v, want %s", test.length, lengths, test.want)
		}
		if back, err := base64.StdEncoding.DecodeString(joined); err != nil || len(back) != test.length {
			t.Errorf("the pieces of %d bytes are %d bytes, %v", test.length, len(back), err)
		}
	}
}

func FuzzServerLines(f *testing.F) {
	for _, seed := range []string{"334 YQ==", "+", "{4}\r\nYQ==", `OK (SASL "YQ==")`, `OK (SASL `, ":a 903", "383 =", "@", ":", "{99999999999999999999}\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, p := range Profiles {
			_, isChallenge, err := p.Challenge(line)
			if err != nil && !isChallenge {
				t.Fatalf("%s: Challenge(%q) = %v, and is none", p.Protocol, line, err)
			}
			ended, success, data := p.Ended(line)
			if success && !ended || data != nil && !success || ended && isChallenge {
				t.Fatalf("%s: Ended(%q) = %v, %v, %q; challenge %v", p.Protocol, line, ended, success, data, isChallenge)
			}
		}
	})
}
