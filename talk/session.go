package talk

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/report"
	"github.com/mailseal/mailseal/sasl"
	"github.com/mailseal/mailseal/wire"
)

// Session is one conversation. Its methods are for one goroutine; a second
// one, its own, reads what the server says.
type Session struct {
	ctx    context.Context
	o      *Options
	target observe.Target
	places []observe.Endpoint // where the target is
	lookup *observe.Lookup
	place  observe.Endpoint // where we are

	call    *probe.Call
	report  *report.Report // of this connection, since TLS stands
	trust   observe.Answer // whether the certificate proves the server
	doubt   string         // why it does not
	began   time.Time
	head    TranscriptHead
	reading chan struct{} // closed when the reader has come home, because nothing more comes; nil: there is none
	tags    int           // that we have put before commands of IMAP
	last    string        // verb of the command that was said last

	news chan struct{} // something has happened: look again

	mu       sync.Mutex
	show     io.Writer
	tell     io.Writer
	redactor *sasl.Redactor
	talking  bool // up to TLS is behind us: lines count as answers
	sending  bool // a line of ours is being recorded as it may be shown
	rules    turns
	moved    time.Time      // when somebody said something
	answer   []string       // what has come of an answer
	answered []string       // the last whole answer
	unasked  []observe.Line // what came when nothing was due, since we spoke last
	over     error          // what ended the reading
	kept     []observe.Line
	unkept   error // a transcript or the screen could not be written
	raw      bool
	silent   bool // what the dialogue says is not shown
}

// heed takes every line of the wire, in both directions, when it is recorded.
// No secret goes further than this.
func (s *Session) heed(l observe.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(l.Text)
	s.censor(&l)
	s.keep(l)
	s.moved = time.Now()
	if l.From == observe.Server && s.talking {
		s.hear(text, l)
	} else if !s.sending && !s.silent && !s.o.Quiet {
		s.print(s.tell, sides[l.From]+s.line(l))
	}
	s.wake()
}

var sides = map[observe.Side]string{observe.Client: "C: ", observe.Server: "S: "}

// hear shows a line of the server's, and adds it to its answer.
func (s *Session) hear(text string, l observe.Line) {
	s.print(s.show, s.line(l))
	if len(s.answer) < kept {
		s.answer = append(s.answer, text)
	}
	unasked := !s.rules.waits()
	if s.rules.hear(text, l.Break) {
		s.whole()
	}
	if _, quiet := s.rules.(quietTurns); unasked && !quiet && len(s.unasked) < kept {
		s.unasked = append(s.unasked, l)
		s.unasked[len(s.unasked)-1].Text = observe.Text(text)
	}
}

// whole closes an answer.
func (s *Session) whole() { s.answered, s.answer = s.answer, nil }

// censor takes secrets out of a line. What is being sent was censored before:
// the redactor must see each line once.
func (s *Session) censor(l *observe.Line) {
	if s.redactor == nil || l.Break == observe.Binary || s.sending && l.From == observe.Client {
		return
	}
	shown, redacted := "", false
	if l.From == observe.Client {
		shown, redacted = s.redactor.Client(string(l.Text))
	} else {
		shown, redacted = s.redactor.Server(string(l.Text))
	}
	l.Text, l.Redacted = observe.Text(shown), l.Redacted || redacted
}

// keep remembers a line, and writes it into the transcript.
func (s *Session) keep(l observe.Line) {
	s.kept = append(s.kept, l)
	if len(s.kept) >= 2*kept {
		s.kept = append([]observe.Line(nil), s.kept[len(s.kept)-kept:]...)
	}
	if s.o.Transcript != nil {
		s.o.Transcript.Line(l)
	}
}

// line is a line as it is shown. A terminal meets no control character but
// the tab. Raw shows every byte, and how the line ended.
func (s *Session) line(l observe.Line) string {
	ends := map[observe.Break]string{observe.CRLF: `\r\n`, observe.LF: `\n`}
	if s.raw {
		return l.Text.String() + ends[l.Break]
	}
	return readable(string(l.Text))
}

