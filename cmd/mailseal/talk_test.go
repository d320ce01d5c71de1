//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/mailseal/mailseal/observe"
)

// lineServer speaks first, answers each line by "250 ok", and remembers the
// bytes that it got. It is for one client.
type lineServer struct {
	listener net.Listener

	mu   sync.Mutex
	conn net.Conn
	got  bytes.Buffer
}

func startLines(t *testing.T) *lineServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lineServer{listener: l}
	var serving sync.WaitGroup
	serving.Go(s.serve)
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		if s.conn != nil {
			s.conn.Close()
		}
		s.mu.Unlock()
		serving.Wait()
	})
	return s
}

func (s *lineServer) serve() {
	c, err := s.listener.Accept()
	if err != nil {
		return
	}
	s.mu.Lock()
	s.conn = c
	s.mu.Unlock()
	s.say("220 ready\r\n")
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		s.mu.Lock()
		s.got.WriteString(line)
		s.mu.Unlock()
		if err != nil {
			return
		}
		s.say("250 ok\r\n")
	}
}

func (s *lineServer) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.Write([]byte(text))
}

func (s *lineServer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// await waits until the server got just these bytes, or what cannot become
// them.
func (s *lineServer) await(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(patience); s.String() != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) || !strings.HasPrefix(want, s.String()) {
			t.Fatalf("the server got\n%q\nwant\n%q", s.String(), want)
		}
	}
}

// person sits at a terminal on which mailseal talk runs.
type person struct {
	t        *testing.T
	terminal *os.File
	screen   *screenOf
	command  *exec.Cmd
}

func sitDown(t *testing.T, args ...string) *person {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had here: %v", err)
	}
	pty.Setsize(terminal, &pty.Winsize{Rows: 40, Cols: 100})
	c := exec.Command("mailseal", append([]string{"talk"}, args...)...)
	c.Env = append(withoutColour(os.Environ()), "TERM=xterm", "NO_COLOR=1")
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	p := &person{t: t, terminal: terminal, screen: watch(terminal), command: c}
	t.Cleanup(func() {
		c.Process.Kill()
		terminal.Close()
	})
	return p
}

func (p *person) types(text string) {
	p.t.Helper()
	if _, err := p.terminal.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) sees(text string) {
	p.t.Helper()
	p.screen.await(p.t, text)
}

// leaves waits until the program has ended, by itself.
func (p *person) leaves(code int) {
	p.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.command.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience):
		p.command.Process.Kill()
		p.t.Fatalf("mailseal talk does not end; the screen shows\n%s", p.screen)
	}
	if got := p.command.ProcessState.ExitCode(); got != code {
		p.t.Errorf("mailseal talk ended with exit code %d, want %d; the screen shows\n%s", got, code, p.screen)
	}
}

const (
	ctrlC      = "\x03"
	ctrlEscape = "\x1d"
	arrowUp    = "\x1b[A"
)

func byHand(t *testing.T, args ...string) (*person, *lineServer) {
	t.Helper()
	s := startLines(t)
	p := sitDown(t, append(args, "--manual", "--protocol", "smtp", s.listener.Addr().String())...)
	p.sees("220 ready")
	p.sees("clear> ")
	return p, s
}

// No letter at the start of a line is a command.
func TestTalkNoLetterIsACommand(t *testing.T) {
	p, s := byHand(t)
	want := ""
	for _, line := range []string{"RCPT TO:<a@example.test>", "Q", "K", "k", "B", "R", ".", "~.", "~", "QUIT now"} {
		p.types(line + "\r")
		want += line + "\r\n"
		s.await(t, want)
	}
	p.types("\x04")
	p.leaves(0)
}

// A server that speaks while somebody types does not disturb the line.
func TestTalkServerSpeaksWhileOneTypes(t *testing.T) {
	p, s := byHand(t)
	p.types("NOOP one")
	p.sees("NOOP one")
	for i := range 20 {
		s.say(fmt.Sprintf("250-news %d of the server\r\n", i))
		p.types(fmt.Sprint(" ", i))
	}
	p.sees("250-news 19 of the server")
	p.types(" end\r")
	s.await(t, "NOOP one 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 end\r\n")
	for i := range 20 {
		if line := fmt.Sprintf("250-news %d of the server\r\n", i); !strings.Contains(p.screen.String(), line) {
			t.Errorf("the screen does not show %q as a whole", line)
		}
	}
}

