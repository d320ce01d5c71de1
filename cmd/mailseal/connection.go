package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/resolve"
	"github.com/mailseal/mailseal/roots"
)

// connectionFlags say how to come to a server, for all commands that do.
type connectionFlags struct {
	rootFile string

	protocol           string
	starttls, implicit bool
	connect, script    string

	sni         string
	noSNI       bool
	helo        string
	alpn        []string
	ipv4, ipv6  bool
	bind, proxy string
}

func (f *connectionFlags) declare(s *pflag.FlagSet) {
	s.StringVar(&f.rootFile, "roots", "", "trust the certificates of this PEM file, instead of Mozilla's and the system's")
	s.StringVar(&f.protocol, "protocol", "", "speak this protocol, whatever scheme and port say")
	s.BoolVar(&f.starttls, "starttls", false, "start in clear and go over to TLS")
	s.BoolVar(&f.implicit, "implicit", false, "speak TLS at once")
	s.StringVar(&f.connect, "connect", "", "dial this host, host:port or [v6]:port; names are still verified as given")
	s.StringVar(&f.script, "dialogue", "", "speak by this file of expect, send and starttls steps")
	s.StringVar(&f.sni, "sni", "", "ask for the certificate of this name, instead of the target's")
	s.BoolVar(&f.noSNI, "no-sni", false, "name no server in the ClientHello")
	s.StringVar(&f.helo, "helo", "", "the name for EHLO and LHLO; by default this machine's, or its address")
	s.StringSliceVar(&f.alpn, "alpn", nil, "offer these ALPN ids; none by default")
	s.BoolVarP(&f.ipv4, "ipv4", "4", false, "use IPv4 only")
	s.BoolVarP(&f.ipv6, "ipv6", "6", false, "use IPv6 only")
	s.StringVar(&f.bind, "bind", "", "call from this local address")
	s.StringVar(&f.proxy, "proxy", "", "go through socks5://host:port or http://host:port; with a password by MAILSEAL_PROXY only")
}

// read turns words into targets and options.
func (f *connectionFlags) read(typed []string) ([]observe.Target, *probe.Options, error) {
	by := probe.Override{Protocol: f.protocol, Connect: f.connect}
	switch {
	case f.starttls && f.implicit:
		return nil, nil, errors.New("--starttls and --implicit exclude each other")
	case f.starttls:
		by.Mode = observe.StartTLS
	case f.implicit:
		by.Mode = observe.Implicit
	}
	o, err := f.options()
	if err != nil {
		return nil, nil, err
	}
	by.Script = o.Script
	_, because, _ := f.family()
	var targets []observe.Target
	for _, w := range typed {
		t, err := probe.ReadTarget(w, by)
		if err != nil {
			return nil, nil, err
		}
		if err := f.fits(t, o.Family, because); err != nil {
			return nil, nil, err
		}
		targets = append(targets, t)
	}
	return targets, o, nil
}

// family is the version of IP that is left: -4 and -6 say so, and an address
// to call from is of one.
func (f *connectionFlags) family() (family resolve.Family, because string, err error) {
	if f.ipv4 && f.ipv6 {
		return "", "", errors.New("-4 and -6 exclude each other; without either both are looked at")
	}
	if f.bind != "" {
		a, err := netip.ParseAddr(f.bind)
		switch {
		case err != nil:
			return "", "", fmt.Errorf("--bind %q: a local address is needed, such as 192.0.2.1", f.bind)
		case a.Is4() && f.ipv6 || a.Is6() && f.ipv4:
			return "", "", fmt.Errorf("--bind %s is of the family that -4 or -6 leaves out", f.bind)
		case a.Is4():
			return resolve.IPv4, "--bind " + f.bind, nil
		}
		return resolve.IPv6, "--bind " + f.bind, nil
	}
	switch {
	case f.ipv4:
		return resolve.IPv4, "-4", nil
	case f.ipv6:
		return resolve.IPv6, "-6", nil
	}
	return resolve.Any, "", nil
}

// fits refuses an address of the family that is left out. A name is fine: it
// is looked up in the other.
func (f *connectionFlags) fits(t observe.Target, family resolve.Family, because string) error {
	dialled := t.Host
	if t.Connect != "" {
		dialled = t.Connect
	}
	a, err := netip.ParseAddr(dialled)
	if err != nil {
		ap, err := netip.ParseAddrPort(dialled)
		if err != nil {
			return nil
		}
		a = ap.Addr()
	}
	if family == resolve.IPv4 && a.Is6() || family == resolve.IPv6 && a.Is4() {
		return fmt.Errorf("target %q: %s leaves out the family of the address %s", t.Typed, because, a)
	}
	return nil
}

func (f *connectionFlags) options() (*probe.Options, error) {
	family, _, err := f.family()
	if err != nil {
		return nil, err
	}
	o := &probe.Options{
		Tool: tool(), Helo: f.helo, SNI: f.sni, NoSNI: f.noSNI, ALPN: f.alpn, Family: family,
		Bind: f.bind,
	}
	if f.sni != "" && f.noSNI {
		return nil, errors.New("--sni and --no-sni exclude each other")
	}
	if o.ALPN, err = probe.ReadALPN(o.ALPN); err != nil {
		return nil, fmt.Errorf("--alpn: %w", err)
	}
	if o.SNI != "" {
		if o.SNI, err = probe.ReadServerName(o.SNI); err != nil {
			return nil, fmt.Errorf("--sni: %w", err)
		}
	}
	if strings.ContainsAny(f.helo, " \r\n\t\x00") {
		return nil, fmt.Errorf("--helo %q: a name or an address literal has no spaces or line ends", f.helo)
	}
	if o.Proxy, err = f.readProxy(); err != nil {
		return nil, err
	}
	if o.Script, err = f.readScript(); err != nil {
		return nil, err
	}
	o.Stores, err = f.stores()
	return o, err
}

func (f *connectionFlags) readProxy() (*url.URL, error) {
	if f.proxy != "" {
		return probe.ReadProxy(f.proxy, false)
	}
	if secret := os.Getenv("MAILSEAL_PROXY"); secret != "" {
		return probe.ReadProxy(secret, true)
	}
	return nil, nil
}

func (f *connectionFlags) readScript() (*dialogue.Protocol, error) {
	if f.script == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.script)
	if err != nil {
		return nil, fmt.Errorf("--dialogue: %w", err)
	}
	p, err := dialogue.ReadScript(string(text))
	if err != nil {
		return nil, fmt.Errorf("--dialogue %s: %w", f.script, err)
	}
	return p, nil
}

// stores are Mozilla's roots and the system's, or those of the file alone.
func (f *connectionFlags) stores() ([]probe.Store, error) {
	if f.rootFile != "" {
		s, err := roots.File(f.rootFile)
		if err != nil {
			return nil, fmt.Errorf("--roots: %w", err)
		}
		return []probe.Store{s}, nil
	}
	mozilla, err := roots.Mozilla()
	if err != nil {
		return nil, ownFailure{err}
	}
	stores := []probe.Store{mozilla}
	// A machine without a store of its own is no failure: there is one store
	// fewer to ask.
	if system, err := roots.System(); err == nil {
		stores = append(stores, system)
	}
	return stores, nil
}

func protocolNames() []string {
	var names []string
	for _, p := range dialogue.All {
		names = append(names, p.Name)
	}
	return names
}
