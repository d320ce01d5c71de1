package dialogue

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// XMPPClient is chat between a user and a server, RFC 6120. TLS from the
// start is XEP-0368.
var XMPPClient = &Protocol{
	Name: "xmpp-client", Title: "XMPP", Role: observe.Other,
	Schemes: []Scheme{{"xmpp-client", observe.StartTLS}, {"xmpps-client", observe.Implicit}},
	Ports: []Port{
		{Number: 5222, Mode: observe.StartTLS},
		{Number: 5223, Mode: observe.Implicit},
	},
	References: []string{"RFC 6120", "RFC 7590", "XEP-0368"},
	Greet:      func(s *Session) error { return xmppStream(s, "jabber:client") },
	Ask:        xmppFeatures,
	Upgrade:    xmppSTARTTLS,
	Again:      func(s *Session) error { return xmppAgain(s, "jabber:client") },
	Leave:      xmppLeave,
}

// XMPPServer is chat between servers, RFC 6120.
var XMPPServer = &Protocol{
	Name: "xmpp-server", Title: "XMPP between servers", Role: observe.Other,
	Schemes: []Scheme{{"xmpp-server", observe.StartTLS}, {"xmpps-server", observe.Implicit}},
	Ports: []Port{
		{Number: 5269, Mode: observe.StartTLS},
		{Number: 5270, Mode: observe.Implicit},
	},
	References: []string{"RFC 6120", "RFC 7590", "XEP-0368"},
	Greet:      func(s *Session) error { return xmppStream(s, "jabber:server") },
	Ask:        xmppFeatures,
	Upgrade:    xmppSTARTTLS,
	Again:      func(s *Session) error { return xmppAgain(s, "jabber:server") },
	Leave:      xmppLeave,
}

const xmppTLS = "urn:ietf:params:xml:ns:xmpp-tls"

// xmppStream opens a stream, RFC 6120, section 4.2, and reads the server's
// opening. Between servers we must say who we are (section 4.7.1). Behind TLS
// a server may have nothing to offer to a stranger without a certificate, and
// close the stream with an error: Prosody does where dialback is off.
func xmppStream(s *Session, namespace string) error {
	to, from := s.Domain, ""
	if to == "" {
		to = s.Host
	}
	if namespace == "jabber:server" {
		from = fmt.Sprintf(" from='%s'", xmlEscaped(s.Helo))
	}
	open := fmt.Sprintf("<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='http://etherx.jabber.org/streams'%s to='%s' version='1.0'>",
		namespace, from, xmlEscaped(to))
	if err := s.SendMessage([]byte(open)); err != nil {
		return err
	}
	r := xmppReader{s: s}
	defer r.record()
	t, err := r.element()
	if err != nil {
		return err
	}
	if t.name == "error" {
		return r.streamError(t)
	}
	if t.name != "stream" || t.kind != xmlStart {
		return wire.Garbled("expected an XMPP stream, got \"%s\"", shown(t.raw))
	}
	if t.attribute("version") == "" {
		return &wire.Stop{End: observe.Refused, Cause: "the server speaks XMPP older than 1.0, which has no TLS"}
	}
	return nil
}

// xmppFeatures reads up to </stream:features>, RFC 6120, section 4.3.2. It
// may come in many segments.
func xmppFeatures(s *Session) error {
	r := xmppReader{s: s}
	defer r.record()
	t, err := r.element()
	if err != nil {
		return err
	}
	if t.name == "error" {
		return r.streamError(t)
	}
	if t.name != "features" {
		return wire.Garbled("expected XMPP stream features, got \"%s\"", shown(t.raw))
	}
	n, err := r.node(t, 0)
	if err != nil {
		return err
	}
	s.told("stream", n.items())
	return nil
}

