package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mailseal/mailseal/observe"
)

// readLimit is the size of a stored document that Read accepts. Everything
// that a survey keeps is bounded well below it.
const readLimit = 64 << 20

// Read reads one stored observation: the observation itself, or a report in
// JSON, which has it inside.
func Read(r io.Reader) (*observe.Observation, error) {
	data, err := io.ReadAll(io.LimitReader(r, readLimit+1))
	if err != nil {
		return nil, fmt.Errorf("reading an observation: %w", err)
	}
	if len(data) > readLimit {
		return nil, fmt.Errorf("reading an observation: longer than %d bytes", readLimit)
	}
	var doc struct {
		observe.Observation
		Inside *observe.Observation `json:"observation"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading an observation: %w", err)
	}
	o := &doc.Observation
	if doc.Inside != nil {
		o = doc.Inside
	}
	if o.Schema < 1 {
		return nil, errors.New("reading an observation: it has no schema version, so it is something else")
	}
	return o, nil
}
