package talk

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
)

// command is something that is for us and not for the server.
type command struct {
	name, arguments string
	manual          string
	do              func(*Session, string) error
}

// commands are all of them, in the order of their help.
func commands() []command {
	return []command{
		{"starttls", "", "start TLS now, whatever was said before", func(s *Session, _ string) error { return s.StartTLS() }},
		{"auth", "[MECHANISM]", "log in; without a name by the strongest that is offered", (*Session).Auth},
		{"cert", "", "show the chain of certificates in PEM", (*Session).certificates},
		{"tls", "", "show the report on TLS again", (*Session).tls},
		{"caps", "", "ask what the server can do here, and show how it differs from before TLS", (*Session).capabilities},
		{"resume", "", "connect again with the ticket, and say whether it was taken", func(s *Session, _ string) error { return s.Resume() }},
		{"save", "FILE", "write the conversation so far, without secrets, as a transcript", (*Session).save},
		{"raw", "", "show how lines end, or stop showing it", (*Session).toggleRaw},
		{"help", "", "this list", (*Session).help},
		{"quit", "", "leave: say goodbye and close", func(*Session, string) error { return ErrQuit }},
	}
}

// ErrQuit is what a command says when the user wants to leave.
var ErrQuit = errors.New("quit")

// Command does what a line behind the escape says. Its error ends the
// session; that something cannot be done here does not.
func (s *Session) Command(line string) error {
	name, argument, _ := strings.Cut(strings.TrimSpace(line), " ")
	if name == "" {
		return nil
	}
	all := commands()
	at := slices.IndexFunc(all, func(c command) bool { return strings.EqualFold(c.name, name) })
	if at < 0 {
		var names []string
		for _, c := range all {
			names = append(names, c.name)
		}
		s.note("%q is no command; there are %s", name, strings.Join(names, ", "))
		return nil
	}
	return all[at].do(s, strings.TrimSpace(argument))
}

func (s *Session) help(string) error {
	var b strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&b, "%-17s %s\n", strings.TrimSpace(c.name+" "+c.arguments), c.manual)
	}
	s.note("%s", b.String())
	return nil
}

func (s *Session) tls(string) error {
	if !s.Sealed() {
		s.note("the line is in clear: there is no TLS to report on")
		return nil
	}
	s.brief()
	return nil
}

func (s *Session) toggleRaw(string) error {
	s.mu.Lock()
	s.raw = !s.raw
	raw := s.raw
	s.mu.Unlock()
	if raw {
		s.note("line ends are shown")
		return nil
	}
	s.note("line ends are not shown")
	return nil
}

