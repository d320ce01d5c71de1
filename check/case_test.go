package check

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// aCase is the upper part of a case: facts in few words.
type aCase struct {
	observation *observe.Observation
	conn        *observe.Conn
	makers      map[string]*maker // certificates that were described
	made        map[string][]byte // and made, DER
	anchors     []func() error    // stores, when all certificates are known
	chains      []func() error
}

// readCase reads the facts of a case.
func readCase(text string) (*aCase, error) {
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := &aCase{
		observation: &observe.Observation{Schema: observe.Schema, Tool: "case", Side: observe.Client, Began: began},
		makers:      map[string]*maker{}, made: map[string][]byte{},
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		head, body, found := strings.Cut(line+" ", ": ")
		words := strings.Fields(head)
		if !found || len(words) == 0 {
			return nil, fmt.Errorf("line %q has no colon", line)
		}
		if err := c.read(words, strings.TrimSuffix(body, " ")); err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
	}
	return c, c.finish()
}

// read takes one line: its first words and what stands behind the colon.
func (c *aCase) read(words []string, body string) error {
	key, flags := words[0], words[1:]
	switch key {
	case "began":
		t, err := moment(body)
		c.observation.Began = t
		return err
	case "side":
		c.observation.Side = observe.Side(body)
		return nil
	case "interrupted":
		c.observation.Interrupted = true
		return nil
	case "store":
		return c.store(flags, body)
	case "lookup":
		return c.lookup(flags, body)
	case "certificate":
		return c.describe(flags, body)
	case "endpoint":
		return c.endpoint(body)
	}
	if c.conn == nil {
		return fmt.Errorf("it stands before the first endpoint, or nobody knows %q", key)
	}
	return c.readConn(key, flags, body)
}

func (c *aCase) readConn(key string, flags []string, body string) error {
	var err error
	if strings.Contains(" scts staple chain ", " "+key+" ") && c.conn.TLS == nil {
		return fmt.Errorf("a line tls must stand above")
	}
	switch key {
	case "conn":
		c.begin(c.conn.Probe.Endpoint)
	case "S", "C":
		return c.line(key, flags, body)
	case "clear":
		c.conn.Clear = capabilities(flags, body)
	case "sealed":
		c.conn.Sealed = capabilities(flags, body)
	case "upgrade":
		return c.upgrade(body)
	case "residue":
		c.conn.Residue = &observe.Residue{Late: len(flags) > 0}
		err = c.conn.Residue.Bytes.UnmarshalText([]byte(body))
	case "offer":
		return c.offer(body)
	case "tls":
		return c.tls(body)
	case "scts":
		n, bad := strconv.Atoi(body)
		for i := range n {
			c.conn.TLS.SCTs = append(c.conn.TLS.SCTs, madeSCT(i))
		}
		err = bad
	case "staple":
		conn := len(c.observation.Conns) - 1
		c.chains = append(c.chains, func() error { return c.staple(&c.observation.Conns[conn], body) })
	case "chain":
		conn := len(c.observation.Conns) - 1
		c.chains = append(c.chains, func() error { return c.chain(&c.observation.Conns[conn], strings.Fields(body)) })
	case "alert":
		return c.alert(flags, strings.Fields(body))
	case "reached":
		c.conn.Reached = observe.Stage(body)
		if body == "nothing" {
			c.conn.Reached = observe.Nothing
			c.conn.End = observe.Timeout
		}
	case "end":
		c.conn.End = observe.End(body)
	case "cause":
		var text observe.Text // so that a case can have what no editor should show
		err = text.UnmarshalText([]byte(body))
		c.conn.Cause = string(text)
	default:
		return fmt.Errorf("nobody knows %q", key)
	}
	return err
}

func (c *aCase) endpoint(body string) error {
	f := strings.Fields(body)
	if len(f) < 5 {
		return fmt.Errorf("an endpoint has a protocol, mode, role, host and address")
	}
	e := observe.Endpoint{
		Protocol: f[0], Mode: observe.Mode(f[1]), Role: observe.Role(f[2]), Host: strings.TrimPrefix(f[3], "-"),
		Network: "tcp", Address: f[4], Via: "given",
	}
	for _, word := range f[5:] {
		k, v, _ := strings.Cut(word, "=")
		switch k {
		case "domain":
			e.Domain = v
		case "via":
			e.Via = v
		case "network":
			e.Network = v
		default:
			return fmt.Errorf("nobody knows %q", word)
		}
	}
	if len(c.observation.Conns) == 0 {
		c.observation.Target = observe.Target{Typed: e.Host, Host: e.Host}
	}
	c.begin(e)
	return nil
}

