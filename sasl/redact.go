package sasl

import (
	"encoding/base64"
	"slices"
	"strings"
)

// Redactor reads a conversation along and says what of each line may be shown
// or stored. It knows the lines by which SMTP, LMTP, IMAP, POP3, ManageSieve,
// NNTP, FTP, IRC, XMPP and HTTP carry secrets. It looks for them in every
// protocol, since people confuse them, and hides rather a line too many than
// one too few. What it has hidden it also takes out of later lines, where a
// server might repeat it.
//
// Tell it every line in the order of the wire, without the line end, of both
// directions: whether a line answers a challenge is seen from the server's. It
// does not read binary protocols. It is used by one goroutine at a time.
type Redactor struct {
	protocol string // one of those that NewRedactor knows; empty: none of them
	known    []string

	asked    bool   // an exchange was begun, and none has succeeded since
	exchange bool   // the client's lines are answers to challenges
	tag      string // of the IMAP command that is under way
	body     bool   // a message or an article goes by
	element  bool   // an XML element that holds a secret has not ended
	literal  literal
}

// NewRedactor begins with the first line of a connection. A protocol of lines
// that is not known is read as any of them.
func NewRedactor(protocol string) *Redactor {
	switch protocol {
	case "submission":
		protocol = "smtp"
	case "smtp", "lmtp", "imap", "pop3", "sieve", "nntp", "irc", "ftp", "http", "xmpp-client", "xmpp-server":
	default:
		protocol = ""
	}
	return &Redactor{protocol: protocol}
}

// Know takes a secret out of all lines that follow. One of less than four
// bytes would be found everywhere, and is left.
func (r *Redactor) Know(s Secret) { r.learn(s.Reveal()) }

// Client returns what may be shown of a line of ours.
func (r *Redactor) Client(line string) (shown string, redacted bool) {
	shown = r.scrub(r.client(line))
	return shown, shown != line
}

// Server returns what may be shown of a line of the server.
func (r *Redactor) Server(line string) (shown string, redacted bool) {
	shown = r.scrub(r.signature(line))
	r.follow(line)
	return shown, shown != line
}

func (r *Redactor) client(line string) string {
	switch {
	case r.literal.open:
		return r.inLiteral(line)
	case r.body:
		r.body = line != "."
		return line
	case r.exchange && r.protocol != "irc": // IRC puts a verb before each answer
		return r.answer(line)
	case r.element:
		return r.elements(line)
	}
	if shown, ok := r.command(line); ok {
		return shown
	}
	if r.asked && stray(line) {
		return r.hide(line)
	}
	r.announces(line, harmless, 0)
	return r.elements(line)
}

// answer hides an answer to a challenge, but for the empty ones and the one
// that cancels.
func (r *Redactor) answer(line string) string {
	if r.announces(line, secret, 0) {
		return line
	}
	switch strings.TrimSpace(line) {
	case "", "=", "*", `""`, `"*"`:
		return line
	}
	return r.hide(line)
}

// stray finds answers that were sent ahead, before or after the place where an
// exchange was thought to end: one word of base64.
func stray(line string) bool {
	if len(line) < 8 || strings.EqualFold(line, "STARTTLS") {
		return false
	}
	_, err := unbase64(strings.Trim(line, `"`))
	return err == nil
}

// hide replaces a secret by its length, and remembers it.
func (r *Redactor) hide(text string) string {
	r.learn(text)
	if b, err := base64.StdEncoding.DecodeString(strings.Trim(text, `"`)); err == nil {
		if parts := strings.Split(string(b), "\x00"); len(parts) == 3 {
			r.learn(parts[2]) // PLAIN's password
		}
	}
	return hidden(len(text))
}

const (
	shortest  = 4
	mostKnown = 32
)

func (r *Redactor) learn(text string) {
	if len(text) < shortest || slices.Contains(r.known, text) {
		return
	}
	if len(r.known) == mostKnown {
		r.known = r.known[1:]
	}
	r.known = append(r.known, text)
}

// scrub takes known secrets out, the longest first, as one may lie in another.
func (r *Redactor) scrub(line string) string {
	longest := func(a, b string) int { return len(b) - len(a) }
	for _, s := range slices.SortedFunc(slices.Values(r.known), longest) {
		line = strings.ReplaceAll(line, s, hidden(len(s)))
	}
	return line
}

// signature hides what a server proves itself by: with it, as with our own
// proof, one can try passwords at home.
func (r *Redactor) signature(line string) string {
	if !r.asked {
		return line
	}
	for _, p := range r.profiles() {
		text, ok := p.challenge(line)
		if !ok {
			_, _, text = p.ended(line)
		}
		if b, err := unbase64(text); err == nil && strings.HasPrefix(string(b), "v=") {
			return strings.Replace(line, text, hidden(len(text)), 1)
		}
	}
	return line
}

// follow takes from the server's line what the client's next one will be.
func (r *Redactor) follow(line string) {
	code, _, _ := strings.Cut(line, " ")
	if r.wantsBody(code) {
		r.body = true
	}
	if r.literal.open && r.refusesLiteral(line) {
		r.literal = literal{}
	}
	for _, p := range r.profiles() {
		if _, ok := p.challenge(line); ok {
			r.exchange = r.exchange || r.asked || code == "334" || code == "383"
			continue
		}
		ended, success, _ := p.ended(line)
		if !ended || p.Protocol == "imap" && r.tag != "" && code != r.tag && code != "*" {
			continue
		}
		r.exchange = false
		r.asked = r.asked && !success
	}
}

// wantsBody tells whether the client's next lines are a message: RFC 5321,
// section 4.1.1.4, and RFC 3977, section 6.3.
func (r *Redactor) wantsBody(code string) bool {
	switch r.protocol {
	case "smtp", "lmtp":
		return code == "354"
	case "nntp":
		return code == "340" || code == "335"
	}
	return false
}

// refusesLiteral tells whether the server wants no literal but answers the
// command at once.
func (r *Redactor) refusesLiteral(line string) bool {
	words := strings.Fields(line)
	if r.protocol == "sieve" {
		return len(words) > 0 && (words[0] == "NO" || words[0] == "BYE")
	}
	if len(words) < 2 || r.tag != "" && words[0] != r.tag {
		return false
	}
	return words[0] != "*" && (words[1] == "NO" || words[1] == "BAD")
}

// profiles are those that a line may follow.
func (r *Redactor) profiles() []*Profile {
	if r.protocol == "" {
		return Profiles
	}
	if p := ProfileOf(r.protocol); p != nil {
		return []*Profile{p}
	}
	return nil
}
