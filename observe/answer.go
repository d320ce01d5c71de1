package observe

import "fmt"

// Answer is one of three: unknown, no, yes. The zero value is unknown, so that
// a forgotten branch never reads as a yes or a no.
type Answer uint8

// The three answers.
const (
	Unknown Answer = iota
	No
	Yes
)

// Known turns a fact that was really seen into an answer.
func Known(b bool) Answer {
	if b {
		return Yes
	}
	return No
}

// String returns "unknown", "no" or "yes".
func (a Answer) String() string {
	switch a {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "unknown"
}

// MarshalText writes the answer as its word.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads one of the three words and refuses any other.
func (a *Answer) UnmarshalText(text []byte) error {
	switch string(text) {
	case "unknown":
		*a = Unknown
	case "no":
		*a = No
	case "yes":
		*a = Yes
	default:
		return fmt.Errorf("an answer is unknown, no or yes, not %q", text)
	}
	return nil
}