// readable escapes what does not print. Backslashes are left as they are, as
// mailboxes and flags of IMAP have them.
func readable(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(text, "\\\t")
		if i < 0 {
			return b.String() + observe.Escape(text)
		}
		b.WriteString(observe.Escape(text[:i]) + text[i:i+1])
		text = text[i+1:]
	}
}

func (s *Session) print(to io.Writer, text string) {
	if _, err := io.WriteString(to, text+"\n"); err != nil && s.unkept == nil {
		s.unkept = fmt.Errorf("writing what the server says: %w", err)
	}
}

// note tells the user something of our own.
func (s *Session) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text := range strings.Lines(fmt.Sprintf(format, args...)) {
		s.print(s.tell, "mailseal: "+strings.TrimRight(text, "\n"))
	}
}

func (s *Session) hint(format string, args ...any) {
	if s.o.Hints && !s.o.Quiet {
		s.note(format, args...)
	}
}

func (s *Session) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Sealed tells whether the line is inside TLS.
func (s *Session) Sealed() bool {
	return s.call != nil && s.call.Session() != nil && s.call.Session().Sealed()
}

// listen lets the reader go. Greets says that the server speaks first.
func (s *Session) listen() {
	s.mu.Lock()
	s.talking, s.over, s.moved = true, nil, time.Now()
	s.mu.Unlock()
	w := s.call.Session().Conn
	w.Unlimit()
	read := w.Line
	if s.unended() {
		read = func() (string, error) { return w.Piece(pause) }
	}
	home := make(chan struct{})
	s.reading = home
	go func() {
		defer close(home)
		for {
			if _, err := read(); err != nil {
				s.ended(err)
				return
			}
		}
	}()
}

// pause is how long a piece of a line waits for the rest of it.
const pause = 200 * time.Millisecond

// unended tells whether the server may leave a line without its end.
func (s *Session) unended() bool {
	switch s.rules.(type) {
	case quietTurns, *httpTurns:
		return true
	}
	return false
}

func (s *Session) ended(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = err
	if len(s.answer) > 0 && s.rules.closed() {
		s.whole()
	}
	s.wake()
}

// hush brings the reader home, so that the line can be used for something
// else. It tells whether there still is a line.
func (s *Session) hush() bool {
	if s.reading == nil {
		return s.call != nil && s.call.Session() != nil
	}
	s.call.Session().Interrupt()
	<-s.reading
	s.mu.Lock()
	defer s.mu.Unlock()
	stop, ok := s.over.(*wire.Stop)
	if !ok || stop.End != observe.Timeout || s.ctx.Err() != nil {
		return false
	}
	s.reading, s.over, s.talking = nil, nil, false // it was us
	return true
}

// Over returns why nothing more will come, nil while something may.
func (s *Session) Over() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// Say says one line. It is told whether the line holds a secret: then it must
// not be kept.
func (s *Session) Say(line string) (secret bool, err error) {
	_, secret, err = s.sayShown(line)
	return secret, err
}

// sayShown also returns the line as it may be shown.
func (s *Session) sayShown(line string) (shown string, secret bool, err error) {
	line = s.tagged(line)
	s.mu.Lock()
	shown, secret = s.redactor.Client(line)
	if !s.rules.waits() {
		s.answer, s.answered = nil, nil
	}
	s.rules.say(line)
	s.unasked = nil
	s.moved = time.Now()
	s.sending = true
	s.mu.Unlock()
	s.last = s.verb(line)
	err = s.call.Session().SendAs(line, shown, s.lineEnd(), s.o.Wait)
	s.mu.Lock()
	s.sending = false
	s.mu.Unlock()
	if err != nil {
		return shown, secret, failed(Answering, "the line could not be sent: %s", causeOf(err))
	}
	if !s.Sealed() && asksForTLS[s.last] {
		s.hint("if the server agrees: %s", keyed(s.o, "starttls"))
	}
	return readable(shown), secret, nil
}

// asksForTLS are the commands behind which a server waits for TLS.
var asksForTLS = map[string]bool{"STARTTLS": true, "STLS": true}

