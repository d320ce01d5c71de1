package sasl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Profile is how a protocol carries an exchange in its lines: what RFC 4422,
// section 4, calls a protocol profile. It writes and reads lines without their
// ends; it sends nothing.
type Profile struct {
	Protocol   string
	References []string

	// InitialResponse tells whether the command can carry one: always, never,
	// or only if the server says so by this capability.
	InitialResponse string
	// Limit is the length of the command line, with its end, above which an
	// initial response must wait for the empty challenge; 0: none.
	Limit int

	command   string // before the mechanism's name
	quoted    bool   // names and responses are quoted strings
	emptyIs   string // an empty response behind the command
	empty     string // an empty response in a line of its own
	challenge func(line string) (text string, ok bool)
	ended     func(line string) (ended, success bool, data string)
}

// When a profile carries initial responses; anything else is the name of a
// capability.
const (
	Always = "always"
	Never  = "never"
)

// Profiles are those of the protocols that we know.
var Profiles = []*Profile{
	{
		Protocol: "smtp", References: []string{"RFC 4954"}, InitialResponse: Always, Limit: 512,
		command: "AUTH ", emptyIs: "=", challenge: behind("334"), ended: repliedSMTP,
	},
	{
		Protocol: "lmtp", References: []string{"RFC 4954", "RFC 2033"}, InitialResponse: Always, Limit: 512,
		command: "AUTH ", emptyIs: "=", challenge: behind("334"), ended: repliedSMTP,
	},
	{
		Protocol: "imap", References: []string{"RFC 9051, section 6.2.2", "RFC 4959"}, InitialResponse: "SASL-IR",
		command: "AUTHENTICATE ", emptyIs: "=", challenge: behind("+"), ended: repliedIMAP,
	},
	{
		Protocol: "pop3", References: []string{"RFC 5034"}, InitialResponse: Always, Limit: 255,
		command: "AUTH ", emptyIs: "=", challenge: behind("+"), ended: repliedPOP3,
	},
	{
		Protocol: "sieve", References: []string{"RFC 5804, section 2.1"}, InitialResponse: Always,
		command: "AUTHENTICATE ", quoted: true, challenge: sieveString, ended: repliedSieve,
	},
	{
		Protocol: "nntp", References: []string{"RFC 4643, section 2.4"}, InitialResponse: Always,
		command: "AUTHINFO SASL ", emptyIs: "=", empty: "=", challenge: behind("383"), ended: repliedNNTP,
	},
	{
		Protocol: "irc", References: []string{"https://ircv3.net/specs/extensions/sasl-3.1"}, InitialResponse: Never,
		command: "AUTHENTICATE ", challenge: challengedIRC, ended: repliedIRC,
	},
}

// ProfileOf finds the profile of a protocol; nil if it has none.
func ProfileOf(protocol string) *Profile {
	if protocol == "submission" {
		protocol = "smtp"
	}
	for _, p := range Profiles {
		if p.Protocol == protocol {
			return p
		}
	}
	return nil
}

// Carries tells whether the command can carry an initial response of that
// length, given the server's capabilities.
func (p *Profile) Carries(mechanism string, response []byte, capabilities []string) bool {
	switch p.InitialResponse {
	case Never:
		return false
	case Always:
	default:
		if !offers(capabilities, p.InitialResponse) {
			return false
		}
	}
	return p.Limit == 0 || len(p.Begin(mechanism, response, true))+len("\r\n") <= p.Limit
}

// Begin returns the command that begins an exchange, along with the initial
// response if with is true. IMAP's tag is the caller's.
func (p *Profile) Begin(mechanism string, initial []byte, with bool) string {
	if p.quoted {
		mechanism = `"` + mechanism + `"`
	}
	command := p.command + mechanism
	if !with {
		return command
	}
	return command + " " + p.text(initial, p.emptyIs)
}

// Challenge reads a line of the server. ok is false where it is no challenge:
// then [Profile.Ended] may know it. The error says that it is one, but not in
// base64; cancel. A literal of ManageSieve is given together with its line:
// "{4}\r\nAAAA".
func (p *Profile) Challenge(line string) (challenge []byte, ok bool, err error) {
	text, ok := p.challenge(line)
	if !ok {
		return nil, false, nil
	}
	challenge, err = unbase64(text)
	if err != nil {
		return nil, true, fmt.Errorf("the server's challenge is not base64")
	}
	return challenge, true, nil
}

// Answer returns the lines that carry a response. It is one, but IRC breaks a
// long one.
func (p *Profile) Answer(response []byte) []string {
	if p.Protocol == "irc" {
		return piecesOfIRC(response)
	}
	return []string{p.text(response, p.empty)}
}

// Cancel returns the line that ends an exchange without a response, RFC 4422,
// section 3.5. The server answers it with a refusal.
func (p *Profile) Cancel() string {
	switch {
	case p.quoted:
		return `"*"`
	case p.Protocol == "irc":
		return "AUTHENTICATE *"
	}
	return "*"
}

// Ended tells whether a line of the server ends the exchange, whether it lets
// us in, and what data came along for [Exchange.Succeeded].
func (p *Profile) Ended(line string) (ended, success bool, data []byte) {
	ended, success, text := p.ended(line)
	if success && text != "" {
		data, _ = unbase64(text) // what is not base64 is no data, and no proof
	}
	return ended, success, data
}

