package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// authTerminal is a terminal with a program in it.
type authTerminal struct {
	*screenOf
	pty  *os.File
	cmd  *exec.Cmd
	done chan error
}

// inTerminal starts mailseal in a terminal of its own. Without an input of its
// own it reads from there; its output may go elsewhere too.
func inTerminal(t *testing.T, out *bytes.Buffer, in string, args ...string) *authTerminal {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had here: %v", err)
	}
	defer tty.Close()
	t.Cleanup(func() { p.Close() })
	c := exec.Command("mailseal", args...)
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	if out != nil {
		c.Stdout = out
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if in != "" { // then the terminal is found as the controlling one
		c.Stdin = strings.NewReader(in)
		c.SysProcAttr.Ctty = 2
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	a := &authTerminal{screenOf: watch(p), pty: p, cmd: c, done: make(chan error, 1)}
	go func() { a.done <- c.Wait() }()
	return a
}

func (s *authTerminal) ended(t *testing.T) int {
	t.Helper()
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("the program does not end; the terminal shows %q", s)
		return -1
	}
}

// unseen waits until the terminal shows nothing of what is typed: the prompt
// comes a moment before.
func (s *authTerminal) unseen(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); echoes(t, s.pty); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the terminal goes on showing what is typed")
		}
	}
}

// The password is asked for, and nothing of it is seen.
func TestAuthAsksForThePassword(t *testing.T) {
	s := inTerminal(t, nil, "", "auth", "plain", "--user", "alice")
	s.await(t, "password of alice: ")
	s.unseen(t)
	s.pty.WriteString("hunter2\n")
	if code := s.ended(t); code != exitIntact {
		t.Errorf("auth plain ended with %d, want 0; the terminal shows %q", code, s.String())
	}
	s.await(t, "AGFsaWNlAGh1bnRlcjI=")
	if strings.Contains(s.String(), "hunter2") {
		t.Errorf("the terminal shows the password: %q", s.String())
	}
}

// Also where standard input is a pipe, which brings the challenge.
func TestAuthAsksAtTheControllingTerminal(t *testing.T) {
	var out bytes.Buffer
	s := inTerminal(t, &out, "<1896.697170952@postoffice.reston.mci.net>\n", "auth", "cram-md5", "--user", "tim")
	s.await(t, "password of tim: ")
	s.unseen(t)
	s.pty.WriteString("tanstaaftanstaaf\n")
	if code := s.ended(t); code != exitIntact {
		t.Errorf("auth cram-md5 ended with %d, want 0; the terminal shows %q", code, s.String())
	}
	if got, want := out.String(), "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\n"; got != want {
		t.Errorf("auth cram-md5 printed %q, want %q", got, want)
	}
	if strings.Contains(s.String(), "tanstaaf") {
		t.Errorf("the terminal shows the password: %q", s.String())
	}
}

// SCRAM by hand: the server's messages are asked for as well.
func TestAuthAsksForTheChallenge(t *testing.T) {
	s := inTerminal(t, nil, "", "auth", "scram-sha-1", "--user", "user", "--nonce", "fyko+d2lbbFgONRv9qkxdawL")
	s.await(t, "password of user: ")
	s.unseen(t)
	s.pty.WriteString("pencil\n")
	s.await(t, "the server's message: ")
	s.pty.WriteString("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096\n")
	s.await(t, "Yz1iaXdzLHI9")
	s.pty.WriteString("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=\n")
	s.await(t, "The server has proved")
	if code := s.ended(t); code != exitIntact {
		t.Errorf("auth scram-sha-1 ended with %d, want 0", code)
	}
	if strings.Contains(s.String(), "pencil") {
		t.Errorf("the terminal shows the password: %q", s.String())
	}
}

// Ctrl-C gives the terminal its echo back.
func TestAuthInterrupted(t *testing.T) {
	for _, at := range []string{"password", "challenge"} {
		s := inTerminal(t, nil, "", "auth", "cram-md5", "--user", "alice")
		s.await(t, "password of alice: ")
		s.unseen(t)
		if at == "challenge" {
			s.pty.WriteString("hunter2\n")
			s.await(t, "the server's message: ")
		}
		s.pty.WriteString("\x03")
		if code := s.ended(t); code != exitUntold {
			t.Errorf("auth ended with %d at the %s, want %d; the terminal shows %q", code, at, exitUntold, s.String())
		}
		if !echoes(t, s.pty) {
			t.Errorf("after Ctrl-C at the %s the terminal shows nothing of what is typed", at)
		}
	}
}

// echoes tells whether the terminal shows what is typed.
func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}
