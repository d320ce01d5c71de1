package talk

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/report"
	"github.com/mailseal/mailseal/sasl"
	"github.com/mailseal/mailseal/wire"
)

// open goes to the first place of the target that answers.
func (s *Session) open() error {
	s.began = time.Now()
	s.places, s.lookup = probe.Places(s.ctx, s.target, s.o.Probe)
	s.raw = s.o.Raw
	var err error
	for i, place := range s.places {
		if err = s.dial(place, s.o.Manual); err == nil {
			return s.proceed(s.o.Manual)
		}
		if s.ctx.Err() != nil {
			break
		}
		if i+1 < len(s.places) {
			s.note("%v; trying %s", err, s.places[i+1].Address)
		}
	}
	if err == nil {
		why := "no address"
		if s.lookup != nil {
			why = cmp.Or(s.lookup.Cause, why)
		}
		err = failed(Connecting, "%s: %s", observe.Escape(s.target.Host), why)
	}
	return err
}

// dial opens the connection and, unless by hand, goes on up to TLS. The error
// says that there is no connection at all.
func (s *Session) dial(place observe.Endpoint, byHand bool) error {
	s.mu.Lock()
	s.place, s.talking, s.report = place, false, nil
	s.rules, s.answer, s.answered, s.unasked, s.kept = nil, nil, nil, nil, nil
	s.redactor = sasl.NewRedactor(place.Protocol)
	s.mu.Unlock()
	s.head = TranscriptHead{Schema: TranscriptSchema, Tool: s.o.Probe.Tool, Target: s.target, Endpoint: place, Began: time.Now()}
	if s.o.Transcript != nil {
		s.o.Transcript.Begin(s.head)
	}
	s.o.tickets.forget()
	s.call = probe.Open(s.ctx, probe.WholeProbe(place, s.o.Probe), s.o.Probe, upTo(place, byHand))
	if seen, _ := s.call.Seen(); seen.Reached != observe.Nothing {
		return nil
	}
	seen := s.hangUp(s.call.HangUp)
	s.call = nil
	return failed(Connecting, "no connection to %s: %s", place.Address, seen.Cause)
}

// upTo is the stage behind which the line is the user's: TLS stands, and the
// server has greeted, if it does so inside TLS. Nothing is asked there.
func upTo(place observe.Endpoint, byHand bool) observe.Stage {
	switch {
	case byHand:
		return observe.Dial
	case place.Mode == observe.Implicit:
		return observe.Greeting
	case place.Protocol == "sieve":
		return observe.After // it greets once more behind STARTTLS (RFC 5804, section 2.2)
	}
	return observe.Handshake
}

// proceed hands the line to the user, in clear or inside TLS.
func (s *Session) proceed(byHand bool) error {
	switch {
	case byHand:
		s.take(true)
		s.hint("the line is in clear and yours; %s starts TLS", keyed(s.o, "starttls"))
		return nil
	case s.call.TLS() != nil:
		return s.sealed(false)
	}
	return s.unsealed()
}

// take gives the line to the reader and the rules. Greets says that the server
// speaks first.
func (s *Session) take(greets bool) {
	s.mu.Lock()
	s.rules = turnsOf(s.place.Protocol, greets)
	s.mu.Unlock()
	s.listen()
}

// sealed tells what the handshake showed, and goes on if the other end is who
// it should be. Greets says that the server still has to greet inside TLS.
func (s *Session) sealed(greets bool) error {
	seen := s.judge()
	if !s.o.Quiet {
		s.brief()
	} else if seen.Residue != nil {
		s.note("clear text came before the server's TLS: %s", seen.Residue.Bytes)
	}
	if seen.TLS == nil || !seen.TLS.Resumed { // else it is the server that had proved itself before: nobody else has the session's secret
		s.trust, s.doubt = report.Trusted(s.report, s.place), report.Distrust(s.report, s.place)
	}
	if err := s.prove(); err != nil {
		s.hangUp(s.call.HangUp)
		s.call = nil
		return err
	}
	if err := s.call.Err(); err != nil { // TLS stands, but the server does not want to talk
		seen := s.hangUp(s.call.HangUp)
		s.call = nil
		return failed(Connecting, "%s: %s", s.place.Address, seen.Cause)
	}
	s.take(greets)
	if again := sayAgain[s.place.Protocol]; again != "" && seen.Upgrade.Sent != "" {
		s.hint("inside TLS the server begins anew: say %s again", again)
	}
	return nil
}

