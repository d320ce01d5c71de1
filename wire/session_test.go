package wire

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// What a session that goes on needs of the wire: a reader that can be called
// home, pieces of lines, and a record that does not grow for ever.

// An interrupted reader leaves what has arrived; the line goes on behind it.
func TestInterruptLeavesWhatArrived(t *testing.T) {
	w, server := overTCP(t)
	w.Unlimit()
	if _, err := server.Write([]byte("220 half")); err != nil {
		t.Fatal(err)
	}
	type result struct {
		line string
		err  error
	}
	home := make(chan result)
	go func() {
		line, err := w.Line()
		home <- result{line, err}
	}()
	time.Sleep(10 * time.Millisecond) // it makes the half line arrive, mostly; the test holds without it
	w.Interrupt()
	if r := <-home; r.err == nil || r.err.(*Stop).End != observe.Timeout {
		t.Fatalf("an interrupted Line returned %q, %v; want a timeout", r.line, r.err)
	}
	if n := len(w.Lines()); n != 0 {
		t.Errorf("%d lines were recorded, want none: the half line is not lost, and not cut", n)
	}
	w.Limit(time.Minute)
	if _, err := server.Write([]byte(" whole\r\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := w.Line(); line != "220 half whole" || err != nil {
		t.Errorf("the next Line returned %q, %v; want the whole line", line, err)
	}
}

func TestPiece(t *testing.T) {
	w, server := overTCP(t)
	w.Limit(time.Minute)
	for _, c := range []struct{ sent, want string }{
		{"whole\r\n", "whole"}, {"bare\n", "bare"}, {"login: ", "login: "}, {"a\r\nb", "a"}, {"", "b"},
	} {
		if _, err := server.Write([]byte(c.sent)); err != nil {
			t.Fatal(err)
		}
		got, err := w.Piece(50 * time.Millisecond)
		if got != c.want || err != nil {
			t.Errorf("behind %q: Piece() = %q, %v; want %q", c.sent, got, err, c.want)
		}
	}
	server.Close()
	if got, err := w.Piece(50 * time.Millisecond); err == nil || err.(*Stop).End != observe.Closed {
		t.Errorf("behind the end: Piece() = %q, %v; want that it was closed", got, err)
	}
	breaks := ""
	for _, l := range w.Lines() {
		breaks += string(l.Break) + ","
	}
	if want := ",lf,cut,,cut,"; breaks != want {
		t.Errorf("the pieces are recorded as ended by %q, want %q", breaks, want)
	}
}

// Of a long conversation the last lines are kept, and all of them count.
func TestKeep(t *testing.T) {
	w := on(t, "S: x\n", Limits{Keep: 10})
	for i := range 95 {
		w.note(observe.Client, fmt.Sprint(i), observe.CRLF, false)
	}
	lines := w.Lines()
	if n := len(lines); n < 10 || n > 20 || lines[n-1].Text != "94" || w.count() != 95 {
		t.Errorf("of 95 lines with Keep 10 there are %d, the last %q, and %d counted", n, lines[n-1].Text, w.count())
	}
}

func TestUnread(t *testing.T) {
	w := on(t, "S: 220 go\nS| behind\n", Limits{})
	if _, err := w.Line(); err != nil {
		t.Fatal(err)
	}
	w.Unread([]byte("before "))
	w.Wire()
	if r := w.Residue(); r == nil || !strings.HasPrefix(string(r.Bytes), "before ") {
		t.Errorf("Residue() = %+v, want what was put back first", r)
	}
}
