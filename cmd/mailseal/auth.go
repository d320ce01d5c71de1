package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/sasl"
)

const authManual = `Usage:
  mailseal auth MECHANISM --user NAME     make the lines of a login
  mailseal auth decode LINE               say what such a line holds

Print what a client sends to log in by SMTP, IMAP, POP3 or ManageSieve, in
base64, one line a message. The password is asked for without showing it, or
comes from the first line of --password-file or --password-fd, or from the
variable of --password-env. It is never an argument: everybody on the machine
can list those.

Mechanisms:
  plain login               the password itself, in base64, which hides nothing
  cram-md5                  the answer to a challenge
  scram-sha-1 scram-sha-256 scram-sha-512
                            three steps: prints the first message, reads the
                            server's, prints the last, verifies the server's
  xoauth2 oauthbearer       an access token, which comes like a password
  external anonymous        no secret at all
  apop                      POP3's command, from the server's greeting

What the server says is read from --challenge, once for each message, else
from standard input: as the server sends it (with its 334 or +), as base64
alone, or as the text inside. The -PLUS forms of SCRAM are tied to a TLS
connection, so they work only where there is one: mailseal talk.

Three traps of making such lines by hand:
  perl -e 'print "user@example.org"'  in double quotes @example is an array,
                                      and the line says user.org
  encode_base64($text)                breaks the line after 76 characters and
                                      at its end: give "" as second argument
  echo password | base64              the newline becomes part of the password
mailseal auth decode shows what became of the text.

Examples:
  mailseal auth plain --user user@example.org
  mailseal auth plain --user alice --password-env MAIL_PASSWORD
  mailseal auth cram-md5 --user tim --challenge "<1896.697170952@example.org>"
  mailseal auth scram-sha-256 --user alice --password-file secret.txt
  mailseal auth oauthbearer --user alice --host imap.example.org --port 993
  mailseal auth decode AGFsaWNlAG9wZW4gc2VzYW1l

Exit codes:
  0  the lines are printed; a server that must prove itself has done so
  1  the server lied or refused: what it sent is wrong
  2  usage: the command line is wrong, or what it names
  3  a person stopped it, or the server's messages ended too early
  4  mailseal itself failed`

// authFlags are the command line of auth.
type authFlags struct {
	who        sasl.Credentials
	password   passwordFlags
	challenges []string
}

func authCommand() *cobra.Command {
	f := &authFlags{}
	c := &cobra.Command{
		Use:               "auth MECHANISM",
		Short:             "Make and read the authentication lines of SMTP, IMAP and POP3",
		Long:              authManual,
		Args:              authArgs,
		ValidArgsFunction: cobra.FixedCompletions(authNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return f.run(c, strings.ToLower(args[0]))
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.who.User, "user", "", "the user's `name`, as the server wants it")
	flags.StringVar(&f.who.Authz, "authz", "", "as whom to act, if not as the user: the authorization `identity`")
	flags.StringVar(&f.who.Host, "host", "", "the server's `name`, for oauthbearer")
	flags.IntVar(&f.who.Port, "port", 0, "the server's port `number`, for oauthbearer")
	flags.StringVar(&f.who.Nonce, "nonce", "", "begin scram with this `text` instead of a fresh one: only to show a known exchange")
	flags.StringArrayVar(&f.challenges, "challenge", nil, "what the server `says`; once for each of its messages")
	f.password.declare(flags)
	c.AddCommand(decodeCommand())
	return c
}

// authNames are the mechanisms as they are typed, without those that need a
// TLS connection.
func authNames() []string {
	var names []string
	for _, m := range sasl.All {
		if !m.Binds {
			names = append(names, strings.ToLower(m.Name))
		}
	}
	return append(names, "apop")
}

func authArgs(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return errors.New("auth takes one mechanism and no other word; a password is never an argument")
	}
	if len(args) == 0 {
		return nil
	}
	name := strings.ToLower(args[0])
	if m := sasl.ByName(name); m != nil && m.Binds {
		return fmt.Errorf("%s is tied to a TLS connection, and here is none: use mailseal talk", m.Name)
	}
	if sasl.ByName(name) == nil && name != "apop" {
		return fmt.Errorf("%q is no mechanism%s; there are %s", args[0], didYouMean(name, authNames()), strings.Join(authNames(), ", "))
	}
	return nil
}

