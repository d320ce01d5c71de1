package dialogue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// MySQL is the MySQL and MariaDB database, version 10 of its handshake. The
// server greets with a packet that says whether it can do TLS; a client that
// wants TLS answers with the first part of its login and goes on in TLS
// without another word. There is no acknowledgement.
//
// A server counts connections without a login, and may block an address that
// made too many (max_connect_errors).
var MySQL = &Protocol{
	Name: "mysql", Title: "MySQL", Role: observe.Other, Binary: true,
	Schemes:    []Scheme{{"mysql", observe.StartTLS}},
	Ports:      []Port{{Number: 3306, Mode: observe.StartTLS}},
	References: []string{"MySQL Client/Server Protocol"},
	Greet:      mysqlGreeting,
	Ask:        func(*Session) error { return nil }, // the greeting has told
	Upgrade:    mysqlSSL,
	Again:      tlsListen, // nothing is to be said before a login, but session tickets and alerts come
}

// mysqlFlags are the capability flags by their bit.
var mysqlFlags = [32]string{
	0: "CLIENT_LONG_PASSWORD", 1: "CLIENT_FOUND_ROWS", 2: "CLIENT_LONG_FLAG", 3: "CLIENT_CONNECT_WITH_DB",
	4: "CLIENT_NO_SCHEMA", 5: "CLIENT_COMPRESS", 6: "CLIENT_ODBC", 7: "CLIENT_LOCAL_FILES",
	8: "CLIENT_IGNORE_SPACE", 9: "CLIENT_PROTOCOL_41", 10: "CLIENT_INTERACTIVE", 11: "CLIENT_SSL",
	12: "CLIENT_IGNORE_SIGPIPE", 13: "CLIENT_TRANSACTIONS", 14: "CLIENT_RESERVED", 15: "CLIENT_SECURE_CONNECTION",
	16: "CLIENT_MULTI_STATEMENTS", 17: "CLIENT_MULTI_RESULTS", 18: "CLIENT_PS_MULTI_RESULTS", 19: "CLIENT_PLUGIN_AUTH",
	20: "CLIENT_CONNECT_ATTRS", 21: "CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA", 22: "CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS",
	23: "CLIENT_SESSION_TRACK", 24: "CLIENT_DEPRECATE_EOF",
}

const (
	mysqlSSLFlag     = 1 << 11
	mysqlPacketLimit = 8192
)

// mysqlHello is what the greeting says, as far as it matters here.
type mysqlHello struct {
	version string
	flags   uint32
}

// mysqlGreeting reads the greeting.
func mysqlGreeting(s *Session) error {
	packet, err := mysqlPacket(s)
	if err != nil {
		return err
	}
	if len(packet) > 0 && packet[0] == 0xff {
		return mysqlError(packet)
	}
	hello, err := parseMySQL(packet)
	if err != nil {
		return err
	}
	items := []string{"version " + hello.version}
	for bit, name := range mysqlFlags {
		if hello.flags&(1<<bit) != 0 && name != "" {
			items = append(items, name)
		}
	}
	s.told("greeting", items)
	return nil
}

// mysqlPacket reads one packet: three bytes of length, a number, the payload.
func mysqlPacket(s *Session) ([]byte, error) {
	head, err := s.Message(4)
	if err != nil {
		return nil, err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size == 0 || size > mysqlPacketLimit || head[3] != 0 {
		return nil, wire.Garbled("expected a MySQL greeting, got \"%s\"", shown(string(s.garbage(head))))
	}
	payload, err := s.Message(size)
	if err != nil {
		return nil, err
	}
	s.Heard(append(head, payload...))
	return payload, nil
}

// parseMySQL reads the payload of the greeting: the protocol's version, the
// server's version up to a zero, four bytes of connection id, eight of a
// challenge, a zero, and half of the flags; then, where there is more, the
// character set, two bytes of status and the other half.
func parseMySQL(b []byte) (mysqlHello, error) {
	var h mysqlHello
	if len(b) == 0 || b[0] != 10 {
		return h, wire.Garbled("expected a MySQL greeting of version 10, got \"%s\"", shown(string(b)))
	}
	end := bytes.IndexByte(b, 0)
	if end < 0 || len(b) < end+1+4+8+1+2 {
		return h, wire.Garbled("the MySQL greeting is too short")
	}
	h.version = string(b[1:end])
	rest := b[end+1+4+8+1:]
	h.flags = uint32(binary.LittleEndian.Uint16(rest))
	if len(rest) >= 2+1+2+2 {
		h.flags |= uint32(binary.LittleEndian.Uint16(rest[5:])) << 16
	}
	return h, nil
}

// mysqlError reads an error packet in place of the greeting: 1040 is too many
// connections, 1129 an address that is blocked because of too many errors,
// 1203 too many connections of one user.
func mysqlError(b []byte) error {
	if len(b) < 3 {
		return wire.Garbled("the MySQL error is too short")
	}
	code := binary.LittleEndian.Uint16(b[1:])
	text := string(b[3:])
	if strings.HasPrefix(text, "#") && len(text) >= 6 {
		text = text[6:] // the state of SQL
	}
	return turnedAway(code == 1040 || code == 1129 || code == 1203, "greeted with", fmt.Sprintf("error %d: %s", code, text))
}

// mysqlSSL asks for TLS. If it was not offered we must not ask: the server
// would take the request for a login. No reply means the go-ahead.
func mysqlSSL(s *Session) error {
	s.Record.Upgrade.Offered = offers(s.Record.Clear, "CLIENT_SSL")
	if s.Record.Upgrade.Offered != observe.Yes {
		return &wire.Stop{End: observe.Refused, Cause: "the server does not offer TLS: CLIENT_SSL is not among its flags"}
	}
	s.upgrading("SSLRequest")
	if err := s.SendMessage(mysqlSSLRequest()); err != nil {
		return err
	}
	return s.answered(true)
}

// mysqlSSLRequest is the first 32 bytes of a login: flags, the largest packet
// that we take, the character set (33, UTF-8), zeros.
func mysqlSSLRequest() []byte {
	const flags = 1<<0 | 1<<9 | mysqlSSLFlag | 1<<15 | 1<<19 // long password, 4.1, TLS, secure connection, plugins
	b := []byte{32, 0, 0, 1}
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = binary.LittleEndian.AppendUint32(b, 1<<24)
	b = append(b, 33)
	return append(b, make([]byte, 23)...)
}
