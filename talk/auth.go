package talk

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/sasl"
)

// Account is where a name and a secret come from when a login needs them.
type Account struct {
	User   string                                // empty: ask
	Authz  string                                // as whom to act
	Ask    func(question string) (string, error) // nil: nobody is there to ask
	Secret func() (sasl.Secret, error)           // the password, or the token; nil: there is none
}

var errNobody = errors.New("nobody is there to ask: --user and --password-file, --password-fd or --password-env")

// Auth logs in by a mechanism, or by the strongest that is offered and
// possible. In clear, and where the certificate proves nothing, it says what
// would have been sent to whom and does not do it, unless the user knows.
func (s *Session) Auth(name string) error {
	if name = strings.ToUpper(name); name == oldAPOP || name == oldUserPass {
		return s.authOld(name)
	}
	profile := sasl.ProfileOf(profileName(s.place.Protocol))
	if profile == nil {
		s.note("%s has no command to log in by a mechanism", s.place.Protocol)
		return nil
	}
	if name == "STRONGEST" {
		name = ""
	}
	if name != "" && sasl.ByName(name) == nil {
		s.note("%q is no mechanism that mailseal knows; it knows %s", observe.Escape(name), strings.Join(AuthNames(), ", "))
		return nil
	}
	if !s.dares(name) {
		return &Failure{LoggingIn, "not logged in"}
	}
	record, err := s.ask()
	if err != nil || record == nil {
		return err
	}
	a := &login{s: s, profile: profile, over: s.channel(record), name: name}
	return a.run(capabilitiesOf(record, s.Sealed()))
}

// profileName is the protocol of a profile: submission speaks SMTP.
func profileName(protocol string) string {
	if protocol == "submission" {
		return "smtp"
	}
	return protocol
}

// dares tells whether the line is fit for a secret. If not it says why.
func (s *Session) dares(name string) bool {
	trusted := s.trusted()
	if trusted || s.o.IKnow {
		return true
	}
	what := "a proof from which the password can be guessed"
	if m := sasl.ByName(name); name != oldAPOP && (m == nil || m.Plaintext) {
		what = "the password, or a token, as it is"
	}
	to := s.place.Address
	if s.place.Host != "" {
		to = s.place.Host + " at " + to
	}
	why := "and to everybody on the way, because the line is in clear"
	if s.Sealed() {
		why = "though nothing proves that it is the right one: " + s.doubt
	}
	s.note("nothing was sent. It would have been %s, to %s, %s. To do it all the same: --i-know", what, to, why)
	return false
}

// trusted tells whether the certificate proves the server.
func (s *Session) trusted() bool { return s.Sealed() && s.trust == observe.Yes }

// channel describes the connection to the mechanisms.
func (s *Session) channel(record *observe.Conn) sasl.Channel {
	over := sasl.Channel{}
	if c := s.call.TLS(); c != nil {
		state := c.ConnectionState()
		over = sasl.ChannelOf(&state, s.trusted())
		asked := s.report != nil && record.TLS != nil && record.TLS.ClientCertificate == observe.Yes
		over.ClientCertificate = asked && s.o.Probe.Certificate != nil
	}
	return over
}

// capabilitiesOf are the words in which a server told what it can do.
func capabilitiesOf(c *observe.Conn, sealed bool) []string {
	told := c.Clear
	if sealed {
		told = c.Sealed
	}
	var all []string
	if told != nil {
		for _, i := range told.Items {
			all = append(all, string(i))
		}
	}
	return all
}

// offered finds the mechanisms among the capabilities: "AUTH PLAIN LOGIN" in
// SMTP (old servers have an equals sign), "AUTH=PLAIN" in IMAP, "SASL PLAIN" in
// POP3 and NNTP, `"SASL" "PLAIN"` in ManageSieve.
func offered(protocol string, capabilities []string) []string {
	var all []string
	for _, c := range capabilities {
		words := strings.FieldsFunc(c, func(r rune) bool { return r == ' ' || r == '=' || r == '"' })
		if len(words) == 0 {
			continue
		}
		switch first := strings.ToUpper(words[0]); {
		case first == "AUTH" && (protocol == "smtp" || protocol == "submission" || protocol == "lmtp" || protocol == "imap"),
			first == "SASL" && protocol != "imap":
			all = append(all, words[1:]...)
		}
	}
	return all
}

