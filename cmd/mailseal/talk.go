package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/report"
	"github.com/mailseal/mailseal/sasl"
	"github.com/mailseal/mailseal/talk"
)

const talkManual = `Usage:
  mailseal talk [flags] TARGET

Talk to a server by hand. The dialogue up to TLS goes by itself; then a short
report on TLS, and the line is yours: what you type is sent, line by line, each
ended by CR LF. No letter is a command. Ctrl-] opens a prompt for what is meant
for mailseal:

  starttls      start TLS now, whatever was said before
  auth [MECH]   log in; without a name by the strongest that is offered
  cert tls caps the chain in PEM, the report again, what the server can do
  resume        connect again with the ticket, and say whether it was taken
  save FILE     write the conversation so far, without secrets
  raw           show how lines end, or stop showing it
  help quit

Without a terminal each line of the input is sent when the server has answered
the last one, and the session ends when the last answer has come. The server's
lines go to standard output, all else to standard error.

A TARGET is that of mailseal check, but one place: a scheme or a port is needed.

Examples:
  mailseal talk smtp://mx.example.org
  mailseal talk imaps://imap.example.org
  mailseal talk --manual smtp://mx.example.org
  mailseal talk --auth strongest --user alice imaps://imap.example.org
  mailseal talk --do 'EHLO client.example.org' --do QUIT smtp://mx.example.org
  mailseal talk --do 'a CAPABILITY' --expect AUTH=SCRAM imaps://imap.example.org

Exit codes:
  0  done: everything was said, and answered
  1  the last answer does not match --expect
  2  usage: the command line or a file is wrong
  3  no connection, no service on it, or an answer that did not come
  4  mailseal itself failed
  5  no TLS: stripped, refused, or the handshake failed
  6  the server is not who it should be: --pin, --tofu
  7  not logged in`

// The exit codes that only a session has.
const (
	exitUnsealed = 5
	exitUnproved = 6
	exitLogin    = 7
)

// exitAt is the exit code of a stage that failed.
var exitAt = map[talk.Stage]int{
	talk.Connecting: exitUntold, talk.Answering: exitUntold, talk.Sealing: exitUnsealed, talk.Proving: exitUnproved,
	talk.LoggingIn: exitLogin, talk.Expecting: exitFindings, talk.Writing: exitOurs,
}

type talkFlags struct {
	connectionFlags

	manual, clear    bool
	do               []string
	expect           string
	noWait, quiet    bool
	raw, lf, noTags  bool
	escape           string
	timeout, settle  time.Duration
	auth, user       string
	authz            string
	password         passwordFlags
	iKnow            bool
	certFile, key    string
	pins             []string
	tofu             bool
	known            string
	keylog, recorded string

	escapeGiven bool
}

