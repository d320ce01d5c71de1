package talk

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/mailseal/mailseal/observe"
)

// The file of known servers is for trust on first use: the key that a server
// showed when we first met it is the one that it must show ever after. One
// line is one server,
//
//	imap.example.org:993 sha256:HEX 2026-11-23T12:00:00Z a comment
//
// and HEX is the SHA-256 of its SubjectPublicKeyInfo, so that a certificate
// may be renewed for the same key. Empty lines, and lines that begin with # or
// @, are kept and mean nothing. Any other line that cannot be read stops us:
// whoever breaks the line of a server must not turn it into a stranger, who
// would be believed.

const knownLimit = 8 << 20 // bytes of the whole file

// KeyHash is the SHA-256 of a server's SubjectPublicKeyInfo in DER form.
type KeyHash [sha256.Size]byte

// String returns the hash as sha256: and lower-case hex.
func (h KeyHash) String() string { return "sha256:" + hex.EncodeToString(h[:]) }

// MarshalText writes what String returns.
func (h KeyHash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads every form that [ParsePin] reads.
func (h *KeyHash) UnmarshalText(text []byte) error {
	pin, err := ParsePin(string(text))
	if err == nil {
		*h = pin
	}
	return err
}

// KeyHashOf returns the hash of the key of a certificate in DER form.
func KeyHashOf(certificate []byte) (KeyHash, error) {
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return KeyHash{}, fmt.Errorf("reading the key of a certificate: %w", err)
	}
	return sha256.Sum256(c.RawSubjectPublicKeyInfo), nil
}

// KnownServer is a server that was met before.
type KnownServer struct {
	Server  string       `json:"server"` // host:port in lower case, or the path of a socket
	Key     KeyHash      `json:"key"`
	Since   time.Time    `json:"since"`
	Comment observe.Text `json:"comment,omitempty"`
	Line    int          `json:"line"` // in the file, from 1
}

// Acquaintance tells how well we know a server and the key that it shows.
type Acquaintance string

// The acquaintances. The zero value is none of them: nobody has looked.
const (
	First   Acquaintance = "first"   // never met; it is known from now on
	Same    Acquaintance = "same"    // met before, with this key
	Changed Acquaintance = "changed" // met before, with another key: somebody may be in the line
)

// Meeting is what came of meeting a server.
type Meeting struct {
	Acquaintance Acquaintance
	Server       string        // as it stands in the file
	Key          KeyHash       // that it shows now
	Known        []KnownServer // its lines in the file: empty at the first meeting, mostly one
}

// Known is the file of known servers. Its methods may be called from any
// goroutine, and other programs may write the file at the same time.
type Known struct {
	path string

	mu    sync.Mutex
	lines []knownLine
}

// knownLine is a line of the file as it stands there, with its end.
type knownLine struct {
	raw    string
	server *KnownServer // nil: a line that means nothing to us
}

// KnownPath returns where the known servers are kept: wanted if it is not
// empty, else what MAILSEAL_KNOWN says, else a file in the user's directory
// for configuration.
func KnownPath(wanted string) (string, error) {
	if wanted != "" {
		return wanted, nil
	}
	if path := os.Getenv("MAILSEAL_KNOWN"); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the file of known servers: %w; MAILSEAL_KNOWN can name one", err)
	}
	return filepath.Join(dir, "mailseal", "known_servers"), nil
}

// OpenKnown reads the file of known servers. One that does not exist is
// empty, and comes to be at the first meeting. A line that cannot be read is
// an error that names it, and nothing is ever written over it.
func OpenKnown(path string) (*Known, error) {
	k := &Known{path: path}
	if err := k.load(); err != nil {
		return nil, err
	}
	return k, nil
}

// Path returns the name of the file.
func (k *Known) Path() string { return k.path }

// List returns the servers in the order of the file.
func (k *Known) List() []KnownServer {
	k.mu.Lock()
	defer k.mu.Unlock()
	return serversOf(k.lines, func(*KnownServer) bool { return true })
}

// Meet compares the key that a server shows with the one that is known, and
// takes a stranger into the file. What is known is never overwritten: a key
// that has changed stays unknown until a person removes the old one. With an
// error the meeting may still be told, if only the writing failed.
func (k *Known) Meet(server string, spki [32]byte, now time.Time) (Meeting, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name, err := knownName(server)
	if err != nil {
		return Meeting{}, k.wrap(err)
	}
	if err := k.load(); err != nil { // another program may have met it since
		return Meeting{}, err
	}
	m := k.recognise(name, spki)
	if m.Acquaintance != First {
		return m, nil
	}
	err = k.rewrite(func() bool {
		if m = k.recognise(name, spki); m.Acquaintance != First {
			return false
		}
		k.lines = appendServer(k.lines, KnownServer{Server: name, Key: spki, Since: now})
		return true
	})
	return m, err
}

