package observe

import (
	"encoding/json"
	"testing"
)

func TestAnswer(t *testing.T) {
	for _, test := range []struct {
		answer Answer
		word   string
	}{
		{Unknown, "unknown"},
		{No, "no"},
		{Yes, "yes"},
	} {
		if got := test.answer.String(); got != test.word {
			t.Errorf("Answer(%d).String() = %q, want %q", test.answer, got, test.word)
		}
		stored, err := json.Marshal(test.answer)
		if err != nil || string(stored) != `"`+test.word+`"` {
			t.Errorf("json.Marshal(%v) = %s, %v; want %q", test.answer, stored, err, test.word)
		}
		var back Answer
		if err := json.Unmarshal(stored, &back); err != nil || back != test.answer {
			t.Errorf("json.Unmarshal(%s) = %v, %v; want %v", stored, back, err, test.answer)
		}
	}
}

// What nobody asked is unknown: the zero value of an answer, and a number that
// no one gave a meaning to.
func TestAnswerIsUnknownByDefault(t *testing.T) {
	var zero Answer
	if zero != Unknown {
		t.Errorf("the zero value of Answer is %v, want %v", zero, Unknown)
	}
	if got := Answer(3).String(); got != "unknown" {
		t.Errorf("Answer(3).String() = %q, want unknown", got)
	}
	if Known(true) != Yes || Known(false) != No {
		t.Errorf("Known(true), Known(false) = %v, %v; want yes, no", Known(true), Known(false))
	}
}

func TestAnswerRefusesOtherWords(t *testing.T) {
	for _, bad := range []string{"", "Yes", "YES", "true", "1", "unknown ", "yes\x00"} {
		answer := No
		if err := answer.UnmarshalText([]byte(bad)); err == nil || answer != No {
			t.Errorf("UnmarshalText(%q) = %v and answer %v, want an error and the answer untouched", bad, err, answer)
		}
	}
}
