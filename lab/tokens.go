package lab

import (
	"io"
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// Bounds on one command of IMAP or ManageSieve.
const (
	maxLiteral  = 4096 // bytes; RFC 7888, section 5: what LITERAL- allows
	maxLiterals = 16
	maxTokens   = 256
)

// token is a word of a command: an atom, a quoted string, a literal, or one
// parenthesis.
type token struct {
	text  string
	plain bool // an atom or a parenthesis, as opposed to a string
}

// literal is the announcement at the end of a line that so many bytes follow.
type literal struct {
	size int
	plus bool // {n+}: the client does not wait
}

// parseTokens takes a line apart by the grammar that IMAP (RFC 9051, section
// 9) and ManageSieve (RFC 5804, section 4) share. The literal is nil where the
// line is the end of the command.
func parseTokens(line string) (toks []token, lit *literal, ok bool) {
	for i := 0; i < len(line); {
		switch b := line[i]; b {
		case ' ':
			i++
		case '(', ')':
			toks = append(toks, token{string(b), true})
			i++
		case '"':
			text, after, ok := parseQuoted(line, i)
			if !ok {
				return nil, nil, false
			}
			toks, i = append(toks, token{text, false}), after
		case '{':
			lit, ok := parseLiteral(line[i:])
			return toks, lit, ok
		default:
			after := i
			for after < len(line) && !strings.ContainsRune(" ()\"{", rune(line[after])) {
				after++
			}
			toks, i = append(toks, token{line[i:after], true}), after
		}
		if len(toks) > maxTokens {
			return nil, nil, false
		}
	}
	return toks, nil, true
}

// parseQuoted reads a quoted string that begins at i.
func parseQuoted(line string, i int) (text string, after int, ok bool) {
	var b strings.Builder
	for i++; i < len(line); i++ {
		switch line[i] {
		case '"':
			return b.String(), i + 1, true
		case '\\':
			if i++; i == len(line) {
				return "", 0, false
			}
		}
		b.WriteByte(line[i])
	}
	return "", 0, false
}

// parseLiteral reads {n} or {n+}, which must be the end of the line.
func parseLiteral(s string) (*literal, bool) {
	digits, ok := strings.CutSuffix(s[1:], "}")
	if !ok {
		return nil, false
	}
	digits, plus := strings.CutSuffix(digits, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return nil, false
	}
	return &literal{int(n), plus}, true
}

// Ways in which readTokens can end.
type outcome int

const (
	read    outcome = iota
	broken          // the grammar is not met; the line was read to its end
	tooLong         // a literal is out of bounds and may already be on its way
	over            // the connection is over
)

// readTokens reads a whole command with its literals. wait asks for a literal
// that the client holds back; nil means that the protocol has none such.
func (c *Session) readTokens(wait func() bool) ([]token, string, outcome) {
	first, ok := c.readLine()
	if !ok {
		return nil, "", over
	}
	_, secret := redact(first, c.run.secrets)
	_, follows := secretVerb(first)
	toks, lit, ok := parseTokens(first)
	for n := 0; ok && lit != nil; n++ {
		switch {
		case !lit.plus && wait == nil:
			return nil, first, broken
		case lit.size > maxLiteral || n >= maxLiterals:
			if lit.plus {
				return toks, first, tooLong
			}
			return toks, first, broken // the client waits for our word, and gets a refusal
		}
		if !lit.plus && !wait() {
			return nil, first, over
		}
		text := make([]byte, lit.size)
		if _, err := io.ReadFull(c.in, text); err != nil {
			c.fail(err)
			return nil, first, over
		}
		c.recordLiteral(text, secret || follows)
		line, end, read := c.readRaw()
		if !read {
			return nil, first, over
		}
		c.recordRest(line, end, secret || follows)
		var more []token
		more, lit, ok = parseTokens(line)
		toks = append(append(toks, token{string(text), false}), more...)
	}
	if !ok {
		return toks, first, broken
	}
	return toks, first, read
}

// recordLiteral writes a literal down, or its length where it is a secret.
func (c *Session) recordLiteral(text []byte, secret bool) {
	shown, hidden := redact(string(text), c.run.secrets)
	if secret {
		shown, hidden = hide(string(text)), true
	}
	c.rec.line(observe.Client, c.Sealed(), shown, observe.Binary, hidden)
}

func (c *Session) recordRest(line string, end observe.Break, secret bool) {
	shown, hidden := redact(line, c.run.secrets)
	if secret && line != "" {
		shown, hidden = hide(line), true
	}
	c.rec.line(observe.Client, c.Sealed(), shown, end, hidden)
}
