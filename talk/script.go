package talk

import (
	"bufio"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Lines gives lines without their ends, one after the other; io.EOF behind the
// last.
type Lines func(context.Context) (string, error)

// LinesOf gives the lines of a list.
func LinesOf(all []string) Lines {
	return func(context.Context) (string, error) {
		if len(all) == 0 {
			return "", io.EOF
		}
		line := all[0]
		all = all[1:]
		return line, nil
	}
}

// LinesFrom reads lines that end with LF or CR LF. A last line without an end
// counts. The reading goes on in the background until r ends, since most
// readers cannot be told to stop.
func LinesFrom(r io.Reader) Lines {
	type result struct {
		line string
		err  error
	}
	results := make(chan result)
	stop := make(chan struct{})
	var stopped sync.Once
	go func() {
		in := bufio.NewReaderSize(r, longestLine)
		for {
			line, err := in.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				err = errTooLong
			}
			text := string(line)
			if err == io.EOF && text != "" {
				err = nil // the end comes once more
			}
			select {
			case results <- result{strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return func(ctx context.Context) (string, error) {
		select {
		case r := <-results:
			return r.line, r.err
		case <-ctx.Done():
			stopped.Do(func() { close(stop) })
			return "", ctx.Err()
		}
	}
}

var errTooLong = errors.New("a line of the input is longer than 64 KiB")

// Script says one line after the other, each when the last one was answered,
// and ends when all is said and answered. The last answer must match expect,
// where there is one. The error is a *Failure.
func (s *Session) Script(lines Lines, expect *regexp.Regexp) error {
	if err := s.Await(); err != nil {
		return err
	}
	for {
		line, err := s.next(lines)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := s.step(line); err != nil {
			return err
		}
	}
	if err := s.Await(); err != nil {
		return err
	}
	return s.expects(expect)
}

// next waits for a line of the input, and not much longer than there is a
// server to say it to: the end of the input may be on its way.
func (s *Session) next(lines Lines) (string, error) {
	ctx, cancel := context.WithCancel(s.ctx)
	var watching sync.WaitGroup
	if home := s.reading; home != nil {
		watching.Go(func() { cancelBehind(ctx, home, cancel) })
	}
	line, err := lines(ctx)
	cancel()
	watching.Wait()
	switch {
	case err == nil || err == io.EOF:
		return line, err
	case s.ctx.Err() != nil:
		return "", failed(Answering, "stopped")
	case errors.Is(err, context.Canceled) && leaving[s.last]:
		return "", io.EOF
	case errors.Is(err, context.Canceled):
		return "", s.closedUnder()
	}
	return "", failed(Writing, "reading the input: %v", err)
}

// cancelBehind cancels a while after home was closed.
func cancelBehind(ctx context.Context, home <-chan struct{}, cancel func()) {
	select {
	case <-home:
	case <-ctx.Done():
		return
	}
	select {
	case <-time.After(time.Second):
		cancel()
	case <-ctx.Done():
	}
}

func (s *Session) closedUnder() error {
	return failed(Answering, "%s, and there was more to say", causeOf(s.Over()))
}

// step says a line, or does what it says where it is for us.
func (s *Session) step(line string) error {
	if s.o.Escape != 0 && line != "" && line[0] == s.o.Escape {
		if err := s.Command(line[1:]); err != nil {
			return err
		}
		return s.Await()
	}
	if s.Over() != nil {
		return s.closedUnder()
	}
	if _, err := s.Say(line); err != nil {
		return err
	}
	if s.o.NoWait {
		return nil
	}
	return s.Await()
}

func (s *Session) expects(expect *regexp.Regexp) error {
	if expect == nil {
		return nil
	}
	answer := strings.Join(s.Answered(), "\n")
	if expect.MatchString(answer) {
		return nil
	}
	return failed(Expecting, "the last answer does not match %q", expect)
}
