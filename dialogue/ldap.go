package dialogue

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// LDAP is a directory, RFC 4511: messages in BER. The client speaks first.
// What the server can do stands in its root entry, RFC 4512, section 5.1,
// which is usually shown to anybody; one search without a login reads it.
//
// The messages are numbered: 1 the search in clear, 2 StartTLS (5 and 6 where
// it has to be repeated), 3 the search inside TLS, 4 unbind.
var LDAP = &Protocol{
	Name: "ldap", Title: "LDAP", Role: observe.Other, Binary: true,
	Schemes: []Scheme{{"ldap", observe.StartTLS}, {"ldaps", observe.Implicit}},
	Ports: []Port{
		{Number: 389, Mode: observe.StartTLS},
		{Number: 3268, Mode: observe.StartTLS}, // the global catalogue of Active Directory
		{Number: 636, Mode: observe.Implicit},
		{Number: 3269, Mode: observe.Implicit},
	},
	References: []string{"RFC 4511", "RFC 4512", "RFC 4513"},
	Greet:      func(*Session) error { return nil },
	Ask:        ldapRoot,
	Upgrade:    ldapStartTLS,
	Leave:      func(s *Session) { s.SendMessage(ldapMessage(4, berTLV(ldapUnbind))) },
}

// The names of two extended operations.
const (
	ldapTLSName        = "1.3.6.1.4.1.1466.20037" // StartTLS, RFC 4511, section 4.14.1
	ldapDisconnectName = "1.3.6.1.4.1.1466.20036" // notice of disconnection, section 4.4.1
)

// The tags of BER and of RFC 4511, section 4.2 to 4.12, that we meet.
const (
	berInteger  = 0x02
	berOctets   = 0x04
	berBoolean  = 0x01
	berEnum     = 0x0a
	berSequence = 0x30

	ldapUnbind           = 0x42
	ldapSearch           = 0x63
	ldapSearchEntry      = 0x64
	ldapSearchDone       = 0x65
	ldapSearchReference  = 0x73
	ldapExtended         = 0x77
	ldapExtendedResponse = 0x78
	ldapReferral         = 0xa3
	ldapResponseName     = 0x8a
)

// The attributes of the root entry that are asked for, RFC 4512, section 5.1.
var ldapAttributes = []string{"supportedExtension", "supportedSASLMechanisms", "supportedLDAPVersion"}

// ldapRoot reads the root entry: base "", scope base, filter (objectClass=*).
// A server that does not show it has no list.
func ldapRoot(s *Session) error {
	id := 1
	if s.Sealed() {
		id = 3
	}
	var names []byte
	for _, a := range ldapAttributes {
		names = append(names, berTLV(berOctets, []byte(a)...)...)
	}
	request := berTLV(ldapSearch, join(
		berTLV(berOctets),                      // baseObject: the root
		berTLV(berEnum, 0),                     // scope: baseObject
		berTLV(berEnum, 0),                     // derefAliases: never
		berTLV(berInteger, 0),                  // sizeLimit: the server's
		berTLV(berInteger, 0),                  // timeLimit: the server's
		berTLV(berBoolean, 0),                  // typesOnly: no
		berTLV(0x87, []byte("objectClass")...), // filter: present
		berTLV(berSequence, names...))...)
	if err := s.SendMessage(ldapMessage(id, request)); err != nil {
		return err
	}
	return ldapEntries(s, id)
}

const ldapEntryLimit = 10 // a root has one entry

func ldapEntries(s *Session, id int) error {
	var items []string
	seen := false
	for range ldapEntryLimit {
		op, err := ldapRead(s, id)
		if err != nil {
			return err
		}
		switch op.tag {
		case ldapSearchEntry:
			seen = true
			items = append(items, ldapValues(op.body)...)
		case ldapSearchReference:
		case ldapSearchDone:
			r, err := parseLDAPResult(op.body)
			if err != nil {
				return err
			}
			if r.code == 51 {
				return turnedAway(true, "answered a search by", r.words()[0])
			}
			if seen {
				s.told("search", items)
			}
			return nil
		default:
			return wire.Garbled("expected an answer to an LDAP search, got an operation of tag %#x", op.tag)
		}
	}
	return &wire.Stop{End: observe.Excess, Cause: fmt.Sprintf("more than %d entries for one", ldapEntryLimit)}
}

