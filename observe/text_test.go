package observe

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{"", ""},
		{"250 mail.example.org", "250 mail.example.org"},
		{`C:\mail`, `C:\\mail`},
		{"Grüße, 邮件, Ωmega", "Grüße, 邮件, Ωmega"},
		{"a\r\nb", `a\x0d\x0ab`},
		{"a\tb", `a\x09b`},
		{"NUL \x00 and DEL \x7f", `NUL \x00 and DEL \x7f`},
		{"\x1b[2J\x1b]0;title\x07", `\x1b[2J\x1b]0;title\x07`}, // clears a screen, renames a window
		{"C1 \u009b31m", `C1 \xc2\x9b31m`},                     // CSI as one character
		{"\x9b31m", `\x9b31m`},                                 // CSI as one byte
		{"abc\u202egnp.exe", `abc\xe2\x80\xaegnp.exe`},         // RIGHT-TO-LEFT OVERRIDE
		{"\u2066x\u2069", `\xe2\x81\xa6x\xe2\x81\xa9`},         // isolates
		{"soft\u00adhyphen", `soft\xc2\xadhyphen`},             // invisible
		{"zero\u200bwidth\ufeff", `zero\xe2\x80\x8bwidth\xef\xbb\xbf`},
		{"no\u00a0break", `no\xc2\xa0break`},                 // a space that is none
		{"line\u2028separator", `line\xe2\x80\xa8separator`}, // a line end to some programs
		{"\xff\xfe", `\xff\xfe`},                             // never UTF-8
		{"\xc3", `\xc3`},                                     // cut off
		{"\xed\xa0\x80", `\xed\xa0\x80`},                     // a surrogate
		{"\xc0\xaf", `\xc0\xaf`},                             // an overlong slash
		{"\ufffd", "\ufffd"},                                 // sent as such, and printable
		{"\ue000", `\xee\x80\x80`},                           // private use: any font may draw anything
	} {
		if got := Escape(test.raw); got != test.want {
			t.Errorf("Escape(%q) = %q, want %q", test.raw, got, test.want)
		}
		if got := Text(test.raw).String(); got != test.want {
			t.Errorf("Text(%q).String() = %q, want %q", test.raw, got, test.want)
		}
		roundTrip(t, []byte(test.raw))
	}
}

// Any bytes survive, and their stored form is safe to show.
func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roundTrip(t, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	})
}

// The same for whole characters of every kind, which random bytes seldom make.
func TestTextRoundTripOfCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roundTrip(t, []byte(rapid.StringOf(rapid.Rune()).Draw(t, "text")))
	})
}

// fails is what a testing.T and a rapid.T have in common here.
type fails interface {
	Helper()
	Errorf(format string, args ...any)
}

func roundTrip(t fails, raw []byte) {
	t.Helper()
	stored, err := Text(raw).MarshalText()
	if err != nil {
		t.Errorf("Text(%q).MarshalText(): %v", raw, err)
		return
	}
	isSafe(t, raw, string(stored))
	var back Text
	if err := back.UnmarshalText(stored); err != nil || string(back) != string(raw) {
		t.Errorf("UnmarshalText(%q) = %q, %v; want %q", stored, string(back), err, raw)
	}
}

// isSafe demands that nothing in the stored form can move a cursor, end a
// line, turn the reading direction or hide.
func isSafe(t fails, raw []byte, stored string) {
	t.Helper()
	if !utf8.ValidString(stored) {
		t.Errorf("Text(%q) is stored as %q, which is not UTF-8", raw, stored)
	}
	for _, r := range stored {
		switch {
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs):
			t.Errorf("Text(%q) is stored as %q, with the control or format character %U", raw, stored, r)
		case unicode.Is(unicode.Bidi_Control, r):
			t.Errorf("Text(%q) is stored as %q, with the bidirectional control %U", raw, stored, r)
		case unicode.IsSpace(r) && r != ' ':
			t.Errorf("Text(%q) is stored as %q, with the space %U", raw, stored, r)
		}
	}
}

func TestUnmarshalTextReads(t *testing.T) {
	for _, test := range []struct{ stored, want string }{
		{"", ""},
		{"plain", "plain"},
		{`\\`, `\`},
		{`\\x41`, `\x41`},      // an escaped backslash, not an escaped A
		{`\x41\x42`, "AB"},     //
		{`\xFF`, "\xff"},       // upper case is read, though never written
		{"raw\x1b", "raw\x1b"}, // what is not escaped stands for itself: String escapes it again
		{`\x5cx41`, `\x41`},    // read once, not twice
		{`\\\\`, `\\`},         //
		{`ends in \x0a`, "ends in \n"},
	} {
		var got Text
		if err := got.UnmarshalText([]byte(test.stored)); err != nil || string(got) != test.want {
			t.Errorf("UnmarshalText(%q) = %q, %v; want %q", test.stored, string(got), err, test.want)
		}
	}
}

func TestUnmarshalTextRefuses(t *testing.T) {
	for _, bad := range []string{
		`\`,        // nothing behind it
		`a\`,       //
		`\n`,       // no such escape
		`\x`,       // no digits
		`\x1`,      // one digit
		`\x1g`,     // the second is none
		`\xg1`,     // the first is none
		`\x 1`,     // a space is no digit
		`\x+1`,     // nor is a sign
		`\x\n1`,    //
		`\X41`,     //
		`\\\x4`,    // after a good one
		`\u0041`,   // JSON's escapes are JSON's business
		"\\x\xff1", //
	} {
		got := Text("before")
		err := got.UnmarshalText([]byte(bad))
		if err == nil || got != "before" {
			t.Errorf("UnmarshalText(%q) = %v and text %q, want an error and the text untouched", bad, err, string(got))
			continue
		}
		if strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("UnmarshalText(%q): the error is not one clean line: %q", bad, err)
		}
	}
}

// wellFormed is the stored form as a grammar: the second reading of it.
var wellFormed = regexp.MustCompile(`^(?:[^\\]|\\\\|\\x[0-9a-fA-F]{2})*$`)

// What is well-formed is read, nothing else is, and what was read says the
// same when it is stored again.
func FuzzUnmarshalText(f *testing.F) {
	for _, s := range []string{"", "plain", `\\`, `\x00`, `\x1b[31m`, `\xc3\xbc`, "ü", "\u202e", `\x`, `\x 1`, `\\x41`, "\xff", "a\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		var text Text
		err := text.UnmarshalText(stored)
		if want := wellFormed.Match(stored); (err == nil) != want {
			t.Errorf("UnmarshalText(%q) = %v, want it read: %v", stored, err, want)
		}
		if err == nil {
			roundTrip(t, []byte(text))
		}
	})
}
