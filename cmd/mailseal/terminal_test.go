//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
)

func startLab(t *testing.T, protocol string, mode observe.Mode, faults ...string) *lab.Running {
	t.Helper()
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	s := lab.New(protocol, mode)
	for _, name := range faults {
		f, ok := lab.FaultByName(name)
		if !ok {
			t.Fatalf("the lab has no fault %q", name)
		}
		f.Edit(s)
	}
	running, err := s.Start(context.Background(), ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Close() })
	return running
}

// caFile writes the root of the lab.
func caFile(t *testing.T) string {
	t.Helper()
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, ca.PEM(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// awaitClient waits until a server has a client.
func awaitClient(t *testing.T, r *lab.Running) {
	t.Helper()
	for end := time.Now().Add(patience); r.Served() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody came to the lab server")
		}
	}
}

// Ctrl-C prints what is known, and leaves with a goodbye. The record says that
// it was us who stopped: without the signal it would end by a timeout, and say
// so.
func TestInterrupt(t *testing.T) {
	ca, err := labCA()
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	s := lab.New("smtp", observe.StartTLS)
	s.Instead[observe.Capability] = func(c *lab.Session) {
		close(asked) // the client has said EHLO, and waits
		c.Wait()
	}
	server, err := s.Start(context.Background(), ca)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var stdout, stderr bytes.Buffer
	c := exec.Command("mailseal", "check", "--json", "--timeout", "10m", "smtp://"+server.Addr())
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("nobody said EHLO to the lab server")
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitUntold {
		t.Errorf("an interrupted check ended with %v, want exit code %d", c.ProcessState, exitUntold)
	}
	if stderr.Len() > 0 {
		t.Errorf("an interrupted check wrote to stderr: %q", stderr.String())
	}
	var told struct {
		Seal        string
		Observation observe.Observation
	}
	if err := json.Unmarshal(stdout.Bytes(), &told); err != nil {
		t.Fatalf("an interrupted check printed what is no JSON: %v\n%s", err, stdout.String())
	}
	o := told.Observation
	if told.Seal != "unknown" || !o.Interrupted || len(o.Conns) != 1 {
		t.Fatalf("an interrupted check told seal %q, interrupted %v, %d connections; want unknown, true, 1", told.Seal, o.Interrupted, len(o.Conns))
	}
	got := o.Conns[0]
	if got.End != observe.Cancelled || got.Reached != observe.Greeting {
		t.Errorf("the connection reached %q and ended by %q, want greeting and cancelled", got.Reached, got.End)
	}
	if n := len(got.Lines); n < 3 || !strings.HasPrefix(string(got.Lines[0].Text), "220 ") || got.Lines[n-1].Text != "QUIT" {
		t.Errorf("the connection has the lines %+v, want a greeting first and QUIT last", got.Lines)
	}
}

// A second Ctrl-C ends the program at once, whatever it is doing: here it
// waits for somebody to read what it prints.
func TestInterruptTwice(t *testing.T) {
	server := startLab(t, "smtp", observe.StartTLS, "silent")
	unread, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	words := []string{"check", "--json", "--timeout", "10m"}
	for range 100 { // more reports than a pipe holds
		words = append(words, "smtp://"+server.Addr())
	}
	c := exec.Command("mailseal", words...)
	c.Stdout = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	awaitClient(t, server)
	ended := make(chan struct{})
	go func() {
		c.Wait()
		close(ended)
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		select {
		case <-ended:
			status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
				t.Errorf("a check that was interrupted twice ended by %v, want the signal", c.ProcessState)
			}
			return
		case <-tick.C:
			c.Process.Signal(os.Interrupt)
		case <-end:
			c.Process.Kill()
			<-ended
			t.Fatal("a second Ctrl-C did not end the program")
		}
	}
}

// screenOf collects what a program writes to a terminal.
type screenOf struct {
	mu   sync.Mutex
	text bytes.Buffer
	done chan struct{}
}

