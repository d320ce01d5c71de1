package report

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"

	"github.com/mailseal/mailseal/standard"
)

// page is the sheet on which text is set. Three rules hold for everything that
// goes on it:
//
//  1. What does not print is escaped here once more, whoever wrote it: no byte
//     of a server reaches a terminal as a control character.
//  2. Nothing is wider than the page, and no single text longer than a bound.
//  3. Colour is an addition: without it every word is still there.
type page struct {
	w       *bufio.Writer
	width   int
	color   bool
	verbose bool
}

func newPage(w io.Writer, opt Options) *page {
	width := opt.Width
	if width <= 0 {
		width = 80
	}
	return &page{w: bufio.NewWriter(w), width: max(width, 40), color: opt.Color, verbose: opt.Verbose}
}

func (p *page) blank() { p.w.WriteByte('\n') }

// heading begins a section.
func (p *page) heading(text string) {
	p.blank()
	p.bold(text)
	p.blank()
}

// bold sets a line that stands out.
func (p *page) bold(text string) {
	for _, line := range wrap(clean(text), p.width) {
		if p.color {
			line = lipgloss.NewStyle().Bold(true).Render(line)
		}
		p.w.WriteString(line + "\n")
	}
}

// text sets a paragraph. An empty text sets nothing.
func (p *page) text(indent int, format string, args ...any) {
	p.item(indent, "", 0, format, args...)
}

// item sets a key and, beside it, a text that hangs from the column after it.
// An empty text sets nothing.
func (p *page) item(indent int, key string, room int, format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != "" {
		p.hang(indent, fmt.Sprintf("%-*s", room, key), room, text)
	}
}

// hang sets text from the column indent+room on, with head before its first
// line.
func (p *page) hang(indent int, head string, room int, text string) {
	left := strings.Repeat(" ", indent)
	for i, line := range wrap(clean(p.cut(text)), p.width-indent-room) {
		if i > 0 {
			head = strings.Repeat(" ", room)
		}
		p.w.WriteString(strings.TrimRight(left+head+line, " ") + "\n")
	}
}

// seal returns the word in a column of its own, coloured if wanted.
func (p *page) seal(s standard.Seal, room int) string {
	word := fmt.Sprintf("%-*s", room, s)
	if !p.color {
		return word
	}
	return lipgloss.NewStyle().Bold(true).Foreground(sealColors[s]).Render(s.String()) + word[len(s.String()):]
}

var sealColors = map[standard.Seal]color.Color{
	standard.SealUnknown: lipgloss.Blue,
	standard.SealIntact:  lipgloss.Green,
	standard.SealWeak:    lipgloss.Yellow,
	standard.SealBroken:  lipgloss.Red,
	standard.SealMissing: lipgloss.Red,
}

// cut shortens a text that runs past the bound of the page, and says so.
func (p *page) cut(text string) string {
	if p.verbose {
		return cut(text, 4000)
	}
	return cut(text, 500)
}

func cut(text string, bound int) string {
	if len(text) <= bound {
		return text
	}
	end := bound
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s ... (%d bytes)", text[:end], len(text))
}

// clean escapes what does not print. Texts that are escaped already stay as
// they are.
func clean(text string) string {
	printable := func(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }
	if strings.IndexFunc(text, func(r rune) bool { return !printable(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if printable(r) {
			b.WriteString(text[i : i+n])
		} else {
			for _, c := range []byte(text[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
		i += n
	}
	return b.String()
}

// wrap breaks text into lines of at most room columns: at spaces, or within a
// word that is longer than a line.
func wrap(text string, room int) []string {
	room = max(room, 10)
	var lines []string
	for {
		end, space := fit(text, room)
		if end == len(text) {
			return append(lines, text)
		}
		if space > 0 {
			lines, text = append(lines, strings.TrimRight(text[:space], " ")), strings.TrimLeft(text[space:], " ")
			continue
		}
		lines, text = append(lines, text[:end]), text[end:]
	}
}

// fit returns how many bytes of text fit into room columns, and where the last
// space is at which it could be broken; 0 if there is none.
func fit(text string, room int) (end, space int) {
	columns := 0
	for i, r := range text {
		if r == ' ' && columns > 0 {
			space = i
		}
		if columns += columnsOf(r); columns > room {
			return i, space
		}
	}
	return len(text), space
}

func columnsOf(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	return lipgloss.Width(string(r))
}
