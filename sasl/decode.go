package sasl

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailseal/mailseal/observe"
)

// Meaning is what a line of an exchange holds.
type Meaning struct {
	What      string // one phrase
	Unknown   bool   // it is nothing that we know
	Mechanism string // empty: the line does not tell
	Parts     []Part
	Notes     []string // what a person should know about it, a sentence each
}

// Part is one field of a message. A field that is secret, or from which one
// could be guessed at home, has its text in Secret and not in Value.
type Part struct {
	Name   string
	Value  observe.Text
	Secret Secret
}

// Text returns what to print of a part. Secrets are shown only if asked for.
func (p Part) Text(show bool) string {
	switch {
	case p.Secret.text == nil:
		return p.Value.String()
	case show:
		return observe.Escape(p.Secret.Reveal())
	}
	return p.Secret.String()
}

func (m *Meaning) open(name, value string) {
	m.Parts = append(m.Parts, Part{Name: name, Value: observe.Text(value)})
}

func (m *Meaning) shut(name, value string) {
	m.Parts = append(m.Parts, Part{Name: name, Secret: NewSecret(value)})
}

func (m *Meaning) note(sentence string) { m.Notes = append(m.Notes, sentence) }

// Decode explains a line: a command such as "AUTH PLAIN …", a server's "334 …"
// or "+ …", base64 alone, or the message inside. It knows the mechanisms of
// [All] and the older ways; of all else it says that it does not. Its result,
// however printed, shows no secret; see [Part.Text].
func Decode(line string) Meaning {
	line = strings.TrimRight(line, "\r\n")
	if m, ok := older(line); ok {
		return m
	}
	text, mechanism, begins := payload(line)
	switch {
	case text == "" && begins:
		return Meaning{What: "the client begins " + mechanism + " and sends nothing along", Mechanism: mechanism}
	case text == "", text == "=":
		return Meaning{What: "an empty message", Mechanism: mechanism}
	case text == "*":
		return Meaning{What: "the client cancels the exchange", Mechanism: mechanism}
	}
	if m, ok := message(text, ""); ok {
		m.note("It is not in base64; on the wire it must be.")
		return m
	}
	return decoded(text, mechanism)
}

// decoded explains a text in base64. Many words look like base64 and hold no
// text when they are read so.
func decoded(text, mechanism string) Meaning {
	inside, notes, ok := lenient(text)
	if ok {
		if m, ok := message(inside, mechanism); ok {
			m.Notes = append(notes, m.Notes...)
			return m
		}
	}
	if !ok || !utf8.ValidString(inside) {
		m := Meaning{What: "neither base64 of a text nor a message that is known", Unknown: true, Mechanism: mechanism}
		m.shut("line", text)
		return m
	}
	m := alone(inside, mechanism)
	m.Notes = append(notes, m.Notes...)
	return m
}

// older knows the commands that are no SASL.
func older(line string) (Meaning, bool) {
	m := Meaning{}
	words := strings.Fields(line)
	verb := func(i int) string {
		if i < len(words) {
			return strings.ToUpper(words[i])
		}
		return ""
	}
	rest := func(n int) string { // behind n words, with its spaces
		from := 0
		for range n {
			_, from = word(line, from)
		}
		return strings.TrimPrefix(line[from:], " ")
	}
	switch {
	case verb(0) == "LOGIN" && len(words) > 1:
		return loginCommand(rest(1)), true
	case verb(1) == "LOGIN" && len(words) > 2 && verb(0) != "AUTH" && verb(0) != "AUTHENTICATE":
		return loginCommand(rest(2)), true
	case verb(0) == "USER" && len(words) > 1:
		m.What = "the user name, of POP3 or FTP"
		m.open("user", rest(1))
	case verb(0) == "PASS" && len(words) > 1:
		m.What = "the password, as it is"
		m.shut("password", rest(1))
	case verb(0) == "AUTHINFO" && verb(1) == "USER":
		m.What = "the user name, of NNTP (RFC 4643)"
		m.open("user", rest(2))
	case verb(0) == "AUTHINFO" && verb(1) == "PASS":
		m.What = "the password, of NNTP (RFC 4643), as it is"
		m.shut("password", rest(2))
	case verb(0) == "APOP" && len(words) == 3:
		m.What, m.Mechanism = "POP3's APOP (RFC 1939, section 7)", "APOP"
		m.open("user", words[1])
		m.shut("digest", words[2])
		m.note("The digest is the MD5 of the greeting's time-stamp and the password; who has both can guess at the password.")
	case verb(0) == "+OK":
		stamp, ok := Timestamp(line)
		m.What, m.Mechanism = "a POP3 greeting with a time-stamp for APOP (RFC 1939, section 7)", "APOP"
		m.open("time-stamp", stamp)
		return m, ok
	default:
		return m, false
	}
	return m, true
}