func watch(terminal io.Reader) *screenOf {
	s := &screenOf{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		buf := make([]byte, 4096)
		for {
			n, err := terminal.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil { // EIO on Linux when the last program has closed it
				return
			}
		}
	}()
	return s
}

func (s *screenOf) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until a terminal shows something.
func (s *screenOf) await(t *testing.T, what string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(s.String(), what); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the terminal does not show %q but %q", what, s.String())
		}
	}
}

// The progress line comes when something takes longer than a second, names the
// stage, and is gone at the end.
func TestProgress(t *testing.T) {
	server := startLab(t, "smtp", observe.StartTLS, "silent")
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had here: %v", err)
	}
	defer terminal.Close()
	var stdout bytes.Buffer
	c := exec.Command("mailseal", "check", "smtp://"+server.Addr())
	c.Stdout, c.Stderr = &stdout, tty
	began := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	s := watch(terminal)
	s.await(t, "waiting for the greeting")
	if took := time.Since(began); took < time.Second {
		t.Errorf("the progress line came after %v, want nothing in the first second", took)
	}
	if line := s.String(); !strings.Contains(line, server.Addr()) {
		t.Errorf("the progress line is %q, want the address %s in it", line, server.Addr())
	}
	server.Close()
	c.Wait()
	<-s.done
	const wipe = "\r\x1b[K"
	shown := s.String()
	if !strings.HasSuffix(shown, wipe) || strings.Contains(shown, "\n") {
		t.Errorf("the terminal got %q, want one line that is wiped at the end", shown)
	}
	for _, line := range strings.Split(shown, wipe) {
		if bad := steering([]byte(line)); bad != "" {
			t.Errorf("the progress line has %s", bad)
		}
	}
	if !strings.HasPrefix(stdout.String(), "unknown") {
		t.Errorf("stdout got %q, want the report", stdout.String())
	}
}

// The report on a terminal: coloured unless NO_COLOR is set, and in either
// case nothing of the server's comes through raw.
func TestColour(t *testing.T) {
	server := startLab(t, "smtp", observe.StartTLS, "escape-in-text", "tls-1.0-only")
	ca := caFile(t)
	for _, test := range []struct {
		env    []string
		colour bool
	}{
		{[]string{"TERM=xterm-256color"}, true},
		{[]string{"TERM=xterm-256color", "NO_COLOR=1"}, false},
		{[]string{"TERM=dumb"}, false},
	} {
		terminal, tty, err := pty.Open()
		if err != nil {
			t.Skipf("no terminal to be had here: %v", err)
		}
		c := exec.Command("mailseal", "check", "-v", "--roots", ca, "smtp://"+server.Addr())
		c.Env = append(withoutColour(os.Environ()), test.env...)
		c.Stdout, c.Stderr = tty, tty
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		tty.Close()
		s := watch(terminal)
		err = c.Wait()
		<-s.done
		terminal.Close()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitFindings {
			t.Errorf("check on a terminal with %q: %v, want exit code %d", test.env, err, exitFindings)
		}
		shown := strings.ReplaceAll(s.String(), "\r\n", "\n")
		if got := strings.Contains(shown, "\x1b["); got != test.colour {
			t.Errorf("on a terminal with %q the report has colours: %v, want %v\n%q", test.env, got, test.colour, shown)
		}
		if !strings.Contains(shown, `\x1b]0;owned\x07`) || strings.Contains(shown, "\x1b]") || strings.Contains(shown, "\x1b[2J") || strings.ContainsAny(shown, "\x00\x07") {
			t.Errorf("on a terminal with %q the server's words are not all escaped:\n%q", test.env, shown)
		}
		if bad := steering([]byte(shown)); bad != "" && !test.colour {
			t.Errorf("the report on a terminal with %q has %s", test.env, bad)
		}
	}
}

// withoutColour takes out of an environment what programs take for a wish for
// colours, or against them.
func withoutColour(env []string) []string {
	var rest []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "TERM", "TERM_PROGRAM", "TMUX":
		default:
			rest = append(rest, e)
		}
	}
	return rest
}
