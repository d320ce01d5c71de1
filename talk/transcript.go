package talk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/mailseal/mailseal/observe"
)

// A transcript is a session as JSON lines, for people who report a bug and for
// Replay:
//
//	{"schema":1,"tool":"mailseal …","target":{…},"endpoint":{…},"began":"…"}
//	{"at_us":1203,"from":"server","text":"220 mail.example.org ESMTP"}
//	{"at_us":1310,"from":"client","text":"EHLO client.example.org"}
//	…
//	{"reached":"after","end":"done"}
//
// The first object is the head, then comes one observe.Line after the other,
// then the foot. A file may hold several sessions, one behind the other. One
// without a foot was cut short: the program died, or the disk was full.

// TranscriptSchema is the version of the form. Fields are added, never
// changed; it counts the additions.
const TranscriptSchema = 1

// TranscriptHead begins a session.
type TranscriptHead struct {
	Schema   int              `json:"schema"`
	Tool     string           `json:"tool,omitempty"`
	Target   observe.Target   `json:"target"`
	Endpoint observe.Endpoint `json:"endpoint"`
	Began    time.Time        `json:"began"`
}

// transcriptFoot ends a session.
type transcriptFoot struct {
	Reached observe.Stage    `json:"reached"`
	End     observe.End      `json:"end"`
	Cause   string           `json:"cause,omitempty"`
	Residue *observe.Residue `json:"residue,omitempty"`
}

// Transcript writes sessions. Each line is in the file when the call returns.
// Its methods may be called by several goroutines at once; those that write
// return nothing, because a conversation does not end where its record does:
// see [NewTranscript].
type Transcript struct {
	trouble func(error)

	mu  sync.Mutex
	w   io.Writer
	err error // the first; nothing is written behind it
}

// CreateTranscript makes the file, or empties it, and lets nobody else read
// it: it holds no password, but it may hold mail.
func CreateTranscript(path string, trouble func(error)) (*Transcript, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("transcript: %w", err)
	}
	if i, err := f.Stat(); err == nil && i.Mode().IsRegular() {
		f.Chmod(0o600) // one that was there may be open to others; where that cannot be helped it is as it was
	}
	return NewTranscript(f, trouble), nil
}

// NewTranscript writes to w. When w fails, trouble is told once, by the
// goroutine that wrote, and from then on nothing is written: half a line in
// the middle would make the rest worthless. A nil trouble is told nothing;
// [Transcript.Err] tells as well.
func NewTranscript(w io.Writer, trouble func(error)) *Transcript {
	return &Transcript{w: w, trouble: trouble}
}

// Begin writes the head of a session.
func (t *Transcript) Begin(h TranscriptHead) {
	h.Schema = TranscriptSchema
	t.write(h)
}

// Line writes a line. It has the form of wire.Limits.Heed. Secrets must be
// out of it already.
func (t *Transcript) Line(l observe.Line) { t.write(l) }

// End writes the foot of a session: how the connection ended.
func (t *Transcript) End(c observe.Conn) {
	t.write(transcriptFoot{Reached: c.Reached, End: c.End, Cause: c.Cause, Residue: c.Residue})
}

// Err returns the first failure, nil while there was none.
func (t *Transcript) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Close closes the file. Its error is the first failure of all.
func (t *Transcript) Close() error {
	t.mu.Lock()
	var failed error
	if c, ok := t.w.(io.Closer); ok {
		failed = t.fail(c.Close())
	}
	t.w = nil
	err := t.err
	t.mu.Unlock()
	t.tell(failed)
	return err
}

func (t *Transcript) write(v any) {
	t.mu.Lock()
	var failed error
	if t.err == nil && t.w != nil {
		failed = t.fail(writeObject(t.w, v))
	}
	t.mu.Unlock()
	t.tell(failed)
}

// fail keeps the first error, and returns it if it is.
func (t *Transcript) fail(err error) error {
	if err == nil || t.err != nil {
		return nil
	}
	t.err = fmt.Errorf("the transcript ends here: %w", err)
	return t.err
}

// tell is called without the lock, so that trouble may look at the transcript.
func (t *Transcript) tell(err error) {
	if err != nil && t.trouble != nil {
		t.trouble(err)
	}
}

// writeObject writes one line of JSON, at once.
func writeObject(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(printable(b.Bytes()))
	return err
}

