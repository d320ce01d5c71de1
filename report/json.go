package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/standard"
)

// JSONSchema is the version of the JSON form. Names are added, never changed;
// it counts the additions.
const JSONSchema = 1

// jsonReport is the JSON form of a report:
//
//	schema       number: [JSONSchema]
//	tool         string: name and version of the program that judged
//	seal         string: intact, weak, broken, missing or unknown; of the target
//	endpoints    list, one for each place that was looked at:
//	  endpoint     what and where: protocol, mode, role, host, network, address, via
//	  seal         as above
//	  passed_over  string: why it does not count into the target's seal: no-answer (one
//	               of the usual ports of a bare host) or no-route (from here to that
//	               address); absent where it counts
//	  conns        list of numbers: places in observation.conns
//	  best         number: the one among them that got furthest
//	  summary      what its handshake showed, in names: see [Summary]; absent without TLS
//	findings     list: check, answer (yes, no or unknown; yes is what may have to be mended),
//	             subject (an endpoint), detail, evidence (conn, lines, certificate)
//	verdicts     list: standard, check, level (must or should), clause, subject,
//	             outcome (met, broken, open or not-applicable), finding (place in findings),
//	             breach (what it makes of the seal; only in mailseal's own standard)
//	standards    list, those that were judged by: name, title, date, url
//	observation  everything that was seen; it can be judged again
//
// Words of the server are escaped as [observe.Text] tells: a backslash is \\,
// and what cannot be printed is \xNN (in JSON these backslashes are doubled
// once more). Beyond that the document has no control character and no other
// character that does not print: they are written as \uNNNN.
type jsonReport struct {
	Schema      int                  `json:"schema"`
	Tool        string               `json:"tool,omitempty"`
	Seal        standard.Seal        `json:"seal"`
	Endpoints   []jsonEndpoint       `json:"endpoints"`
	Findings    []check.Finding      `json:"findings"`
	Verdicts    []standard.Verdict   `json:"verdicts"`
	Standards   []jsonStandard       `json:"standards"`
	Observation *observe.Observation `json:"observation"`
}

type jsonEndpoint struct {
	Endpoint   observe.Endpoint `json:"endpoint"`
	Seal       standard.Seal    `json:"seal"`
	PassedOver PassedOver       `json:"passed_over,omitempty"`
	Conns      []int            `json:"conns"`
	Best       int              `json:"best"`
	Summary    *Summary         `json:"summary,omitempty"`
}

type jsonStandard struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Date  string `json:"date"`
	URL   string `json:"url"`
}

// writeJSON writes one document on one line. So the reports on several targets
// are JSON lines, which a program reads one by one and grep can filter; jq
// makes them readable.
func writeJSON(w io.Writer, r *Report, opt Options) error {
	doc := jsonReport{
		Schema: JSONSchema, Tool: opt.Tool, Seal: r.Seal,
		Endpoints: []jsonEndpoint{}, Findings: []check.Finding{}, Verdicts: []standard.Verdict{}, Observation: r.Observation,
	}
	doc.Findings, doc.Verdicts = append(doc.Findings, r.Findings...), append(doc.Verdicts, r.Verdicts...) // a list, never null
	facts := check.Read(r.Observation, nil)
	for _, e := range r.Endpoints {
		doc.Endpoints = append(doc.Endpoints, jsonEndpoint{
			Endpoint: e.Endpoint, Seal: e.Seal, PassedOver: e.PassedOver, Conns: e.Conns, Best: e.Best, Summary: summary(facts, e),
		})
	}
	for _, s := range r.Standards {
		doc.Standards = append(doc.Standards, jsonStandard{s.Name, s.Title, s.Date, s.URL})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // it is no page: "<" stays as the server said it
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	if _, err := w.Write(printable(text.Bytes())); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

// printable writes every character of a JSON document that does not print as
// \uNNNN. Such characters only stand within strings, so the document means
// the same as before. encoding/json does this for control characters only, but
// DEL and the controls for the direction of writing deceive a reader as well.
func printable(text []byte) []byte {
	plain := func(r rune) bool { return r == '\n' || unicode.IsPrint(r) }
	if !bytes.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	var b bytes.Buffer
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case plain(r):
			b.Write(text[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[n:]
	}
	return b.Bytes()
}
