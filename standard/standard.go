// Package standard holds what named, dated editions of standards want.
//
// A [Standard] is a table that one can read beside the document: which check
// must answer what, must or should, by which clause, for which role. It has no
// code of its own. A [Verdict] is a rule held against a finding.
//
// To add one: a file with a table, a line in [All].
package standard

import (
	"slices"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/observe"
)

// Standard is one edition of a named standard.
type Standard struct {
	Name  string // "rfc8314"
	Title string
	Date  string // of the edition, YYYY-MM or YYYY-MM-DD
	URL   string
	Rules []Rule
}

// Rule is one line of a standard: the answer that it wants of a check.
type Rule struct {
	Check  string
	Want   observe.Answer // No in most rules
	Level  Level
	Roles  []observe.Role // empty: every role
	Clause string         // where it is written: "section 3.2"
	Breach Seal           // what a broken rule makes of the seal; only in mailseal's own standard
}

// Level is how strongly a rule wants it, RFC 2119.
type Level string

// The two levels.
const (
	Must   Level = "must"
	Should Level = "should"
)

// Outcome is how a rule came out.
type Outcome string

// The four outcomes.
const (
	Met           Outcome = "met"
	Broken        Outcome = "broken"
	Open          Outcome = "open"           // the finding is unknown
	NotApplicable Outcome = "not-applicable" // the rule is for another role
)

// Verdict is a rule held against a finding.
type Verdict struct {
	Standard string           `json:"standard"`
	Check    string           `json:"check"`
	Level    Level            `json:"level"`
	Clause   string           `json:"clause"`
	Subject  observe.Endpoint `json:"subject"`
	Outcome  Outcome          `json:"outcome"`
	Finding  int              `json:"finding"` // index in the list that was judged
	Breach   Seal             `json:"breach,omitempty"`
}

// Judge holds every rule of several standards against every finding, one
// standard after the other.
func Judge(findings []check.Finding, standards ...*Standard) []Verdict {
	by := index(findings)
	n := 0
	for _, s := range standards {
		for _, r := range s.Rules {
			n += len(by[r.Check])
		}
	}
	all := make([]Verdict, 0, n)
	for _, s := range standards {
		for i := range s.Rules {
			r := &s.Rules[i]
			for _, at := range by[r.Check] {
				f := &findings[at]
				all = append(all, Verdict{
					Standard: s.Name, Check: r.Check, Level: r.Level, Clause: r.Clause,
					Subject: f.Subject, Outcome: r.outcome(f), Finding: at, Breach: r.Breach,
				})
			}
		}
	}
	return all
}

// index tells for each check where its findings are. Most observations have
// one or a few findings of each check, side by side, so the lists share one
// array.
func index(findings []check.Finding) map[string][]int {
	places := make([]int, len(findings))
	by := make(map[string][]int, len(check.All))
	for i := range findings {
		places[i] = i
	}
	for start := 0; start < len(findings); {
		name, end := findings[start].Check, start+1
		for end < len(findings) && findings[end].Check == name {
			end++
		}
		if before, apart := by[name]; apart {
			by[name] = slices.Concat(before, places[start:end])
		} else {
			by[name] = places[start:end]
		}
		start = end
	}
	return by
}

func (r *Rule) outcome(f *check.Finding) Outcome {
	switch {
	case len(r.Roles) > 0 && !slices.Contains(r.Roles, f.Subject.Role):
		return NotApplicable
	case f.Answer == observe.Unknown:
		return Open
	case f.Answer == r.Want:
		return Met
	}
	return Broken
}

// ByName returns the standard of that name, or nil.
func ByName(name string) *Standard {
	for _, s := range All {
		if s.Name == name {
			return s
		}
	}
	return nil
}