func loginCommand(arguments string) Meaning {
	m := Meaning{What: "IMAP's LOGIN (RFC 9051, section 6.2.3): user and password as they are"}
	start := wordStart(arguments, 0)
	if start == len(arguments) {
		return m
	}
	end, whole := imapString(arguments, start)
	if !whole {
		m.shut("arguments", arguments[start:])
		m.note("The quotes do not fit: a quoted string ends before a space or the end of the line.")
		return m
	}
	m.open("user", unquote(arguments[start:end]))
	m.shut("password", unquote(strings.TrimSpace(arguments[end:])))
	return m
}

// unquote reads a quoted string of IMAP, and leaves all else.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s[1 : len(s)-1])
}

var (
	beginning = regexp.MustCompile(`(?is)^(?:\S+\s+)?(?:AUTH|AUTHENTICATE|AUTHINFO\s+SASL)\s+"?([A-Z0-9_-]{1,20})"?(?:\s+(.*))?$`)
	ircLine   = regexp.MustCompile(`(?s)^(?:[:@]\S+\s+)*AUTHENTICATE\s+(\S+)$`)
	challenge = regexp.MustCompile(`(?s)^(?:334|383|283|\+)(?:\s+(.*))?$`)
	sieveOK   = regexp.MustCompile(`(?is)^OK\s+\(SASL\s+("[^"]*")\)`)
)

// payload takes the words of the protocol off a line.
func payload(line string) (text, mechanism string, begins bool) {
	line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "C: "), "S: "))
	if m := beginning.FindStringSubmatch(line); m != nil && mechanismName(m[1]) {
		return strings.Trim(strings.TrimSpace(m[2]), `"`), strings.ToUpper(m[1]), true
	}
	if m := ircLine.FindStringSubmatch(line); m != nil {
		return strings.TrimPrefix(m[1], "+"), "", false
	}
	if m := challenge.FindStringSubmatch(line); m != nil {
		return strings.TrimSpace(m[1]), "", false
	}
	if m := sieveOK.FindStringSubmatch(line); m != nil {
		line = m[1]
	}
	if len(line) > 1 && line[0] == '"' && line[len(line)-1] == '"' {
		line = line[1 : len(line)-1]
	}
	return line, "", false
}

// lenient reads base64 as people make it, and says what is wrong with it.
func lenient(text string) (inside string, notes []string, ok bool) {
	joined := strings.Join(strings.FieldsFunc(text, unicode.IsSpace), "")
	if joined != text {
		notes = append(notes, "The base64 is broken into lines or has spaces, and the server will take only its first piece. perl's encode_base64 breaks lines after 76 characters unless its second argument is \"\".")
	}
	for _, form := range []struct {
		encoding *base64.Encoding
		note     string
	}{
		{base64.StdEncoding, ""},
		{base64.RawStdEncoding, "The base64 lacks its padding (=)."},
		{base64.URLEncoding, "This is the base64 of URLs, with - and _; servers want + and /."},
		{base64.RawURLEncoding, "This is the base64 of URLs, without padding; servers want + and / and =."},
	} {
		b, err := form.encoding.DecodeString(joined)
		if err != nil {
			continue
		}
		if form.note != "" {
			notes = append(notes, form.note)
		}
		return string(b), notes, true
	}
	return "", nil, false
}

// alone explains a message without marks of its own.
func alone(text, mechanism string) Meaning {
	m := Meaning{Mechanism: mechanism}
	switch mechanism {
	case "LOGIN":
		m.What = "the user name, sent along with LOGIN"
		m.open("user", text)
	case "EXTERNAL":
		m.What = "EXTERNAL (RFC 4422, appendix A): as whom to act"
		m.open("authorization identity", text)
	case "ANONYMOUS":
		m.What = "ANONYMOUS (RFC 4505): a trace for the server's log"
		m.open("trace", text)
	default:
		m.What = "a text without marks: perhaps the user or the password of LOGIN, which are sent so"
		m.shut("text", text)
	}
	m.lineEnd("the text", text)
	return m
}

// lineEnd notes the most common of all mistakes.
func (m *Meaning) lineEnd(what, text string) {
	if strings.HasSuffix(text, "\n") {
		m.note("A newline is part of " + what + ", and the server will not ignore it. echo puts one there; printf '%s' does not.")
	}
}
