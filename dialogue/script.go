package dialogue

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// ReadScript makes a protocol of a small script, for servers that no file of
// this package knows. Each line is one step:
//
//	expect REGEX    read lines until one matches
//	send TEXT       say a line; CR LF is put behind it
//	starttls        go over to TLS; the send before it is the upgrade command
//	# …             a comment; empty lines count as one
//
// The words and their meaning are those of blackbox_exporter's
// query_response: an expect passes over lines that do not match, as long as
// the time lasts, and a send may use what the last expect caught: ${1} for
// its first group, ${name} for a named one, $$ for a dollar sign.
//
// A script for ACAP, RFC 2244 with STARTTLS of RFC 2595, section 5:
//
//	# the greeting lists what the server can do
//	expect ^\* ACAP .*\(STARTTLS\)
//	send a1 STARTTLS
//	expect ^a1 OK
//	starttls
//	send a2 NOOP
//	expect ^a2 OK
//	send a3 LOGOUT
//
// Without starttls the script is for TLS from the start. Sends at its end
// that nothing is expected of are the goodbye. The regular expressions are
// those of package regexp, which take a time in proportion to the line.
func ReadScript(text string) (*Protocol, error) {
	clear, sealed, upgraded, err := readSteps(text)
	if err != nil {
		return nil, err
	}
	p := &Protocol{Name: "script", Title: "script", Role: observe.Other}
	if !upgraded {
		body, goodbye := splitGoodbye(clear)
		p.Greet, p.Ask = playsIntro(body), playsRest(body)
		p.Leave = playsGoodbye(goodbye)
		return p, nil
	}
	at := lastSend(clear)
	if at < 0 {
		at = len(clear)
	}
	p.Greet, p.Ask = playsIntro(clear[:at]), playsRest(clear[:at])
	p.Upgrade = func(s *Session) error { return scriptUpgrade(s, clear[at:]) }
	body, goodbye := splitGoodbye(sealed)
	p.Again = func(s *Session) error { return play(s, body) }
	p.Leave = playsGoodbye(goodbye)
	return p, nil
}

// scriptStep is a line of a script: what to say, or what to wait for.
type scriptStep struct {
	send   string
	expect *regexp.Regexp // nil: send
}

const (
	scriptLimit     = 64 << 10 // bytes of a script
	scriptStepLimit = 200
)

// readSteps reads a script up to starttls, and from there.
func readSteps(text string) (clear, sealed []scriptStep, upgraded bool, err error) {
	if len(text) > scriptLimit {
		return nil, nil, false, fmt.Errorf("a script has at most %d bytes, this one has %d", scriptLimit, len(text))
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if line == "starttls" && upgraded {
			return nil, nil, false, fmt.Errorf("line %d: starttls is there twice", i+1)
		}
		if line == "starttls" {
			upgraded = true
			continue
		}
		st, err := readStep(line)
		if err != nil {
			return nil, nil, false, fmt.Errorf("line %d: %w", i+1, err)
		}
		if upgraded {
			sealed = append(sealed, st)
		} else {
			clear = append(clear, st)
		}
	}
	if n := len(clear) + len(sealed); n > scriptStepLimit {
		return nil, nil, false, fmt.Errorf("a script has at most %d steps, this one has %d", scriptStepLimit, n)
	}
	if len(clear)+len(sealed) == 0 && !upgraded {
		return nil, nil, false, fmt.Errorf("the script has no steps")
	}
	return clear, sealed, upgraded, nil
}

func readStep(line string) (scriptStep, error) {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "send":
		return scriptStep{send: rest}, nil
	case "starttls":
		return scriptStep{}, fmt.Errorf("starttls stands alone on its line, not with %q", rest)
	case "expect":
		if rest == "" {
			return scriptStep{}, fmt.Errorf("expect needs a regular expression")
		}
		re, err := regexp.Compile(rest)
		if err != nil { // it quotes the expression as it is
			return scriptStep{}, errors.New(observe.Escape(err.Error()))
		}
		return scriptStep{expect: re}, nil
	}
	return scriptStep{}, fmt.Errorf("a step is expect, send or starttls, not %q", word)
}

// lastSend returns where the last send stands, or -1.
func lastSend(steps []scriptStep) int {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].expect == nil {
			return i
		}
	}
	return -1
}

func firstSend(steps []scriptStep) int {
	for i, st := range steps {
		if st.expect == nil {
			return i
		}
	}
	return len(steps)
}

// splitGoodbye takes the sends off the end of a script that expects something.
func splitGoodbye(steps []scriptStep) (body, goodbye []scriptStep) {
	at := len(steps)
	for at > 0 && steps[at-1].expect == nil {
		at--
	}
	if at == 0 {
		return steps, nil
	}
	return steps[:at], steps[at:]
}

// playsIntro plays what the server says by itself, playsRest what follows.
func playsIntro(steps []scriptStep) func(*Session) error {
	return func(s *Session) error { return play(s, steps[:firstSend(steps)]) }
}

func playsRest(steps []scriptStep) func(*Session) error {
	return func(s *Session) error { return play(s, steps[firstSend(steps):]) }
}

func playsGoodbye(steps []scriptStep) func(*Session) {
	if len(steps) == 0 {
		return nil
	}
	return func(s *Session) { play(s, steps) }
}

// play plays steps.
func play(s *Session, steps []scriptStep) error {
	for _, st := range steps {
		if st.expect == nil {
			if err := s.Send(s.filledIn(st.send)); err != nil {
				return err
			}
			continue
		}
		if _, err := expect(s, st.expect); err != nil {
			return err
		}
	}
	return nil
}

// expect reads lines until one matches, and returns all that it read.
func expect(s *Session, re *regexp.Regexp) ([]string, error) {
	var lines []string
	for {
		line, err := s.Line()
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
		if at := re.FindStringSubmatchIndex(line); at != nil {
			s.caught = caught{re, line, at}
			return lines, nil
		}
	}
}

// caught is the last match of a script's expect.
type caught struct {
	re   *regexp.Regexp
	line string
	at   []int
}

// filledIn puts the groups of the last match into a line to send. They come
// from the server: without line ends, because they come out of one line.
func (s *Session) filledIn(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	if s.caught.re == nil {
		s.caught.re = regexp.MustCompile("") // every name is unknown, and so empty
	}
	return string(s.caught.re.ExpandString(nil, text, s.caught.line, s.caught.at))
}

// scriptUpgrade plays the last send in front of starttls and what it expects.
// A server that answers, but not so, has refused.
func scriptUpgrade(s *Session, steps []scriptStep) error {
	var reply []string
	for _, st := range steps {
		if st.expect == nil {
			command := s.filledIn(st.send)
			s.upgrading(command)
			if err := s.Send(command); err != nil {
				return err
			}
			continue
		}
		lines, err := expect(s, st.expect)
		reply = append(reply, lines...)
		if err != nil {
			return scriptRefused(s, st.expect, reply, err)
		}
	}
	return s.answered(true, reply...)
}

func scriptRefused(s *Session, re *regexp.Regexp, reply []string, err error) error {
	stop, ok := errors.AsType[*wire.Stop](err)
	if len(reply) == 0 || !ok || stop.End != observe.Timeout && stop.End != observe.Closed {
		return err
	}
	s.answered(false, reply...)
	return &wire.Stop{End: observe.Refused, Cause: fmt.Sprintf("no line of the server's answer matched \"%s\"", shown(re.String()))}
}