// ldapValues lists the values of an entry as "name value": a name, then a
// sequence of attributes, each a type and a set of values.
func ldapValues(entry []byte) []string {
	var items []string
	_, rest, ok := berNext(entry) // objectName
	attributes, _, ok2 := berNext(rest)
	if !ok || !ok2 {
		return nil
	}
	for rest = attributes.body; len(rest) > 0; {
		var attribute ber
		if attribute, rest, ok = berNext(rest); !ok {
			return items
		}
		name, values, ok := berNext(attribute.body)
		set, _, ok2 := berNext(values)
		if !ok || !ok2 {
			continue
		}
		for left := set.body; len(left) > 0; {
			var value ber
			if value, left, ok = berNext(left); !ok {
				break
			}
			items = append(items, string(name.body)+" "+string(value.body))
		}
	}
	return items
}

// ldapStartTLS asks for TLS, RFC 4511, section 4.14.1. It must not be asked
// for while another operation is outstanding; slapd may still count the search
// as one for a moment after it has answered it, and says operationsError.
// Then it is asked again, a little later.
func ldapStartTLS(s *Session) error {
	s.Record.Upgrade.Offered = offers(s.Record.Clear, "supportedExtension "+ldapTLSName)
	s.upgrading("StartTLS " + ldapTLSName)
	var r ldapResult
	var err error
	for i, id := range []int{2, 5, 6} {
		time.Sleep(time.Duration(i) * 100 * time.Millisecond)
		if r, err = ldapAskTLS(s, id); err != nil {
			return err
		}
		if r.code != ldapOperationsError {
			break
		}
	}
	if r.code == 51 {
		return s.putOff(r.words()...)
	}
	return s.answered(r.code == 0, r.words()...)
}

const ldapOperationsError = 1

func ldapAskTLS(s *Session, id int) (ldapResult, error) {
	request := berTLV(ldapExtended, berTLV(0x80, []byte(ldapTLSName)...)...)
	if err := s.SendMessage(ldapMessage(id, request)); err != nil {
		return ldapResult{}, err
	}
	op, err := ldapRead(s, id)
	if err != nil {
		return ldapResult{}, err
	}
	if op.tag != ldapExtendedResponse {
		return ldapResult{}, wire.Garbled("expected an LDAP extended response, got an operation of tag %#x", op.tag)
	}
	return parseLDAPResult(op.body)
}

// ldapResult is an LDAPResult, RFC 4511, section 4.1.9.
type ldapResult struct {
	code       int
	diagnostic string
	referrals  []string
	name       string // of an extended response
}

// ldapCodes are the result codes that an upgrade meets, RFC 4511, appendix A.
var ldapCodes = map[int]string{
	0: "success", 1: "operationsError", 2: "protocolError", 8: "strongerAuthRequired", 10: "referral",
	13: "confidentialityRequired", 50: "insufficientAccessRights", 51: "busy", 52: "unavailable",
	53: "unwillingToPerform", 80: "other",
}

// words says the result in lines.
func (r ldapResult) words() []string {
	lines := []string{strings.TrimSpace(fmt.Sprintf("resultCode %d %s", r.code, ldapCodes[r.code]))}
	if r.diagnostic != "" {
		lines = append(lines, "diagnosticMessage "+r.diagnostic)
	}
	for _, u := range r.referrals {
		lines = append(lines, "referral "+u)
	}
	return lines
}

func parseLDAPResult(b []byte) (ldapResult, error) {
	var r ldapResult
	code, rest, ok := berNext(b)
	_, rest, ok2 := berNext(rest) // matchedDN
	diagnostic, rest, ok3 := berNext(rest)
	if !ok || !ok2 || !ok3 || code.tag != berEnum || len(code.body) == 0 || len(code.body) > 4 {
		return r, wire.Garbled("expected an LDAP result, got \"%s\"", shown(string(b)))
	}
	r.code, r.diagnostic = berInt(code.body), string(diagnostic.body)
	for len(rest) > 0 {
		var more ber
		if more, rest, ok = berNext(rest); !ok {
			return r, wire.Garbled("the LDAP result is cut short")
		}
		switch more.tag {
		case ldapReferral:
			for left := more.body; len(left) > 0; {
				var u ber
				if u, left, ok = berNext(left); !ok {
					break
				}
				r.referrals = append(r.referrals, string(u.body))
			}
		case ldapResponseName:
			r.name = string(more.body)
		}
	}
	return r, nil
}

