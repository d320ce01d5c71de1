package sasl

import (
	"fmt"
	"io"
)

// Secret holds a password or a token. Printed by any verb, logged, or stored
// as JSON it is its length in brackets: "[12 bytes]". The zero value is the
// empty secret.
//
// The text lies behind a pointer, because fmt cannot call the methods of a
// field that is not exported: of that it prints an address.
type Secret struct{ text *string }

// NewSecret keeps text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Len is the length in bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// String returns what is shown instead: "[12 bytes]".
func (s Secret) String() string { return hidden(s.Len()) }

// Format writes what is shown instead, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText writes what is shown instead, for JSON and for logs. There is
// no way back.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func hidden(n int) string {
	if n == 1 {
		return "[1 byte]"
	}
	return fmt.Sprintf("[%d bytes]", n)
}
