package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/report"
	"github.com/mailseal/mailseal/resolve"
	"github.com/mailseal/mailseal/roots"
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
	rootFile  string

	protocol           string
	starttls, implicit bool
	connect, script    string

	sni         string
	noSNI       bool
	helo        string
	alpn        []string
	ipv4, ipv6  bool
	bind, proxy string
	timeout     time.Duration
	parallel    int
	tape        bool
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
	s.BoolVar(&f.json, "json", false, "print JSON; the same as --format json")
	s.StringVar(&f.format, "format", "text", "print as "+strings.Join(formatNames(), ", "))
	s.BoolVarP(&f.verbose, "verbose", "v", false, "print the conversation and the rules that were met as well")
	s.StringArrayVar(&f.standards, "standard", nil, "judge by this standard too (repeatable): "+strings.Join(standardNames(), ", "))
	s.StringVar(&f.failOn, "fail-on", "weak", "exit 1 at: "+strings.Join(levelNames(), ", "))
	s.StringVar(&f.rootFile, "roots", "", "trust the certificates of this PEM file, instead of Mozilla's and the system's")
	s.StringVar(&f.protocol, "protocol", "", "speak this protocol, whatever scheme and port say")
	s.BoolVar(&f.starttls, "starttls", false, "start in clear and go over to TLS")
	s.BoolVar(&f.implicit, "implicit", false, "speak TLS at once")
	s.StringVar(&f.connect, "connect", "", "dial this host, host:port or [v6]:port; names are still verified as given")
	s.StringVar(&f.script, "dialogue", "", "speak by this file of expect, send and starttls steps")
	s.StringVar(&f.sni, "sni", "", "ask for the certificate of this name, instead of the target's")
	s.BoolVar(&f.noSNI, "no-sni", false, "name no server in the ClientHello")
	s.StringVar(&f.helo, "helo", "", "the name for EHLO and LHLO; by default this machine's, or its address")
	s.StringSliceVar(&f.alpn, "alpn", nil, "offer these ALPN ids; none by default")
	s.BoolVarP(&f.ipv4, "ipv4", "4", false, "use IPv4 only")
	s.BoolVarP(&f.ipv6, "ipv6", "6", false, "use IPv6 only")
	s.StringVar(&f.bind, "bind", "", "call from this local address")
	s.StringVar(&f.proxy, "proxy", "", "go through socks5://host:port or http://host:port; with a password by MAILSEAL_PROXY only")
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
	by := probe.Override{Protocol: f.protocol, Connect: f.connect}
	switch {
	case f.starttls && f.implicit:
		return nil, nil, errors.New("--starttls and --implicit exclude each other")
	case f.starttls:
		by.Mode = observe.StartTLS
	case f.implicit:
		by.Mode = observe.Implicit
	}
	o, err := f.options()
	if err != nil {
		return nil, nil, err
	}
	by.Script = o.Script
	_, because, _ := f.family()
	var targets []observe.Target
	for _, w := range typed {
		t, err := probe.ReadTarget(w, by)
		if err != nil {
			return nil, nil, err
		}
		if err := f.fits(t, o.Family, because); err != nil {
			return nil, nil, err
		}
		targets = append(targets, t)
	}
	return targets, o, nil
}

// family is the version of IP that is left: -4 and -6 say so, and an address
// to call from is of one.
func (f *checkFlags) family() (family resolve.Family, because string, err error) {
	if f.ipv4 && f.ipv6 {
		return "", "", errors.New("-4 and -6 exclude each other; without either both are looked at")
	}
	if f.bind != "" {
		a, err := netip.ParseAddr(f.bind)
		switch {
		case err != nil:
			return "", "", fmt.Errorf("--bind %q: a local address is needed, such as 192.0.2.1", f.bind)
		case a.Is4() && f.ipv6 || a.Is6() && f.ipv4:
			return "", "", fmt.Errorf("--bind %s is of the family that -4 or -6 leaves out", f.bind)
		case a.Is4():
			return resolve.IPv4, "--bind " + f.bind, nil
		}
		return resolve.IPv6, "--bind " + f.bind, nil
	}
	switch {
	case f.ipv4:
		return resolve.IPv4, "-4", nil
	case f.ipv6:
		return resolve.IPv6, "-6", nil
	}
	return resolve.Any, "", nil
}

