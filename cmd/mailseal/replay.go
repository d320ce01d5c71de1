package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/talk"
)

const replayManual = `Usage:
  mailseal replay [flags] FILE

Play the server's half of a recorded conversation on a port of this machine,
and tell where a client does not do what was recorded. It is for bug reports:
who has only the file can meet the server.

The file is a transcript of mailseal talk or the output of mailseal check
--json; - is standard input. What the server said between two lines of the
client comes at once, clear text in the place of TLS comes where it came, and
the connection ends as it ended. Lines with a secret stand for any line, and
IMAP tags are the client's own. The handshake is not replayed: TLS is that of
this program, with a certificate that is made for the occasion (--ca).

Examples:
  mailseal replay session.jsonl
  mailseal replay --listen 127.0.0.1:2525 --count 5 session.jsonl
  mailseal replay --strict --ca ca.pem report.json
  mailseal check --json imap.example.org | mailseal replay -

Exit codes:
  0  every client did what was recorded
  1  a client did something else
  2  usage: the command line or the file is wrong
  3  fewer clients came than --count, within --for
  4  mailseal itself failed, for example because the port is taken`

// replayFlags are the words beside the file.
type replayFlags struct {
	listen string
	public bool
	strict bool
	conn   int
	count  int
	limit  time.Duration
	ca     string
}

func replayCommand() *cobra.Command {
	f := &replayFlags{}
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Play the server's half of a recorded conversation",
		Long:  replayManual,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("replay needs one file, written by talk --transcript or by check --json")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c.Context(), args[0], c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.declare(c.Flags())
	return c
}

func (f *replayFlags) declare(s *pflag.FlagSet) {
	s.StringVar(&f.listen, "listen", "127.0.0.1:0", "wait for the client at this `address`; port 0 is any that is free")
	s.BoolVar(&f.public, "public", false, "listen also where other machines can call")
	s.BoolVar(&f.strict, "strict", false, "hold the client to every byte, not to the commands alone")
	s.IntVar(&f.conn, "conn", -1, "play this connection of the file, counted from 0; by default the first with words")
	s.IntVar(&f.count, "count", 1, "end after so many clients")
	s.DurationVar(&f.limit, "for", 10*time.Minute, "end after this time")
	s.StringVar(&f.ca, "ca", "", "write the root that the certificate comes from into this `file`, for the client to trust")
}

func (f *replayFlags) run(ctx context.Context, file string, in io.Reader, out, tell io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	recorded, err := f.read(file, in)
	if err != nil {
		return err
	}
	certificate, err := f.certificate(recorded.Conn.Probe.Endpoint.Host)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return ownFailure{fmt.Errorf("--listen: %w", err)}
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(ctx, f.limit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		fmt.Fprintf(tell, "mailseal: other machines can call %s\n", a)
	}
	fmt.Fprintln(tell, describe(recorded))
	if _, err := fmt.Fprintf(out, "listening on %s\n", l.Addr()); err != nil {
		return ownFailure{err}
	}
	s := &stagePlay{l: l, replay: talk.Replay{Conn: recorded.Conn, Certificate: certificate, Strict: f.strict}, out: out}
	return s.serve(ctx, f.count)
}

// check refuses what makes no sense, and an address that others can call
// where that was not said.
func (f *replayFlags) check() error {
	switch {
	case f.count < 1:
		return fmt.Errorf("--count %d: at least one client is needed", f.count)
	case f.limit <= 0:
		return fmt.Errorf("--for %v: a time above zero is needed, such as 30s", f.limit)
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return fmt.Errorf("--listen %q: an address with a port is needed, such as 127.0.0.1:2525", f.listen)
	}
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && a.IsLoopback() {
		return nil
	}
	if !f.public {
		return fmt.Errorf("--listen %s: other machines could call there; say --public if they may", f.listen)
	}
	return nil
}

