package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Every manual begins with its usage, and is printed as it was written. Only
// what the program knows better than a writer is put behind it: the commands
// and the flags.

// help prints the manual of a command.
func help(c *cobra.Command, _ []string) { writeHelp(c.OutOrStdout(), c) }

func writeHelp(out io.Writer, c *cobra.Command) {
	fmt.Fprintln(out, strings.TrimSpace(manual(c)))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\nCommands, each with a --help of its own:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(out, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if flags := c.LocalFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(out, "\nFlags:\n%s", flags.FlagUsages())
	}
}

// manual is the text that was written for a command. Those that cobra brings
// along have a text without a usage.
func manual(c *cobra.Command) string {
	if strings.HasPrefix(c.Long, "Usage:\n") {
		return c.Long
	}
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	return "Usage:\n  " + c.UseLine() + "\n\n" + text
}

// nearestOf returns those of the known words that a person may have meant: the
// words that hold a part of what was typed, or differ from it by little; the
// most like it first.
func nearestOf(typed string, known []string) []string {
	const most = 5
	typed = strings.ToLower(typed)
	byDistance := make(map[int][]string)
	for _, k := range known {
		d := distance(typed, k)
		if d <= max(2, len(typed)/4) || holdsPartOf(k, typed) {
			byDistance[d] = append(byDistance[d], k)
		}
	}
	var near []string
	for d := 0; len(near) < most && len(byDistance) > 0; d++ {
		near = append(near, byDistance[d]...)
		delete(byDistance, d)
	}
	return near[:min(len(near), most)]
}

func holdsPartOf(known, typed string) bool {
	for _, part := range strings.FieldsFunc(typed, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }) {
		if len(part) > 2 && strings.Contains(known, part) {
			return true
		}
	}
	return false
}

// distance is the least number of letters to put in, take out or replace that
// turns a into b. Names are short: a longer one is cut.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// didYouMean is the hint behind an error, empty where nothing is near.
func didYouMean(typed string, known []string) string {
	near := nearestOf(typed, known)
	if len(near) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(near, ", ") + "?)"
}
