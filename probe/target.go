package probe

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
)

// Override is what a person says beside the target.
type Override struct {
	Protocol string             // name of a dialogue; empty: told by scheme or port
	Mode     observe.Mode       // empty: told by scheme or port
	Connect  string             // "host", "host:port" or "[v6]:port" to dial instead
	Script   *dialogue.Protocol // a dialogue file that speaks instead: only a port is needed
}

// ReadTarget reads a target as a person types it:
//
//	host  host:port  [v6]:port  scheme://host[:port]  xmpp-client://domain@host
//	unix:///path  scheme+unix:///path
//
// The error is one line that says what was understood and what is allowed.
func ReadTarget(typed string, by Override) (observe.Target, error) {
	t := observe.Target{Typed: typed, Connect: by.Connect}
	if by.Connect != "" {
		if _, _, err := splitHostPort(by.Connect); err != nil {
			return t, fmt.Errorf("--connect: %w", err)
		}
	}
	rest, err := readScheme(&t, typed)
	if err != nil {
		return t, err
	}
	if t.Path == "" {
		if err := readHostPort(&t, rest); err != nil {
			return t, err
		}
	}
	return t, settle(&t, by)
}

// readScheme reads what stands before "://" and returns what is left.
func readScheme(t *observe.Target, typed string) (rest string, err error) {
	scheme, rest, found := strings.Cut(typed, "://")
	if before, path, ok := strings.Cut(typed, "unix:"); ok && (before == "" || strings.HasSuffix(before, "+")) {
		scheme, rest, found = strings.TrimSuffix(before, "+"), "", true
		t.Path = strings.TrimPrefix(path, "//")
		if !strings.HasPrefix(t.Path, "/") {
			return "", fmt.Errorf("target %q: the path of a socket begins with a slash, as in lmtp+unix:///run/lmtp", typed)
		}
		if scheme == "" {
			return "", nil
		}
	}
	if !found {
		return typed, nil
	}
	p, mode := dialogue.ByScheme(strings.ToLower(scheme))
	if p == nil {
		return "", fmt.Errorf("target %q: %q is no scheme that mailseal knows; it knows %s", typed, scheme, schemes())
	}
	t.Protocol, t.Mode = p.Name, mode
	return rest, nil
}

func schemes() string {
	var names []string
	for _, p := range dialogue.All {
		for _, s := range p.Schemes {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}

func readHostPort(t *observe.Target, rest string) error {
	rest, path, _ := strings.Cut(rest, "/")
	if strings.Trim(path, "/") != "" {
		return fmt.Errorf("target %q: understood host %q, but a path has no meaning here", t.Typed, rest)
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		domain, err := asciiName(rest[:at])
		if err != nil || !strings.HasPrefix(t.Protocol, "xmpp") {
			// What was typed may hold a password: it is not repeated.
			return fmt.Errorf("target at host %q: the part before the @ is allowed only as the domain of xmpp-client:// and xmpp-server://; mailseal takes no user name here", rest[at+1:])
		}
		t.Domain, rest = domain, rest[at+1:]
	}
	host, port, err := splitHostPort(rest)
	if err != nil {
		return fmt.Errorf("target %q: %w", t.Typed, err)
	}
	t.Host, t.Port = host, port
	return nil
}

// splitHostPort reads host, host:port, an address literal with or without
// brackets, and [v6]:port. The port is 0 where there is none.
func splitHostPort(s string) (host string, port int, err error) {
	if a, ok := literal(s); ok {
		return a, 0, nil
	}
	if strings.HasPrefix(s, "[") && !strings.Contains(s, "]") {
		return "", 0, fmt.Errorf("the bracket is not closed; an IPv6 address with a port is written [2001:db8::1]:25")
	}
	host = s
	if i := strings.LastIndex(s, ":"); i >= 0 {
		host = s[:i]
		if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
			return "", 0, fmt.Errorf("an IPv6 address with a port is written [2001:db8::1]:25, not %q", s)
		}
		port, err = strconv.Atoi(s[i+1:])
		if err != nil || port < 1 || port > 65535 {
			return "", 0, fmt.Errorf("understood host %q, but %q is no port; a port is a number from 1 to 65535", host, s[i+1:])
		}
	}
	if a, ok := literal(host); ok {
		return a, port, nil
	}
	host, err = asciiName(host)
	return host, port, err
}

// literal reads an address literal, with brackets around it or without.
func literal(s string) (string, bool) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if s, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", false
		}
	}
	a, err := netip.ParseAddr(s)
	return a.String(), err == nil
}

// asciiName turns a name into its A-label form, lower case, without trailing
// dot, by the look-up rules of IDNA 2008 (RFC 5891, section 5).
func asciiName(name string) (string, error) {
	name = strings.TrimSuffix(name, ".")
	if name == "" {
		return "", fmt.Errorf("no host name; a target is a host, host:port or a URL such as imaps://imap.example.org")
	}
	// Underscores and other odd names of the DNS pass; only what IDNA must
	// change is held to its rules.
	if isPlainName(name) {
		return strings.ToLower(name), nil
	}
	a, err := idna.Lookup.ToASCII(name)
	if err != nil || !isPlainName(a) {
		return "", fmt.Errorf("%q is no host name; letters, digits, hyphens and dots are allowed, and international letters by IDNA", observe.Escape(name))
	}
	return a, nil
}