// sayAgain are the commands that a protocol wants once more behind STARTTLS.
var sayAgain = map[string]string{"smtp": "EHLO", "submission": "EHLO", "lmtp": "LHLO"}

// judge takes what this connection has shown so far, and has it judged.
func (s *Session) judge() observe.Conn {
	seen := probe.NewObservation(s.target, s.began, s.lookup, s.o.Probe)
	c, chain := s.call.Seen()
	probe.Add(seen, c, chain, s.o.Probe)
	s.report = report.New(seen, nil)
	return c
}

// brief shows the report on this connection.
func (s *Session) brief() {
	var b strings.Builder
	if err := report.WriteBrief(&b, s.report, s.o.Style); err != nil {
		return // a builder takes everything
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print(s.tell, strings.TrimRight(b.String(), "\n"))
}

// unsealed tells why there is no TLS. It goes on only where that was asked
// for, and the server still listens.
func (s *Session) unsealed() error {
	err := s.call.Err()
	seen, _ := s.call.Seen()
	stop, _ := errors.AsType[*wire.Stop](err)
	if s.o.Clear && stop != nil && stop.End == observe.Refused && seen.Reached == observe.Capability {
		s.judge()
		s.brief()
		s.note("there is no TLS; going on in clear because of --clear: everybody on the way can read along")
		s.call.Ended(nil)
		s.take(false)
		return nil
	}
	s.hangUp(s.call.HangUp)
	seen = s.judge()
	s.call = nil
	if early := noService(&seen); early || seen.Reached == observe.Greeting {
		return failed(Connecting, "%s: %s", s.place.Address, seen.Cause)
	}
	s.brief()
	advice := ""
	if seen.Reached == observe.Capability && seen.Upgrade.GoAhead == observe.No {
		advice = "; nothing else was said. To talk in clear all the same: --clear"
	}
	return failed(Sealing, "no TLS: %s%s%s", seen.Cause, reply(&seen), advice)
}

// noService tells whether a connection ended before the server was at our
// service.
func noService(c *observe.Conn) bool {
	return c.Reached == observe.Dial && c.Probe.Endpoint.Mode != observe.Implicit
}

// reply is the server's answer to the upgrade command.
func reply(c *observe.Conn) string {
	if len(c.Upgrade.Reply) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s)", c.Upgrade.Reply[len(c.Upgrade.Reply)-1])
}

// StartTLS goes over to TLS now. What the server has said and nobody has read
// is shown, and recorded as residue.
func (s *Session) StartTLS() error {
	if s.Sealed() {
		s.note("the line is inside TLS already")
		return nil
	}
	if !s.hush() {
		return failed(Sealing, "no TLS: %s", causeOf(s.Over()))
	}
	s.call.Session().Unread(s.behindGoAhead())
	if left := s.call.Session().Buffered(); len(left) > 0 {
		s.note("before TLS the server had already sent: %s", observe.Escape(string(left[:min(len(left), 4096)])))
	}
	if err := s.call.StartTLS(); err != nil {
		s.hangUp(s.call.HangUp)
		seen := s.judge()
		s.call = nil
		s.brief()
		return failed(Sealing, "no TLS: %s", seen.Cause)
	}
	s.describeUpgrade()
	return s.sealed(s.place.Protocol == "sieve" || s.last == "")
}

// behindGoAhead is what came in clear behind the answer to the last command,
// and was shown as lines: the server should have been silent there.
func (s *Session) behindGoAhead() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for _, l := range s.unasked {
		b = append(b, l.Text...)
		b = append(b, map[observe.Break]string{observe.CRLF: "\r\n", observe.LF: "\n"}[l.Break]...)
	}
	s.unasked = nil
	return b
}

// describeUpgrade writes down how TLS was asked for, which the dialogue does
// where it asks itself.
func (s *Session) describeUpgrade() {
	record := s.call.Session().Record
	s.mu.Lock()
	heard := heardCapabilities(s.place.Protocol, s.kept)
	s.mu.Unlock()
	if heard != nil {
		record.Clear = heard
	}
	u := &record.Upgrade
	u.Offered = offersTLS(s.place.Protocol, record.Clear)
	u.Sent, u.GoAhead = observe.Text(s.last), observe.Yes
	for _, line := range s.Answered() {
		u.Reply = append(u.Reply, observe.Text(line))
	}
}

