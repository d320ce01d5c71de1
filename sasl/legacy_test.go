package sasl

import (
	"slices"
	"strings"
	"testing"
)

// RFC 1939, section 7, has the first of these.
func TestAPOP(t *testing.T) {
	for _, test := range []struct {
		greeting, user, password, want string // want empty: an error
	}{
		{"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>", "mrose", "tanstaaf", "APOP mrose c4c9334bac560ecc979e58001b3e22fb"},
		{"<1896.697170952@dbc.mtview.ca.us>", "mrose", "tanstaaf", "APOP mrose c4c9334bac560ecc979e58001b3e22fb"},
		{"+OK POP3 server ready", "mrose", "tanstaaf", ""},
		{"+OK <not a stamp", "mrose", "tanstaaf", ""},
		{"+OK <no-at-sign>", "mrose", "tanstaaf", ""},
		{"+OK <a\x80@b>", "mrose", "tanstaaf", ""}, // by such greetings passwords have been found letter by letter
		{"+OK <a@b>", "", "tanstaaf", ""},
		{"+OK <a@b>", "m rose", "tanstaaf", ""},
		{"+OK <a@b>", "mrose\r\nQUIT", "tanstaaf", ""},
		{"+OK <a@b>", "mrose", "", ""},
	} {
		got, err := APOP(test.greeting, test.user, NewSecret(test.password))
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("APOP(%q, %q) = %q, %v; want %q", test.greeting, test.user, got, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "tanstaaf") {
			t.Errorf("APOP(%q, %q): the error shows the password", test.greeting, test.user)
		}
	}
}

func TestIMAPLogin(t *testing.T) {
	for _, test := range []struct {
		user, password string
		want           []string // nil: an error
	}{
		{"alice", "hunter2", []string{`LOGIN "alice" "hunter2"`}},
		{"ali ce", `hunt"er\2`, []string{`LOGIN "ali ce" "hunt\"er\\2"`}},
		{"alice", "Öffne", []string{`LOGIN "alice" {6}`, "Öffne"}},
		{"älice", "hunter2", []string{`LOGIN {6}`, `älice "hunter2"`}},
		{"älice", "Öffne\r\ndich", []string{`LOGIN {6}`, `älice {12}`, "Öffne\r\ndich"}},
		{"alice", strings.Repeat("x", 1001), []string{`LOGIN "alice" {1001}`, strings.Repeat("x", 1001)}},
		{"alice", "a\x00b", nil},
		{"", "hunter2", nil},
		{"alice", "", nil},
	} {
		got, err := IMAPLogin(test.user, NewSecret(test.password))
		if !slices.Equal(got, test.want) || (err != nil) != (test.want == nil) {
			t.Errorf("IMAPLogin(%q, …) = %q, %v; want %q", test.user, got, err, test.want)
		}
	}
}

func TestUserPass(t *testing.T) {
	for _, test := range []struct {
		protocol, user, password string
		want                     []string
	}{
		{"pop3", "alice", "hunt er2", []string{"USER alice", "PASS hunt er2"}},
		{"ftp", "alice", "hunter2", []string{"USER alice", "PASS hunter2"}},
		{"nntp", "alice", "hunter2", []string{"AUTHINFO USER alice", "AUTHINFO PASS hunter2"}},
		{"irc", "", "hunter2", []string{"PASS :hunter2"}},
		{"smtp", "alice", "hunter2", nil},
		{"pop3", "", "hunter2", nil},
		{"pop3", "alice", "hunter2\r\nDELE 1", nil},
		{"pop3", "alice\nQUIT", "hunter2", nil},
	} {
		got, err := UserPass(test.protocol, test.user, NewSecret(test.password))
		if !slices.Equal(got, test.want) || (err != nil) != (test.want == nil) {
			t.Errorf("UserPass(%s, %q, …) = %q, %v; want %q", test.protocol, test.user, got, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("UserPass(%s, %q, …): the error shows the password", test.protocol, test.user)
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	f.Add("+OK <1896.697170952@dbc.mtview.ca.us>")
	f.Add("<>><@")
	f.Fuzz(func(t *testing.T, greeting string) {
		stamp, ok := Timestamp(greeting)
		if ok && (!strings.Contains(greeting, stamp) || stamp[0] != '<' || stamp[len(stamp)-1] != '>') {
			t.Fatalf("Timestamp(%q) = %q", greeting, stamp)
		}
	})
}