// ReadServerName reads what a person wants to say in SNI: a name, by IDNA,
// without trailing dot, and never an address (RFC 6066, section 3).
func ReadServerName(typed string) (string, error) {
	if _, ok := literal(typed); ok {
		return "", fmt.Errorf("%q is an address, and SNI takes names only", typed)
	}
	return asciiName(typed)
}

// ReadALPN holds ids to what ALPN can carry: 1 to 255 bytes each (RFC 7301,
// section 3.1). Where they were sent all the same, the server would get the
// blame.
func ReadALPN(ids []string) ([]string, error) {
	for _, id := range ids {
		if id == "" || len(id) > 255 {
			return nil, fmt.Errorf("%q is no ALPN id; one has 1 to 255 bytes", observe.Escape(id))
		}
	}
	return ids, nil
}

func isPlainName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !(c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
				return false
			}
		}
	}
	return true
}

// settle fills what is left open from the port, and lets the override win.
func settle(t *observe.Target, by Override) error {
	if by.Script != nil {
		return settleScript(t, by)
	}
	if by.Protocol != "" {
		p := dialogue.ByName(by.Protocol)
		if p == nil {
			return fmt.Errorf("protocol %q is not known; mailseal speaks %s", by.Protocol, protocols())
		}
		t.Protocol = p.Name
		if t.Mode != "" && p.Upgrade == nil {
			t.Mode = observe.Implicit
		}
	}
	if t.Protocol == "" && t.Port != 0 {
		p, port := dialogue.ByPort(t.Port)
		if p == nil {
			return fmt.Errorf("target %q: understood host %q and port %d, but that port tells no protocol; write it as smtp://%[2]s:%[3]d or add --protocol", t.Typed, t.Host, t.Port)
		}
		t.Protocol, t.Mode = p.Name, port.Mode
	}
	if t.Protocol == "" && t.Path != "" {
		return fmt.Errorf("target %q: a socket tells no protocol; write it as lmtp+unix://%s or add --protocol", t.Typed, t.Path)
	}
	if by.Mode != "" {
		t.Mode = by.Mode
	}
	if t.Protocol == "" { // a bare host: its usual ports
		if by.Mode != "" {
			return fmt.Errorf("target %q: understood a bare host; --starttls and --implicit need a port, a scheme or --protocol", t.Typed)
		}
		return nil
	}
	return settleMode(t)
}

// settleScript makes a target of any port that a dialogue file speaks to.
func settleScript(t *observe.Target, by Override) error {
	t.Protocol, t.Mode = by.Script.Name, observe.Implicit
	if by.Script.Upgrade != nil {
		t.Mode = observe.StartTLS
	}
	if t.Port == 0 && t.Path == "" {
		return fmt.Errorf("target %q: a dialogue file needs a port, as in %s:4711", t.Typed, t.Typed)
	}
	return nil
}

func settleMode(t *observe.Target) error {
	p := dialogue.ByName(t.Protocol)
	if t.Mode == "" {
		t.Mode = defaultMode(p, t.Port)
	}
	if t.Mode == observe.StartTLS && p.Upgrade == nil {
		return fmt.Errorf("target %q: %s has no upgrade to TLS; use it with TLS at once (%s)", t.Typed, p.Title, p.Schemes[len(p.Schemes)-1].Name)
	}
	if t.Port == 0 && t.Path == "" {
		t.Port = p.PortFor(t.Mode)
	}
	if t.Port == 0 && t.Path == "" {
		return fmt.Errorf("target %q: understood %s, but it has no usual port in this mode; add one, as in %s:PORT", t.Typed, p.Title, t.Typed)
	}
	return nil
}

func defaultMode(p *dialogue.Protocol, port int) observe.Mode {
	for _, known := range p.Ports {
		if known.Number == port {
			return known.Mode
		}
	}
	if p.Upgrade == nil {
		return observe.Implicit
	}
	return observe.StartTLS
}

func protocols() string {
	var names []string
	for _, p := range dialogue.All {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// ReadProxy reads socks5://host:port or http://host:port. A password may be
// in it only where it did not come by the command line.
func ReadProxy(typed string, secretAllowed bool) (*url.URL, error) {
	u, err := url.Parse(typed)
	if err != nil || u.Host == "" || u.Scheme != "socks5" && u.Scheme != "http" {
		return nil, fmt.Errorf("a proxy is written socks5://host:port or http://host:port")
	}
	if _, _, err := splitHostPort(u.Host); err != nil || u.Port() == "" {
		return nil, fmt.Errorf("proxy %q: a host and a port are needed, as in %s://127.0.0.1:1080", u.Redacted(), u.Scheme)
	}
	if _, set := u.User.Password(); set && !secretAllowed {
		return nil, fmt.Errorf("a proxy's password on the command line can be read by everyone on this machine; put the URL into MAILSEAL_PROXY instead")
	}
	return u, nil
}