func talkCommand() *cobra.Command {
	f := &talkFlags{}
	c := &cobra.Command{
		Use:   "talk [flags] TARGET",
		Short: "Talk to a server by hand, in clear, by STARTTLS or through TLS",
		Long:  talkManual,
		Args:  needsOneTarget,
		RunE: func(c *cobra.Command, targets []string) error {
			f.escapeGiven = c.Flags().Changed("escape")
			return f.run(c.Context(), targets[0], c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.declare(c.Flags())
	c.RegisterFlagCompletionFunc("auth", cobra.FixedCompletions(talk.AuthNames(), cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("protocol", cobra.FixedCompletions(protocolNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func needsOneTarget(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("talk needs one target, such as imaps://imap.example.org or mx.example.org:25; see mailseal talk --help")
	}
	return nil
}

func (f *talkFlags) declare(s *pflag.FlagSet) {
	s.SortFlags = false
	s.BoolVar(&f.manual, "manual", false, "say nothing and stay in clear; the escape and starttls start TLS at any moment")
	s.BoolVar(&f.clear, "clear", false, "go on in clear where the server refuses TLS")
	s.StringArrayVar(&f.do, "do", nil, "say this line (repeatable), instead of those of the input")
	s.StringVar(&f.expect, "expect", "", "exit 1 if the last answer does not match this regular expression")
	s.BoolVar(&f.noWait, "no-wait", false, "send the lines without waiting for the answers in between")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "show neither the dialogue up to TLS nor the report")
	s.BoolVar(&f.raw, "raw", false, "show how lines end")
	s.BoolVar(&f.lf, "lf", false, "end lines by LF alone")
	s.BoolVar(&f.noTags, "no-tags", false, "put no tags before commands of IMAP")
	s.StringVar(&f.escape, "escape", "^]", "the control key that opens the prompt, or none; in a script a line that begins with it is a command, if this flag is given")
	s.DurationVar(&f.timeout, "timeout", 60*time.Second, "the longest silence while an answer is due")
	s.DurationVar(&f.settle, "settle", time.Second, "the silence that ends an answer in protocols that do not tell its end")
	s.StringVar(&f.auth, "auth", "", "log in first, by this mechanism or by the strongest")
	s.StringVar(&f.user, "user", "", "the name to log in with")
	s.StringVar(&f.authz, "authz", "", "as whom to act, if that is somebody else")
	f.password.declare(s)
	s.BoolVar(&f.iKnow, "i-know", false, "log in also in clear, or where the certificate proves nothing")
	s.StringVar(&f.certFile, "cert", "", "show this certificate (PEM, with its chain) to a server that asks for one")
	s.StringVar(&f.key, "key", "", "its key (PEM); by default in the same file")
	s.StringArrayVar(&f.pins, "pin", nil, "the server must have the key with this SHA-256 (repeatable: one of them)")
	s.BoolVar(&f.tofu, "tofu", false, "remember the server's key at first sight, and refuse another one later")
	s.StringVar(&f.known, "known", "", "the file of known servers for --tofu")
	s.StringVar(&f.recorded, "transcript", "", "write the session into this file as JSON lines, without secrets")
	s.StringVar(&f.keylog, "keylog", "", "add the secrets of TLS to this file, for Wireshark: whoever has it reads the session")
	f.connectionFlags.declare(s)
}

// run reads the flags, opens the session and gives it to the person or the
// script.
func (f *talkFlags) run(ctx context.Context, typed string, in io.Reader, out, errs io.Writer) error {
	target, o, expect, escape, err := f.read(typed)
	if err != nil {
		return err
	}
	closing, err := f.files(ctx, o)
	defer closing()
	if err != nil {
		return err
	}
	keyboard, screen, byHand := f.terminal(in, out)
	o.Hints = byHand
	if !byHand && !f.escapeGiven {
		o.Escape = 0 // what is piped in may hold anything
	} else {
		o.Escape = escape
	}
	if !byHand && o.Account.Secret == nil { // input that is piped in leaves the terminal free
		o.Account.Secret = func() (sasl.Secret, error) { return f.password.read(ctx, "Password: ") }
	}
	_, o.Style = screenOn(out, errs)
	show, tell := lineWriters(out, errs, byHand)
	s, err := talk.Begin(ctx, target, *o, show, tell)
	if err != nil {
		return f.failed(err, errs)
	}
	defer s.Close()
	if byHand {
		return f.byHand(s, keyboard, screen, o, errs)
	}
	return f.failed(f.script(s, in, expect), errs)
}

// script says the lines of the command line, or of the input.
func (f *talkFlags) script(s *talk.Session, in io.Reader, expect *regexp.Regexp) error {
	if f.auth != "" {
		if err := s.Await(); err != nil {
			return err
		}
		if err := s.Auth(f.auth); err != nil {
			return err
		}
	}
	lines := talk.LinesOf(f.do)
	if len(f.do) == 0 {
		lines = talk.LinesFrom(in)
	}
	return s.Script(lines, expect)
}

func (f *talkFlags) byHand(s *talk.Session, keyboard, screen *os.File, o *talk.Options, errs io.Writer) error {
	first := ""
	if f.auth != "" {
		first = "auth " + f.auth
	}
	return f.failed(s.Terminal(talk.NewConsole(keyboard, screen, o.Escape, o.Style.Color), first), errs)
}

// terminal tells whether a person is at both ends.
func (f *talkFlags) terminal(in io.Reader, out io.Writer) (keyboard, screen *os.File, byHand bool) {
	keyboard, ok := in.(*os.File)
	screen, okay := out.(*os.File)
	if !ok || !okay || len(f.do) > 0 || f.expect != "" {
		return nil, nil, false
	}
	return keyboard, screen, term.IsTerminal(int(keyboard.Fd())) && term.IsTerminal(int(screen.Fd()))
}

// screenOn is how to write the report: where a person reads, in colour.
func screenOn(out, errs io.Writer) (io.Writer, report.Options) {
	if w, style := screen(errs); style.Color {
		return w, style
	}
	return screen(out)
}

// lineWriters are where the server's lines and ours go. On a terminal both go
// to the same, or their order would be lost.
func lineWriters(out, errs io.Writer, byHand bool) (show, tell io.Writer) {
	if byHand {
		return out, out
	}
	return out, errs
}

// failed says why a session ended, and turns it into an exit code.
func (f *talkFlags) failed(err error, errs io.Writer) error {
	failure, ok := errors.AsType[*talk.Failure](err)
	if !ok {
		return err
	}
	fmt.Fprintf(errs, "mailseal: %s\n", oneLine(failure.Why))
	return exit(exitAt[failure.At])
}

// read turns words into a target and options.
func (f *talkFlags) read(typed string) (t observe.Target, o *talk.Options, expect *regexp.Regexp, escape byte, err error) {
	targets, how, err := f.connectionFlags.read([]string{typed})
	if err != nil {
		return t, nil, nil, 0, err
	}
	t = targets[0]
	if err := f.fit(t); err != nil {
		return t, nil, nil, 0, err
	}
	o = &talk.Options{
		Probe: how, Manual: f.manual, Clear: f.clear, LF: f.lf, NoTags: f.noTags, NoWait: f.noWait, Quiet: f.quiet, Raw: f.raw,
		IKnow: f.iKnow, Wait: f.timeout, Settle: f.settle, Account: talk.Account{User: f.user, Authz: f.authz},
	}
	if escape, err = talk.ParseKey(f.escape); err != nil {
		return t, nil, nil, 0, fmt.Errorf("--escape: %w", err)
	}
	if f.expect != "" {
		if expect, err = regexp.Compile(f.expect); err != nil {
			return t, nil, nil, 0, fmt.Errorf("--expect: %w", err)
		}
	}
	for _, p := range f.pins {
		pin, err := talk.ParsePin(p)
		if err != nil {
			return t, nil, nil, 0, fmt.Errorf("--pin: %w", err)
		}
		o.Pins = append(o.Pins, pin)
	}
	return t, o, expect, escape, nil
}

// fit refuses what makes no sense together.
func (f *talkFlags) fit(t observe.Target) error {
	switch {
	case t.Protocol == "":
		return fmt.Errorf("target %q: talk needs one place, such as imaps://%s or %s:25", t.Typed, t.Host, t.Host)
	case f.timeout <= 0 || f.settle <= 0:
		return errors.New("--timeout and --settle: a time above zero is needed, such as 30s")
	case f.key != "" && f.certFile == "":
		return errors.New("--key needs --cert")
	case f.manual && f.clear:
		return errors.New("--manual and --clear exclude each other: --manual stays in clear in any case")
	case f.auth != "" && !slices.Contains(talk.AuthNames(), strings.ToLower(f.auth)):
		return fmt.Errorf("--auth %q is no mechanism that mailseal knows; it knows %s", f.auth, strings.Join(talk.AuthNames(), ", "))
	}
	return nil
}

// files opens what the flags name. Closing is for when the session is over.
func (f *talkFlags) files(ctx context.Context, o *talk.Options) (closing func(), err error) {
	var open []io.Closer
	closing = func() {
		for _, c := range open {
			c.Close()
		}
	}
	if err := f.identity(ctx, o); err != nil {
		return closing, err
	}
	if f.tofu {
		path, err := talk.KnownPath(f.known)
		if err != nil {
			return closing, fmt.Errorf("--tofu: %w", err)
		}
		if o.Known, err = talk.OpenKnown(path); err != nil {
			return closing, fmt.Errorf("--tofu: %w", err)
		}
	}
	if f.keylog != "" {
		file, err := os.OpenFile(f.keylog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return closing, fmt.Errorf("--keylog: %w", err)
		}
		open = append(open, file)
		o.Probe.KeyLog = file
	}
	if f.recorded != "" {
		if o.Transcript, err = talk.CreateTranscript(f.recorded, nil); err != nil {
			return closing, fmt.Errorf("--transcript: %w", err)
		}
		open = append(open, o.Transcript)
	}
	return closing, nil
}

// identity reads the certificate and finds where the password comes from. It
// is read now: a mistake should show before there is a connection.
func (f *talkFlags) identity(ctx context.Context, o *talk.Options) error {
	if f.certFile != "" {
		key := f.key
		if key == "" {
			key = f.certFile
		}
		pair, err := tls.LoadX509KeyPair(f.certFile, key)
		if err != nil {
			return fmt.Errorf("--cert: %w", err)
		}
		o.Probe.Certificate = &pair
	}
	if !f.password.given() {
		return nil
	}
	secret, err := f.password.read(ctx, "")
	if err != nil {
		return err
	}
	o.Account.Secret = func() (sasl.Secret, error) { return secret, nil }
	return nil
}
