package check

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

var update = flag.Bool("update", false, "write the findings in testdata anew")

// TestCases runs every case of every check. testdata/README.md tells their
// form.
func TestCases(t *testing.T) {
	for _, c := range All {
		for _, file := range casesOf(t, c) {
			t.Run(c.Name+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				runCase(t, c, file)
			})
		}
	}
}

func runCase(t *testing.T, c *Check, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	above, want, found := strings.Cut(string(text), "---\n")
	if !found && !*update {
		t.Fatalf("%s has no line of three hyphens", file)
	}
	a, err := readCase(above)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	got := a.print(c.Run(Read(stored(t, a.observation), nil)))
	if *update {
		if err := os.WriteFile(file, []byte(above+"---\n"+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("check %s on %s\n--- got\n%s--- want\n%s", c.Name, file, got, want)
	}
}

// stored returns the observation as a later reader gets it.
func stored(t *testing.T, o *observe.Observation) *observe.Observation {
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	back := new(observe.Observation)
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatalf("reading back %s: %v", text, err)
	}
	return back
}

// print writes findings as the cases hold them.
func (c *aCase) print(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		host := f.Subject.Host
		if host == "" {
			host = "-"
		}
		fmt.Fprintf(&b, "%s %s %s %s", f.Answer, f.Subject.Protocol, f.Subject.Mode, host)
		if f.Detail != "" {
			fmt.Fprintf(&b, ": %s", f.Detail)
		}
		b.WriteString("\n")
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "    conn %d", e.Conn)
			if len(e.Lines) > 0 {
				fmt.Fprintf(&b, ", lines %s", strings.Trim(fmt.Sprint(e.Lines), "[]"))
			}
			if e.Certificate != "" {
				fmt.Fprintf(&b, ", certificate %s", c.nameOf(e.Certificate))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func casesOf(t *testing.T, c *Check) []string {
	files, err := filepath.Glob(filepath.Join("testdata", strings.ReplaceAll(c.Name, "-", "_"), "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// without are the answers that a check cannot give, with the reason.
var without = map[string]string{}

// TestEveryCheckIsShown demands a case for every kind of answer.
func TestEveryCheckIsShown(t *testing.T) {
	for _, c := range All {
		shown := map[string]bool{}
		for _, file := range casesOf(t, c) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, findings, _ := strings.Cut(string(text), "---\n")
			if findings == "" {
				shown["nothing"] = true
			}
			for line := range strings.Lines(findings) {
				shown[strings.Fields(line)[0]] = true
			}
		}
		for _, kind := range []string{"yes", "no", "unknown", "nothing"} {
			reason, excused := without[c.Name+" "+kind]
			if !shown[kind] && !excused {
				t.Errorf("check %s has no case in testdata that finds %s", c.Name, kind)
			}
			if shown[kind] && excused {
				t.Errorf("check %s has a case that finds %s, though it is said that it cannot: %s", c.Name, kind, reason)
			}
		}
	}
}

// TestEveryCaseIsRun finds directories that belong to no check.
func TestEveryCaseIsRun(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := strings.ReplaceAll(e.Name(), "_", "-")
		if e.IsDir() && e.Name() != "fuzz" && (ByName(name) == nil || strings.Contains(e.Name(), "-")) {
			t.Errorf("testdata/%s belongs to no check in All (the name of a check, with _ for -)", e.Name())
		}
	}
}

// sections are the headings of a manual: each a line of its own, in this
// order, with text below.
var sections = []string{"What it is", "Why it matters for mail", "How it was seen", "How to mend it"}

// TestEveryCheckIsExplained demands a manual, a question and a citation.
func TestEveryCheckIsExplained(t *testing.T) {
	names := map[string]bool{}
	for _, c := range All {
		if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(c.Name) || names[c.Name] {
			t.Errorf("check %q: the name is not made of lower-case words with hyphens, or another check has it", c.Name)
		}
		names[c.Name] = true
		if !strings.HasSuffix(c.Question, "?") {
			t.Errorf("check %s: question %q does not end in a question mark", c.Name, c.Question)
		}
		if len(c.Citations) == 0 || slices.ContainsFunc(c.Citations, func(c Citation) bool { return c.Document == "" }) {
			t.Errorf("check %s: citations = %v, want at least one, each with a document", c.Name, c.Citations)
		}
		checkManual(t, c)
	}
}

func checkManual(t *testing.T, c *Check) {
	rest := c.Manual
	for i, s := range sections {
		_, after, found := strings.Cut("\n"+rest, "\n"+s+"\n")
		if !found {
			t.Errorf("check %s: the manual has no line %q, or not at place %d", c.Name, s, i+1)
			return
		}
		rest = after
		text := rest
		if i+1 < len(sections) {
			text, _, _ = strings.Cut(rest, "\n"+sections[i+1]+"\n")
		}
		if words := len(strings.Fields(text)); words < 8 {
			t.Errorf("check %s: the manual says only %d words under %q", c.Name, words, s)
		}
	}
}