// login is one exchange under way.
type login struct {
	s       *Session
	profile *sasl.Profile
	over    sasl.Channel
	name    string
	tag     string
}

// The bounds of an exchange.
const (
	mostChallenges = 20
	mostBetween    = 1000 // lines that are neither a challenge nor the end
)

func (a *login) run(capabilities []string) error {
	a.over.Offered = offered(a.s.place.Protocol, capabilities)
	m, c, err := a.choose()
	if err != nil {
		a.s.note("%v", err)
		return &Failure{LoggingIn, "not logged in"}
	}
	x, err := m.Start(c, a.over)
	if err != nil {
		a.s.note("%v", err)
		return &Failure{LoggingIn, "not logged in"}
	}
	if !a.s.hush() {
		return failed(Answering, "the connection is gone: %s", causeOf(a.s.Over()))
	}
	defer a.s.listen()
	a.s.call.Session().Limit(a.s.o.Wait)
	if err := a.exchange(m, x, capabilities); err != nil {
		return failed(LoggingIn, "not logged in by %s: %v", m.Name, err)
	}
	as := ""
	if who := cmp.Or(c.Authz, c.User); who != "" {
		as = " as " + observe.Escape(who)
	}
	a.s.note("logged in%s by %s%s", as, m.Name, proved(x))
	return nil
}

func proved(x sasl.Exchange) string {
	if x.Verified() == observe.Yes {
		return "; the server has proved that it knows the password"
	}
	return ""
}

// choose finds the mechanism, and asks for what it needs.
func (a *login) choose() (*sasl.Mechanism, sasl.Credentials, error) {
	c := sasl.Credentials{Authz: a.s.o.Account.Authz, Host: a.s.place.Host}
	if _, port, err := net.SplitHostPort(a.s.place.Address); err == nil {
		c.Port, _ = strconv.Atoi(port)
	}
	m := sasl.ByName(a.name)
	if m == nil && a.over.ClientCertificate && slices.Contains(a.over.Offered, sasl.External.Name) && a.s.o.Account.User == "" {
		m = sasl.External // who shows a certificate and names nobody means that
	}
	if err := a.credentials(m, &c); err != nil {
		return nil, c, err
	}
	if m == nil {
		m = sasl.Strongest(a.over.Offered, c, a.over)
	}
	switch {
	case m == nil && len(a.over.Offered) == 0:
		return nil, c, fmt.Errorf("the server offers no mechanism %s", state(a.s.Sealed()))
	case m == nil:
		return nil, c, fmt.Errorf("the server offers %s, and none of them is possible here", observe.Escape(strings.Join(a.over.Offered, ", ")))
	}
	return m, c, nil
}

// credentials gets the name and the secret, where the mechanism needs them.
func (a *login) credentials(m *sasl.Mechanism, c *sasl.Credentials) error {
	account := a.s.o.Account
	c.User = account.User
	needs := m == nil || m.NeedsPassword || m.NeedsToken
	if !needs {
		return nil
	}
	if c.User == "" && account.Ask == nil || account.Secret == nil {
		return errNobody
	}
	if c.User == "" {
		user, err := account.Ask("User: ")
		if err != nil {
			return err
		}
		c.User = user
	}
	secret, err := account.Secret()
	if err != nil {
		return err
	}
	c.Password = secret
	if m != nil && m.NeedsToken {
		c.Token = secret
	}
	a.s.know(secret)
	return nil
}

// know lets the redactor look for a secret everywhere.
func (s *Session) know(secret sasl.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redactor.Know(secret)
}