func (s *Session) lineEnd() observe.Break {
	if s.o.LF {
		return observe.LF
	}
	return observe.CRLF
}

// tagged puts a tag before a command of IMAP that has none.
func (s *Session) tagged(line string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules, ok := s.rules.(*imapTurns)
	if !ok || s.o.NoTags || !rules.wantsTag(line) {
		return line
	}
	return s.tag() + " " + line
}

func (s *Session) tag() string {
	s.tags++
	return fmt.Sprintf("t%d", s.tags)
}

// verb is the command of a line, behind the tag in IMAP.
func (s *Session) verb(line string) string {
	if s.place.Protocol == "imap" {
		_, line, _ = strings.Cut(line, " ")
	}
	name, _ := verb(line)
	return name
}

// Await waits until it is our turn: what we said was answered, or in a
// protocol that does not tell, the server has been quiet for a while.
func (s *Session) Await() error {
	for {
		done, wait, err := s.look()
		if done || err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.news:
		case <-timer.C:
		case <-s.ctx.Done():
		}
		timer.Stop()
	}
}

// look tells whether it is our turn, and if not how long that may take.
func (s *Session) look() (done bool, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, quiet := s.rules.(quietTurns)
	idle := time.Since(s.moved)
	switch {
	case s.unkept != nil:
		return true, 0, failed(Writing, "%v", s.unkept)
	case s.o.Transcript != nil && s.o.Transcript.Err() != nil:
		return true, 0, failed(Writing, "%v", s.o.Transcript.Err())
	case s.ctx.Err() != nil:
		return true, 0, failed(Answering, "stopped")
	case quiet && (s.over != nil || idle >= s.o.Settle):
		if len(s.answer) > 0 {
			s.whole()
		}
		return true, 0, nil
	case quiet:
		return false, s.o.Settle - idle, nil
	case !s.rules.waits():
		return true, 0, nil
	case s.over != nil:
		return true, 0, failed(Answering, "no answer to %s: %s", s.lastSaid(), causeOf(s.over))
	case idle >= s.o.Wait:
		return true, 0, failed(Answering, "no answer to %s within %v", s.lastSaid(), s.o.Wait)
	}
	return false, s.o.Wait - idle, nil
}

func (s *Session) lastSaid() string {
	if s.last == "" {
		return "what was said last"
	}
	return observe.Escape(s.last)
}

// Answered returns the lines of the last whole answer.
func (s *Session) Answered() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered
}

// causeOf is the end of a conversation in words.
func causeOf(err error) string {
	_, cause := wire.Ending(context.Background(), err)
	return cause
}

// Close ends the session: with a goodbye where the server listens to commands
// and has not had one.
func (s *Session) Close() {
	if s.call == nil {
		return
	}
	listening := s.hush()
	s.mu.Lock()
	s.silent = true
	polite := listening && s.rules != nil && !s.rules.waits() && !s.underWay() && !leaving[s.last]
	s.mu.Unlock()
	if s.o.Manual && !s.Sealed() || !polite {
		s.hangUp(s.call.Close)
	} else {
		s.hangUp(s.call.HangUp)
	}
	s.last, s.silent = "", false
}

// hangUp closes the connection in one of the two ways, and its record.
func (s *Session) hangUp(by func()) observe.Conn {
	by()
	seen, _ := s.call.Seen()
	if s.o.Transcript != nil {
		s.o.Transcript.End(seen)
	}
	return seen
}

// leaving are the commands behind which no goodbye is needed.
var leaving = map[string]bool{"QUIT": true, "LOGOUT": true}

// underWay tells whether a goodbye would be taken for a part of a message, or
// an answer in an exchange.
func (s *Session) underWay() bool {
	switch r := s.rules.(type) {
	case *smtpTurns:
		return r.message || r.chunk > 0
	case *imapTurns:
		return r.ours.under() || r.plus
	case *sieveTurns:
		return r.ours.under() || r.challenged
	case *nntpTurns:
		return r.message
	case *httpTurns:
		return true
	}
	return false
}