// begin begins a connection.
func (c *aCase) begin(e observe.Endpoint) {
	if c.conn != nil {
		c.reach()
	}
	o := c.observation
	o.Conns = append(o.Conns, observe.Conn{Probe: observe.Probe{Endpoint: e}, Began: o.Began, Reached: "?"})
	c.conn = &o.Conns[len(o.Conns)-1]
	if _, err := netip.ParseAddr(e.Host); err != nil {
		c.conn.Probe.Offer.SNI = e.Host
	}
}

// reach fills in how far the connection got and how it ended, where the case
// does not tell.
func (c *aCase) reach() {
	k := c.conn
	if k.End == "" {
		k.End = observe.Done
	}
	if k.Reached != "?" {
		return
	}
	switch {
	case k.TLS != nil && k.TLS.Complete && k.Sealed != nil:
		k.Reached = observe.After
	case k.TLS != nil && k.TLS.Complete:
		k.Reached = observe.Handshake
	case k.Upgrade.GoAhead == observe.Yes:
		k.Reached = observe.Upgraded
	case k.Clear != nil:
		k.Reached = observe.Capability
	case len(k.Lines) > 0 && k.Lines[0].From == observe.Server:
		k.Reached = observe.Greeting
	default:
		k.Reached = observe.Dial
	}
}

// finish makes what could only be made when all was read.
func (c *aCase) finish() error {
	if c.conn != nil {
		c.reach()
	}
	for _, later := range append(c.chains, c.anchors...) {
		if err := later(); err != nil {
			return err
		}
	}
	return nil
}

func (c *aCase) line(key string, flags []string, body string) error {
	l := observe.Line{From: observe.Server}
	if key == "C" {
		l.From = observe.Client
	}
	for _, f := range flags {
		switch f {
		case "sealed":
			l.Sealed = true
		case "redacted":
			l.Redacted = true
		case "lf", "cut", "binary":
			l.Break = observe.Break(f)
		default:
			return fmt.Errorf("nobody knows %q", f)
		}
	}
	c.conn.Lines = append(c.conn.Lines, l)
	return c.conn.Lines[len(c.conn.Lines)-1].Text.UnmarshalText([]byte(body))
}

func capabilities(flags []string, body string) *observe.Capabilities {
	k := &observe.Capabilities{From: "capability command", Items: []observe.Text{}}
	if len(flags) > 1 && flags[0] == "from" {
		k.From = strings.Join(flags[1:], " ")
	}
	if body != "" {
		k.Items = texts(body)
	}
	return k
}

func texts(body string) []observe.Text {
	var all []observe.Text
	for _, item := range strings.Split(body, " | ") {
		var t observe.Text
		if err := t.UnmarshalText([]byte(item)); err != nil {
			t = observe.Text(item)
		}
		all = append(all, t)
	}
	return all
}