// exchange says and hears the lines of the mechanism.
func (a *login) exchange(m *sasl.Mechanism, x sasl.Exchange, capabilities []string) error {
	var initial []byte
	with := false
	if !m.ServerFirst && a.profile.InitialResponse != sasl.Never {
		// To ask for it is to use it up, so first whether it could be carried at
		// all; one that is too long waits for the empty challenge.
		if a.profile.Carries(m.Name, nil, capabilities) {
			initial, with = x.Initial()
			with = with && a.profile.Carries(m.Name, initial, capabilities)
		}
	}
	if err := a.begin(a.profile.Begin(m.Name, initial, with)); err != nil {
		return err
	}
	for range mostChallenges {
		line, err := a.answer()
		if err != nil {
			return err
		}
		if ended, success, data := a.profile.Ended(line); ended {
			return finish(x, line, success, data)
		}
		if err := a.respond(x, line, &initial, with); err != nil {
			return err
		}
	}
	return errors.New("the server's challenges do not end")
}

func finish(x sasl.Exchange, line string, success bool, data []byte) error {
	if !success {
		return fmt.Errorf("the server said: %s", observe.Escape(line))
	}
	return x.Succeeded(data)
}

// respond answers a challenge. An initial response that could not go along
// with the command is the answer to the empty one.
func (a *login) respond(x sasl.Exchange, line string, initial *[]byte, sent bool) error {
	challenge, _, err := a.profile.Challenge(line)
	if err != nil {
		return a.cancel(err)
	}
	response := *initial
	if !sent && len(response) > 0 && len(challenge) == 0 {
		*initial = nil
	} else {
		response, _, err = x.Next(challenge)
	}
	if err != nil && response == nil {
		return a.cancel(err)
	}
	for _, l := range a.profile.Answer(response) {
		if err := a.send(l); err != nil {
			return err
		}
	}
	if err != nil { // the server waits for the response, and will refuse
		a.answer()
	}
	return err
}

// cancel ends the exchange because of what the server sent.
func (a *login) cancel(why error) error {
	if a.send(a.profile.Cancel()) == nil {
		a.answer()
	}
	return why
}

func (a *login) begin(command string) error {
	if a.s.place.Protocol == "imap" {
		a.s.mu.Lock()
		a.tag = a.s.tag()
		a.s.mu.Unlock()
		command = a.tag + " " + command
	}
	return a.send(command)
}

// send says a line of the exchange. The wire's ear hears it as it may be
// shown.
func (a *login) send(line string) error {
	s := a.s
	s.mu.Lock()
	shown, _ := s.redactor.Client(line)
	s.sending = true
	if !s.o.Quiet {
		s.print(s.tell, sides[observe.Client]+readable(shown))
	}
	s.mu.Unlock()
	err := s.call.Session().SendAs(line, shown, observe.CRLF, s.o.Wait)
	s.mu.Lock()
	s.sending = false
	s.mu.Unlock()
	return err
}

// answer reads up to the line that is a challenge, or the end.
func (a *login) answer() (string, error) {
	w := a.s.call.Session()
	for range mostBetween {
		line, err := a.whole(w)
		if err != nil {
			return "", errors.New(causeOf(err))
		}
		ended, _, _ := a.profile.Ended(line)
		if a.tag != "" && ended {
			ended = strings.HasPrefix(line, a.tag+" ") || strings.HasPrefix(line, "* ")
		}
		if _, more, ok := replyCode(line); ended && !(ok && more) {
			return line, nil
		}
		if _, ok, _ := a.profile.Challenge(line); ok {
			return line, nil
		}
	}
	return "", errors.New("the server does not come to the point")
}

// whole reads a line, with the literal of ManageSieve that it may announce.
func (a *login) whole(w *dialogue.Session) (string, error) {
	line, err := w.Line()
	n, _, ok := literal(line)
	if err != nil || !ok || a.s.place.Protocol != "sieve" || n > longestLine {
		return line, err
	}
	b, err := w.Message(n)
	if err != nil {
		return line, err
	}
	w.Heard(b)
	_, err = w.Line()
	return line + "\r\n" + string(b), err
}
