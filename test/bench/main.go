// Command bench runs two programs by turns and compares how long they take.
//
// usage: bench [-rounds N] [-want-a REGEXP] [-want-b REGEXP] [-exits CODES] NAME-A NAME-B -- A... -- B...
//
// By turns, A B A B, so that whatever else the machine does falls on both. A run counts only if its
// output matches what is wanted and it ends with one of the allowed codes: a program that gives up early is
// quick, and that is no merit. Printed are the median, the fastest and the slowest of each, and the ratio of the
// medians.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// patience is how long one run may take.
const patience = 60 * time.Second

// contender is one of the two programs.
type contender struct {
	name  string
	args  []string
	want  *regexp.Regexp // must be found in what it prints
	exits []int          // codes that it may end with
	took  []time.Duration
}

func main() {
	rounds := flag.Int("rounds", 11, "runs of each program")
	wantA := flag.String("want-a", "", "`regexp` that A's output must match")
	wantB := flag.String("want-b", "", "`regexp` that B's output must match")
	exits := flag.String("exits", "0", "allowed exit `codes`, separated by commas")
	flag.Parse()
	if err := run(*rounds, *wantA, *wantB, *exits, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(rounds int, wantA, wantB, exits string, args []string) error {
	pair, err := parse(args)
	if err != nil {
		return err
	}
	allowed, err := numbers(exits)
	if err != nil {
		return fmt.Errorf("reading exit codes: %w", err)
	}
	for i, want := range []string{wantA, wantB} {
		if pair[i].want, err = regexp.Compile(want); err != nil {
			return fmt.Errorf("reading what is wanted: %w", err)
		}
		pair[i].exits = allowed
	}
	// One run of each that does not count: files are read from disk, caches are filled.
	for range rounds + 1 {
		for _, c := range pair {
			if err := c.run(); err != nil {
				return err
			}
		}
	}
	show(pair)
	return nil
}

// parse reads NAME-A NAME-B -- A... -- B...
func parse(args []string) ([2]*contender, error) {
	var pair [2]*contender
	if len(args) < 3 || args[2] != "--" {
		return pair, errors.New("usage: bench [flags] NAME-A NAME-B -- A… -- B… (A and B are command lines)")
	}
	between := slices.Index(args[3:], "--")
	if between < 1 || len(args) == 3+between+1 {
		return pair, errors.New("two programs are wanted, with -- before each")
	}
	pair[0] = &contender{name: args[0], args: args[3 : 3+between]}
	pair[1] = &contender{name: args[1], args: args[3+between+1:]}
	return pair, nil
}

func numbers(list string) ([]int, error) {
	var all []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// run runs the program once. Its standard input is empty.
func (c *contender) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if cmd.ProcessState == nil {
		return fmt.Errorf("running %s: %w", c.name, err)
	}
	if code := cmd.ProcessState.ExitCode(); !slices.Contains(c.exits, code) {
		return fmt.Errorf("%s ended with %d:\n%s", c.name, code, out)
	}
	if !c.want.Match(out) {
		return fmt.Errorf("%s did not print what is wanted (%s) but:\n%s", c.name, c.want, out)
	}
	c.took = append(c.took, took)
	return nil
}

func show(pair [2]*contender) {
	for _, c := range pair {
		c.took = c.took[1:]
		slices.Sort(c.took)
		fmt.Printf("%-28s median %8.2f ms   fastest %8.2f   slowest %8.2f   (%d runs)\n",
			c.name, ms(median(c.took)), ms(c.took[0]), ms(c.took[len(c.took)-1]), len(c.took))
	}
	fmt.Printf("%s / %s = %.2f\n", pair[0].name, pair[1].name,
		float64(median(pair[0].took))/float64(median(pair[1].took)))
}

// median of a sorted list that is not empty.
func median(sorted []time.Duration) time.Duration {
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
