package sasl

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The commands that carry secrets, in all protocols that have lines.

// command looks for a verb at the start of a line, and behind a first word,
// which may be IMAP's tag or IRC's source.
func (r *Redactor) command(line string) (shown string, ok bool) {
	first, behind := word(line, 0)
	if shown, ok = r.verb(line, first, behind); ok {
		r.tag = ""
		return shown, true
	}
	if r.protocol != "imap" && r.protocol != "irc" && r.protocol != "" {
		return line, false
	}
	second, behind := word(line, behind)
	if shown, ok = r.verb(line, second, behind); ok {
		r.tag = first
	}
	return shown, ok
}

// word returns the next word from a place on, and the place behind it. People
// type more than one space, and tabs, and worse.
func word(line string, from int) (text string, behind int) {
	start := wordStart(line, from)
	length := strings.IndexFunc(line[start:], separates)
	if length < 0 {
		return line[start:], len(line)
	}
	return line[start : start+length], start + length
}

func wordStart(line string, from int) int {
	return len(line) - len(strings.TrimLeftFunc(line[from:], separates))
}

func separates(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// verb hides what stands behind a verb that carries secrets. Not ok: it is
// none of these.
func (r *Redactor) verb(line, verb string, behind int) (shown string, ok bool) {
	switch strings.ToUpper(verb) {
	case "PASS", "ACCT", "ADAT", "WEBIRC", "COOKIE:":
		return r.hideFrom(line, behind), true
	case "APOP", "OPER", "AUTHORIZATION:", "PROXY-AUTHORIZATION:":
		_, behind = word(line, behind)
		return r.hideFrom(line, behind), true
	case "LOGIN":
		return r.arguments(line, behind, 0), true
	case "AUTH", "AUTHENTICATE":
		return r.begins(line, behind)
	case "AUTHINFO":
		return r.authinfo(line, behind)
	case "NICKSERV", "NS", "CHANSERV", "CS", "AUTHSERV":
		_, behind = word(line, behind)
		return r.hideFrom(line, behind), true
	case "PRIVMSG", "NOTICE", "SQUERY":
		return r.toServices(line, behind)
	}
	return line, false
}

// hideFrom hides all words from a place on.
func (r *Redactor) hideFrom(line string, from int) string {
	start := wordStart(line, from)
	if start == len(line) || r.announces(line[start:], secret, 0) {
		return line
	}
	return line[:start] + r.hide(line[start:])
}

// begins reads AUTH and AUTHENTICATE: a mechanism, and perhaps an initial
// response. In IRC the same verb carries every response.
func (r *Redactor) begins(line string, from int) (string, bool) {
	name, behind := word(line, from)
	if securityOfFTP(name) {
		return line, false
	}
	if r.protocol == "irc" && (name == "+" || name == "*") {
		return line, true
	}
	if name == "" { // asks what there is
		return line, true
	}
	isResponse := r.protocol == "irc" && r.exchange || !mechanismName(strings.Trim(name, `"`))
	r.asked, r.exchange = true, true
	if isResponse {
		return r.hideFrom(line, from), true
	}
	switch strings.TrimSpace(line[behind:]) {
	case "", "=", `""`:
		return line, true
	}
	return r.hideFrom(line, behind), true
}

// securityOfFTP tells what FTP asks for by AUTH, RFC 4217: no exchange of
// ours.
func securityOfFTP(name string) bool {
	return slices.Contains([]string{"TLS", "SSL", "TLS-C", "TLS-P"}, strings.ToUpper(name))
}

// mechanismName tells a mechanism from a response: RFC 4422, section 3.1, in
// capitals. In small letters, as people type, only what we know.
func mechanismName(name string) bool {
	registered := len(name) <= 20 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
	return registered || ByName(name) != nil || slices.Contains(others, strings.ToUpper(name))
}

// others are mechanisms that we know by name only.
var others = []string{"DIGEST-MD5", "GSSAPI", "GSS-SPNEGO", "NTLM", "KERBEROS_V4", "OTP", "SKEY", "SECURID"}

// authinfo reads NNTP's command, RFC 4643, section 2.
func (r *Redactor) authinfo(line string, from int) (string, bool) {
	kind, behind := word(line, from)
	switch strings.ToUpper(kind) {
	case "USER":
		return line, true
	case "SASL":
		return r.begins(line, behind)
	}
	return r.hideFrom(line, behind), true
}

// toServices reads messages to the services of IRC, some of which take
// passwords. Their first word is shown.
func (r *Redactor) toServices(line string, from int) (string, bool) {
	to, behind := word(line, from)
	nick, _, _ := strings.Cut(strings.ToUpper(to), "@")
	if !strings.HasSuffix(nick, "SERV") && nick != "Q" {
		return line, false
	}
	_, behind = word(line, behind)
	return r.hideFrom(line, behind), true
}

// arguments reads LOGIN's two strings from a place on; index counts those
// that came before. The user is shown. What cannot be told apart is hidden.
func (r *Redactor) arguments(line string, from, index int) string {
	start := wordStart(line, from)
	switch {
	case start == len(line):
		return line
	case index > 0:
		return r.password(line, start)
	}
	end, whole := imapString(line, start)
	switch {
	case r.announces(line[start:], ofLogin, index):
		return line
	case !whole:
		return line[:start] + r.hide(line[start:])
	}
	return r.arguments(line, end, index+1)
}

// password hides LOGIN's second argument, and remembers what it stands for.
func (r *Redactor) password(line string, start int) string {
	text := line[start:]
	if r.announces(text, ofLogin, 1) {
		return line
	}
	if inside, ok := strings.CutPrefix(strings.TrimSpace(text), `"`); ok {
		r.learn(strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(strings.TrimSuffix(inside, `"`)))
	}
	return line[:start] + r.hide(text)
}

// imapString finds the end of the string that begins at a place. It is not
// whole if a quote does not end, or stands in the middle of a word.
func imapString(line string, start int) (end int, whole bool) {
	if line[start] != '"' {
		atom, end := word(line, start)
		return end, !strings.Contains(atom, `"`)
	}
	for i := start + 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i + 1, i+1 == len(line) || separates(rune(line[i+1]))
		}
	}
	return len(line), false
}

