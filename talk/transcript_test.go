package talk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/mailseal/mailseal/observe"
)

var head = TranscriptHead{
	Tool:     "mailseal test",
	Target:   observe.Target{Typed: "smtp://a.test", Protocol: "smtp", Mode: observe.StartTLS, Host: "a.test", Port: 25},
	Endpoint: observe.Endpoint{Protocol: "smtp", Mode: observe.StartTLS, Host: "a.test", Network: "tcp", Address: "192.0.2.1:25"},
	Began:    today.UTC(),
}

// recorded is a conversation with the oddest of everything.
func recorded() observe.Conn {
	c := observe.Conn{Began: head.Began, Reached: observe.After, End: observe.Done, Cause: "all said"}
	c.Probe.Endpoint = head.Endpoint
	c.Residue = &observe.Residue{Bytes: "250 injected\r\n", Late: true}
	c.Lines = []observe.Line{
		{At: 1, From: observe.Server, Text: "220 a.test <id@a.test> & \x1b[2J\x00\xff\u202e \U0001f600"},
		{At: 2, From: observe.Client, Text: "EHLO c.test"},
		{At: 3, From: observe.Server, Text: `back\slash`, Break: observe.LF},
		{At: 4, From: observe.Client, Sealed: true, Text: "AUTH PLAIN [12 bytes hidden]", Redacted: true},
		{At: 5, From: observe.Server, Sealed: true, Text: "\x01\x02\n", Break: observe.Binary},
		{At: 6, From: observe.Server, Sealed: true, Text: "235 half", Break: observe.Cut},
	}
	return c
}

func write(t *Transcript, c observe.Conn) {
	t.Begin(head)
	for _, l := range c.Lines {
		t.Line(l)
	}
	t.End(c)
}

func TestTranscriptRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.jsonl")
	if err := os.WriteFile(path, []byte("what was there before\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tr, err := CreateTranscript(path, func(err error) { t.Errorf("trouble: %v", err) })
	if err != nil {
		t.Fatalf("CreateTranscript: %v", err)
	}
	write(tr, recorded())
	second := observe.Conn{Began: head.Began, Probe: observe.Probe{Endpoint: head.Endpoint}, End: observe.Timeout}
	write(tr, second) // as after resume
	if err := tr.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if i, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && i.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; want -rw-------", i.Mode(), err)
	}
	text := contents(t, path)
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("the file has the character %U", r)
		}
	}
	got := reread(t, text)
	want := []Recorded{{Tool: head.Tool, Target: head.Target, Conn: recorded()}, {Tool: head.Tool, Target: head.Target, Conn: second}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read again:\n%+v\nwant\n%+v", got, want)
	}
}

func reread(t *testing.T, text string) []Recorded {
	t.Helper()
	all, err := ReadRecordings(strings.NewReader(text))
	if err != nil {
		t.Fatalf("ReadRecordings(%q): %v", text, err)
	}
	return all
}

func written(c observe.Conn) string {
	var b bytes.Buffer
	write(NewTranscript(&b, nil), c)
	return b.String()
}

// However a transcript is cut off, what stands before can be read, as far as
// it is whole; and it says that it was cut.
func TestTranscriptCutOff(t *testing.T) {
	text := written(recorded())
	first := strings.Index(text, "\n") + 1
	for n := first; n < len(text)-1; n++ {
		all := reread(t, text[:n])
		whole := strings.Count(text[:n], "\n") - 1
		if got := len(all[0].Conn.Lines); got < whole || got > whole+1 || all[0].Conn.End != observe.Unended {
			t.Errorf("cut at byte %d: %d lines, end %q; want %d and no end", n, got, all[0].Conn.End, whole)
		}
	}
	if all := reread(t, text[:len(text)-1]); all[0].Conn.End != observe.Done {
		t.Errorf("without its last line feed: end %q, want done", all[0].Conn.End)
	}
}

// Each line is in the file when the call returns.
func TestTranscriptFlushes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.jsonl")
	tr, err := CreateTranscript(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	tr.Begin(head)
	for i := 1; i <= 3; i++ {
		tr.Line(observe.Line{From: observe.Server, Text: "x"})
		if got := strings.Count(contents(t, path), "\n"); got != i+1 {
			t.Errorf("after line %d the file has %d lines, want %d", i, got, i+1)
		}
	}
}

// fillsUp is a disk with room for so many bytes.
type fillsUp struct {
	room int
	got  bytes.Buffer
}

