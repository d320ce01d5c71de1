package standard

import (
	"fmt"

	"github.com/mailseal/mailseal/observe"
)

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

// SealOn returns the seal that verdicts of mailseal's own standard make for an
// endpoint; those on others are passed over. The worst breach decides; but an
// essential rule (one whose breach would break the seal) that is open leaves
// the seal unknown, unless it is already broken or missing by another.
func SealOn(e observe.Endpoint, verdicts []Verdict) Seal {
	var t tally
	for i := range verdicts {
		if verdicts[i].Subject == e {
			t.add(&verdicts[i])
		}
	}
	return t.seal()
}

// tally is what matters of the verdicts on one endpoint.
type tally struct {
	worst Seal // breach of a broken rule
	open  bool // an essential rule is open
	met   bool // an essential rule is met
}

func (t *tally) add(v *Verdict) {
	essential := v.Breach >= SealBroken
	switch v.Outcome {
	case Broken:
		t.worst = max(t.worst, v.Breach)
	case Open:
		t.open = t.open || essential
	case Met:
		t.met = t.met || essential
	}
}

func (t *tally) seal() Seal {
	switch {
	case t.worst >= SealBroken:
		return t.worst
	case t.open || !t.met:
		return SealUnknown
	}
	return max(t.worst, SealIntact)
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
