// Command count reads what `go test -json` writes, shows what a person wants to see of it, and
// adds one line of counts to a file.
//
// usage: go test -json ./... | count -group NAME -results FILE
//
// Counted are the tests at the leaves: a subtest counts, the test around it does not, unless it
// failed by itself. A test that never ended has failed; so has a package that failed without a failing
// test, because it did not build, or did not survive. Printed are one line a package, the output of
// every failing test, and every skipped test with its reason.
//
// The file gets, separated by tabs: group, passed, failed, skipped; and a line "skip", group, test,
// reason for each skipped test.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	group := flag.String("group", "tests", "`name` of this run in the results")
	results := flag.String("results", "", "`file` to which the counts are added")
	flag.Parse()
	if err := run(*group, *results, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func run(group, results string, in io.Reader, out io.Writer) error {
	tally, err := read(in, out)
	if err != nil {
		return err
	}
	c := tally.counts()
	fmt.Fprintf(out, "%s: %d passed, %d failed, %d skipped\n", group, c.passed, c.failed, c.skipped)
	if results == "" {
		return nil
	}
	f, err := os.OpenFile(results, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening results: %w", err)
	}
	fmt.Fprintf(f, "%s\t%d\t%d\t%d\n", group, c.passed, c.failed, c.skipped)
	for _, s := range c.skips {
		fmt.Fprintf(f, "skip\t%s\t%s\t%s\n", group, s.test, s.reason)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// test is what we know of one test, or of a package (its name is empty then).
type test struct {
	name    string
	result  string // pass, fail, skip; empty while it runs
	output  []string
	parent  *test
	began   bool // it ran itself: a name with a slash in it only seems to have a test around it
	parted  bool // has subtests
	cracked bool // a subtest failed
}

// tally holds all tests by package and name, and the order in which they began.
type tally struct {
	byName map[[2]string]*test
	order  []*test
}

// read takes all events and prints as they come: lines of packages, output of failing tests.
func read(in io.Reader, out io.Writer) (*tally, error) {
	t := &tally{byName: map[[2]string]*test{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			t.line(line, out)
		}
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
	}
}

func (t *tally) line(line []byte, out io.Writer) {
	var e event
	if json.Unmarshal(line, &e) != nil {
		out.Write(line) // not an event: the go command speaks
		return
	}
	if e.Action == "build-output" {
		io.WriteString(out, e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	subject := t.find(e.Package, e.Test)
	switch e.Action {
	case "run":
		subject.began = true
	case "output":
		subject.say(e.Output, out)
	case "pass", "skip":
		subject.result = e.Action
		if e.Action == "pass" {
			subject.output = nil
		}
	case "fail":
		subject.result = e.Action
		for up := subject.parent; up != nil; up = up.parent {
			up.cracked = true
		}
		fmt.Fprintf(out, "--- %s failed:\n%s", subject.name, strings.Join(subject.output, ""))
		if e.Test == "" {
			t.unfinished(subject, out)
		}
	}
}

// unfinished shows what the tests of a failed package said that never ended: there stands why.
func (t *tally) unfinished(pkg *test, out io.Writer) {
	for _, s := range t.order {
		if s.result == "" && s.began && strings.HasPrefix(s.name, pkg.name+" ") {
			fmt.Fprintf(out, "--- %s did not end:\n%s", s.name, strings.Join(s.output, ""))
		}
	}
}

// say keeps the output of a test until we know whether it fails. The closing line of a package
// is shown at once: it is the progress that a person watches.
func (s *test) say(text string, out io.Writer) {
	closing := strings.HasPrefix(text, "ok  \t") || strings.HasPrefix(text, "FAIL\t") || strings.HasPrefix(text, "panic:")
	if s.parent == nil && closing {
		io.WriteString(out, text)
		return
	}
	s.output = append(s.output, text)
}

// find makes the test, and those around it, when it is new. The package is at the root.
func (t *tally) find(pkg, name string) *test {
	if s := t.byName[[2]string{pkg, name}]; s != nil {
		return s
	}
	s := &test{name: strings.TrimSpace(pkg + " " + name)}
	if name != "" {
		around := ""
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			around = name[:i]
		}
		s.parent = t.find(pkg, around)
		s.parent.parted = true
	}
	t.byName[[2]string{pkg, name}] = s
	t.order = append(t.order, s)
	return s
}

// counts is the sum.
type counts struct {
	passed, failed, skipped int
	skips                   []skip
}

type skip struct{ test, reason string }

func (t *tally) counts() counts {
	var c counts
	// A test that never ended spoils those around it as a failing one does.
	for _, s := range t.order {
		if s.result == "" && s.began {
			s.result = "fail"
			for up := s.parent; up != nil; up = up.parent {
				up.cracked = true
			}
		}
	}
	for _, s := range t.order {
		switch {
		case s.result == "fail":
			if !s.cracked {
				c.failed++
			}
		case s.parent == nil || s.parted:
			// A package, or a test that only holds others.
		case s.result == "skip":
			c.skipped++
			c.skips = append(c.skips, skip{s.name, s.reason()})
		case s.result == "pass":
			c.passed++
		}
	}
	return c
}

// reason is what a skipped test said: its last line that is not of the test runner.
func (s *test) reason() string {
	for i := len(s.output) - 1; i >= 0; i-- {
		line := strings.TrimSpace(s.output[i])
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		// "file_test.go:12: no such server"
		if _, said, ok := strings.Cut(line, ".go:"); ok {
			if _, said, ok = strings.Cut(said, ": "); ok {
				line = said
			}
		}
		return strings.ReplaceAll(line, "\t", " ")
	}
	return "it gave no reason"
}
