package talk

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/mailseal/mailseal/sasl"
)

// Console is a terminal on which a person types lines while others arrive.
//
// Between the keyboard and the line editor stands a filter: it takes out what
// is not for the line. The escape, Ctrl-C and a paste of several lines reach
// the editor as a mark and the end of a line, so that it gives back the line
// as it stood; a paste goes past the editor, byte by byte as it came.
type Console struct {
	t        *term.Terminal
	keys     *keys
	history  history // of lines
	spoken   history // of commands
	color    bool
	takeOver func() (giveBack func(), err error)

	pending chan typed // a line is being read; nil: none is
	mark    rune       // what ended the line instead of a key
	before  string     // the line as it stood
}

// typed is what a person has typed.
type typed struct {
	line string
	mark rune // 0: a line
	err  error
}

// NewConsole prepares a terminal for [Session.Terminal], which takes it over
// and gives it back.
func NewConsole(in, out *os.File, escape byte, color bool) *Console {
	c := newConsole(in, out, escape, color)
	c.takeOver = func() (func(), error) { return c.takeOverTerminal(in, out) }
	return c
}

// takeOverTerminal switches the terminal to single keys.
func (c *Console) takeOverTerminal(in, out *os.File) (giveBack func(), err error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("taking over the terminal: %w", err)
	}
	size := func() {
		if width, height, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
			c.t.SetSize(width, height)
		}
	}
	size()
	unwatch := watchSize(size)
	c.t.SetBracketedPasteMode(true)
	return func() {
		unwatch()
		c.t.SetBracketedPasteMode(false)
		io.WriteString(out, "\r\x1b[K") // the prompt at which nobody will type
		term.Restore(int(in.Fd()), before)
	}, nil
}

func newConsole(in io.Reader, out io.Writer, escape byte, color bool) *Console {
	c := &Console{keys: &keys{in: in, escape: escape}, color: color}
	c.takeOver = func() (func(), error) { return func() {}, nil }
	c.t = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{c.keys, out}, "")
	c.t.History = &c.history
	c.t.AutoCompleteCallback = c.key
	return c
}

// Write shows lines above the one that is being typed.
func (c *Console) Write(b []byte) (int, error) { return c.t.Write(b) }

// key is called for keys that the editor does not know, with the line as it
// stands.
func (c *Console) key(line string, pos int, key rune) (string, int, bool) {
	switch key {
	case markEscape, markInterrupt, markPaste:
		c.mark, c.before = key, line
		return "", 0, true
	case '\t':
		return line[:pos] + "\t" + line[pos:], pos + 1, true
	}
	return "", 0, false
}

// begin begins to read a line, if none is being read, and returns where it
// will come.
func (c *Console) begin(prompt string) <-chan typed {
	if c.pending != nil {
		return c.pending
	}
	c.t.SetPrompt(prompt)
	c.pending = make(chan typed, 1)
	go func(to chan<- typed) { to <- c.read() }(c.pending)
	return c.pending
}

// read reads a line by the editor.
func (c *Console) read() typed {
	c.mark, c.before = 0, ""
	line, err := c.t.ReadLine()
	if err == term.ErrPasteIndicator {
		err = nil
	}
	if c.mark != 0 {
		return typed{c.before, c.mark, err}
	}
	return typed{line, 0, err}
}

// command asks for a command, with a prompt and a history of its own.
func (c *Console) command() (string, error) {
	c.t.History = &c.spoken
	defer func() { c.t.History = &c.history }()
	c.t.SetPrompt(c.paint(bold, "mailseal> "))
	got := c.read()
	if got.mark != 0 {
		return "", got.err
	}
	c.spoken.keep(got.line)
	return got.line, got.err
}

// ask asks for something that may be seen.
func (c *Console) ask(question string) (string, error) {
	c.t.History = &history{}
	defer func() { c.t.History = &c.history }()
	c.t.SetPrompt(question)
	got := c.read()
	if got.mark != 0 || got.err != nil {
		return "", errNoAnswer
	}
	return got.line, nil
}

// secret asks for something that is not shown.
func (c *Console) secret() (sasl.Secret, error) {
	text, err := c.t.ReadPassword("Password: ")
	if err != nil && err != term.ErrPasteIndicator || text == "" {
		return sasl.Secret{}, errNoAnswer
	}
	return sasl.NewSecret(text), nil
}

var errNoAnswer = fmt.Errorf("nothing was typed")

// The colours of the prompt: the state of the line also stands there in a
// word.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[1;31m"
	green = "\x1b[1;32m"
)

func (c *Console) paint(color, text string) string {
	if !c.color {
		return text
	}
	return color + text + "\x1b[0m"
}

// prompt shows the state of the line.
func (c *Console) prompt(sealed bool) string {
	if sealed {
		return c.paint(green, "sealed> ")
	}
	return c.paint(red, "clear> ")
}