var errFull = errors.New("no space left")

func (f *fillsUp) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	f.got.Write(b[:n])
	if f.room -= n; n < len(b) {
		f.room = 1 << 20 // somebody deletes a file: what comes now would stand behind half a line
		return n, errFull
	}
	return n, nil
}

// A full disk is told once, whatever comes behind it, and what was written
// can be read.
func TestTranscriptOnFullDisk(t *testing.T) {
	whole := written(recorded())
	for room := 0; room < len(whole); room += 7 {
		disk := &fillsUp{room: room}
		var told []error
		tr := NewTranscript(disk, func(err error) { told = append(told, err) })
		write(tr, recorded())
		if len(told) != 1 || !errors.Is(told[0], errFull) || !errors.Is(tr.Err(), errFull) {
			t.Errorf("with room for %d bytes trouble was told %v, Err is %v; want it told once", room, told, tr.Err())
		}
		if err := tr.Close(); !errors.Is(err, errFull) || len(told) != 1 {
			t.Errorf("Close: %v, trouble told %d times; want the first failure, not told again", err, len(told))
		}
		if got := disk.got.String(); got != whole[:room] {
			t.Errorf("with room for %d bytes %q was written, want the first of %q", room, got, whole)
		}
	}
}

func TestTranscriptOnFullDevice(t *testing.T) {
	tr, err := CreateTranscript("/dev/full", nil)
	if err != nil {
		t.Skipf("no /dev/full here: %v", err)
	}
	tr.Begin(head)
	if err := tr.Close(); err == nil {
		t.Error("Close after writing to /dev/full says nothing, want an error")
	}
	if i, err := os.Stat("/dev/full"); err != nil || i.Mode().IsRegular() {
		t.Errorf("/dev/full is now %v, %v", i, err)
	}
}

func TestCreateTranscriptFails(t *testing.T) {
	if _, err := CreateTranscript(filepath.Join(t.TempDir(), "no", "such"), nil); err == nil {
		t.Error("CreateTranscript in no directory says nothing, want an error")
	}
}

// Reader and writer write at once, and nothing is torn. After Close nothing is
// written, and nothing breaks.
func TestTranscriptFromManyGoroutines(t *testing.T) {
	var b bytes.Buffer
	tr := NewTranscript(&b, nil)
	tr.Begin(head)
	const each = 200
	var wg sync.WaitGroup
	for _, side := range []observe.Side{observe.Client, observe.Server} {
		wg.Go(func() {
			for i := range each {
				tr.Line(observe.Line{From: side, Text: observe.Text(fmt.Sprint(i))})
			}
		})
	}
	wg.Wait()
	tr.Close()
	tr.Line(observe.Line{From: observe.Client, Text: "late"})
	next := map[observe.Side]int{}
	lines := reread(t, b.String())[0].Conn.Lines
	for _, l := range lines {
		if want := fmt.Sprint(next[l.From]); string(l.Text) != want {
			t.Fatalf("from %s comes %q, want %q", l.From, l.Text, want)
		}
		next[l.From]++
	}
	if len(lines) != 2*each {
		t.Errorf("%d lines, want %d", len(lines), 2*each)
	}
}

// Whatever a server says comes back as it was.
func TestTranscriptKeepsAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := observe.Conn{Began: head.Began, End: observe.Closed, Probe: observe.Probe{Endpoint: head.Endpoint}}
		for range rapid.IntRange(0, 4).Draw(t, "lines") {
			c.Lines = append(c.Lines, observe.Line{
				From: rapid.SampledFrom([]observe.Side{observe.Client, observe.Server}).Draw(t, "from"),
				Text: observe.Text(rapid.SliceOf(rapid.Byte()).Draw(t, "text")),
			})
		}
		c.Cause = rapid.String().Draw(t, "cause")
		all, err := ReadRecordings(strings.NewReader(written(c)))
		if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0].Conn, c) {
			t.Fatalf("written and read again: %+v, %v; want %+v", all, err, c)
		}
	})
}