func (c *aCase) upgrade(body string) error {
	u := &c.conn.Upgrade
	for _, part := range strings.Split(body, ", ") {
		k, v, _ := strings.Cut(part, " ")
		var err error
		switch k {
		case "offered":
			err = u.Offered.UnmarshalText([]byte(v))
		case "go-ahead":
			err = u.GoAhead.UnmarshalText([]byte(v))
		case "sent":
			u.Sent = observe.Text(v)
		case "reply":
			u.Reply = texts(v)
		default:
			err = fmt.Errorf("nobody knows %q", part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *aCase) offer(body string) error {
	o := &c.conn.Probe.Offer
	*o = observe.Offer{}
	for _, part := range strings.Split(body, ", ") {
		k, v, _ := strings.Cut(part, " ")
		var err error
		switch k {
		case "min":
			o.MinVersion, err = number("version", v)
		case "max":
			o.MaxVersion, err = number("version", v)
		case "sni":
			o.SNI = v
		case "no-sni":
		case "alpn":
			o.ALPN = strings.Fields(v)
		case "suites":
			o.Suites, err = numbers("suite", v)
		case "groups":
			o.Groups, err = numbers("group", v)
		default:
			err = fmt.Errorf("nobody knows %q", part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *aCase) tls(body string) error {
	c.conn.TLS = &observe.TLS{}
	if body == "" {
		return nil
	}
	for _, part := range strings.Split(body, ", ") {
		if err := tlsPart(c.conn.TLS, part); err != nil {
			return fmt.Errorf("%q: %w", part, err)
		}
	}
	return nil
}

func tlsPart(t *observe.TLS, part string) (err error) {
	k, v, _ := strings.Cut(part, " ")
	answers := map[string]*observe.Answer{
		"ems": &t.ExtendedMasterSecret, "secure-renegotiation": &t.SecureRenegotiation, "compression": &t.Compression,
		"hello-retry": &t.HelloRetry, "client-certificate": &t.ClientCertificate, "close-notify": &t.CloseNotify,
	}
	if a := answers[k]; a != nil {
		return a.UnmarshalText([]byte(v))
	}
	var n int
	switch k {
	case "complete":
		t.Complete = true
	case "resumed":
		t.Resumed = true
	case "session-id":
		t.SessionID = true
	case "dh":
		t.DHBits, err = strconv.Atoi(v)
	case "sentinel":
		n, err = strconv.Atoi(v)
		t.DowngradeSentinel = uint8(n)
	case "alpn":
		t.ALPN = observe.Text(v)
	case "garbled":
		t.Garbled = v
	case "ticket":
		var ticket observe.Ticket
		_, err = fmt.Sscan(v+" 0", &ticket.Lifetime, &ticket.EarlyData)
		t.Tickets = append(t.Tickets, ticket)
	case "extensions":
		t.Extensions, err = numbers("extension", v)
	case "version":
		t.Version, err = number(k, v)
	case "suite":
		t.Suite, err = number(k, v)
	case "group":
		t.Group, err = number(k, v)
	case "signature":
		t.SignatureScheme, err = number(k, v)
	default:
		return tlsName(t, part)
	}
	return err
}

// tlsName takes the bare name of a version, a suite or a group.
func tlsName(t *observe.TLS, part string) (err error) {
	if n, err := number("version", part); err == nil {
		t.Version = n
		return nil
	}
	if n, err := number("suite", part); err == nil {
		t.Suite = n
		return nil
	}
	t.Group, err = number("group", part)
	return err
}

// registered are the registered names, by kind.
var registered = sync.OnceValue(func() map[string]uint16 {
	all := make(map[string]uint16)
	for i := 0xffff; i >= 0; i-- {
		n := uint16(i)
		all["version "+strings.ToLower(iana.VersionName(n))] = n
		all["suite "+strings.ToLower(iana.SuiteName(n))] = n
		all["group "+strings.ToLower(iana.GroupName(n))] = n
		all["signature "+strings.ToLower(iana.SignatureSchemeName(n))] = n
		all["extension "+strings.ToLower(iana.ExtensionName(n))] = n
	}
	return all
})

func number(kind, s string) (uint16, error) {
	if n, err := strconv.ParseUint(s, 0, 16); err == nil {
		return uint16(n), nil
	}
	if n, known := registered()[kind+" "+strings.ToLower(s)]; known {
		return n, nil
	}
	return 0, fmt.Errorf("no %s has the name %q", kind, s)
}

func numbers(kind, list string) ([]uint16, error) {
	var all []uint16
	for _, word := range strings.Fields(list) {
		n, err := number(kind, word)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

func (c *aCase) alert(flags, body []string) error {
	if len(flags) == 0 || len(body) != 2 {
		return fmt.Errorf("an alert has a side, a level and a code")
	}
	code, err := strconv.Atoi(body[1])
	level := map[string]uint8{"warning": 1, "fatal": 2}[body[0]]
	c.conn.Alerts = append(c.conn.Alerts, observe.Alert{
		From: observe.Side(flags[0]), Level: level, Code: uint8(code), Sealed: len(flags) > 1,
	})
	return err
}

func (c *aCase) lookup(flags []string, body string) error {
	if len(flags) < 2 {
		return fmt.Errorf("a look-up has a name and a type")
	}
	l := observe.Lookup{
		Name: flags[0], Type: flags[1], At: c.observation.Began, Resolver: "case",
		Answers: strings.Fields(body), State: observe.Indeterminate, End: observe.Done,
	}
	if len(flags) > 2 {
		l.State = observe.DNSSEC(flags[2])
	}
	if len(flags) > 3 {
		l.End = observe.End(flags[3])
	}
	c.observation.Lookups = append(c.observation.Lookups, l)
	return nil
}

// moment reads a day or a time.
func moment(s string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}
