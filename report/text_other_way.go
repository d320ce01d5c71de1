package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// A port that is asked in the wrong mode behaves in one of two ways: it speaks
// in clear where TLS was expected, or it says nothing (or a TLS alert) because
// it waits for TLS. Both look like a fault of the server, and mostly are one
// of the person who asked.

// schemes are the URL schemes of each protocol: with STARTTLS, and with TLS at
// once. Where one is empty the flag says it.
var schemes = map[string][2]string{
	"smtp":        {"smtp", "smtps"},
	"submission":  {"submission", "submissions"},
	"lmtp":        {"lmtp", ""},
	"imap":        {"imap", "imaps"},
	"pop3":        {"pop3", "pop3s"},
	"sieve":       {"sieve", ""},
	"nntp":        {"nntp", "nntps"},
	"ftp":         {"ftp", "ftps"},
	"irc":         {"irc", "ircs"},
	"xmpp-client": {"xmpp-client", "xmpps-client"},
	"xmpp-server": {"xmpp-server", "xmpps-server"},
	"ldap":        {"ldap", "ldaps"},
	"postgres":    {"postgres", ""},
	"mysql":       {"mysql", ""},
}

// otherWay advises to ask the port in the other mode where it behaves like it;
// otherwise it is empty. On a usual port nobody chose the mode.
func (t *text) otherWay(on observe.Endpoint) string {
	e := t.r.of(on)
	if e == nil || e.Via == "port" {
		return ""
	}
	c := t.best(*e)
	switch {
	case e.Protocol == "tls" && speaksClear(c):
		return "The port speaks in clear at first: name the protocol that goes over to TLS there, such as smtp:// or imap://."
	case e.Protocol == "http": // has no other way
	case e.Mode == observe.Implicit && speaksClear(c):
		return fmt.Sprintf("The port speaks in clear at first: try %s.", t.as(*e, 0, "--starttls"))
	case e.Mode == observe.StartTLS && waitsForTLS(c):
		return fmt.Sprintf("A port that wants TLS at once looks like this: try %s.", t.as(*e, 1, "--implicit"))
	}
	return ""
}

// speaksClear tells whether a server spoke where it should have sent TLS.
func speaksClear(c *observe.Conn) bool { return c.TLS == nil && heard(c) }

// waitsForTLS tells whether a server behaves as one that waits for a
// ClientHello: it says nothing, or hangs up, or sends an alert at our words.
func waitsForTLS(c *observe.Conn) bool {
	return c.TLS == nil && c.Reached != observe.Nothing && c.End != observe.Refused && !heard(c)
}

// heard tells whether the server said something in clear that is no TLS alert.
func heard(c *observe.Conn) bool {
	return slices.ContainsFunc(c.Lines, func(l observe.Line) bool {
		return l.From == observe.Server && !l.Sealed && !strings.HasPrefix(string(l.Text), "\x15\x03")
	})
}

// as writes the target with the other scheme, or with the flag.
func (t *text) as(e Endpoint, mode int, flag string) string {
	scheme := schemes[e.Protocol][mode]
	host := t.r.Observation.Target.Host
	if scheme == "" || host == "" || e.Network != "tcp" {
		return flag
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if e.Domain != "" {
		host = e.Domain + "@" + host
	}
	return fmt.Sprintf("%s://%s:%s", scheme, host, portOf(e.Endpoint))
}
