package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/report"
	"github.com/mailseal/mailseal/standard"
)

const checkManual = `Usage:
  mailseal check [flags] TARGET...

Look at a server, and judge its seal: what it says before TLS, one full
handshake, what it says inside. No mail is sent and nobody logs in.

A target is one of
  imap.example.org              its usual mail ports, each judged by its role
  imap.example.org:143          the port tells the protocol and the way to TLS
  [2001:db8::1]:25              an address
  imaps://imap.example.org      a URL; the scheme tells both
  xmpp-client://example.org@h   the service domain before the @
  lmtp+unix:///run/lmtp         a Unix-domain socket

Examples:
  mailseal check mx.example.org:25
  mailseal check --json imaps://imap.example.org | jq -r .seal
  mailseal check --connect 192.0.2.7 smtp://mx.example.org
  mailseal check --protocol imap --starttls mail.example.org:10143
  mailseal check --dialogue my.dialogue tcp.example.org:4711
  mailseal check --standard rfc8314 --fail-on broken imap.example.org

Exit codes:
  0  the seal is intact
  1  findings at or above --fail-on
  2  usage: the command line or a file is wrong
  3  it could not be told: refused, throttled, timed out, stopped
  4  mailseal itself failed`

// checkFlags are the words beside the targets.
type checkFlags struct {
	json      bool
	format    string
	verbose   bool
	standards []string
	failOn    string

	connectionFlags
	timeout  time.Duration
	parallel int
	tape     bool
}

func checkCommand() *cobra.Command {
	f := &checkFlags{}
	c := &cobra.Command{
		Use:   "check [flags] TARGET...",
		Short: "Look at a server and judge its seal",
		Long:  checkManual,
		Args:  needsTarget,
		RunE: func(c *cobra.Command, targets []string) error {
			return f.run(c.Context(), targets, c.OutOrStdout())
		},
	}
	f.declare(c.Flags())
	complete(c)
	return c
}

func needsTarget(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("check needs a target, such as imap.example.org or smtp://mx.example.org; see mailseal check --help")
	}
	return nil
}

func (f *checkFlags) declare(s *pflag.FlagSet) {
	s.SortFlags = false
	s.BoolVar(&f.json, "json", false, "print JSON, a line for each target; as --format json")
	s.StringVar(&f.format, "format", "text", "print as "+strings.Join(formatNames(), ", "))
	s.BoolVarP(&f.verbose, "verbose", "v", false, "print the conversation and the rules that were met as well")
	s.StringArrayVar(&f.standards, "standard", nil, "judge by this standard too (repeatable): "+strings.Join(standardNames(), ", "))
	s.StringVar(&f.failOn, "fail-on", "weak", "exit 1 at: "+strings.Join(levelNames(), ", "))
	f.connectionFlags.declare(s)
	s.DurationVar(&f.timeout, "timeout", 90*time.Second, "the limit for each target, with its name look-up")
	s.IntVar(&f.parallel, "parallel", 4, "connections at once")
	s.BoolVar(&f.tape, "tape", false, "keep the bytes on the wire in the JSON")
}

// run surveys the targets one after the other and prints each as soon as it is
// known. The exit code is that of the worst.
func (f *checkFlags) run(ctx context.Context, typed []string, out io.Writer) error {
	targets, o, err := f.read(typed)
	if err != nil {
		return err
	}
	format, standards, err := f.manner()
	if err != nil {
		return err
	}
	out, style := screen(out)
	style.Verbose = f.verbose
	worst := exitIntact
	for i, t := range targets {
		r := f.survey(ctx, t, o, standards)
		if i > 0 && format.Name == "text" {
			fmt.Fprintln(out)
		}
		if err := format.Write(out, r, style); err != nil {
			return ownFailure{fmt.Errorf("writing the report: %w", err)}
		}
		worst = worseExit(worst, exitOf(r.FailsAt(report.Level(f.failOn))))
	}
	if worst != exitIntact {
		return exit(worst)
	}
	return nil
}

func (f *checkFlags) survey(ctx context.Context, t observe.Target, o *probe.Options, standards []*standard.Standard) *report.Report {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	with := *o
	stop := showProgress(t, &with)
	seen := probe.Survey(ctx, t, &with)
	stop()
	seen.Vantage.Timeout = f.timeout.String()
	return report.New(seen, nil, standards...)
}

// exitOf turns a decision into an exit code.
func exitOf(d report.Decision) int {
	switch d {
	case report.Passed:
		return exitIntact
	case report.Failed:
		return exitFindings
	}
	return exitUntold
}

// worseExit keeps findings over "could not tell" over intact.
func worseExit(a, b int) int {
	for _, code := range []int{exitFindings, exitUntold} {
		if a == code || b == code {
			return code
		}
	}
	return exitIntact
}

// read turns words into targets and options.
func (f *checkFlags) read(typed []string) ([]observe.Target, *probe.Options, error) {
	if f.timeout <= 0 {
		return nil, nil, fmt.Errorf("--timeout %v: a time above zero is needed, such as 30s", f.timeout)
	}
	if f.parallel < 1 {
		return nil, nil, fmt.Errorf("--parallel %d: at least one connection is needed", f.parallel)
	}
	targets, o, err := f.connectionFlags.read(typed)
	if err != nil {
		return nil, nil, err
	}
	o.Parallel, o.Tape = f.parallel, f.tape
	return targets, o, nil
}

// manner is how to judge and how to print.
func (f *checkFlags) manner() (report.Format, []*standard.Standard, error) {
	var all []*standard.Standard
	for _, name := range f.standards {
		s := standard.ByName(name)
		if s == nil {
			return report.Format{}, nil, fmt.Errorf("standard %q is not known; mailseal knows %s", name, strings.Join(standardNames(), ", "))
		}
		all = append(all, s)
	}
	if !slices.Contains(levelNames(), f.failOn) {
		return report.Format{}, nil, fmt.Errorf("--fail-on %q: it is one of %s", f.failOn, strings.Join(levelNames(), ", "))
	}
	name := f.format
	if f.json {
		name = "json"
	}
	if format := report.FormatByName(name); format != nil {
		return *format, all, nil
	}
	return report.Format{}, nil, fmt.Errorf("format %q is not known; mailseal writes %s", name, strings.Join(formatNames(), ", "))
}

// screen finds out what the output can show. NO_COLOR and a pipe mean no
// colour; the words say the same.
func screen(out io.Writer) (io.Writer, report.Options) {
	style := report.Options{Width: 80, Tool: tool()}
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return out, style
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width >= 40 {
		style.Width = min(width, 100)
	}
	w := colorprofile.NewWriter(file, os.Environ())
	style.Color = w.Profile > colorprofile.NoTTY && os.Getenv("NO_COLOR") == ""
	return w, style
}

func formatNames() []string {
	var names []string
	for _, f := range report.Formats {
		names = append(names, f.Name)
	}
	return names
}

func levelNames() []string {
	var names []string
	for _, l := range report.Levels {
		names = append(names, string(l))
	}
	return names
}

func standardNames() []string {
	var names []string
	for _, s := range standard.All {
		names = append(names, s.Name)
	}
	return names
}

// complete offers the words that a flag takes.
func complete(c *cobra.Command) {
	fixed := func(words []string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	c.RegisterFlagCompletionFunc("format", fixed(formatNames()))
	c.RegisterFlagCompletionFunc("standard", fixed(standardNames()))
	c.RegisterFlagCompletionFunc("fail-on", fixed(levelNames()))
	c.RegisterFlagCompletionFunc("protocol", fixed(protocolNames()))
}
