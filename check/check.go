// Package check puts questions to the facts.
//
// A [Check] is a value: a name, a question, a manual and a pure function from
// [Facts] to findings. It opens no connection, reads no clock and knows no
// severity: what an answer is worth is for package standard to say.
//
// Three conventions hold for every check:
//
//  1. The question is asked so that yes is what somebody may have to mend.
//     An honest server has no yes.
//  2. No is said only when it was seen: a certificate that was not read is not
//     "not expired". What could not be seen is unknown, with the reason.
//  3. Where the question makes no sense (the order of a chain on a port that
//     has no TLS yet) there is no finding at all.
//
// To add one: a file here, a line in [All], a directory in testdata.
package check

import (
	"github.com/mailseal/mailseal/observe"
)

// Check is a question put to the facts.
type Check struct {
	Name      string     // stable, lower case, hyphens; "cert-expired"
	Question  string     // one sentence; yes is what may have to be mended
	Manual    string     // what it is, why it matters for mail, how it was seen, how to mend it; plain text, paragraphs
	Citations []Citation // where it is written
	Run       func(*Facts) []Finding
}

// Citation is a place in a document.
type Citation struct {
	Document string // "RFC 3207", "CVE-2011-0411"
	Section  string // "section 4.2"; may be empty
}

// Finding is the answer to one question about one subject.
type Finding struct {
	Check    string           `json:"check"`
	Answer   observe.Answer   `json:"answer"`
	Subject  observe.Endpoint `json:"subject"`
	Detail   string           `json:"detail,omitempty"` // one sentence or two, without a line break; foreign text in it is escaped
	Evidence []Evidence       `json:"evidence,omitempty"`
}

// Evidence points at the facts behind a finding.
type Evidence struct {
	Conn        int                 `json:"conn"`                  // index in Observation.Conns
	Lines       []int               `json:"lines,omitempty"`       // indexes in Conn.Lines
	Certificate observe.Fingerprint `json:"certificate,omitempty"` // in Observation.Certificates
}

// Run asks every check and returns the findings in the order of All.
func Run(o *observe.Observation, anchors []observe.Anchor) []Finding {
	f := Read(o, anchors)
	all := make([]Finding, 0, len(All)*max(1, min(len(o.Conns), 4))) // most observations are of a few connections
	for _, c := range All {
		for _, finding := range c.Run(f) {
			finding.Check = c.Name
			all = append(all, finding)
		}
	}
	return all
}

// ByName returns the check of that name, or nil.
func ByName(name string) *Check {
	for _, c := range All {
		if c.Name == name {
			return c
		}
	}
	return nil
}
