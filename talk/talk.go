// Package talk is a conversation with a server by hand: in clear, by STARTTLS
// or through TLS.
//
// A [Session] goes through the dialogue up to TLS, tells what it saw, and then
// the line is the user's:
//
//  1. A reader of its own shows what the server says as it arrives, whole
//     lines, escaped, also while the user types.
//  2. The rules of the protocol say when an answer is complete. A script
//     ([Session.Script]) says its next line then and not before; a person
//     ([Session.Terminal]) may speak when he likes.
//  3. No letter is a command. What is for us and not for the server is said
//     behind one control key: to start TLS at any moment, to log in, to look
//     at the certificate, to come again with the ticket ([Session.Command]).
//  4. A secret is recognised before it is sent: it is shown, recorded and kept
//     in the history by its length alone.
//
// Where TLS was refused, stripped or mangled the session ends: it does not go
// on in clear as if nothing had happened, unless it was told to.
package talk

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/report"
)

// Options say how to talk. The zero value of a field is sensible.
type Options struct {
	Probe  *probe.Options
	Manual bool // say nothing and stay in clear until TLS is asked for
	Clear  bool // go on in clear where TLS cannot be had
	LF     bool // end our lines by LF alone
	NoTags bool // do not put tags before commands of IMAP
	NoWait bool // a script does not wait for answers between its lines
	Quiet  bool // do not show the dialogue up to TLS, nor the report
	Raw    bool // show how lines end
	IKnow  bool // log in also in clear, or where the certificate proves nothing
	Hints  bool // a person reads along, who may want to know what to do next
	Escape byte // in a script, a line that begins with this byte is for us; 0: none is

	Wait   time.Duration // the longest silence while an answer is due: 60 s
	Settle time.Duration // the silence that ends an answer where the protocol does not tell: 1 s

	Account    Account
	Known      *Known      // the servers that were met before; nil: nobody looks
	Pins       [][32]byte  // the keys of which the server must have one
	Transcript *Transcript // gets each line, without secrets
	Style      report.Options

	tickets *tickets
}

// Stage is a part of a session that can fail.
type Stage string

// The stages.
const (
	Connecting Stage = "connecting" // no connection, or no service on it
	Sealing    Stage = "sealing"    // no TLS: stripped, refused, or the handshake failed
	Proving    Stage = "proving"    // the other end is not who it should be
	LoggingIn  Stage = "logging in" // we were not let in, or did not dare to ask
	Answering  Stage = "answering"  // an answer did not come
	Expecting  Stage = "expecting"  // an answer was not the one that was expected
	Writing    Stage = "writing"    // this machine could not read or write what it should
)

// Failure is why a session ended before its time.
type Failure struct {
	At  Stage
	Why string
}

func (f *Failure) Error() string { return f.Why }

func failed(at Stage, format string, args ...any) *Failure {
	return &Failure{at, fmt.Sprintf(format, args...)}
}

// The bounds of a conversation. What is shown is not kept: only the last lines
// are, for [Session.Save].
const (
	longestLine = 64 << 10
	mostLines   = 16 << 20
	mostBytes   = 1 << 30
	kept        = 10_000
)

// options fills what was left open, and takes the wire's ear.
func (o Options) orDefault(heed func(observe.Line)) *Options {
	o.Wait = cmp.Or(o.Wait, 60*time.Second)
	o.Settle = cmp.Or(o.Settle, time.Second)
	p := probe.Options{}
	if o.Probe != nil {
		p = *o.Probe
	}
	if p.Sessions == nil {
		p.Sessions = tls.NewLRUClientSessionCache(8)
	}
	o.tickets = watchTickets(p.Sessions)
	p.Sessions = o.tickets
	p.Limits.Line, p.Limits.Lines, p.Limits.Bytes, p.Limits.Keep = longestLine, mostLines, mostBytes, kept
	p.Limits.Heed = heed
	o.Probe = &p
	return &o
}

// Begin opens a session: up to TLS, or with Options.Manual up to the
// connection. What the server says goes to show, what we have to say to tell.
// The error is a *Failure; the session is closed then.
func Begin(ctx context.Context, target observe.Target, o Options, show, tell io.Writer) (*Session, error) {
	s := &Session{ctx: ctx, target: target, show: show, tell: tell, news: make(chan struct{}, 1)}
	s.o = o.orDefault(s.heed)
	if err := s.open(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