// history keeps lines that it is told to keep. The editor offers it every
// line at its end: that is too early, since nobody has looked for secrets.
type history struct{ lines []string }

const mostHistory = 1000

// Add does nothing: see keep.
func (h *history) Add(string) {}

// Len is how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At returns a line, 0 being the last.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

func (h *history) keep(line string) {
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > mostHistory {
		h.lines = h.lines[1:]
	}
}

// The marks by which the filter tells what is not for the line. They are
// control characters that no key of the editor has.
const (
	markPaste     = 0x1c
	markEscape    = 0x1d
	markInterrupt = 0x1e
)

// keys is the filter.
type keys struct {
	in     io.Reader
	escape byte

	queue  []byte // for the editor
	held   []byte // could be the beginning of a paste, or of its end
	inside bool   // a paste is under way
	paste  []byte

	mu     sync.Mutex
	pasted []string // pastes of several lines, for the session
}

const (
	pasteBegins = "\x1b[200~"
	pasteEnds   = "\x1b[201~"
	mostPaste   = 4 << 20
)

// Read gives the editor its next bytes.
func (k *keys) Read(b []byte) (int, error) {
	for len(k.queue) == 0 {
		var chunk [4096]byte
		n, err := k.in.Read(chunk[:])
		k.take(chunk[:n])
		if err != nil && len(k.queue) == 0 {
			return 0, err
		}
	}
	n := copy(b, k.queue[:lineLength(k.queue)])
	k.queue = k.queue[n:]
	return n, nil
}

// lineLength is how much the editor gets at once: one line with its end. What
// is behind it must wait, since something may still be put before it.
func lineLength(b []byte) int {
	i := bytes.IndexByte(b, '\r')
	switch {
	case i < 0:
		return len(b)
	case bytes.HasPrefix(b[i:], []byte("\r\n")):
		return i + 2
	}
	return i + 1
}

// take goes through what was typed.
func (k *keys) take(chunk []byte) {
	chunk = append(k.held, chunk...)
	k.held = nil
	for len(chunk) > 0 {
		mark, to := pasteBegins, k.plain
		if k.inside {
			mark, to = pasteEnds, k.pasteMore
		}
		before, rest, found := bytes.Cut(chunk, []byte(mark))
		if !found {
			n := halfOf(chunk, mark)
			to(chunk[:len(chunk)-n])
			k.held = bytes.Clone(chunk[len(chunk)-n:])
			return
		}
		to(before)
		if k.inside {
			k.pasteDone()
		}
		k.inside = !k.inside
		chunk = rest
	}
}

// halfOf is how many bytes at the end of b could be the beginning of mark.
func halfOf(b []byte, mark string) int {
	for n := min(len(mark)-1, len(b)); n > 0; n-- {
		if bytes.HasSuffix(b, []byte(mark[:n])) {
			return n
		}
	}
	return 0
}

// plain takes what was typed and not pasted.
func (k *keys) plain(b []byte) {
	for _, c := range b {
		switch {
		case c == k.escape && c != 0:
			k.queue = append(k.queue, markEscape, '\r')
		case c == 3: // Ctrl-C
			k.queue = append(k.queue, markInterrupt, '\r')
		case c == markPaste, c == markEscape, c == markInterrupt:
		default:
			k.queue = append(k.queue, c)
		}
	}
}

func (k *keys) pasteMore(b []byte) {
	k.paste = append(k.paste, b[:min(len(b), mostPaste-len(k.paste))]...)
}

// pasteDone gives a paste of one line to the editor, and one of several to the
// session.
func (k *keys) pasteDone() {
	text := k.paste
	k.paste = nil
	if !bytes.ContainsAny(text, "\r\n") && len(text) < 1000 {
		k.queue = append(k.queue, pasteBegins+string(text)+pasteEnds...)
		return
	}
	k.mu.Lock()
	k.pasted = append(k.pasted, string(text))
	k.mu.Unlock()
	k.queue = append(k.queue, markPaste, '\r')
}

// insert puts text into the line that is typed next, before what was typed
// already: as a paste, so that no byte of it is taken for a key.
func (k *keys) insert(text string) {
	if text != "" {
		k.queue = append([]byte(pasteBegins+text+pasteEnds), k.queue...)
	}
}

// nextPaste returns the oldest paste that was not fetched.
func (k *keys) nextPaste() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pasted) == 0 {
		return ""
	}
	text := k.pasted[0]
	k.pasted = k.pasted[1:]
	return text
}

// splitLines splits a text at its line ends, which terminals send as CR. The
// rest is what stands behind the last of them.
func splitLines(text string) (lines []string, rest string) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	lines = strings.Split(text, "\n")
	return lines[:len(lines)-1], lines[len(lines)-1]
}