// printable writes what does not print as \uNNNN. Outside of its strings JSON
// has nothing of that kind.
func printable(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(bytes.TrimSuffix(text, []byte("\n"))) {
		switch high, low := utf16.EncodeRune(r); {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case high != unicode.ReplacementChar:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// Recorded is a conversation as somebody stored it.
type Recorded struct {
	Tool   string         // that recorded it
	Target observe.Target // what was asked for
	Conn   observe.Conn   // its end is observe.Unended where the recording was cut short
}

// Bounds of what is read.
const (
	recordingBytes = 64 << 20 // of a file
	recordingLines = 200_000  // of a file
	recordingConns = 10_000   // of a file
)

// ReadRecordings reads what talk and check have stored: transcripts,
// observations, and the JSON reports that hold one; each may be there several
// times. The connections are in the order of the file.
func ReadRecordings(r io.Reader) ([]Recorded, error) {
	text, err := io.ReadAll(io.LimitReader(r, recordingBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading a recording: %w", err)
	}
	if len(text) > recordingBytes {
		return nil, fmt.Errorf("reading a recording: more than %d bytes", recordingBytes)
	}
	all, err := readRecordings(text)
	if err != nil {
		return nil, fmt.Errorf("reading a recording: %w", err)
	}
	lines := 0
	for _, one := range all {
		lines += len(one.Conn.Lines)
	}
	switch {
	case len(all) == 0:
		return nil, errors.New("reading a recording: no connection in it")
	case len(all) > recordingConns:
		return nil, fmt.Errorf("reading a recording: more than %d connections", recordingConns)
	case lines > recordingLines:
		return nil, fmt.Errorf("reading a recording: more than %d lines", recordingLines)
	}
	return all, nil
}

// readRecordings finds out what the text is by its first object: only a
// transcript's head names an endpoint.
func readRecordings(text []byte) ([]Recorded, error) {
	var kind struct {
		Endpoint, Observation, Conns, Side json.RawMessage
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&kind); err != nil {
		return nil, fmt.Errorf("it does not begin with a JSON object: %w", inWords(err))
	}
	switch {
	case kind.Observation != nil, kind.Conns != nil, kind.Side != nil:
		return readObservations(text)
	case kind.Endpoint != nil:
		return readTranscript(text)
	}
	return nil, errors.New("it is neither a transcript of mailseal talk nor the JSON of mailseal check")
}

// inWords keeps the words of encoding/json short, and free of foreign text.
func inWords(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return errors.New(observe.Escape(err.Error()))
}

// readObservations reads reports and bare observations.
func readObservations(text []byte) ([]Recorded, error) {
	var all []Recorded
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var document struct {
			observe.Observation
			Inner *observe.Observation `json:"observation"`
		}
		err := d.Decode(&document)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("near byte %d: %w", d.InputOffset(), inWords(err))
		}
		o := &document.Observation
		if document.Inner != nil {
			o = document.Inner
		}
		for _, c := range o.Conns {
			if err := checkLines(c.Lines); err != nil {
				return nil, err
			}
			all = append(all, Recorded{Tool: o.Tool, Target: o.Target, Conn: c})
		}
	}
}

func checkLines(lines []observe.Line) error {
	for i, l := range lines {
		if err := checkLine(l); err != nil {
			return fmt.Errorf("line %d of the conversation: %w", i+1, err)
		}
	}
	return nil
}

func checkLine(l observe.Line) error {
	if l.From != observe.Client && l.From != observe.Server {
		return fmt.Errorf("it is from %q, neither client nor server", shorten(string(l.From)))
	}
	switch l.Break {
	case observe.CRLF, observe.LF, observe.Cut, observe.Binary:
		return nil
	}
	return fmt.Errorf("it has the line end %q, which is none", shorten(string(l.Break)))
}

// readTranscript reads sessions line by line. The last line may be broken off
// in the middle.
func readTranscript(text []byte) ([]Recorded, error) {
	var r transcriptReader
	n := 0
	for raw := range bytes.Lines(text) {
		if n++; len(bytes.TrimSpace(raw)) == 0 {
			continue
		}
		err := r.read(raw)
		if cut := !bytes.HasSuffix(raw, []byte("\n")); err != nil && cut && len(r.all) > 0 {
			return r.all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return r.all, nil
}

type transcriptReader struct {
	all  []Recorded
	open bool // the last session has no foot yet
}

// read reads a head, a line or a foot, and tells them apart by the field that
// only they have.
func (r *transcriptReader) read(raw []byte) error {
	var kind struct{ Endpoint, From, End json.RawMessage }
	if err := json.Unmarshal(raw, &kind); err != nil {
		return inWords(err)
	}
	switch {
	case kind.Endpoint != nil:
		return r.head(raw)
	case !r.open:
		return errors.New("no head of a session stands before it")
	case kind.From != nil:
		return r.line(raw)
	case kind.End != nil:
		return r.foot(raw)
	}
	return errors.New("it is neither head nor line nor foot of a session")
}

func (r *transcriptReader) head(raw []byte) error {
	var h TranscriptHead
	if err := json.Unmarshal(raw, &h); err != nil {
		return inWords(err)
	}
	one := Recorded{Tool: h.Tool, Target: h.Target}
	one.Conn.Probe.Endpoint, one.Conn.Began = h.Endpoint, h.Began
	r.all, r.open = append(r.all, one), true
	return nil
}

func (r *transcriptReader) line(raw []byte) error {
	var l observe.Line
	if err := json.Unmarshal(raw, &l); err != nil {
		return inWords(err)
	}
	if err := checkLine(l); err != nil {
		return err
	}
	c := r.last()
	c.Lines = append(c.Lines, l)
	return nil
}

func (r *transcriptReader) foot(raw []byte) error {
	var f transcriptFoot
	if err := json.Unmarshal(raw, &f); err != nil {
		return inWords(err)
	}
	c := r.last()
	c.Reached, c.End, c.Cause, c.Residue = f.Reached, f.End, f.Cause, f.Residue
	r.open = false
	return nil
}

func (r *transcriptReader) last() *observe.Conn { return &r.all[len(r.all)-1].Conn }