// certificates shows the chain as it can be put into a file.
func (s *Session) certificates(string) error {
	if !s.Sealed() {
		s.note("the line is in clear: no certificate was shown")
		return nil
	}
	var b strings.Builder
	for _, c := range s.call.TLS().ConnectionState().PeerCertificates {
		fmt.Fprintf(&b, "subject %s\nissuer  %s\nvalid   %s to %s\n", observe.Escape(c.Subject.String()), observe.Escape(c.Issuer.String()),
			c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print(s.show, strings.TrimRight(b.String(), "\n"))
	return nil
}

// capabilities asks anew, in the words of the protocol.
func (s *Session) capabilities(string) error {
	record, err := s.ask()
	if err != nil {
		return err
	}
	if record == nil {
		return nil
	}
	now, before := record.Clear, (*observe.Capabilities)(nil)
	if s.Sealed() {
		now, before = record.Sealed, record.Clear
	}
	if now == nil {
		s.note("the server has not told what it can do")
		return nil
	}
	s.note("%s: %s", state(s.Sealed()), words(now.Items))
	if before == nil {
		return nil
	}
	if more := without(now.Items, before.Items); len(more) > 0 {
		s.note("only inside TLS: %s", words(more))
	}
	if less := without(before.Items, now.Items); len(less) > 0 {
		s.note("only in clear: %s", words(less))
	}
	return nil
}

func state(sealed bool) string {
	if sealed {
		return "inside TLS"
	}
	return "in clear"
}

func words(items []observe.Text) string {
	var all []string
	for _, i := range items {
		all = append(all, i.String())
	}
	return strings.Join(all, ", ")
}

func without(all, these []observe.Text) []observe.Text {
	return slices.DeleteFunc(slices.Clone(all), func(i observe.Text) bool { return slices.Contains(these, i) })
}

// ask has the dialogue ask for the capabilities. It returns the record, nil
// where that is not possible now; an error is the end of the line.
func (s *Session) ask() (*observe.Conn, error) {
	speaks := dialogue.ByName(s.place.Protocol)
	if speaks == nil || speaks.Binary || s.unended() {
		s.note("%s has no list of what the server can do", s.place.Protocol)
		return nil, nil
	}
	if err := s.Await(); err != nil {
		return nil, err
	}
	if !s.ready() {
		s.note("not now: the server waits for the rest of something else")
		return nil, nil
	}
	if !s.hush() {
		return nil, failed(Answering, "the connection is gone: %s", causeOf(s.Over()))
	}
	defer s.listen()
	session := s.call.Session()
	record := session.Record
	session.Limit(s.o.Wait)
	if s.Sealed() {
		record.Sealed = nil // so that it is asked again
	} else {
		record.Clear = nil
	}
	err := s.askBy(speaks, session)
	if err != nil && s.ctx.Err() != nil {
		return nil, failed(Answering, "stopped")
	}
	if err != nil {
		s.note("the server did not tell what it can do: %s", causeOf(err))
	}
	return record, nil
}

// askBy asks. ManageSieve tells only in its greeting, unless one says
// CAPABILITY (RFC 5804, section 2.4), whose answer reads like a greeting.
func (s *Session) askBy(p *dialogue.Protocol, session *dialogue.Session) error {
	if p != dialogue.Sieve {
		return p.Ask(session)
	}
	if err := session.Send("CAPABILITY"); err != nil {
		return err
	}
	return p.Greet(session)
}

// ready tells whether a command of ours would be taken for one.
func (s *Session) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.rules.waits() && !s.underWay()
}

// save writes the last lines of the conversation. What holds a secret holds
// its length.
func (s *Session) save(name string) error {
	if name == "" {
		s.note("save needs the name of a file")
		return nil
	}
	s.mu.Lock()
	lines := slices.Clone(s.kept)
	s.mu.Unlock()
	alive := s.hush() // what the wire has kept belongs to the reader
	seen, _ := s.call.Seen()
	if alive {
		s.listen()
	}
	var b strings.Builder
	t := NewTranscript(&b, nil)
	t.Begin(s.head)
	for _, l := range lines {
		t.Line(l)
	}
	t.End(seen)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(b.String())
		if closing := f.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		s.note("not saved: %v", err)
		return nil
	}
	s.note("saved %d lines in %s", len(lines), name)
	return nil
}

// keyed is how a command is typed.
func keyed(o *Options, name string) string {
	if o.Escape == 0 {
		return "the escape and " + name
	}
	return KeyName(o.Escape) + " and " + name
}

// KeyName is the name of a control key, such as Ctrl-].
func KeyName(key byte) string { return "Ctrl-" + string(key^0x40) }

// ParseKey reads a control key as people write it: ^], Ctrl-], C-], none.
func ParseKey(typed string) (byte, error) {
	rest := typed
	for _, before := range []string{"^", "Ctrl-", "ctrl-", "C-"} {
		rest = strings.TrimPrefix(rest, before)
	}
	if typed == "none" {
		return 0, nil
	}
	if len(rest) == 1 && rest != typed {
		if key := strings.ToUpper(rest)[0] ^ 0x40; key > 0 && key < 0x20 && !strings.Contains(reserved, string(rune(key))) {
			return key, nil
		}
	}
	return 0, fmt.Errorf("the escape %q: a control key such as ^] or ^X is needed that does not edit a line, or none", typed)
}

// reserved are the control keys by which a line is edited and ended: they
// cannot be the escape.
const reserved = "\x01\x02\x03\x04\x05\x06\x08\x09\x0a\x0b\x0c\x0d\x0e\x10\x11\x13\x14\x15\x17\x1a\x1b"