func TestTalkResize(t *testing.T) {
	p, s := byHand(t)
	long := strings.Repeat("0123456789 ", 12)
	p.types(long)
	for _, width := range []uint16{40, 20, 132, 80} {
		if err := pty.Setsize(p.terminal, &pty.Winsize{Rows: 24, Cols: width}); err != nil {
			t.Fatal(err)
		}
		s.say(fmt.Sprintf("250-at %d columns\r\n", width))
		p.sees(fmt.Sprintf("250-at %d columns", width))
		p.types("x")
	}
	p.types("\r")
	s.await(t, long+"xxxx\r\n")
}

// What is pasted reaches the server byte by byte, whether the terminal marks
// it as a paste or not.
func TestTalkPaste(t *testing.T) {
	var typed, want strings.Builder
	for i := range 200 {
		line := fmt.Sprintf("line %d\twith a tab, blanks   and \"quotes\" $HOME \\n ü %s ", i, strings.Repeat("x", i))
		typed.WriteString(line + "\r")
		want.WriteString(line + "\r\n")
	}
	t.Run("marked", func(t *testing.T) {
		p, s := byHand(t)
		p.types("before ")
		p.types("\x1b[200~" + typed.String() + "the rest\x1b[201~")
		s.await(t, "before "+want.String())
		p.types(" and more\r")
		s.await(t, "before "+want.String()+"the rest and more\r\n")
	})
	t.Run("unmarked", func(t *testing.T) {
		p, s := byHand(t)
		go p.terminal.WriteString(typed.String())
		s.await(t, want.String())
	})
	t.Run("with what would be a key", func(t *testing.T) {
		p, s := byHand(t)
		p.types("\x1b[200~a\x1db\x03c\x1b[Dd\re\x1b[201~\r")
		s.await(t, "a\x1db\x03c\x1b[Dd\r\ne\r\n")
	})
	t.Run("a long line", func(t *testing.T) {
		p, s := byHand(t)
		long := strings.Repeat("0123456789", 2000)
		p.types("\x1b[200~" + long + "\r\x1b[201~")
		s.await(t, long+"\r\n")
	})
}

// Ctrl-C forgets the line, and on an empty one it leaves.
func TestTalkCtrlC(t *testing.T) {
	p, s := byHand(t)
	p.types("MAIL FROM:<wrong" + ctrlC)
	p.types("NOOP\r")
	s.await(t, "NOOP\r\n")
	p.types(ctrlC)
	p.leaves(0)
	s.await(t, "NOOP\r\n") // and nothing was said by us: the line is clear
}

// The escape opens a prompt, and gives back the line as it stood.
func TestTalkEscape(t *testing.T) {
	p, s := byHand(t)
	p.types("NOOP half" + ctrlEscape)
	p.sees("mailseal> ")
	p.types("help\r")
	p.sees("starttls          start TLS now")
	p.types(" a line\r")
	s.await(t, "NOOP half a line\r\n")
	p.types(ctrlEscape + "nonsense\r")
	p.sees(`"nonsense" is no command`)
	p.types(ctrlEscape + ctrlEscape) // opened by mistake
	p.types("raw\r")                 // and so this is a line
	s.await(t, "NOOP half a line\r\nraw\r\n")
	p.types(ctrlEscape + "raw\r")
	p.sees("line ends are shown")
	p.types("NOOP\r")
	p.sees(`250 ok\r\n`)
	p.types(ctrlEscape + "quit\r")
	p.leaves(0)
}

func TestTalkAnotherEscape(t *testing.T) {
	p, s := byHand(t, "--escape", "^X")
	p.types("a\x1db\r") // now it is a key that edits nothing
	s.await(t, "ab\r\n")
	p.types("\x18quit\r")
	p.leaves(0)
}

// The arrow brings lines back, but none that held a secret.
func TestTalkHistory(t *testing.T) {
	p, s := byHand(t)
	want := ""
	for _, line := range []string{"NOOP remembered", "AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU="} {
		p.types(line + "\r")
		want += line + "\r\n"
		s.await(t, want)
	}
	p.types(arrowUp + " again\r")
	s.await(t, want+"NOOP remembered again\r\n")
	p.types(ctrlEscape + "help\r")
	p.sees("this list")
	p.types(arrowUp + arrowUp + "\r")
	s.await(t, want+"NOOP remembered again\r\nNOOP remembered\r\n")
}