// literal is a string of IMAP or ManageSieve that was announced: so many
// bytes belong to it, whatever they are, and the command goes on behind them.
type literal struct {
	open  bool
	left  int
	kind  kind
	index int // which argument of LOGIN it is
}

// kind is what a literal belongs to.
type kind int

const (
	harmless kind = iota
	ofLogin       // its second argument is the password
	secret        // all of it
)

var announcement = regexp.MustCompile(`(^|.*[ (~])\{([0-9]{1,9})\+?\}$`)

// announces opens a literal if a text ends by announcing one, in the
// protocols that have them. Where the text itself would be a secret it must be
// the announcement and no more. Where the protocol is not known a brace is no
// reason to look away from the lines that follow.
func (r *Redactor) announces(line string, k kind, index int) bool {
	if r.protocol != "imap" && r.protocol != "sieve" && (r.protocol != "" || k == harmless) {
		return false
	}
	m := announcement.FindStringSubmatch(line)
	if m == nil || k != harmless && m[1] != "" {
		return false
	}
	if k == harmless {
		r.tag, _ = word(line, 0)
	}
	n, _ := strconv.Atoi(m[2])
	r.literal = literal{open: true, left: n, kind: k, index: index}
	return true
}

// inLiteral reads a line that begins within a literal or right behind it.
func (r *Redactor) inLiteral(line string) string {
	l := r.literal
	if l.left > len(line) { // the line's end belongs to it as well
		r.literal.left = max(l.left-len(line)-len("\r\n"), 0)
		return r.show(l, line)
	}
	r.literal = literal{}
	inside, behind := r.show(l, line[:l.left]), line[l.left:]
	switch l.kind {
	case ofLogin:
		return inside + r.arguments(behind, 0, l.index+1)
	case secret:
		return inside + r.hideFrom(behind, 0)
	}
	r.announces(behind, harmless, 0)
	return inside + behind
}

// show hides the text of a literal, if it is one to hide.
func (r *Redactor) show(l literal, text string) string {
	if text == "" || l.kind == harmless || l.kind == ofLogin && l.index == 0 {
		return text
	}
	return r.hide(text)
}

var secretElement = regexp.MustCompile(`<(?:[A-Za-z0-9]+:)?(?:auth|response|initial-response|password|digest)\b`)

// elements hides the text of those XML elements by which XMPP logs in, RFC
// 6120, section 6, up to the next tag.
func (r *Redactor) elements(line string) string {
	if r.protocol != "" && !strings.HasPrefix(r.protocol, "xmpp") {
		return line
	}
	var b strings.Builder
	for {
		if r.element {
			text, rest, ended := strings.Cut(line, "<")
			if strings.Trim(text, " =/>") != "" {
				text = r.hide(text)
			}
			b.WriteString(text)
			if !ended {
				return b.String()
			}
			r.element, line = false, "<"+rest
		}
		at := secretElement.FindStringIndex(line)
		if at == nil {
			return b.String() + line
		}
		tag := strings.IndexByte(line[at[1]:], '>')
		if tag < 0 { // its attributes go on in the next line
			r.element = true
			return b.String() + line
		}
		end := at[1] + tag + 1
		b.WriteString(line[:end])
		r.element = line[end-2] != '/'
		line = line[end:]
	}
}
