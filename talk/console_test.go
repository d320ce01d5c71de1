package talk

import (
	"slices"
	"testing"
)

// filtered is what becomes of keys that arrive in these pieces.
func filtered(escape byte, pieces ...string) (queue string, pastes []string) {
	k := &keys{escape: escape}
	for _, p := range pieces {
		k.take([]byte(p))
	}
	return string(k.queue), k.pasted
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name, typed string
		queue       string
		pastes      []string
	}{
		{"letters", "abc\r", "abc\r", nil},
		{"arrows are the editor's", "\x1b[A\x1b[D", "\x1b[A\x1b[D", nil},
		{"the escape", "a\x1db", "a\x1d\rb", nil},
		{"Ctrl-C", "a\x03b", "a\x1e\rb", nil},
		{"the marks have no keys", "a\x1cb\x1ec", "abc", nil},
		{"a paste of one line is edited", "\x1b[200~a b\x1b[201~", "\x1b[200~a b\x1b[201~", nil},
		{"a paste of two is not", "x\x1b[200~a\rb\x1b[201~y", "x\x1c\ry", []string{"a\rb"}},
		{"nothing in a paste is a key", "\x1b[200~\x1d\x03\x1b[A\r\x1b[201~", "\x1c\r", []string{"\x1d\x03\x1b[A\r"}},
		{"two pastes", "\x1b[200~a\r\x1b[201~\x1b[200~b\r\x1b[201~", "\x1c\r\x1c\r", []string{"a\r", "b\r"}},
		{"a paste that does not end", "\x1b[200~a\r", "", nil},
	} {
		queue, pastes := filtered(0x1d, c.typed)
		if queue != c.queue || !slices.Equal(pastes, c.pastes) {
			t.Errorf("%s: keys(%q) = %q, pastes %q; want %q, %q", c.name, c.typed, queue, pastes, c.queue, c.pastes)
		}
	}
}

// FuzzKeys looks for a place where it matters how what was typed arrives.
func FuzzKeys(f *testing.F) {
	f.Add("a\x1db\x1b[200~x\ry\x1b[201~z\x03", uint8(7))
	f.Add("\x1b[200~\x1b[20\x1b[201\x1b[201~", uint8(12))
	f.Fuzz(func(t *testing.T, typed string, at uint8) {
		i := min(int(at), len(typed))
		whole, pastes := filtered(0x1d, typed)
		halves, pastesOfHalves := filtered(0x1d, typed[:i], typed[i:])
		if whole != halves || !slices.Equal(pastes, pastesOfHalves) {
			t.Errorf("keys(%q) = %q, %q; cut at %d they are %q, %q", typed, whole, pastes, i, halves, pastesOfHalves)
		}
	})
}

func TestHistory(t *testing.T) {
	h := &history{}
	h.Add("the editor offers this")
	for _, line := range []string{"one", "two", "two", " ", "three"} {
		h.keep(line)
	}
	var got []string
	for i := range h.Len() {
		got = append(got, h.At(i))
	}
	if want := []string{"three", "two", "one"}; !slices.Equal(got, want) {
		t.Errorf("the history is %q, want %q", got, want)
	}
	for range 2 * mostHistory {
		h.keep("a")
		h.keep("b")
	}
	if h.Len() != mostHistory {
		t.Errorf("the history has %d lines, want %d", h.Len(), mostHistory)
	}
}
