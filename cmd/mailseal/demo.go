package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/report"
	"github.com/mailseal/mailseal/roots"
	"github.com/mailseal/mailseal/standard"
)

const demoManual = `Usage:
  mailseal demo [-v]

Start servers on this machine, one honest and some that misbehave, check them,
and print the reports. It needs no network and no rights; everything it starts
ends with it.`

// scene is one server of the demo and the seal that a person should see.
type scene struct {
	title    string
	protocol string
	mode     observe.Mode
	fault    string // name of a lab fault; empty: an honest server
	seal     standard.Seal
}

var scenes = []scene{
	{"An honest IMAP server, TLS at once.", "imap", observe.Implicit, "", standard.SealIntact},
	{"An honest mail exchanger.", "smtp", observe.StartTLS, "", standard.SealIntact},
	{"A POP3 server that nobody has touched for years: TLS 1.0 only.", "pop3", observe.StartTLS, "tls-1.0-only", standard.SealWeak},
	{"A submission server whose certificate has expired.", "submission", observe.StartTLS, "cert-expired", standard.SealBroken},
	{"An IMAP server with someone in the line who slips text in before TLS.", "imap", observe.StartTLS, "residue-same-segment", standard.SealBroken},
	{"A submission server behind a box that turns STARTTLS into XSTARTTLS.", "submission", observe.StartTLS, "starttls-xstarttls", standard.SealMissing},
}

func demoCommand() *cobra.Command {
	verbose := false
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it work, on servers of its own on this machine",
		Long:  demoManual,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out, style := screen(c.OutOrStdout())
			style.Verbose = verbose
			return demo(c.Context(), out, style)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "print the conversations as well")
	return c
}

func demo(ctx context.Context, out io.Writer, style report.Options) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		return ownFailure{err}
	}
	o := &probe.Options{
		Tool: tool(), Helo: "demo.mailseal.test",
		Stores: []probe.Store{roots.FromCertificates("lab", ca.Root().Raw)},
	}
	fmt.Fprintf(out, "mailseal demo: %d servers on this machine, trusted by a lab CA that was made just now.\n", len(scenes))
	for i, s := range scenes {
		fmt.Fprintf(out, "\n%s\n%d. %s\n\n", rule(style.Width), i+1, s.title)
		if err := s.play(ctx, ca, o, out, style); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%s\nThat was the demo. Now one of yours: mailseal check imap.example.org\n", rule(style.Width))
	return nil
}

func rule(width int) string {
	line := make([]byte, width)
	for i := range line {
		line[i] = '-'
	}
	return string(line)
}

func (s scene) play(ctx context.Context, ca *lab.CA, o *probe.Options, out io.Writer, style report.Options) error {
	server := lab.New(s.protocol, s.mode)
	if s.fault != "" {
		f, ok := lab.FaultByName(s.fault)
		if !ok {
			return ownFailure{fmt.Errorf("demo: the lab has no fault %q", s.fault)}
		}
		f.Edit(server)
	}
	running, err := server.Start(ctx, ca)
	if err != nil {
		return ownFailure{err}
	}
	defer running.Close()
	target, err := probe.ReadTarget(server.Name, probe.Override{Protocol: s.protocol, Mode: s.mode, Connect: running.Addr()})
	if err != nil {
		return ownFailure{err}
	}
	r := report.New(probe.Survey(ctx, target, o), nil)
	if err := report.FormatByName("text").Write(out, r, style); err != nil {
		return ownFailure{err}
	}
	if ctx.Err() != nil {
		return exit(exitUntold)
	}
	if r.Seal != s.seal {
		return ownFailure{fmt.Errorf("demo: the seal of scene %q is %s, not %s as it should be", s.title, r.Seal, s.seal)}
	}
	return nil
}
