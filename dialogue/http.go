package dialogue

import (
	"net"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// HTTP is the web, RFC 9112, on TLS only. It is here for the hosts that serve
// MTA-STS policies and mail settings; no page is fetched, HEAD is enough to
// see the head.
var HTTP = &Protocol{
	Name: "http", Title: "HTTPS", Role: observe.Other,
	Schemes:    []Scheme{{"https", observe.Implicit}},
	Ports:      []Port{{Number: 443, Mode: observe.Implicit}},
	References: []string{"RFC 9110", "RFC 9112"},
	Greet:      func(*Session) error { return nil },
	Ask:        httpHEAD,
}

// httpHEAD asks for the head of the first page, RFC 9112, section 3, and keeps
// the status line and the fields up to the empty line.
func httpHEAD(s *Session) error {
	host := s.Host
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		host = "[" + host + "]"
	}
	for _, line := range []string{"HEAD / HTTP/1.1", "Host: " + host, "User-Agent: mailseal", "Connection: close", ""} {
		if err := s.Send(line); err != nil {
			return err
		}
	}
	status, err := s.Line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/") {
		return wire.Garbled("expected an HTTP status line, got \"%s\"", shown(status))
	}
	lines := []string{status}
	for {
		line, err := s.Line()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		lines = append(lines, line)
	}
	s.told("HEAD /", lines)
	if words := strings.Fields(status); len(words) > 1 && words[1] == "429" { // Too Many Requests, RFC 6585, section 4
		return turnedAway(true, "answered HEAD by", status)
	}
	return nil
}