// By hand from clear to TLS, with one key and no second terminal.
func TestTalkStartTLSByHand(t *testing.T) {
	server := startLab(t, "smtp", observe.StartTLS)
	p := sitDown(t, "--manual", "--roots", caFile(t), "--connect", server.Addr(), "smtp://mail.lab.test")
	p.sees("clear> ")
	p.types("EHLO x\r")
	p.sees("STARTTLS")
	p.types("STARTTLS\r")
	p.sees("220 2.0.0") // not the greeting: what is sent before the go-ahead is thrown away
	p.types(ctrlEscape + "starttls\r")
	p.sees("TLS 1.3")
	p.sees("SPKI")
	p.sees("sealed> ")
	p.types("EHLO x\r")
	p.types("QUIT\r")
	p.sees("221 ")
	p.leaves(0)
	var sealed []string
	for _, l := range server.Observations()[0].Conns[0].Lines {
		if l.From == observe.Client && l.Sealed {
			sealed = append(sealed, string(l.Text))
		}
	}
	if got := strings.Join(sealed, "|"); got != "EHLO x|QUIT" {
		t.Errorf("inside TLS the server heard %q, want EHLO x|QUIT", got)
	}
}

// A password that was asked for appears nowhere: not on the screen, in the
// history, the transcript, a saved conversation or the list of processes.
func TestTalkPasswordAppearsNowhere(t *testing.T) {
	server := startLab(t, "imap", observe.Implicit)
	dir := t.TempDir()
	transcript, saved := filepath.Join(dir, "transcript"), filepath.Join(dir, "saved")
	p := sitDown(t, "--roots", caFile(t), "--transcript", transcript, "--connect", server.Addr(), "imaps://mail.lab.test")
	p.sees("sealed> ")
	p.types(ctrlEscape + "auth plain\r")
	p.sees("User: ")
	p.types("lab\r")
	p.sees("Password: ")
	p.types(server.Secret() + "\r")
	p.sees("logged in as lab by PLAIN")
	p.types("NOOP " + "\r")
	p.sees("OK")
	p.types(ctrlEscape + "save " + saved + "\r")
	p.sees("saved ")
	places := map[string]string{}
	for _, of := range []string{"cmdline", "environ"} {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.command.Process.Pid, of)); err == nil {
			places[of] = string(text)
		}
	}
	p.types(arrowUp + arrowUp + arrowUp + ctrlC)
	p.types(ctrlEscape + arrowUp + arrowUp + arrowUp + ctrlC)
	p.types("LOGOUT\r")
	p.leaves(0)
	places["screen"] = p.screen.String()
	for _, file := range []string{transcript, saved} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		places[file] = string(text)
	}
	for where, text := range places {
		for _, form := range forms(server.Secret()) {
			if strings.Contains(text, form) {
				t.Errorf("the password stands in %s:\n%s", where, text)
			}
		}
	}
	if !strings.Contains(places[transcript], "AUTHENTICATE PLAIN") || !strings.Contains(places[saved], `"redacted":true`) {
		t.Errorf("the transcript does not show that there was a login:\n%s", places[transcript])
	}
}

// forms are the ways in which a password could stand somewhere.
func forms(password string) []string {
	all := []string{password}
	for _, text := range []string{password, "\x00lab\x00" + password, "lab\x00lab\x00" + password} {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(text)))
	}
	return all
}

// The prompt says the state of the line in a word, and in colour where there
// may be one.
func TestTalkPromptHasColour(t *testing.T) {
	s := startLines(t)
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had here: %v", err)
	}
	defer terminal.Close()
	c := exec.Command("mailseal", "talk", "--manual", "--protocol", "smtp", s.listener.Addr().String())
	c.Env = append(withoutColour(os.Environ()), "TERM=xterm-256color")
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	screen := watch(terminal)
	screen.await(t, "\x1b[1;31mclear> \x1b[0m")
	terminal.WriteString("\x04")
	c.Wait()
}

// A server that goes is told, with the exit code of an answer that did not
// come.
func TestTalkServerGoes(t *testing.T) {
	p, s := byHand(t)
	s.mu.Lock()
	s.conn.Close()
	s.mu.Unlock()
	p.sees("the server closed the connection")
	p.leaves(exitUntold)
}