// ldapRead reads the message of that number and returns its operation. Number
// 0 is the server's own: it hangs up.
func ldapRead(s *Session, id int) (ber, error) {
	whole, err := readBER(s)
	if err != nil {
		return ber{}, err
	}
	envelope, _, ok := berNext(whole)
	number, rest, ok2 := berNext(envelope.body)
	op, _, ok3 := berNext(rest)
	if !ok || !ok2 || !ok3 || envelope.tag != berSequence || number.tag != berInteger || len(number.body) == 0 || len(number.body) > 4 {
		return ber{}, wire.Garbled("expected an LDAP message, got \"%s\"", shown(string(whole)))
	}
	got := berInt(number.body)
	if got == 0 && op.tag == ldapExtendedResponse {
		return ber{}, ldapHungUp(op)
	}
	if got != id {
		return ber{}, wire.Garbled("expected the LDAP message %d, got %d", id, got)
	}
	return op, nil
}

// ldapHungUp is the notice of disconnection, RFC 4511, section 4.4.1.
func ldapHungUp(op ber) error {
	r, err := parseLDAPResult(op.body)
	if err != nil {
		return err
	}
	if r.name != ldapDisconnectName {
		return wire.Garbled("expected a notice of disconnection, got \"%s\"", shown(r.name))
	}
	return turnedAway(r.code == 51 || r.code == 52, "hung up with", strings.Join(r.words(), ", "))
}

// ldapMessage wraps an operation, RFC 4511, section 4.1.1.
func ldapMessage(id int, op []byte) []byte {
	return berTLV(berSequence, join(berTLV(berInteger, byte(id)), op)...)
}

// ber is one element: tag, length and value, X.690 with the limits of
// RFC 4511, section 5.1: the length is definite, and tags are one byte.
type ber struct {
	tag  byte
	body []byte
}

const berLimit = 64 << 10

// readBER reads one element from the wire and records it.
func readBER(s *Session) ([]byte, error) {
	head, err := s.Message(2)
	if err != nil {
		return nil, err
	}
	n := int(head[1])
	if head[0] != berSequence || n == 0x80 || n > 0x84 {
		return nil, wire.Garbled("expected an LDAP message, got \"%s\"", shown(string(s.garbage(head))))
	}
	if n > 0x80 {
		long, err := s.Message(n - 0x80)
		if err != nil {
			return nil, err
		}
		head = append(head, long...)
	}
	size, _, _ := berLength(head[1:])
	if size > berLimit {
		s.Heard(head)
		return nil, &wire.Stop{End: observe.Excess, Cause: fmt.Sprintf("an LDAP message of %d bytes", size)}
	}
	body, err := s.Message(size)
	if err != nil {
		return nil, err
	}
	whole := append(head, body...)
	s.Heard(whole)
	return whole, nil
}

// berLength reads a length in its short or long form, of up to four bytes.
func berLength(b []byte) (size int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	n := int(b[0])
	if b = b[1:]; n < 0x80 {
		return n, b, true
	}
	if n -= 0x80; n < 1 || n > 4 || len(b) < n {
		return 0, nil, false
	}
	var long uint64
	for _, d := range b[:n] {
		long = long<<8 | uint64(d)
	}
	return int(min(long, 1<<31-1)), b[n:], true
}

// berNext takes the first element off b.
func berNext(b []byte) (e ber, rest []byte, ok bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f { // a tag of more than one byte
		return ber{}, nil, false
	}
	size, body, ok := berLength(b[1:])
	if !ok || size > len(body) {
		return ber{}, nil, false
	}
	return ber{b[0], body[:size]}, body[size:], true
}

// berInt reads an integer of one to four bytes.
func berInt(b []byte) int {
	n := int(int8(b[0]))
	for _, d := range b[1:] {
		n = n<<8 | int(d)
	}
	return n
}

// berTLV writes an element. Ours are shorter than 64 KiB.
func berTLV(tag byte, body ...byte) []byte {
	n := len(body)
	switch {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, body...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, body...)
	}
	return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, body...)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