// read reads the file and picks the connection.
func (f *replayFlags) read(file string, in io.Reader) (talk.Recorded, error) {
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return talk.Recorded{}, fmt.Errorf("replay: %w", err)
		}
		defer opened.Close()
		in = opened
	}
	all, err := talk.ReadRecordings(in)
	if err != nil {
		return talk.Recorded{}, fmt.Errorf("replay %s: %w", file, err)
	}
	if f.conn >= len(all) || f.conn < -1 {
		return talk.Recorded{}, fmt.Errorf("--conn %d: the file has the connections 0 to %d", f.conn, len(all)-1)
	}
	if f.conn >= 0 {
		return all[f.conn], nil
	}
	for _, r := range all {
		if len(r.Conn.Lines) > 0 {
			return r, nil
		}
	}
	return talk.Recorded{}, fmt.Errorf("replay %s: nothing was said in it; --conn plays a connection all the same", file)
}

// certificate makes one for the host that was called, and writes down whose
// it is.
func (f *replayFlags) certificate(host string) (tls.Certificate, error) {
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		return tls.Certificate{}, ownFailure{err}
	}
	leaf := lab.New("smtp", observe.StartTLS).Leaf
	certificate, err := ca.Issue(host, leaf)
	if host == "" || err != nil { // a file may say anything
		certificate, err = ca.Issue("localhost", leaf)
	}
	if err != nil {
		return tls.Certificate{}, ownFailure{err}
	}
	if f.ca != "" {
		if err := os.WriteFile(f.ca, ca.PEM(), 0o666); err != nil {
			return tls.Certificate{}, fmt.Errorf("--ca: %w", err)
		}
	}
	return certificate, nil
}

// describe says in a line what is played.
func describe(r talk.Recorded) string {
	c := &r.Conn
	e := c.Probe.Endpoint
	text := fmt.Sprintf("playing %s at %s, recorded %s: %s", e.Protocol, e.Address, c.Began.UTC().Format(time.RFC3339), howMany(len(c.Lines), "line"))
	if c.End == observe.Unended {
		text += ", cut short"
	}
	return observe.Escape(text)
}

func howMany(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// stagePlay serves one client after the other.
type stagePlay struct {
	l       net.Listener
	replay  talk.Replay
	out     io.Writer
	differs bool
	failed  error // of writing
}

func (s *stagePlay) serve(ctx context.Context, count int) error {
	for n := 1; n <= count; n++ {
		c, err := s.l.Accept()
		switch {
		case ctx.Err() != nil:
			return s.result(exitUntold)
		case err != nil:
			return ownFailure{fmt.Errorf("waiting for a client: %w", err)}
		}
		s.client(ctx, n, c)
	}
	return s.result(exitIntact)
}

func (s *stagePlay) result(code int) error {
	switch {
	case s.failed != nil:
		return ownFailure{s.failed}
	case s.differs:
		return exit(exitFindings)
	case code != exitIntact:
		return exit(code)
	}
	return nil
}

func (s *stagePlay) client(ctx context.Context, n int, c net.Conn) {
	s.print("client %d, from %s\n", n, c.RemoteAddr())
	s.replay.Tell = s.differ
	played := s.replay.Play(ctx, c)
	s.differs = s.differs || played.Differences > 0
	came := "all"
	if !played.Whole {
		came = fmt.Sprint(played.Lines)
	}
	differences := "no difference"
	if played.Differences > 0 {
		differences = howMany(played.Differences, "difference")
	}
	s.print("client %d: %s of %s, %s\n", n, came, howMany(len(s.replay.Conn.Lines), "line"), differences)
}

const shownText = 200 // bytes of a line that differs

func (s *stagePlay) differ(d talk.Difference) {
	s.print("  line %d", d.Line+1)
	if d.Why != "" {
		s.print(": %s", observe.Escape(d.Why))
	}
	s.print("\n")
	for _, text := range []struct {
		who  string
		text observe.Text
	}{{"recorded", d.Want}, {"came", d.Got}} {
		if text.text != "" {
			s.print("    %-8s  %s\n", text.who, text.text[:min(len(text.text), shownText)])
		}
	}
}

func (s *stagePlay) print(format string, args ...any) {
	if _, err := fmt.Fprintf(s.out, format, args...); err != nil && s.failed == nil {
		s.failed = err
	}
}