// fits refuses an address of the family that is left out. A name is fine: it
// is looked up in the other.
func (f *checkFlags) fits(t observe.Target, family resolve.Family, because string) error {
	dialled := t.Host
	if t.Connect != "" {
		dialled = t.Connect
	}
	a, err := netip.ParseAddr(dialled)
	if err != nil {
		ap, err := netip.ParseAddrPort(dialled)
		if err != nil {
			return nil
		}
		a = ap.Addr()
	}
	if family == resolve.IPv4 && a.Is6() || family == resolve.IPv6 && a.Is4() {
		return fmt.Errorf("target %q: %s leaves out the family of the address %s", t.Typed, because, a)
	}
	return nil
}

func (f *checkFlags) options() (*probe.Options, error) {
	family, _, err := f.family()
	if err != nil {
		return nil, err
	}
	o := &probe.Options{
		Tool: tool(), Helo: f.helo, SNI: f.sni, NoSNI: f.noSNI, ALPN: f.alpn, Family: family,
		Bind: f.bind, Parallel: f.parallel, Tape: f.tape,
	}
	if f.timeout <= 0 {
		return nil, fmt.Errorf("--timeout %v: a time above zero is needed, such as 30s", f.timeout)
	}
	if f.parallel < 1 {
		return nil, fmt.Errorf("--parallel %d: at least one connection is needed", f.parallel)
	}
	if f.sni != "" && f.noSNI {
		return nil, errors.New("--sni and --no-sni exclude each other")
	}
	if strings.ContainsAny(f.helo, " \r\n\t\x00") {
		return nil, fmt.Errorf("--helo %q: a name or an address literal has no spaces or line ends", f.helo)
	}
	if o.Proxy, err = f.readProxy(); err != nil {
		return nil, err
	}
	if o.Script, err = f.readScript(); err != nil {
		return nil, err
	}
	o.Stores, err = f.stores()
	return o, err
}

func (f *checkFlags) readProxy() (*url.URL, error) {
	if f.proxy != "" {
		return probe.ReadProxy(f.proxy, false)
	}
	if secret := os.Getenv("MAILSEAL_PROXY"); secret != "" {
		return probe.ReadProxy(secret, true)
	}
	return nil, nil
}

func (f *checkFlags) readScript() (*dialogue.Protocol, error) {
	if f.script == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.script)
	if err != nil {
		return nil, fmt.Errorf("--dialogue: %w", err)
	}
	p, err := dialogue.ReadScript(string(text))
	if err != nil {
		return nil, fmt.Errorf("--dialogue %s: %w", f.script, err)
	}
	return p, nil
}

// stores are Mozilla's roots and the system's, or those of the file alone.
func (f *checkFlags) stores() ([]probe.Store, error) {
	if f.rootFile != "" {
		s, err := roots.File(f.rootFile)
		if err != nil {
			return nil, fmt.Errorf("--roots: %w", err)
		}
		return []probe.Store{s}, nil
	}
	mozilla, err := roots.Mozilla()
	if err != nil {
		return nil, ownFailure{err}
	}
	stores := []probe.Store{mozilla}
	// A machine without a store of its own is no failure: there is one store
	// fewer to ask.
	if system, err := roots.System(); err == nil {
		stores = append(stores, system)
	}
	return stores, nil
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
	var protocols []string
	for _, p := range dialogue.All {
		protocols = append(protocols, p.Name)
	}
	c.RegisterFlagCompletionFunc("format", fixed(formatNames()))
	c.RegisterFlagCompletionFunc("standard", fixed(standardNames()))
	c.RegisterFlagCompletionFunc("fail-on", fixed(levelNames()))
	c.RegisterFlagCompletionFunc("protocol", fixed(protocols))
}
