// Package iana knows the registered numbers of TLS and the names that people give them.
//
// A TLS record carries numbers: 0x0304, 0xc02f, 29, 40. Reports are read by people, who say TLS 1.3,
// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, x25519, handshake_failure. This package translates, in three ways:
//
//  1. VersionName, SuiteName, GroupName, SignatureSchemeName, AlertName and ExtensionName give the registered name,
//     or the number itself in hexadecimal ("0x7f1c") if nobody has registered it; an alert is written in decimal
//     ("alert 119"), as everybody does.
//  2. Suite and Group take a name apart: which key exchange, how many bits, forward secret or not. That is
//     description, not opinion: whether 112 bits are enough is a question of package check.
//  3. ALPN gives the protocol id that a mail protocol registered for RFC 7301, if it did.
//
// The suites and groups come from IANA's own files in registry/ by way of generate.go. The smaller tables are written
// by hand, each with its RFC.
package iana

import "fmt"

//go:generate go run generate.go

// hex16 is the name of a number that has none.
func hex16(n uint16) string { return fmt.Sprintf("0x%04x", n) }

// name looks a number up and falls back to hexadecimal.
func name(table map[uint16]string, n uint16) string {
	if s, ok := table[n]; ok {
		return s
	}
	return hex16(n)
}
