package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/standard"
)

const explainManual = `Usage:
  mailseal explain             the names of all checks, standards and lab faults
  mailseal explain NAME...     the manual of each

Examples:
  mailseal explain starttls-residue
  mailseal explain rfc8314`

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [NAME...]",
		Short: "Print the manual of a check, a standard or a lab fault",
		Long:  explainManual,
		RunE: func(c *cobra.Command, names []string) error {
			if len(names) == 0 {
				return listAll(c.OutOrStdout())
			}
			return explainEach(c.OutOrStdout(), names)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return explained(), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func explained() []string {
	var names []string
	for _, c := range check.All {
		names = append(names, c.Name)
	}
	names = append(names, standardNames()...)
	for _, f := range lab.Faults {
		names = append(names, f.Name)
	}
	return names
}

func explainEach(out io.Writer, names []string) error {
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if err := explainOne(out, name); err != nil {
			return err
		}
	}
	return nil
}

func explainOne(out io.Writer, name string) error {
	if c := check.ByName(name); c != nil {
		return manualOfCheck(out, c)
	}
	if s := standard.ByName(name); s != nil {
		return manualOfStandard(out, s)
	}
	for _, f := range lab.Faults {
		if f.Name == name {
			return manualOfFault(out, f)
		}
	}
	return fmt.Errorf("explain: nothing is named %q%s; mailseal explain lists all names", name, nearest(name))
}

// nearest offers names that hold a word of the one that was typed.
func nearest(name string) string {
	var near []string
	for _, known := range explained() {
		for _, word := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == ' ' }) {
			if len(word) > 2 && strings.Contains(known, word) {
				near = append(near, known)
				break
			}
		}
	}
	if len(near) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(near[:min(len(near), 5)], ", ") + "?)"
}

// manualOfCheck prints the manual as it was written, and where it is from.
func manualOfCheck(out io.Writer, c *check.Check) error {
	fmt.Fprintf(out, "%s\n\n%s\n\n%s\n", c.Name, c.Question, strings.TrimSpace(c.Manual))
	for i, cite := range c.Citations {
		if i == 0 {
			fmt.Fprint(out, "\nSources:\n")
		}
		place := cite.Document
		if cite.Section != "" {
			place += ", " + cite.Section
		}
		fmt.Fprintf(out, "  %s\n", place)
	}
	return nil
}

func manualOfStandard(out io.Writer, s *standard.Standard) error {
	fmt.Fprintf(out, "%s\n\n%s\nEdition %s, %s\n\nWhat it wants of the checks:\n", s.Name, s.Title, s.Date, s.URL)
	for _, r := range s.Rules {
		var roles []string
		for _, role := range r.Roles {
			roles = append(roles, string(role))
		}
		if len(roles) == 0 {
			roles = []string{"every role"}
		}
		fmt.Fprintf(out, "  %-6s %s: %s (%s; %s)\n", r.Level, r.Check, r.Want, strings.Join(roles, ", "), r.Clause)
	}
	return nil
}

func manualOfFault(out io.Writer, f lab.Fault) error {
	_, err := fmt.Fprintf(out, "%s\n\nA fault of the lab.\n\n%s\n\nThe checks that must notice it: %s.\n",
		f.Name, f.Manual, strings.Join(f.Checks, ", "))
	return err
}

func listAll(out io.Writer) error {
	fmt.Fprintln(out, "Checks: each answers yes, no or unknown; yes is what may have to be mended.")
	for _, c := range check.All {
		fmt.Fprintf(out, "  %-32s %s\n", c.Name, c.Question)
	}
	fmt.Fprintln(out, "\nStandards: what a dated edition wants of the checks.")
	for _, s := range standard.All {
		fmt.Fprintf(out, "  %-32s %s (%s)\n", s.Name, s.Title, s.Date)
	}
	fmt.Fprintln(out, "\nLab faults: what the servers of the lab can do wrong.")
	for _, f := range lab.Faults {
		fmt.Fprintf(out, "  %-32s %s\n", f.Name, strings.Join(f.Checks, ", "))
	}
	return nil
}