// Resume comes again with the ticket of this connection, and tells whether the
// server took it.
func (s *Session) Resume() error {
	if !s.Sealed() {
		s.note("there is no TLS session to resume")
		return nil
	}
	s.o.tickets.wait(s.ctx, time.Second) // it may still be on its way
	s.Close()
	s.began = time.Now()
	if err := s.dial(s.place, false); err != nil {
		return err
	}
	if err := s.proceed(false); err != nil || !s.Sealed() {
		return err
	}
	if s.call.TLS().ConnectionState().DidResume {
		s.note("resumed: the server took the ticket")
		return nil
	}
	s.note("not resumed: the server made a new session")
	return nil
}

// prove compares the key of the server with what is known of it.
func (s *Session) prove() error {
	if len(s.o.Pins) == 0 && s.o.Known == nil {
		return nil
	}
	certificates := s.call.TLS().ConnectionState().PeerCertificates
	if len(certificates) == 0 {
		return failed(Proving, "the server showed no certificate, so it is not known who it is")
	}
	leaf := certificates[0].Raw
	key, err := KeyHashOf(leaf)
	if err != nil {
		return failed(Proving, "%v", err)
	}
	if err := s.provePin(leaf, key); err != nil || s.o.Known == nil {
		return err
	}
	return s.proveKnown(key)
}

func (s *Session) provePin(leaf []byte, key KeyHash) error {
	if len(s.o.Pins) == 0 {
		return nil
	}
	matches := func(m PinMatch) func([32]byte) bool {
		return func(pin [32]byte) bool { return MatchPin(leaf, pin) == m }
	}
	switch {
	case slices.ContainsFunc(s.o.Pins, matches(PinKey)):
		s.note("the server has the key that was demanded")
		return nil
	case slices.ContainsFunc(s.o.Pins, matches(PinCertificate)):
		return failed(Proving, "the pin is the hash of the server's whole certificate, not of its key, which is %s", key)
	}
	return failed(Proving, "THE SERVER HAS ANOTHER KEY than the one that was demanded: it shows %s", key)
}

// proveKnown is trust on first use.
func (s *Session) proveKnown(key KeyHash) error {
	m, err := s.o.Known.Meet(s.server(), key, time.Now())
	switch m.Acquaintance {
	case First:
		if err != nil {
			return failed(Writing, "%v", err)
		}
		s.note("first meeting with %s: its key %s is known from now on, in %s", m.Server, key, s.o.Known.Path())
	case Same:
		s.note("%s is known, since %s", m.Server, m.Known[0].Since.Format(time.DateOnly))
	case Changed:
		return failed(Proving, "THE KEY OF %s HAS CHANGED. Somebody may be in the line, or the server has a new key. Known since %s is %s, shown is %s. To forget the old one: mailseal known remove %s",
			m.Server, m.Known[0].Since.Format(time.DateOnly), m.Known[0].Key, key, m.Server)
	default:
		return failed(Writing, "%v", err)
	}
	return nil
}

// server is who we asked for, at the port where we came, as it stands among
// the known servers.
func (s *Session) server() string {
	if s.place.Network == "unix" {
		return s.place.Address
	}
	_, port, err := net.SplitHostPort(s.place.Address)
	if err != nil {
		port = strconv.Itoa(s.target.Port)
	}
	return net.JoinHostPort(s.place.Host, port)
}

// tickets is a cache of TLS sessions that can be asked whether a ticket has
// come.
type tickets struct {
	tls.ClientSessionCache
	came chan struct{}
}

func watchTickets(c tls.ClientSessionCache) *tickets { return &tickets{c, make(chan struct{}, 1)} }

// Put keeps a session.
func (t *tickets) Put(key string, state *tls.ClientSessionState) {
	t.ClientSessionCache.Put(key, state)
	if state == nil {
		return
	}
	select {
	case t.came <- struct{}{}:
	default:
	}
}

// wait waits until a ticket has come, but not longer than d.
func (t *tickets) wait(ctx context.Context, d time.Duration) {
	select {
	case <-t.came:
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// forget is for a new connection, of which no ticket has come.
func (t *tickets) forget() {
	select {
	case <-t.came:
	default:
	}
}
