package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/standard"
)

// Every manual begins with its usage, and has examples where there is
// something to choose.
func TestManuals(t *testing.T) {
	for _, c := range commands(root()) {
		var b bytes.Buffer
		writeHelp(&b, c)
		text := b.String()
		if !strings.HasPrefix(text, "Usage:\n  "+c.CommandPath()) {
			t.Errorf("%s --help begins with %q, want its usage", c.CommandPath(), text[:min(len(text), 60)])
		}
		if n := strings.Count(text, "Usage:"); n != 1 {
			t.Errorf("%s --help has %d usages, want 1", c.CommandPath(), n)
		}
		for i, line := range strings.Split(c.Long, "\n") {
			if len(line) > 80 && strings.HasPrefix(c.Long, "Usage:") { // else cobra wrote it
				t.Errorf("%s --help, line %d has %d columns, want at most 80: %q", c.CommandPath(), i+1, len(line), line)
			}
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || c.Short != strings.TrimSpace(c.Short) {
			t.Errorf("%s has the short text %q, want a phrase without a full stop", c.CommandPath(), c.Short)
		}
	}
}

// commands are a command and all below it, but for those that only cobra
// wrote.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			all = append(all, commands(sub)...)
		}
	}
	return all
}

// Every example of a manual, of the README and of docs is a command line that
// mailseal accepts.
func TestExamples(t *testing.T) {
	examples := map[string][]string{}
	for _, c := range commands(root()) {
		if _, block, found := strings.Cut(c.Long, "\nExamples:\n"); found {
			block, _, _ = strings.Cut(block, "\n\n")
			examples[c.CommandPath()+" --help"] = strings.Split(block, "\n")
		}
	}
	if len(examples["mailseal check --help"]) < 3 {
		t.Errorf("check --help has %d examples, want some", len(examples["mailseal check --help"]))
	}
	papers, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, paper := range append(papers, "../../README.md") {
		text, err := os.ReadFile(paper)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		examples[paper] = fenced(string(text))
	}
	t.Chdir(t.TempDir()) // for the files that examples name
	for where, lines := range examples {
		for _, line := range lines {
			words := commandLine(line)
			if len(words) == 0 {
				continue
			}
			if err := accepts(words); err != nil {
				t.Errorf("%s has the example %q, which is refused: %v", where, strings.TrimSpace(line), err)
			}
		}
	}
}

// fenced returns the lines of all blocks of code in a Markdown text.
func fenced(text string) []string {
	var all []string
	inside := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			inside = !inside
			continue
		}
		if inside {
			all = append(all, strings.TrimRight(line, "\n"))
		}
	}
	return all
}

var called = regexp.MustCompile(`^\s*(?:\$ )?(?:source <\()?(?:\./|go run \./cmd/)?mailseal(?: (.*))?$`)

// commandLine returns the words behind the program's name, without what a
// shell or a reader makes of the rest of the line.
func commandLine(line string) []string {
	m := called.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	words, _, _ := strings.Cut(m[1], "  ") // a remark stands behind two spaces
	for _, end := range []string{" | ", " > ", " >", " # ", " &", ")"} {
		words, _, _ = strings.Cut(words, end)
	}
	if strings.Contains(words, "TARGET") || strings.Contains(words, "NAME") || strings.Contains(words, "…") {
		return nil // a usage, not an example
	}
	return shellWords(words)
}

var shellWord = regexp.MustCompile(`(?:'[^']*'|[^\s'])+`)

// shellWords splits a line as a shell does that knows single quotes alone.
func shellWords(line string) []string {
	words := shellWord.FindAllString(line, -1)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "'", "")
	}
	return words
}

// accepts reads a command line as the program would, and does nothing of it.
func accepts(words []string) error {
	c, rest, err := root().Find(words)
	if err != nil {
		return err
	}
	if c.Name() == "check" {
		return checkAccepts(rest)
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return err
	}
	if c.Name() == "explain" {
		return explainEach(io.Discard, c.Flags().Args())
	}
	return nil
}

func checkAccepts(words []string) error {
	if err := makeFiles(words); err != nil {
		return err
	}
	f, c := &checkFlags{}, checkCommand()
	c.ResetFlags()
	f.declare(c.Flags())
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(words); err != nil {
		return err
	}
	if help, _ := c.Flags().GetBool("help"); help {
		return nil
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return err
	}
	if _, _, err := f.read(c.Flags().Args()); err != nil {
		return err
	}
	_, _, err := f.manner()
	return err
}