// xmppSTARTTLS asks for TLS, RFC 6120, section 5.4.2. No white space may
// stand between the elements (section 5.3.3), so nothing is sent behind ours,
// and whatever comes behind <proceed/> is residue.
func xmppSTARTTLS(s *Session) error {
	s.Record.Upgrade.Offered = xmppOffers(s.Record.Clear)
	command := "<starttls xmlns='" + xmppTLS + "'/>"
	s.upgrading(command)
	if err := s.SendMessage([]byte(command)); err != nil {
		return err
	}
	r := xmppReader{s: s}
	defer r.record()
	t, err := r.element()
	if err != nil {
		return err
	}
	if t.name == "error" {
		return r.streamError(t)
	}
	if t.name != "proceed" && t.name != "failure" {
		return wire.Garbled("expected <proceed/> or <failure/>, got \"%s\"", shown(t.raw))
	}
	if _, err := r.node(t, 0); err != nil {
		return err
	}
	return s.answered(t.name == "proceed", strings.TrimSpace(string(r.raw)))
}

// xmppAgain opens a new stream inside TLS, RFC 6120, section 5.4.3.3: the old
// one is forgotten, and the features are told anew.
func xmppAgain(s *Session, namespace string) error {
	if err := xmppStream(s, namespace); err != nil {
		return err
	}
	return xmppFeatures(s)
}

// xmppLeave closes the stream, RFC 6120, section 4.4.
func xmppLeave(s *Session) { s.SendMessage([]byte("</stream:stream>")) }

// streamError turns <stream:error> into an end, RFC 6120, section 4.9. The
// first child names the condition.
func (r *xmppReader) streamError(t xmlToken) error {
	n, err := r.node(t, 0)
	if err != nil {
		return err
	}
	var condition string
	var words []string
	for i, c := range n.children {
		if i == 0 {
			condition = c.name
		}
		if c.name != "text" {
			words = append(words, c.name)
		}
		if c.text != "" {
			words = append(words, c.text)
		}
	}
	later := condition == "resource-constraint" || condition == "system-shutdown"
	return turnedAway(later, "closed the stream with", strings.Join(words, " "))
}

func xmppOffers(c *observe.Capabilities) observe.Answer {
	if c == nil {
		return observe.Unknown
	}
	for _, i := range c.Items {
		if word, _, _ := strings.Cut(string(i), " "); word == "starttls" {
			return observe.Yes
		}
	}
	return observe.No
}

// xmlNode is an element as far as it matters here: three levels.
type xmlNode struct {
	name       string
	attributes []string // "type=tls-exporter"; no namespaces
	text       string
	children   []xmlNode
}

// items lists the children of <features> in words: "starttls required",
// "mechanism PLAIN", "compression method zlib", "bind".
func (n xmlNode) items() []string {
	var items []string
	for _, c := range n.children {
		if len(c.children) == 0 {
			items = append(items, c.words())
			continue
		}
		for _, g := range c.children {
			if c.name == "mechanisms" {
				items = append(items, g.words())
				continue
			}
			items = append(items, c.name+" "+g.words())
		}
	}
	return items
}

func (n xmlNode) words() string {
	words := append([]string{n.name}, n.attributes...)
	if n.text != "" {
		words = append(words, n.text)
	}
	return strings.Join(words, " ")
}

// xmppReader reads XML from the wire byte by byte, so that it stops right
// behind the element that was asked for. encoding/xml reads ahead.
type xmppReader struct {
	s        *Session
	raw      []byte // what was taken
	elements int
}

// record writes down what was read as one message.
func (r *xmppReader) record() {
	if len(r.raw) > 0 {
		r.s.Heard(r.raw)
	}
}

const (
	xmlTokenLimit   = 8192 // bytes of one tag with the text in front of it
	xmlDepthLimit   = 16
	xmlElementLimit = 1000
)

type xmlKind uint8

const (
	xmlStart xmlKind = iota
	xmlEnd
	xmlEmpty
)

// xmlToken is a tag and the text in front of it.
type xmlToken struct {
	kind xmlKind
	name string // without prefix
	text string
	tag  string // between < and >
	raw  string
}

// element reads the next tag of the stream itself: the XML declaration and
// white space are passed over, and the end of the stream ends the
// conversation.
func (r *xmppReader) element() (xmlToken, error) {
	for {
		t, err := r.token(true)
		if err != nil {
			return t, err
		}
		if strings.HasPrefix(t.tag, "?") {
			continue
		}
		if t.kind == xmlEnd {
			return t, &wire.Stop{End: observe.Closed, Cause: "the server closed the stream"}
		}
		return t, nil
	}
}

