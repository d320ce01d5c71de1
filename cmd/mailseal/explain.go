package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/standard"
)

const explainManual = `Usage:
  mailseal explain             the names of all that can be explained
  mailseal explain NAME...     the manual of each

Examples:
  mailseal explain starttls-residue
  mailseal explain rfc8314`

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [NAME...]",
		Short: "Print the manual of a check, a standard, a protocol or a lab fault",
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
	for _, p := range dialogue.All {
		names = append(names, p.Name)
	}
	for _, f := range lab.Faults {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// explainEach prints the manuals of all names, or of none where one is wrong.
func explainEach(out io.Writer, names []string) error {
	var b bytes.Buffer
	for i, name := range names {
		if i > 0 {
			b.WriteByte('\n')
		}
		if err := explainOne(&b, name); err != nil {
			return err
		}
	}
	_, err := io.WriteString(out, filled(b.String(), 80))
	return err
}

// filled breaks the long lines of a text between words. Indented lines keep
// their indentation in the lines that follow from them.
func filled(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if len(line) <= width+1 {
			b.WriteString(line)
			continue
		}
		words := strings.Fields(line)
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if len(indent) > 0 {
			indent += "  "
		}
		column := 0
		for i, w := range words {
			switch {
			case i == 0:
				w = strings.TrimSuffix(indent, "  ") + w
			case column+1+len(w) > width:
				b.WriteByte('\n')
				w, column = indent+w, 0
			default:
				w = " " + w
			}
			b.WriteString(w)
			column += len(w)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// explainOne prints everything that bears the name: a check and the fault of
// the lab that it notices often share theirs.
func explainOne(out *bytes.Buffer, name string) error {
	before := out.Len()
	next := func() {
		if out.Len() > before {
			out.WriteByte('\n')
		}
	}
	if c := check.ByName(name); c != nil {
		manualOfCheck(out, c)
	}
	if s := standard.ByName(name); s != nil {
		next()
		manualOfStandard(out, s)
	}
	if p := dialogue.ByName(name); p != nil {
		next()
		manualOfProtocol(out, p)
	}
	if f, ok := lab.FaultByName(name); ok {
		next()
		manualOfFault(out, f)
	}
	if out.Len() == before {
		return fmt.Errorf("explain: nothing is named %q%s; mailseal explain lists all names", name, didYouMean(name, explained()))
	}
	return nil
}

// manualOfProtocol tells how a protocol is named and where it is at home.
func manualOfProtocol(out *bytes.Buffer, p *dialogue.Protocol) {
	fmt.Fprintf(out, "%s\n\n%s, a protocol that mailseal speaks.\n\nAs a target:\n", p.Name, p.Title)
	for _, s := range p.Schemes {
		fmt.Fprintf(out, "  %s://HOST (%s)\n", s.Name, s.Mode)
	}
	for _, port := range p.Ports {
		fmt.Fprintf(out, "  HOST:%d (%s)\n", port.Number, port.Mode)
	}
	fmt.Fprintf(out, "\nSources:\n  %s\n", strings.Join(p.References, "\n  "))
}

// manualOfCheck prints the manual as it was written, and where it is from.
func manualOfCheck(out *bytes.Buffer, c *check.Check) {
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
}

func manualOfStandard(out *bytes.Buffer, s *standard.Standard) {
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
}

func manualOfFault(out *bytes.Buffer, f lab.Fault) {
	fmt.Fprintf(out, "%s\n\nA fault of the lab.\n\n%s\n\nThe checks that must notice it: %s.\n",
		f.Name, f.Manual, strings.Join(f.Checks, ", "))
}

func listAll(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, "Checks: each answers yes, no or unknown; yes is what may have to be mended.")
	for _, c := range check.All {
		fmt.Fprintf(&b, "  %-32s %s\n", c.Name, c.Question)
	}
	fmt.Fprintln(&b, "\nStandards: what a dated edition wants of the checks.")
	for _, s := range standard.All {
		fmt.Fprintf(&b, "  %-32s %s (%s)\n", s.Name, s.Title, s.Date)
	}
	fmt.Fprintln(&b, "\nProtocols: what mailseal speaks.")
	for _, p := range dialogue.All {
		fmt.Fprintf(&b, "  %-32s %s\n", p.Name, p.Title)
	}
	fmt.Fprintln(&b, "\nLab faults: what the servers of the lab can do wrong.")
	for _, f := range lab.Faults {
		fmt.Fprintf(&b, "  %-32s %s\n", f.Name, strings.Join(f.Checks, ", "))
	}
	_, err := out.Write(b.Bytes())
	return err
}
