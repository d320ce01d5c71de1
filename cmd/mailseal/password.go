package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mailseal/mailseal/sasl"
)

// passwordFlags are where a password, or a token, comes from. It is never an
// argument, because everybody on the machine can list those.
type passwordFlags struct {
	file string
	fd   int
	env  string
}

func (p *passwordFlags) declare(f *pflag.FlagSet) {
	f.StringVar(&p.file, "password-file", "", "read the password from the first line of this `file`")
	f.IntVar(&p.fd, "password-fd", -1, "read it from the first line of this file descriptor `number`")
	f.StringVar(&p.env, "password-env", "", "take it from this environment `variable`")
}

// given tells whether the command line names a source, so that nobody is
// asked.
func (p *passwordFlags) given() bool { return p.file != "" || p.fd >= 0 || p.env != "" }

// longestPassword bounds a first line. Tokens are long.
const longestPassword = 64 << 10

// read takes the password from where the flags say, or asks the person at the
// terminal without showing what is typed.
func (p *passwordFlags) read(ctx context.Context, prompt string) (sasl.Secret, error) {
	text, err := p.from(ctx, prompt)
	if err != nil {
		return sasl.Secret{}, err
	}
	if text == "" {
		return sasl.Secret{}, errors.New("the password is empty")
	}
	return sasl.NewSecret(text), nil
}

func (p *passwordFlags) from(ctx context.Context, prompt string) (string, error) {
	given := 0
	for _, one := range []bool{p.file != "", p.fd >= 0, p.env != ""} {
		if one {
			given++
		}
	}
	switch {
	case given > 1:
		return "", errors.New("only one of --password-file, --password-fd and --password-env can be used")
	case p.file != "":
		return passwordOf(p.file)
	case p.fd == 0:
		return readPassword(os.Stdin) // a second os.File for it would close it some day
	case p.fd >= 0:
		return readPassword(os.NewFile(uintptr(p.fd), fmt.Sprintf("file descriptor %d", p.fd)))
	case p.env != "":
		text, ok := os.LookupEnv(p.env)
		if !ok {
			return "", fmt.Errorf("the environment has no variable %q", p.env)
		}
		return text, nil
	}
	return ask(ctx, prompt)
}

func passwordOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readPassword(f)
}

// readPassword reads a first line byte by byte, so that what follows is left
// for others.
func readPassword(f *os.File) (string, error) {
	if f == nil {
		return "", errors.New("there is no such file descriptor")
	}
	var line []byte
	var b [1]byte
	for {
		n, err := f.Read(b[:])
		if n == 1 && b[0] != '\n' {
			line = append(line, b[0])
		}
		if len(line) > longestPassword {
			return "", fmt.Errorf("%s: its first line has more than %d bytes", f.Name(), longestPassword)
		}
		if n == 1 && b[0] == '\n' || errors.Is(err, io.EOF) {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
	}
}

// ask asks at the terminal, also where standard input is a pipe.
func ask(ctx context.Context, prompt string) (string, error) {
	terminal, err := openTerminal()
	if err != nil {
		return "", errors.New("there is no terminal to ask for the password: give --password-file, --password-fd or --password-env")
	}
	if terminal != os.Stdin {
		defer terminal.Close()
	}
	fmt.Fprint(os.Stderr, prompt)
	defer fmt.Fprintln(os.Stderr)
	return readUnseen(ctx, terminal)
}

func openTerminal() (*os.File, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return os.Stdin, nil
	}
	if runtime.GOOS == "windows" {
		return os.OpenFile("CONIN$", os.O_RDWR, 0)
	}
	return os.OpenFile("/dev/tty", os.O_RDWR, 0)
}

// readUnseen gives the terminal back its echo when Ctrl-C ends the wait.
func readUnseen(ctx context.Context, terminal *os.File) (string, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("asking for the password: %w", err)
	}
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1) // the reader may outlive us: the program ends then
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- answer{text, err}
	}()
	select {
	case a := <-typed:
		if a.err != nil {
			return "", errors.New("no password was typed")
		}
		return string(a.text), nil
	case <-ctx.Done():
		term.Restore(fd, before)
		return "", exit(exitUntold)
	}
}