// Remove forgets a server, given as host:port or as a path, or all servers of
// a host. It returns the lines that are gone.
func (k *Known) Remove(server string) ([]KnownServer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	is, err := knownBy(server)
	if err != nil {
		return nil, k.wrap(err)
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	gone := serversOf(k.lines, is)
	if len(gone) == 0 {
		return nil, nil // and no file comes to be
	}
	err = k.rewrite(func() bool {
		gone = serversOf(k.lines, is)
		var kept []knownLine
		for _, l := range k.lines {
			if l.server == nil || !is(l.server) {
				kept = append(kept, l)
			}
		}
		k.lines = kept
		return len(gone) > 0
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

func (k *Known) recognise(name string, spki [32]byte) Meeting {
	m := Meeting{Server: name, Key: spki}
	m.Known = serversOf(k.lines, func(s *KnownServer) bool { return s.Server == name })
	m.Acquaintance = First
	for _, s := range m.Known {
		if s.Key == spki { // several lines for one name are the user's: a pool with several keys
			m.Acquaintance = Same
			return m
		}
		m.Acquaintance = Changed
	}
	return m
}

func serversOf(lines []knownLine, is func(*KnownServer) bool) []KnownServer {
	var all []KnownServer
	for i, l := range lines {
		if l.server != nil && is(l.server) {
			s := *l.server
			s.Line = i + 1
			all = append(all, s)
		}
	}
	return all
}

// load reads the file again.
func (k *Known) load() error {
	text, err := readBounded(k.path, knownLimit)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return k.wrap(err)
	}
	lines, err := parseKnown(text)
	if err != nil {
		return k.wrap(err)
	}
	k.lines = lines
	return nil
}

func (k *Known) wrap(err error) error { return fmt.Errorf("known servers, %s: %w", k.path, err) }

func readBounded(path string, limit int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return string(text), err
}

// rewrite reads the file, lets change work on the lines and writes them, with
// all other writers kept out. Readers see the old file or the new one.
func (k *Known) rewrite(change func() bool) error {
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return k.wrap(err)
	}
	unlock, err := lockBeside(k.path)
	if err != nil {
		return k.wrap(err)
	}
	defer unlock()
	if err := k.load(); err != nil {
		return err
	}
	before := k.lines
	if !change() {
		return nil
	}
	if err := writeWhole(k.path, textOf(k.lines)); err != nil {
		k.lines = before
		return k.wrap(err)
	}
	return nil
}

// lockBeside takes a lock that the system gives back when we die. The file
// itself cannot carry it, because it is replaced.
func lockBeside(path string) (unlock func(), err error) {
	path += ".lock"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // nobody else may hold it
	if err != nil {
		return nil, err
	}
	f.Close()
	return lockedfile.MutexAt(path).Lock()
}

// writeWhole puts a new file in the place of the old one. A link stays a
// link, and what is no regular file stays what it is.
func writeWhole(path, text string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if i, err := os.Stat(path); err == nil && !i.Mode().IsRegular() {
		return errors.New("it is not a regular file, so it is not written")
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".known_servers-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func textOf(lines []knownLine) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.raw)
	}
	return b.String()
}

// appendServer puts a line for s behind the others.
func appendServer(lines []knownLine, s KnownServer) []knownLine {
	if n := len(lines); n > 0 && !strings.HasSuffix(lines[n-1].raw, "\n") {
		lines[n-1].raw += "\n"
	}
	s.Since = s.Since.UTC().Truncate(time.Second)
	return append(lines, knownLine{raw: s.text() + "\n", server: &s})
}

func (s *KnownServer) text() string {
	text := s.Server + " " + s.Key.String() + " " + s.Since.Format(time.RFC3339)
	if s.Comment != "" {
		text += " " + string(s.Comment)
	}
	return text
}

const toldBroken = 3 // broken lines that one error names

// parseKnown reads the text of the file. Put together again the lines are the
// text.
func parseKnown(text string) ([]knownLine, error) {
	var lines []knownLine
	var broken []string
	for raw := range strings.Lines(text) {
		s, err := parseKnownLine(raw)
		lines = append(lines, knownLine{raw: raw, server: s})
		if err != nil {
			broken = append(broken, fmt.Sprintf("line %d: %v", len(lines), err))
		}
	}
	if more := len(broken) - toldBroken; more > 0 {
		broken = append(broken[:toldBroken], fmt.Sprintf("and %d more lines", more))
	}
	if len(broken) > 0 {
		return nil, errors.New(strings.Join(broken, "; "))
	}
	return lines, nil
}

// parseKnownLine returns nil for a line that is kept and means nothing.
func parseKnownLine(raw string) (*KnownServer, error) {
	rest := strings.TrimSpace(raw)
	if rest == "" || rest[0] == '#' || rest[0] == '@' {
		return nil, nil
	}
	server, rest := cutField(rest)
	key, rest := cutField(rest)
	since, comment := cutField(rest)
	if since == "" {
		return nil, fmt.Errorf("%q has not the three words host:port sha256:HEX date", observe.Escape(shorten(strings.TrimSpace(raw))))
	}
	s := &KnownServer{Comment: observe.Text(comment)}
	var err error
	if s.Server, err = knownName(server); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(key, "sha256:") {
		return nil, fmt.Errorf("the key %q begins otherwise than with \"sha256:\"", shorten(key))
	}
	if err = s.Key.UnmarshalText([]byte(key)); err != nil {
		return nil, err
	}
	s.Since, err = parseDate(since)
	return s, err
}

func cutField(s string) (field, rest string) {
	i := strings.IndexFunc(s, unicode.IsSpace)
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

func shorten(s string) string { return s[:min(len(s), 80)] }

func parseDate(s string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("the date %q is not like 2026-11-23 or 2026-11-23T12:00:00Z", shorten(s))
}

// knownName returns the one form in which a server stands in the file.
func knownName(server string) (string, error) {
	if err := oneField(server); err != nil {
		return "", err
	}
	if strings.HasPrefix(server, "/") {
		return server, nil
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return "", fmt.Errorf("the server %q is not like imap.example.org:993", shorten(server))
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("the server %q has no port from 1 to 65535", shorten(server))
	}
	if host, err = knownHost(host); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.FormatUint(number, 10)), nil
}

// oneField refuses what would not stay one word of one line.
func oneField(server string) error {
	if strings.ContainsFunc(server, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return fmt.Errorf("the server %q has characters that a name or a path in this file may not have", shorten(server))
	}
	return nil
}

func knownHost(host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String(), nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || strings.ContainsAny(host[:1], "#@/") || strings.ContainsAny(host, "[]:") {
		return "", fmt.Errorf("the host %q is neither a name nor an address", shorten(host))
	}
	return host, nil
}

// knownBy returns what tells the servers that a person means.
func knownBy(typed string) (func(*KnownServer) bool, error) {
	if err := oneField(typed); err != nil {
		return nil, err
	}
	name, err := knownName(typed)
	if err == nil {
		return func(s *KnownServer) bool { return s.Server == name }, nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(typed, "["), "]")
	if _, _, hasPort := net.SplitHostPort(typed); hasPort == nil {
		return nil, err
	}
	if host, err = knownHost(host); err != nil {
		return nil, err
	}
	return func(s *KnownServer) bool {
		h, _, err := net.SplitHostPort(s.Server)
		return err == nil && h == host
	}, nil
}

// PinMatch tells whether a certificate has the key that a pin demands.
type PinMatch string

// The ways to match. The zero value is none of them: nobody could tell.
const (
	PinUnknown     PinMatch = ""
	PinDiffers     PinMatch = "differs"
	PinKey         PinMatch = "key"         // the pin is the SHA-256 of the SubjectPublicKeyInfo, as it should be
	PinCertificate PinMatch = "certificate" // it is the SHA-256 of the whole certificate: it will end with it
)

// MatchPin compares a pin with a server's certificate in DER form. A pin that
// somebody took from the certificate instead of its key is told apart, for a
// hint; it is for the caller to refuse it.
func MatchPin(leafDER []byte, pin [32]byte) PinMatch {
	if sha256.Sum256(leafDER) == pin {
		return PinCertificate
	}
	key, err := KeyHashOf(leafDER)
	switch {
	case err != nil:
		return PinUnknown
	case key == pin:
		return PinKey
	}
	return PinDiffers
}

// ParsePin reads a SHA-256 as people copy it: hex, with or without colons;
// the same behind sha256: as mailseal prints it; base64 behind sha256// as
// curl's --pinnedpubkey wants it; base64 alone.
func ParsePin(s string) ([32]byte, error) {
	text := strings.TrimSpace(s)
	if len(text) > 200 {
		return [32]byte{}, fmt.Errorf("the pin %q… is too long for one SHA-256", observe.Escape(text[:40]))
	}
	if encoded, ok := cutPrefixFold(text, "sha256//"); ok {
		return pinOf(s, encoded, fromBase64)
	}
	text, _ = cutPrefixFold(text, "sha256:")
	if digits, ok := withoutColons(text); ok { // no base64 of a SHA-256 is hex: it ends with = or is of odd length
		return pinOf(s, digits, hex.DecodeString)
	}
	return pinOf(s, text, fromBase64)
}

func pinOf(typed, encoded string, decode func(string) ([]byte, error)) (pin [32]byte, err error) {
	b, err := decode(encoded)
	if err != nil {
		return pin, fmt.Errorf("the pin %q is neither hex nor base64, such as sha256:… or sha256//…", typed)
	}
	if len(b) != len(pin) {
		return pin, fmt.Errorf("the pin %q has %d bytes, a SHA-256 has %d", typed, len(b), len(pin))
	}
	return [32]byte(b), nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// withoutColons takes the colons out of AA:BB:CC, and tells whether it was
// hex.
func withoutColons(s string) (string, bool) {
	if strings.Contains(s, ":") {
		for _, pair := range strings.Split(s, ":") {
			if len(pair) != 2 {
				return s, false
			}
		}
		s = strings.ReplaceAll(s, ":", "")
	}
	_, err := hex.DecodeString(s)
	return s, err == nil && s != ""
}

// fromBase64 reads base64 with and without its padding. Bits that say nothing
// must be zero, and line ends are no part of it.
func fromBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("a line end")
	}
	return base64.RawStdEncoding.Strict().DecodeString(strings.TrimSuffix(s, "="))
}