func (f *authFlags) run(c *cobra.Command, name string) error {
	if f.who.Port < 0 || f.who.Port > 65535 {
		return fmt.Errorf("--port %d is no port", f.who.Port)
	}
	m := sasl.ByName(name)
	if f.who.User == "" && (m == nil || m.NeedsPassword || m.NeedsToken) {
		return fmt.Errorf("%s needs --user", name)
	}
	if err := f.secret(c.Context(), m); err != nil {
		return err
	}
	from := &challenges{given: f.challenges, in: bufio.NewReader(io.LimitReader(c.InOrStdin(), 1<<20)), ctx: c.Context()}
	if m == nil {
		return f.apop(c.OutOrStdout(), from)
	}
	return f.exchange(c, m, from)
}

// secret reads the password or the token, where the mechanism has one.
func (f *authFlags) secret(ctx context.Context, m *sasl.Mechanism) (err error) {
	switch {
	case m != nil && m.NeedsToken:
		f.who.Token, err = f.password.read(ctx, "token of "+observe.Escape(f.who.User)+": ")
	case m == nil || m.NeedsPassword:
		f.who.Password, err = f.password.read(ctx, "password of "+observe.Escape(f.who.User)+": ")
	case f.password.given():
		err = fmt.Errorf("%s has no password", strings.ToLower(m.Name))
	}
	return err
}

func (f *authFlags) apop(out io.Writer, from *challenges) error {
	greeting, err := from.next("the server's greeting")
	if err != nil {
		return err
	}
	line, err := sasl.APOP(greeting, f.who.User, f.who.Password)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, line)
	return err
}

// exchange prints our messages and reads the server's until the mechanism
// has no more.
func (f *authFlags) exchange(c *cobra.Command, m *sasl.Mechanism, from *challenges) error {
	x, err := m.Start(f.who, sasl.Channel{})
	if err != nil {
		return err
	}
	if first, has := x.Initial(); has {
		if err := printMessage(c.OutOrStdout(), first); err != nil || !m.Mutual {
			return err
		}
	}
	for {
		challenge, err := f.challenge(m, from)
		if err != nil {
			return err
		}
		response, done, err := x.Next(challenge)
		if err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "mailseal: %s\n", oneLine(err.Error()))
			return exit(exitFindings)
		}
		if x.Verified() == observe.Yes {
			fmt.Fprintln(c.ErrOrStderr(), "The server has proved that it knows the password. Where it waits, an empty line is the answer.")
			return nil
		}
		if err := printMessage(c.OutOrStdout(), response); err != nil || done {
			return err
		}
	}
}

// printMessage prints base64. An empty message behind a command is "=".
func printMessage(out io.Writer, message []byte) error {
	text := "="
	if len(message) > 0 {
		text = base64.StdEncoding.EncodeToString(message)
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// challenge reads the next message of the server. LOGIN's questions are the
// same everywhere, and need not be told.
func (f *authFlags) challenge(m *sasl.Mechanism, from *challenges) ([]byte, error) {
	if m == sasl.Login {
		return nil, nil
	}
	line, err := from.next("the server's message")
	if err != nil {
		return nil, err
	}
	return unwrap(line), nil
}

// unwrap takes a challenge as a person has it: as the server's line, in
// base64, or as the text inside. The texts of CRAM-MD5 and SCRAM have marks
// that base64 does not have.
func unwrap(line string) []byte {
	for _, word := range []string{"S: ", "334 ", "+ "} {
		line = strings.TrimPrefix(line, word)
	}
	if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line)); err == nil {
		return b
	}
	return []byte(line)
}

