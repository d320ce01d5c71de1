package standard

import "fmt"

// Seal is the headline that a person reads first: one word for an endpoint,
// and for a target.
type Seal uint8

// The seals. The zero value is unknown.
const (
	SealUnknown Seal = iota // it could not be told
	SealIntact              // sealed, by the rules of its role
	SealWeak                // sealed, but with less than it should be
	SealBroken              // there is TLS, but it does not protect, or it fails
	SealMissing             // no TLS at all
)

var sealNames = [...]string{"unknown", "intact", "weak", "broken", "missing"}

// String returns the word.
func (s Seal) String() string {
	if int(s) < len(sealNames) {
		return sealNames[s]
	}
	return "unknown"
}

// MarshalText writes the word.
func (s Seal) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Seal) UnmarshalText(text []byte) error {
	for i, n := range sealNames {
		if n == string(text) {
			*s = Seal(i)
			return nil
		}
	}
	return fmt.Errorf("a seal is one of %v, not %q", sealNames, text)
}

// SealOf returns the seal that the verdicts of mailseal's own standard on one
// endpoint make. The worst breach decides; but an essential rule (one whose
// breach would break the seal) that is open leaves the seal unknown, unless it
// is already broken or missing by another.
func SealOf(verdicts []Verdict) Seal {
	worst, open, met := SealUnknown, false, false
	for _, v := range verdicts {
		essential := v.Breach >= SealBroken
		switch v.Outcome {
		case Broken:
			worst = max(worst, v.Breach)
		case Open:
			open = open || essential
		case Met:
			met = met || essential
		}
	}
	switch {
	case worst >= SealBroken:
		return worst
	case open || !met:
		return SealUnknown
	}
	return max(worst, SealIntact)
}

// Worst returns the worse of two seals for a headline over several endpoints:
// missing, broken, unknown, weak, intact.
func Worst(a, b Seal) Seal {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(s Seal) int {
	switch s {
	case SealIntact:
		return 0
	case SealWeak:
		return 1
	case SealBroken:
		return 3
	case SealMissing:
		return 4
	}
	return 2 // unknown: worse than weak, for it may be anything
}