func (p *Profile) text(response []byte, empty string) string {
	text := empty
	if len(response) > 0 {
		text = base64.StdEncoding.EncodeToString(response)
	}
	if p.quoted {
		return `"` + text + `"`
	}
	return text
}

var errNotBase64 = errors.New("not base64")

// unbase64 is strict, but takes "=" for the empty text, as NNTP has it.
func unbase64(text string) ([]byte, error) {
	if text == "=" {
		return []byte{}, nil
	}
	if hasBreak(text) {
		return nil, errNotBase64
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errNotBase64 // theirs says where, which in a secret is too much
	}
	return b, nil
}

// behind reads challenges that stand behind a word. Some servers leave out the
// space where nothing follows.
func behind(word string) func(string) (string, bool) {
	return func(line string) (string, bool) {
		if line == word {
			return "", true
		}
		return strings.CutPrefix(line, word+" ")
	}
}

// repliedSMTP knows the replies of RFC 4954, section 6. No other one ends an
// exchange: it answers a command that was sent before.
func repliedSMTP(line string) (ended, success bool, data string) {
	code, _, _ := strings.Cut(line, " ")
	if len(code) != 3 || strings.Trim(code, "0123456789") != "" {
		return false, false, ""
	}
	return code == "235" || code[0] >= '4' || code == "221", code == "235", ""
}

// repliedIMAP takes any tagged line.
func repliedIMAP(line string) (ended, success bool, data string) {
	words := strings.Fields(line)
	if len(words) < 2 || words[0] == "+" {
		return false, false, ""
	}
	status := strings.ToUpper(words[1])
	if words[0] == "*" {
		return status == "BYE", false, ""
	}
	return status == "OK" || status == "NO" || status == "BAD", status == "OK", ""
}

func repliedPOP3(line string) (ended, success bool, data string) {
	word, _, _ := strings.Cut(strings.ToUpper(line), " ")
	return word == "+OK" || word == "-ERR", word == "+OK", ""
}

// repliedSieve finds the data in the response code: OK (SASL "cnNwYXV0aD0=").
func repliedSieve(line string) (ended, success bool, data string) {
	word, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(word) {
	case "OK":
		return true, true, sieveData(rest)
	case "NO", "BYE":
		return true, false, ""
	}
	return false, false, ""
}

func sieveData(rest string) string {
	const mark = "(SASL "
	if len(rest) < len(mark) || !strings.EqualFold(rest[:len(mark)], mark) {
		return ""
	}
	inside, _, _ := strings.Cut(rest[len(mark):], ")")
	text, _ := sieveString(inside)
	return text
}

// repliedNNTP knows 281 and, with data, 283: RFC 4643, section 2.4.
func repliedNNTP(line string) (ended, success bool, data string) {
	code, rest, _ := strings.Cut(line, " ")
	switch {
	case len(code) != 3 || strings.Trim(code, "0123456789") != "":
		return false, false, ""
	case code == "283":
		return true, true, rest
	}
	return code == "281" || code[0] >= '4', code == "281", ""
}

// sieveString reads a quoted string or a literal, RFC 5804, section 4. Base64
// needs no escapes.
func sieveString(line string) (string, bool) {
	if inside, ok := strings.CutPrefix(line, `"`); ok {
		return strings.CutSuffix(inside, `"`)
	}
	size, text, ok := strings.Cut(strings.TrimPrefix(line, "{"), "}\r\n")
	n, err := strconv.Atoi(strings.TrimSuffix(size, "+"))
	if !ok || !strings.HasPrefix(line, "{") || err != nil || n != len(text) {
		return "", false
	}
	return text, true
}

// withoutSource takes a sender and tags off a line of IRC.
func withoutSource(line string) string {
	for _, mark := range []string{"@", ":"} {
		if strings.HasPrefix(line, mark) {
			_, line, _ = strings.Cut(line, " ")
		}
	}
	return line
}

func challengedIRC(line string) (string, bool) {
	text, ok := strings.CutPrefix(withoutSource(line), "AUTHENTICATE ")
	text = strings.TrimPrefix(text, ":")
	if text == "+" {
		return "", ok
	}
	return text, ok
}

// repliedIRC knows 900 to 907, of which 903 is success and 900 comes beside
// it.
func repliedIRC(line string) (ended, success bool, data string) {
	code, _, _ := strings.Cut(withoutSource(line), " ")
	refused := []string{"902", "904", "905", "906", "907", "421", "451", "ERROR"}
	return code == "903" || slices.Contains(refused, code), code == "903", ""
}

// piecesOfIRC breaks a response after each 400 characters; one that fills the
// last piece is followed by an empty one, so that the server knows the end.
func piecesOfIRC(response []byte) []string {
	const most = 400
	text := base64.StdEncoding.EncodeToString(response)
	var lines []string
	for len(text) >= most {
		lines = append(lines, "AUTHENTICATE "+text[:most])
		text = text[most:]
	}
	if text == "" {
		text = "+"
	}
	return append(lines, "AUTHENTICATE "+text)
}
