package report

import "github.com/mailseal/mailseal/standard"

// Level is how bad a finding must be for a check to fail.
type Level string

// The levels, the strictest first.
const (
	Advice  Level = "advice"  // any rule of mailseal's own standard is broken, even a should
	Weak    Level = "weak"    // a seal is made weak, or worse
	Broken  Level = "broken"  // a seal is broken, or missing
	Missing Level = "missing" // there is no TLS
	Never   Level = "never"   // whatever is found
)

// Levels are all levels, the strictest first.
var Levels = []Level{Advice, Weak, Broken, Missing, Never}

// Decision is what a report says to a person who named a level.
type Decision uint8

// The three decisions. The zero value is that it could not be told.
const (
	Undecided Decision = iota // nothing was found at that level, but not everything was seen
	Passed                    // everything that matters was seen, and nothing found at that level
	Failed                    // something was found at that level or above
)

// FailsAt decides by mailseal's own standard. A finding at the level or above
// decides even where other things are unknown; without one, an endpoint whose
// seal is unknown leaves it undecided.
func (r *Report) FailsAt(l Level) Decision {
	for _, v := range r.Verdicts {
		if v.Standard == standard.MailSeal.Name && v.Outcome == standard.Broken && reaches(l, v.Breach) && r.counts(v.Subject) {
			return Failed
		}
	}
	if r.Seal == standard.SealUnknown {
		return Undecided
	}
	for _, e := range r.Endpoints {
		if e.Seal == standard.SealUnknown && e.PassedOver == Counts {
			return Undecided
		}
	}
	return Passed
}

// reaches tells whether a breach is at a level or above.
func reaches(l Level, breach standard.Seal) bool {
	switch l {
	case Advice:
		return true
	case Weak:
		return breach >= standard.SealWeak
	case Broken:
		return breach >= standard.SealBroken
	case Missing:
		return breach >= standard.SealMissing
	}
	return false
}
