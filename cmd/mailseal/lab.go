package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
)

const labManual = `Usage:
  mailseal lab serve [flags]     be a mail server, honest or with one fault
  mailseal lab list              the faults, and what must notice each

A server for tests, on this machine only unless told otherwise. It has one
account with an empty mailbox and a password that is new for each run, and a
certificate by a lab CA that is made at start. It takes mail and throws it
away.

Examples:
  mailseal lab serve
  mailseal lab serve --protocol smtp --ca ca.pem --for 10m
  mailseal lab serve --protocol submission --case starttls-xstarttls`

func labCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lab",
		Short: "Be a mail server for tests, honest or with a fault",
		Long:  labManual,
		Args:  knownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(labServeCommand(), labListCommand())
	return c
}

func labListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the faults, and what must notice each",
		Long:  "Usage:\n  mailseal lab list",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, f := range lab.Faults {
				if _, err := fmt.Fprintf(c.OutOrStdout(), "%-32s %s\n", f.Name, strings.Join(f.Checks, ", ")); err != nil {
					return ownFailure{err}
				}
			}
			return nil
		},
	}
}

// serveFlags are the words of lab serve.
type serveFlags struct {
	protocol     string
	implicit     bool
	fault        string
	listen       string
	public       bool
	caFile       string
	passwordFile string
	last         time.Duration
}

func labServeCommand() *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Be a mail server, honest or with one fault",
		Long: `Usage:
  mailseal lab serve [flags]

Serve until Ctrl-C or --for ends it, and tell what each client said once it has
left. Secrets that clients send are not shown.

Examples:
  mailseal lab serve --protocol imap --implicit --ca ca.pem
  mailseal lab serve --protocol smtp --case starttls-stripped
  mailseal lab serve --listen 127.0.0.1:1143 --password-file password`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), c.OutOrStdout()) },
	}
	s := c.Flags()
	s.SortFlags = false
	s.StringVar(&f.protocol, "protocol", "imap", "speak one of "+strings.Join(lab.Protocols(), ", "))
	s.BoolVar(&f.implicit, "implicit", false, "speak TLS at once, instead of STARTTLS")
	s.StringVar(&f.fault, "case", "", "with this fault; mailseal lab list has them all")
	s.StringVar(&f.listen, "listen", "127.0.0.1:0", "the address to listen on")
	s.BoolVar(&f.public, "public", false, "allow an address that other machines reach")
	s.StringVar(&f.caFile, "ca", "", "write the lab CA's root into this file, for clients to trust")
	s.StringVar(&f.passwordFile, "password-file", "", "write the account's password into this file, instead of printing it")
	s.DurationVar(&f.last, "for", time.Hour, "serve no longer than this")
	c.RegisterFlagCompletionFunc("protocol", cobra.FixedCompletions(lab.Protocols(), cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("case", cobra.FixedCompletions(faultNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func faultNames() []string {
	var names []string
	for _, f := range lab.Faults {
		names = append(names, f.Name)
	}
	return names
}

func (f *serveFlags) run(ctx context.Context, out io.Writer) error {
	server, err := f.server()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.last)
	defer cancel()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		return ownFailure{err}
	}
	running, err := server.Start(ctx, ca)
	if err != nil {
		return ownFailure{fmt.Errorf("lab: %w", err)}
	}
	defer running.Close()
	if err := f.announce(out, server, running, ca); err != nil {
		return ownFailure{err}
	}
	return f.tell(ctx, out, running)
}

// server makes the description, and refuses what it cannot be.
func (f *serveFlags) server() (*lab.Server, error) {
	mode := observe.StartTLS
	if f.implicit {
		mode = observe.Implicit
	}
	if f.last <= 0 {
		return nil, fmt.Errorf("--for %v: a time above zero is needed, such as 10m", f.last)
	}
	if !slices.Contains(lab.Protocols(), f.protocol) {
		return nil, fmt.Errorf("--protocol %q: the lab speaks %s", f.protocol, strings.Join(lab.Protocols(), ", "))
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %q: a host and a port are needed, such as 127.0.0.1:1143", f.listen)
	}
	if a, err := netip.ParseAddr(host); (err != nil || !a.IsLoopback()) && !f.public {
		return nil, fmt.Errorf("--listen %q: other machines may reach that address; say --public if they should", f.listen)
	}
	server := lab.New(f.protocol, mode)
	server.Listen = f.listen
	if f.fault == "" {
		return server, nil
	}
	fault, ok := lab.FaultByName(f.fault)
	if !ok {
		return nil, fmt.Errorf("--case %q is not known; mailseal lab list has them all", f.fault)
	}
	if !fault.Fits(f.protocol, mode) {
		return nil, fmt.Errorf("--case %s does not fit %s by %s", f.fault, f.protocol, mode)
	}
	fault.Edit(server)
	return server, nil
}

// announce tells how to reach the server.
func (f *serveFlags) announce(out io.Writer, server *lab.Server, running *lab.Running, ca *lab.CA) error {
	kind := "honest"
	if f.fault != "" {
		kind = "with the fault " + f.fault
	}
	if f.caFile != "" {
		if err := os.WriteFile(f.caFile, ca.PEM(), 0o644); err != nil {
			return err
		}
	}
	password := "in " + f.passwordFile
	if f.passwordFile == "" {
		password = running.Secret()
	} else if err := os.WriteFile(f.passwordFile, []byte(running.Secret()+"\n"), 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "serving %s by %s on %s as %s, %s\nuser %s, password %s\n",
		f.protocol, server.Mode, running.Addr(), server.Name, kind, lab.User, password)
	return err
}

// tell prints the record of each connection once, when it has ended.
func (f *serveFlags) tell(ctx context.Context, out io.Writer, running *lab.Running) error {
	told := make(map[visit]bool)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		over := false
		select {
		case <-ctx.Done():
			over = true
			running.Close()
		case <-tick.C:
		}
		var news []observe.Observation
		news, told = untold(running.Observations(), told)
		for i := range news {
			if err := tellOne(out, &news[i]); err != nil {
				return ownFailure{err}
			}
		}
		if over {
			return nil
		}
	}
}

// visit is what tells one connection of a client from another.
type visit struct {
	from  string
	began time.Time
}

// untold returns the connections that have ended and were not told, and what
// has been told behind that. The lab forgets the oldest when there are many,
// so that places in its list mean nothing.
func untold(all []observe.Observation, told map[visit]bool) (news []observe.Observation, now map[visit]bool) {
	now = make(map[visit]bool, len(all))
	for _, o := range all {
		if len(o.Conns) == 0 || o.Conns[0].End == observe.Unended {
			continue
		}
		v := visit{o.Target.Typed, o.Conns[0].Began}
		now[v] = true
		if !told[v] {
			news = append(news, o)
		}
	}
	return news, now
}

func tellOne(out io.Writer, o *observe.Observation) error {
	c := &o.Conns[0]
	if _, err := fmt.Fprintf(out, "\n%s: reached %s, ended %s\n", observe.Escape(o.Target.Typed), c.Reached, c.End); err != nil {
		return err
	}
	for _, l := range c.Lines {
		who, how := "C", ""
		if l.From == observe.Server {
			who = "S"
		}
		if l.Sealed {
			how = "sealed "
		}
		if _, err := fmt.Fprintf(out, "  %s%s: %s\n", how, who, l.Text); err != nil {
			return err
		}
	}
	return nil
}