// challenges are what the server says: on the command line, else typed or
// piped in.
type challenges struct {
	given []string
	in    *bufio.Reader
	ctx   context.Context
}

func (c *challenges) next(what string) (string, error) {
	if len(c.given) > 0 {
		line := c.given[0]
		c.given = c.given[1:]
		return line, nil
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintf(os.Stderr, "%s: ", what)
	}
	line, err := c.line()
	if errors.Is(err, context.Canceled) {
		return "", exit(exitUntold)
	}
	if line == "" && err != nil {
		fmt.Fprintf(os.Stderr, "mailseal: %s has not come: give it by --challenge or on standard input\n", what)
		return "", exit(exitUntold)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// line reads a line, or ends with Ctrl-C.
func (c *challenges) line() (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1) // the reader may outlive us: the program ends then
	go func() {
		line, err := c.in.ReadString('\n')
		done <- read{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-c.ctx.Done():
		return "", context.Canceled
	}
}

const decodeManual = `Usage:
  mailseal auth decode LINE               explain one line
  mailseal auth decode -                  explain the lines of standard input

Say what an authentication line holds: the commands AUTH, AUTHENTICATE, LOGIN,
APOP, USER and PASS, a server's 334 or +, base64 alone, or the message inside.
Passwords, tokens, and what they could be guessed from are shown as their
length; --show prints them.

A line that holds a password is better piped in than given as an argument, as
everybody on the machine can list those, and the shell keeps them.

Examples:
  mailseal auth decode AGFsaWNlAG9wZW4gc2VzYW1l
  mailseal auth decode 334 UGFzc3dvcmQ6
  mailseal auth decode --show - < line.txt

Exit codes:
  0  every line was understood
  2  usage: the command line is wrong
  3  a line is neither base64 of a text nor a message that is known`

func decodeCommand() *cobra.Command {
	show := false
	c := &cobra.Command{
		Use:   "decode LINE",
		Short: "Say what an authentication line holds",
		Long:  decodeManual,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("decode needs a line, or - for standard input")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			lines := []string{strings.Join(args, " ")}
			if lines[0] == "-" {
				var err error
				if lines, err = linesOf(c.InOrStdin()); err != nil {
					return err
				}
			}
			return decodeAll(c.OutOrStdout(), lines, show)
		},
	}
	c.Flags().BoolVar(&show, "show", false, "print passwords and tokens as well")
	return c
}

// linesOf reads the lines of a text. One of 76 characters of base64 goes on in
// the next: encode_base64 and base64 break there.
func linesOf(in io.Reader) ([]string, error) {
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, ownFailure{err}
	}
	if len(text) > most {
		return nil, fmt.Errorf("standard input has more than %d bytes", most)
	}
	var lines []string
	goesOn := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if goesOn {
			lines[len(lines)-1] += "\n" + line
		} else if line != "" {
			lines = append(lines, line)
		}
		last := line[strings.LastIndexByte(line, ' ')+1:]
		_, err := base64.StdEncoding.DecodeString(last)
		goesOn = len(last) == 76 && err == nil && !strings.HasSuffix(last, "=")
	}
	if len(lines) == 0 {
		return nil, errors.New("standard input has no line")
	}
	return lines, nil
}

func decodeAll(out io.Writer, lines []string, show bool) error {
	var b strings.Builder
	unknown := false
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		m := sasl.Decode(line)
		unknown = unknown || m.Unknown
		writeMeaning(&b, m, show)
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return err
	}
	if unknown {
		return exit(exitUntold)
	}
	return nil
}

func writeMeaning(b *strings.Builder, m sasl.Meaning, show bool) {
	b.WriteString(m.What + "\n")
	width := 0
	for _, p := range m.Parts {
		width = max(width, len(p.Name))
	}
	for _, p := range m.Parts {
		text := p.Text(show)
		if text == "" {
			text = "(empty)"
		}
		fmt.Fprintf(b, "  %-*s  %s\n", width, p.Name, text)
	}
	for _, n := range m.Notes {
		b.WriteString(filled(n+"\n", 80))
	}
}
