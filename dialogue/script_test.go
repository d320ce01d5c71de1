package dialogue

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func readScriptFile(t *testing.T, file string) *Protocol {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ReadScript(string(text))
	if err != nil {
		t.Fatalf("ReadScript(%s): %v", file, err)
	}
	return p
}

func TestReadScriptErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "the script has no steps"},
		{"# only a comment\n", "the script has no steps"},
		{"expect ^220\nwait 5", `line 2: a step is expect, send or starttls, not "wait"`},
		{"expect", "line 1: expect needs a regular expression"},
		{"send x\n\nexpect (", "line 3: error parsing regexp: missing closing ): `(`"},
		{"starttls now", `line 1: starttls stands alone on its line, not with "now"`},
		{"starttls\nsend x\nstarttls", "line 3: starttls is there twice"},
		{strings.Repeat("send x\n", 201), "a script has at most 200 steps, this one has 201"},
		{strings.Repeat("x", 65537), "a script has at most 65536 bytes, this one has 65537"},
	} {
		_, err := ReadScript(c.text)
		if got := fmt.Sprint(err); got != c.want {
			t.Errorf("ReadScript(%.40q): error %q, want %q", c.text, got, c.want)
		}
	}
}

func TestReadScriptShape(t *testing.T) {
	for _, c := range []struct {
		text           string
		upgrade, leave bool
	}{
		{"expect ^220\nsend STARTTLS\nexpect ^220\nstarttls\nsend EHLO x\nexpect ^250 \nsend QUIT", true, true},
		{"starttls", true, false},
		{"\r\n  # indented\r\n  send hello\r\n", false, false}, // a send alone is not a goodbye
		{"expect ^220\nsend QUIT", false, true},
	} {
		p, err := ReadScript(c.text)
		if err != nil {
			t.Errorf("ReadScript(%q): %v", c.text, err)
			continue
		}
		if (p.Upgrade != nil) != c.upgrade || (p.Leave != nil) != c.leave {
			t.Errorf("ReadScript(%q): Upgrade %v, Leave %v; want %v, %v", c.text, p.Upgrade != nil, p.Leave != nil, c.upgrade, c.leave)
		}
	}
}

// FuzzReadScript reads arbitrary scripts and plays those that are accepted
// against a server that says the same text.
func FuzzReadScript(f *testing.F) {
	for _, file := range []string{"testdata/acap.script", "testdata/echo.script"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("expect )\r0")
	f.Add("expect (a)|(b)\nsend ${2} $1 ${x} $$ $\nstarttls\nexpect .")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ReadScript(text)
		if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("ReadScript(%q): error %q, want one line", text, err)
		}
		if err != nil {
			return
		}
		for _, step := range []uint16{1, 4096} {
			listenTo(t, p, []byte(text), step, false)
			listenTo(t, p, []byte(text), step, true)
		}
	})
}