// token reads up to the next ">" that is not inside an attribute's value. At
// the top of a stream there is no text between tags, only white space.
func (r *xmppReader) token(top bool) (xmlToken, error) {
	var b []byte
	open, quote := -1, byte(0)
	for len(b) < xmlTokenLimit {
		c, err := r.s.Message(1)
		if err != nil {
			return xmlToken{}, err
		}
		if top && open < 0 && strings.IndexByte("< \t\r\n", c[0]) < 0 {
			r.raw = nil // all is recorded now
			return xmlToken{}, wire.Garbled("expected XML, got \"%s\"", shown(string(r.s.garbage(append(b, c[0])))))
		}
		r.raw = append(r.raw, c[0])
		b = append(b, c[0])
		switch {
		case open < 0:
			if c[0] == '<' {
				open = len(b) - 1
			}
		case quote != 0:
			if c[0] == quote {
				quote = 0
			}
		case c[0] == '\'' || c[0] == '"':
			quote = c[0]
		case c[0] == '>':
			return cutToken(b, open)
		}
	}
	return xmlToken{}, &wire.Stop{End: observe.Excess, Cause: fmt.Sprintf("an XML tag of more than %d bytes", xmlTokenLimit)}
}

// cutToken takes a tag apart. Comments and document types are forbidden in
// XMPP, RFC 6120, section 11.1.
func cutToken(b []byte, open int) (xmlToken, error) {
	t := xmlToken{text: string(b[:open]), tag: string(b[open+1 : len(b)-1]), raw: string(b[open:])}
	if strings.HasPrefix(t.tag, "!") {
		return t, wire.Garbled("expected an XML element, got \"%s\"", shown(t.raw))
	}
	name := t.tag
	switch {
	case strings.HasPrefix(name, "/"):
		t.kind, name = xmlEnd, name[1:]
	case strings.HasSuffix(name, "/"):
		t.kind, name = xmlEmpty, name[:len(name)-1]
	}
	if end := strings.IndexAny(name, " \t\r\n"); end >= 0 {
		name = name[:end]
	}
	t.name = name[strings.LastIndexByte(name, ':')+1:]
	return t, nil
}

// attributes lists name and value of what stands in a tag behind its name.
func (t xmlToken) attributes() [][2]string {
	var list [][2]string
	_, rest, _ := strings.Cut(t.tag, " ")
	for {
		name, after, ok := strings.Cut(rest, "=")
		after = strings.TrimSpace(after)
		if !ok || after == "" || after[0] != '\'' && after[0] != '"' {
			return list
		}
		value, next, ok := strings.Cut(after[1:], after[:1])
		if !ok {
			return list
		}
		list = append(list, [2]string{strings.TrimSpace(name), value})
		rest = next
	}
}

func (t xmlToken) attribute(name string) string {
	for _, a := range t.attributes() {
		if a[0] == name {
			return a[1]
		}
	}
	return ""
}

// node reads the rest of the element that t begins.
func (r *xmppReader) node(t xmlToken, depth int) (xmlNode, error) {
	n := xmlNode{name: t.name}
	for _, a := range t.attributes() {
		if !strings.HasPrefix(a[0], "xmlns") {
			n.attributes = append(n.attributes, a[0]+"="+a[1])
		}
	}
	if r.elements++; depth > xmlDepthLimit || r.elements > xmlElementLimit {
		return n, &wire.Stop{End: observe.Excess, Cause: "too many XML elements"}
	}
	if t.kind == xmlEmpty {
		return n, nil
	}
	for {
		next, err := r.token(false)
		if err != nil {
			return n, err
		}
		n.text += strings.TrimSpace(next.text)
		if next.kind == xmlEnd && next.name == t.name {
			return n, nil
		}
		if next.kind == xmlEnd {
			return n, wire.Garbled("the XML element %s is closed by \"%s\"", shown(t.name), shown(next.raw))
		}
		child, err := r.node(next, depth+1)
		if err != nil {
			return n, err
		}
		n.children = append(n.children, child)
	}
}

func xmlEscaped(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
