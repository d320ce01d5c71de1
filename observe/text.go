package observe

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is what a remote end said: any bytes. In memory it holds them raw;
// printed or stored it is escaped, so that a terminal, a page or a log never
// meets a control character, and no byte is lost.
//
// The escaped form: printable UTF-8 stands for itself, a backslash is \\, and
// every other byte is \xNN. Bidirectional controls and other format
// characters count as not printable.
type Text string

// String returns the escaped form.
func (t Text) String() string { return Escape(string(t)) }

// MarshalText writes the escaped form.
func (t Text) MarshalText() ([]byte, error) { return []byte(Escape(string(t))), nil }

// UnmarshalText reads the escaped form.
func (t *Text) UnmarshalText(b []byte) error {
	s, err := unescape(string(b))
	if err != nil {
		return err
	}
	*t = Text(s)
	return nil
}

// Escape returns s with everything that is not printable written as \xNN.
func Escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == utf8.RuneError && n == 1, !unicode.IsPrint(r): // the only space that IsPrint lets pass is U+0020
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if strings.HasPrefix(s[i:], `\\`) {
			b.WriteByte('\\')
			i++
			continue
		}
		if len(s) < i+4 || s[i+1] != 'x' {
			return "", fmt.Errorf("text %q: a backslash is followed by neither a backslash nor xNN", s)
		}
		c, err := hex.DecodeString(s[i+2 : i+4])
		if err != nil {
			return "", fmt.Errorf("text %q: bad escape %q", s, s[i:i+4])
		}
		b.Write(c)
		i += 3
	}
	return b.String(), nil
}
