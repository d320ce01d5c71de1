package dialogue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// Postgres is the PostgreSQL database, its frontend/backend protocol 3.0,
// section "SSL Session Encryption". The client speaks first, and there is
// nothing to ask before a login.
var Postgres = &Protocol{
	Name: "postgres", Title: "PostgreSQL", Role: observe.Other, Binary: true,
	Schemes:    []Scheme{{"postgres", observe.StartTLS}},
	Ports:      []Port{{Number: 5432, Mode: observe.StartTLS}},
	References: []string{"PostgreSQL Frontend/Backend Protocol"},
	Greet:      func(*Session) error { return nil },
	Ask:        func(*Session) error { return nil },
	Upgrade:    postgresSSL,
	Again:      tlsListen, // nothing is to be said before a login, but session tickets and alerts come
}

// sslRequest is a length of 8 and the code 80877103, which no protocol
// version can have.
var sslRequest = []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}

// postgresSSL asks for TLS. The answer is one byte, S or N, and exactly that
// byte is read: what is behind it came in clear and is residue, the bug of
// CVE-2021-23222.
func postgresSSL(s *Session) error {
	s.upgrading("SSLRequest")
	if err := s.SendMessage(sslRequest); err != nil {
		return err
	}
	b, err := s.Message(1)
	if err != nil {
		return err
	}
	switch b[0] {
	case 'S', 'N':
		s.Heard(b)
		return s.answered(b[0] == 'S', string(b))
	case 'E':
		return postgresError(s)
	}
	return wire.Garbled("expected S or N, got \"%s\"", shown(string(s.garbage(b))))
}

const postgresErrorLimit = 8192

// postgresError reads an ErrorResponse, of which the first byte is taken:
// a length, and then fields of one letter and a text that ends with a zero.
func postgresError(s *Session) error {
	head, err := s.Message(4)
	if err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint32(head)) - 4
	if size < 0 || size > postgresErrorLimit {
		return wire.Garbled("expected a PostgreSQL error, got \"%s\"", shown(string(s.garbage(append([]byte{'E'}, head...)))))
	}
	body, err := s.Message(int(size))
	if err != nil {
		return err
	}
	s.Heard(append(append([]byte{'E'}, head...), body...))
	var severity, code, message string
	for _, f := range bytes.Split(body, []byte{0}) {
		switch {
		case len(f) == 0:
		case f[0] == 'S':
			severity = string(f[1:])
		case f[0] == 'C':
			code = string(f[1:])
		case f[0] == 'M':
			message = string(f[1:])
		}
	}
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s", severity, code, message))
	if code == "53300" || code == "57P03" { // too_many_connections, cannot_connect_now
		return s.putOff(text)
	}
	return s.answered(false, text)
}
