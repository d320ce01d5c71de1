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
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/observe"
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
	fmt.Fprintf(os.Stderr, "mailseal: %s\n", oneLine(err.Error()))
	if isOurs(err) {
		return exitOurs
	}
	return exitUsage
}

// isOurs tells whether an error is this machine's: we said so, or something
// could not be written.
func isOurs(err error) bool {
	if _, ours := errors.AsType[ownFailure](err); ours {
		return true
	}
	path, ok := errors.AsType[*fs.PathError](err)
	return ok && path.Op == "write"
}

// oneLine keeps what a person typed, and what a file says, from breaking the
// line or steering the terminal.
func oneLine(message string) string {
	if strings.ContainsFunc(message, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return observe.Escape(message)
	}
	return message
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
  mailseal talk TARGET         talk to it by hand
  mailseal explain NAME        the manual of a check, a standard or a lab fault
  mailseal demo                see it work, on servers that it starts itself
  mailseal auth MECHANISM      make a line that logs in, or read one
  mailseal replay FILE         play the server of a recorded conversation
  mailseal lab serve           be a mail server for tests, honest or not

A seal is one word for an endpoint: intact, weak, broken, missing or unknown.
What was not seen is unknown; it is never taken for secure, nor for missing.

Examples:
  mailseal check imap.example.org          its usual mail ports
  mailseal check smtp://mx.example.org     port 25, through STARTTLS
  mailseal check imaps://imap.example.org  port 993, TLS at once`,
		SilenceUsage: true, SilenceErrors: true,
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(checkCommand(), talkCommand(), knownServersCommand(), replayCommand(), labCommand(), authCommand(), explainCommand(), demoCommand(), versionCommand(), manCommand())
	c.SetHelpFunc(help)
	c.Version = version()
	c.Flags().Bool("version", false, "print the version; more by the command version")
	c.SetVersionTemplate("mailseal {{.Version}}\n")
	setUpCompletion(c)
	return c
}

const completionManual = `Usage:
  mailseal completion bash|zsh|fish|powershell

Print a script that completes the commands, flags and names of mailseal in a
shell. The --help of each shell says where to put it.

Examples:
  source <(mailseal completion bash)
  mailseal completion fish > ~/.config/fish/completions/mailseal.fish`

// setUpCompletion gives cobra's command a manual like the others, and makes it
// refuse other shells.
func setUpCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Short, c.Long, c.Args = "Print a script that completes words in a shell", completionManual, knownCommand
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}

// knownCommand refuses words that are no command.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return fmt.Errorf("%q is no command%s; see mailseal --help", args[0], didYouMean(args[0], names))
}
