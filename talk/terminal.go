package talk

import (
	"errors"
	"io"

	"github.com/mailseal/mailseal/sasl"
)

// Terminal gives the line to a person: what he types is said when he ends the
// line, and what the server says is shown as it comes. First is a command to
// begin with, empty for none. The error is a *Failure.
func (s *Session) Terminal(c *Console, first string) error {
	// Whoever writes goes through the editor before the terminal is in its
	// hands: from then on a line end alone does not begin a new line.
	before := s.write(c, c)
	giveBack, err := c.takeOver()
	if err != nil {
		return failed(Writing, "%v", err)
	}
	defer func() {
		giveBack()
		s.write(before[0], before[1])
	}()
	if s.o.Account.Ask == nil {
		s.o.Account.Ask = c.ask
	}
	if s.o.Account.Secret == nil {
		s.o.Account.Secret = func() (sasl.Secret, error) { return c.secret() }
	}
	if s.o.Escape != 0 {
		s.hint("%s opens a prompt for commands to mailseal; there try help", KeyName(s.o.Escape))
	}
	if err := s.forUs(first); err != nil {
		return quietly(err)
	}
	for {
		var got typed
		select {
		case got = <-c.begin(c.prompt(s.Sealed())):
			c.pending = nil
		case <-s.reading:
			return s.left()
		case <-s.ctx.Done():
			return failed(Answering, "stopped")
		}
		if err := s.typed(c, got); err != nil {
			return quietly(err)
		}
	}
}

// write sets where lines are shown and told, and returns where they were.
func (s *Session) write(show, tell io.Writer) (before [2]io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = [2]io.Writer{s.show, s.tell}
	s.show, s.tell = show, tell
	return before
}

// quietly is nil where the user wanted to leave.
func quietly(err error) error {
	if errors.Is(err, ErrQuit) {
		return nil
	}
	return err
}

// left is what to say when the server has gone. After a goodbye it should.
func (s *Session) left() error {
	if leaving[s.last] {
		return nil
	}
	return failed(Answering, "%s", causeOf(s.Over()))
}

// typed does what a person has typed.
func (s *Session) typed(c *Console, got typed) error {
	switch {
	case got.err == io.EOF && got.mark == 0:
		return ErrQuit
	case got.err != nil:
		return failed(Writing, "reading the terminal: %v", got.err)
	case got.mark == markInterrupt && got.line == "":
		return ErrQuit
	case got.mark == markInterrupt:
		return nil // the line is forgotten
	case got.mark == markEscape:
		return s.escape(c, got.line)
	case got.mark == markPaste:
		return s.paste(c, got.line+c.keys.nextPaste())
	}
	return s.typedLine(c, got.line)
}

func (s *Session) typedLine(c *Console, line string) error {
	secret, err := s.Say(line)
	if !secret {
		c.history.keep(line)
	}
	return err
}

// escape takes a command, and gives back the line that was being typed.
func (s *Session) escape(c *Console, line string) error {
	defer c.keys.insert(line)
	command, err := c.command()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return failed(Writing, "reading the terminal: %v", err)
	}
	return s.forUs(command)
}

// forUs does a command. Who is not let in may try again.
func (s *Session) forUs(command string) error {
	err := s.Command(command)
	if f, ok := errors.AsType[*Failure](err); ok && f.At == LoggingIn {
		s.note("%s", f.Why)
		return nil
	}
	return err
}

// paste says the lines of a paste, and leaves the rest to be edited.
func (s *Session) paste(c *Console, text string) error {
	lines, rest := splitLines(text)
	for _, line := range lines {
		shown, secret, err := s.sayShown(line)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.print(s.tell, c.prompt(s.Sealed())+shown)
		s.mu.Unlock()
		if !secret {
			c.history.keep(line)
		}
	}
	c.keys.insert(rest)
	return nil
}