// makeFiles makes the files that a command line names.
func makeFiles(words []string) error {
	ca, err := labCA()
	if err != nil {
		return err
	}
	contents := map[string][]byte{"--dialogue": []byte("expect ^OK\n"), "--roots": ca.PEM()}
	for i, w := range words[:max(len(words)-1, 0)] {
		if text, ok := contents[w]; ok && filepath.IsLocal(words[i+1]) {
			if err := os.WriteFile(words[i+1], text, 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}

// Every name that explain lists has a manual that says something, and no name
// is listed twice.
func TestExplainAll(t *testing.T) {
	names := explained()
	if want := len(check.All) + len(standard.All); len(names) < want || len(check.All) == 0 || len(lab.Faults) == 0 {
		t.Errorf("explain knows %d names; want at least %d", len(names), want)
	}
	var list bytes.Buffer
	if err := listAll(&list); err != nil {
		t.Fatalf("listAll: %v", err)
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			t.Errorf("explain knows the name %q twice", name)
		}
		seen[name] = true
		if !strings.Contains(list.String(), "\n  "+name+" ") {
			t.Errorf("mailseal explain does not list %q", name)
		}
		var b bytes.Buffer
		if err := explainEach(&b, []string{name}); err != nil {
			t.Errorf("explain %s: %v", name, err)
			continue
		}
		text := b.String()
		if !strings.HasPrefix(text, name+"\n\n") || len(strings.Fields(text)) < 15 {
			t.Errorf("explain %s says %q, want a manual", name, text)
		}
		if bad := steering(b.Bytes()); bad != "" {
			t.Errorf("explain %s has %s", name, bad)
		}
		for i, line := range strings.Split(text, "\n") {
			if len(line) > 80 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("explain %s, line %d has %d columns, want at most 80: %q", name, i+1, len(line), line)
			}
		}
	}
}

// The command as a process, name by name, for a part of them: the rest is the
// same code.
func TestExplainRuns(t *testing.T) {
	names := explained()
	for i := 0; i < len(names); i += 1 + len(names)/8 {
		out, err := exec.Command("mailseal", "explain", names[i]).Output()
		if err != nil || !strings.HasPrefix(string(out), names[i]+"\n") {
			t.Errorf("mailseal explain %s: %v, %q; want its manual", names[i], err, out)
		}
	}
}

func TestNearestOf(t *testing.T) {
	known := []string{"cert-expired", "cert-expires-soon", "starttls-missing", "starttls-refused", "name-mismatch", "rfc8314"}
	for _, test := range []struct {
		typed string
		first string // empty: nothing is near
	}{
		{"cert-expird", "cert-expired"}, // a letter is missing
		{"certexpired", "cert-expired"}, // the hyphen is missing
		{"STARTTLS-MISSING", "starttls-missing"},
		{"starttls_refused", "starttls-refused"},
		{"mismatch", "name-mismatch"}, // a part of it
		{"rfc8341", "rfc8314"},        // two digits are swapped
		{"zzzzzzzz", ""},
		{"", ""},
	} {
		near := nearestOf(test.typed, known)
		got := ""
		if len(near) > 0 {
			got = near[0]
		}
		if got != test.first {
			t.Errorf("nearestOf(%q) = %q, want %q first", test.typed, near, test.first)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "a", 0}, {"", "abc", 3}, {"abc", "", 3},
		{"abc", "abd", 1}, {"abc", "ab", 1}, {"abc", "xabc", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// docs/exit-codes.md, the manuals and the program name the same codes.
func TestExitCodes(t *testing.T) {
	page, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	inManual := regexp.MustCompile(`(?m)^  (\d+)  \S`)
	block := func(manual string) string {
		_, block, _ := strings.Cut(manual, "\nExit codes:\n")
		block, _, _ = strings.Cut(block, "\n\n")
		return block
	}
	ofCheck, others, _ := strings.Cut(string(page), "\n## The other commands\n")
	ofTalk, ofReplay, _ := strings.Cut(others, "\n| `replay` |")
	_, ofTalk, _ = strings.Cut(ofTalk, "\n| `talk` |")
	ofReplay, _, _ = strings.Cut(ofReplay, "\n| `demo` |")
	inTable := regexp.MustCompile(`(?m)^(?:\| \|)? (\d+) \| \S`) // cut from its first row on
	for _, test := range []struct {
		where, text string
		row         *regexp.Regexp
		want        []string
	}{
		{"docs/exit-codes.md, check", ofCheck, regexp.MustCompile(`(?m)^\| (\d+) \| \S`), codes(exitIntact, exitFindings, exitUsage, exitUntold, exitOurs)},
		{"docs/exit-codes.md, talk", ofTalk, inTable, codes(exitFindings, exitUntold, exitUnsealed, exitUnproved, exitLogin)},
		{"docs/exit-codes.md, replay", ofReplay, inTable, codes(exitFindings, exitUntold)},
		{"check --help", block(checkManual), inManual, codes(exitIntact, exitFindings, exitUsage, exitUntold, exitOurs)},
		{"talk --help", block(talkManual), inManual, codes(exitIntact, exitFindings, exitUsage, exitUntold, exitOurs, exitUnsealed, exitUnproved, exitLogin)},
		{"replay --help", block(replayManual), inManual, codes(exitIntact, exitFindings, exitUsage, exitUntold, exitOurs)},
	} {
		var got []string
		for _, m := range test.row.FindAllStringSubmatch(test.text, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s names the exit codes %q, the program has %q", test.where, got, test.want)
		}
	}
	for _, l := range levelNames() {
		if !strings.Contains(ofCheck, "`"+l+"`") {
			t.Errorf("docs/exit-codes.md does not name the level %q of --fail-on", l)
		}
	}
}

func codes(all ...int) []string {
	var words []string
	for _, c := range all {
		words = append(words, fmt.Sprint(c))
	}
	return words
}

func TestWorseExit(t *testing.T) {
	for _, test := range []struct{ a, b, want int }{
		{exitIntact, exitIntact, exitIntact},
		{exitIntact, exitUntold, exitUntold},
		{exitUntold, exitFindings, exitFindings}, // what was found is certain
		{exitFindings, exitIntact, exitFindings},
	} {
		if got := worseExit(test.a, test.b); got != test.want {
			t.Errorf("worseExit(%d, %d) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := worseExit(test.b, test.a); got != test.want {
			t.Errorf("worseExit(%d, %d) = %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestFilled(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"short\n", "short\n"},
		{"\n", "\n"},
		{"  a   table  row\n", "  a   table  row\n"}, // what fits is left alone
		{"one two three four five\n", "one two\nthree four\nfive\n"},
		{"  one two three four\n", "  one two\n    three\n    four\n"},
		{"averyveryverylongword x\n", "averyveryverylongword\nx\n"},
	} {
		width := 10
		if strings.Contains(test.text, "table") {
			width = 40
		}
		if got := filled(test.text, width); got != test.want {
			t.Errorf("filled(%q, %d) = %q, want %q", test.text, width, got, test.want)
		}
	}
}
