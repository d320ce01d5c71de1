// A survey must see what a weak server does, so nothing that the runtime
// switches off by default may be off here. What is weak is judged later.
// Go takes these lines only from above the package clause.
//
//go:debug rsa1024min=0
//go:debug tls3des=1
//go:debug tlsmaxrsasize=16384
//go:debug tlsrsakex=1
//go:debug tlssha1=1
//go:debug x509negativeserial=1

// Mailseal sees, tests and proves the encryption of mail in transit.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes; docs/exit-codes.md is their manual.
const (
	exitIntact   = 0
	exitFindings = 1
	exitUsage    = 2
	exitUntold   = 3
	exitOurs     = 4
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := root().ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return exitIntact
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(os.Stderr, "mailseal: %v\n", err)
	var ours ownFailure
	if errors.As(err, &ours) {
		return exitOurs
	}
	return exitUsage
}

// exit is a code without a message: the result has said it all.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// ownFailure is something that went wrong on this machine, such as a full
// disk; it is neither the user's fault nor the server's.
type ownFailure struct{ error }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "mailseal",
		Short: "See, test and prove the encryption of mail in transit",
		Long: `Usage:
  mailseal check TARGET...     look at a server and judge its seal
  mailseal explain NAME        the manual of a check, a standard or a lab fault
  mailseal demo                see it work, on servers of its own on this machine

A seal is one word for an endpoint: intact, weak, broken, missing or unknown.
What was not seen is unknown; it is never taken for secure, nor for missing.

  mailseal check imap.example.org          its usual mail ports
  mailseal check smtp://mx.example.org     port 25, through STARTTLS
  mailseal check imaps://imap.example.org  port 993, TLS at once`,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	c.AddCommand(checkCommand(), explainCommand(), demoCommand(), versionCommand(), manCommand())
	return c
}