func TestReadObservations(t *testing.T) {
	c := recorded()
	o := observe.Observation{Schema: observe.Schema, Tool: "mailseal test", Side: observe.Client, Target: head.Target, Conns: []observe.Conn{c, {}}}
	bare, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(map[string]any{"schema": 1, "seal": "intact", "endpoints": []string{}, "observation": o})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		why, text string
		conns     int
	}{
		{"an observation", string(bare), 2},
		{"a report", string(report) + "\n", 2},
		{"two reports", string(report) + "\n\n" + string(report), 4},
		{"a report behind an observation", string(bare) + string(report), 4},
	} {
		all := reread(t, test.text)
		if len(all) != test.conns || !reflect.DeepEqual(all[0].Conn, c) || all[0].Tool != o.Tool || all[0].Target != o.Target {
			t.Errorf("%s: %d connections, the first %+v; want %d, and %+v", test.why, len(all), all[0], test.conns, c)
		}
	}
}

func TestReadRecordingsRefuses(t *testing.T) {
	good := written(recorded())
	headLine, rest, _ := strings.Cut(good, "\n")
	for _, test := range []struct{ why, text, tells string }{
		{"nothing", "", "ends too early"},
		{"no JSON", "220 hello\r\n", "JSON"},
		{"a number", "1", "JSON"},
		{"a list", "[]", "JSON"},
		{"null", "null", "neither"},
		{"another object", `{"a":1}`, "neither"},
		{"a line without a head", `{"from":"server","text":"x"}` + "\n", "neither"},
		{"no head behind a foot", good + `{"from":"server","text":"x"}` + "\n", "no head"},
		{"half a line in the middle", headLine + "\n" + `{"from":"ser` + "\n" + rest, "line 2"},
		{"an unknown side", headLine + "\n" + `{"from":"mallory","text":"x"}` + "\n", "mallory"},
		{"an unknown line end", headLine + "\n" + `{"from":"server","text":"x","break":"cr"}` + "\n", `"cr"`},
		{"a bad escape", headLine + "\n" + `{"from":"server","text":"\\q"}` + "\n", "line 2"},
		{"an object that is nothing", headLine + "\n" + `{"b":1}` + "\n", "line 2"},
		{"an observation without connections", `{"side":"client"}`, "no connection"},
		{"an observation that is cut off", `{"conns":[{}], "x":`, "ends too early"},
		{"an observation with a bad line", `{"conns":[{"lines":[{"from":"x","text":""}]}]}`, "line 1"},
		{"very deep", `{"conns":` + strings.Repeat("[", 20000), "JSON"},
		{"too many connections", `{"conns":[{}` + strings.Repeat(",{}", recordingConns) + `]}`, "connections"},
		{"too many lines", headLine + "\n" + strings.Repeat(`{"from":"server","text":""}`+"\n", recordingLines+1), "lines"},
	} {
		_, err := ReadRecordings(strings.NewReader(test.text))
		if err == nil || !strings.Contains(err.Error(), test.tells) {
			t.Errorf("%s: ReadRecordings: %v; want an error that names %q", test.why, err, test.tells)
			continue
		}
		if strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: the error is not one clean line: %q", test.why, err)
		}
	}
	endless := io.MultiReader(strings.NewReader(headLine+"\n"), spaces{})
	if _, err := ReadRecordings(endless); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("ReadRecordings of an endless file: %v, want an error about its size", err)
	}
	broken := io.MultiReader(strings.NewReader(good), failing{})
	if _, err := ReadRecordings(broken); !errors.Is(err, errFull) {
		t.Errorf("ReadRecordings of a file that cannot be read: %v, want its error", err)
	}
}

type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFull }

// What is read as a transcript can be written, and says the same again.
func FuzzReadRecordings(f *testing.F) {
	f.Add([]byte(written(recorded())))
	f.Add([]byte(`{"endpoint":{}}` + "\n" + `{"from":"client","text":"a\\x00"}` + "\n" + `{"end":""}`))
	f.Add([]byte(`{"observation":{"conns":[{"lines":[{"from":"server","text":"x","break":"lf"}],"residue":{"bytes":"x"}}]}}`))
	f.Add([]byte(`{"side":"server","conns":[]}{"conns":[{}]}`))
	f.Add([]byte(`{"endpoint":`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := ReadRecordings(bytes.NewReader(text))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("ReadRecordings(%q): not one clean line: %q", text, err)
			}
			return
		}
		for _, r := range all {
			if y := r.Conn.Began.Year(); y < 0 || y > 9999 {
				continue // JSON has no such time
			}
			again, err := ReadRecordings(strings.NewReader(written(r.Conn)))
			if err != nil || len(again) != 1 || len(again[0].Conn.Lines) != len(r.Conn.Lines) {
				t.Errorf("%+v, written and read again: %+v, %v", r, again, err)
			}
		}
	})
}
