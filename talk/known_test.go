package talk

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	keyA  = sha256.Sum256([]byte("key A"))
	keyB  = sha256.Sum256([]byte("key B"))
	hexA  = hex.EncodeToString(keyA[:])
	hexB  = hex.EncodeToString(keyB[:])
	today = time.Date(2026, 11, 23, 12, 30, 0, 123456789, time.FixedZone("", 3600))
)

const todayStored = "2026-11-23T11:30:00Z"

// knownFile writes a file of known servers and returns its path.
func knownFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "known_servers")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openKnown(t *testing.T, path string) *Known {
	t.Helper()
	k, err := OpenKnown(path)
	if err != nil {
		t.Fatalf("OpenKnown: %v", err)
	}
	return k
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func meet(t *testing.T, k *Known, server string, key [32]byte) Meeting {
	t.Helper()
	m, err := k.Meet(server, key, today)
	if err != nil {
		t.Fatalf("Meet(%q): %v", server, err)
	}
	return m
}

func TestMeet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir", "known_servers")
	k := openKnown(t, path)
	for _, test := range []struct {
		server string
		key    [32]byte
		want   Acquaintance
		since  string // of the first line that is known; empty: none
	}{
		{"imap.example.org:993", keyA, First, ""},
		{"imap.example.org:993", keyA, Same, todayStored},
		{"IMAP.Example.ORG.:0993", keyA, Same, todayStored}, // the same name
		{"imap.example.org:993", keyB, Changed, todayStored},
		{"imap.example.org:993", keyB, Changed, todayStored}, // a change is never learned
		{"imap.example.org:993", keyA, Same, todayStored},
		{"imap.example.org:143", keyB, First, ""}, // another port is another server
		{"[2001:DB8:0::1]:25", keyA, First, ""},
		{"[2001:db8::1]:25", keyA, Same, todayStored},
		{"/run/lmtp", keyA, First, ""},
		{"/run/lmtp", keyB, Changed, todayStored},
	} {
		m := meet(t, k, test.server, test.key)
		since := ""
		if len(m.Known) > 0 {
			since = m.Known[0].Since.Format(time.RFC3339)
		}
		if m.Acquaintance != test.want || since != test.since || m.Key != test.key {
			t.Errorf("Meet(%q, %x…) = %s, known since %q, key %s; want %s, %q", test.server, test.key[:2], m.Acquaintance, since, m.Key, test.want, test.since)
		}
	}
	want := "imap.example.org:993 sha256:" + hexA + " " + todayStored + "\n" +
		"imap.example.org:143 sha256:" + hexB + " " + todayStored + "\n" +
		"[2001:db8::1]:25 sha256:" + hexA + " " + todayStored + "\n" +
		"/run/lmtp sha256:" + hexA + " " + todayStored + "\n"
	if got := contents(t, path); got != want {
		t.Errorf("the file is\n%swant\n%s", got, want)
	}
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && i.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want -rw-------", i.Mode())
	}
	leftBehind(t, path)
}

// leftBehind demands that beside the file there is its lock and nothing else.
func leftBehind(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); n != filepath.Base(path) && n != filepath.Base(path)+".lock" {
			t.Errorf("beside the file of known servers lies %s", n)
		}
	}
}

// What is not ours stays as it was, to the byte.
func TestMeetKeepsTheFile(t *testing.T) {
	const before = "# my servers\r\n\n  # indented\n@revoked x y z\n" +
		"b.test:25\tsha256:%s   2020-01-02   the old\tone  \n@future"
	text := fmt.Sprintf(before, strings.ToUpper(hexB))
	path := knownFile(t, text)
	k := openKnown(t, path)
	if m := meet(t, k, "a.test:25", keyA); m.Acquaintance != First {
		t.Errorf("Meet of a stranger = %s, want first", m.Acquaintance)
	}
	want := text + "\na.test:25 sha256:" + hexA + " " + todayStored + "\n"
	if got := contents(t, path); got != want {
		t.Errorf("after a first meeting the file is %q, want %q", got, want)
	}
	list := k.List()
	if len(list) != 2 || list[0].Comment != "the old\tone" || list[0].Line != 5 || list[0].Key != keyB ||
		list[0].Since.Format(time.DateOnly) != "2020-01-02" || list[1].Server != "a.test:25" || list[1].Line != 7 {
		t.Errorf("List() = %+v, want b.test with its comment in line 5, and a.test in line 7", list)
	}
}

// A pool of servers behind one name may have several keys, as lines of the
// user's.
func TestMeetSeveralKeys(t *testing.T) {
	path := knownFile(t, "a.test:25 sha256:"+hexA+" 2020-01-02\na.test:25 sha256:"+hexB+" 2021-01-02\n")
	k := openKnown(t, path)
	for _, key := range [][32]byte{keyA, keyB} {
		if m := meet(t, k, "a.test:25", key); m.Acquaintance != Same || len(m.Known) != 2 {
			t.Errorf("Meet with key %x… = %s and %d lines, want same and 2", key[:2], m.Acquaintance, len(m.Known))
		}
	}
	if m := meet(t, k, "a.test:25", sha256.Sum256(nil)); m.Acquaintance != Changed {
		t.Errorf("Meet with a third key = %s, want changed", m.Acquaintance)
	}
}

// A broken line stops everything: were it passed over, its server would be a
// stranger, and a stranger is believed.
func TestBrokenLines(t *testing.T) {
	good := "a.test:25 sha256:" + hexA + " 2020-01-02\n"
	for _, test := range []struct {
		why, text string
		tells     []string
	}{
		{"one word", "a.test:25\n", []string{"line 1", "three words"}},
		{"no date", "a.test:25 sha256:" + hexA + "\n", []string{"line 1", "three words"}},
		{"short key", good + "# c\nb.test:25 sha256:" + hexA[1:] + " 2020-01-02\n", []string{"line 3"}},
		{"key one byte short", "b.test:25 sha256:" + hexA[2:] + " 2020-01-02\n", []string{"line 1", "31 bytes"}},
		{"another hash", "b.test:25 md5:" + hexA + " 2020-01-02\n", []string{"line 1", "sha256:"}},
		{"bare key", "b.test:25 " + hexA + " 2020-01-02\n", []string{"line 1", "sha256:"}},
		{"no port", "b.test sha256:" + hexA + " 2020-01-02\n", []string{"line 1", `"b.test"`}},
		{"port 0", "b.test:0 sha256:" + hexA + " 2020-01-02\n", []string{"line 1", "port"}},
		{"port too high", "b.test:65536 sha256:" + hexA + " 2020-01-02\n", []string{"line 1", "port"}},
		{"bad date", "b.test:25 sha256:" + hexA + " yesterday\n", []string{"line 1", `"yesterday"`}},
		{"month 13", "b.test:25 sha256:" + hexA + " 2020-13-01\n", []string{"line 1", "2020-13-01"}},
		{"no host", ":25 sha256:" + hexA + " 2020-01-02\n", []string{"line 1", "host"}},
		{"two broken", "x\n" + good + "y\n", []string{"line 1", "line 3"}},
		{"five broken", "x\nx\nx\nx\nx\n", []string{"line 3", "2 more"}},
		{"control characters", "b\x1b[2J.test:25 x y\n", []string{"line 1"}},
		{"not UTF-8", "b\xff.test:25 x y\n", []string{"line 1"}},
	} {
		path := knownFile(t, test.text)
		_, err := OpenKnown(path)
		if err == nil {
			t.Errorf("%s: OpenKnown says nothing, want an error", test.why)
			continue
		}
		for _, w := range append(test.tells, path) {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: OpenKnown: %v; want it to name %q", test.why, err, w)
			}
		}
		if strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%s: the error is not one clean line: %q", test.why, err)
		}
	}
}

// A file that breaks between two meetings is not written over.
func TestMeetStopsAtBrokenLine(t *testing.T) {
	path := knownFile(t, "")
	k := openKnown(t, path)
	const broken = "a.test:25 sha256:oops 2020-01-02\n"
	if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if m, err := k.Meet("a.test:25", keyA, today); err == nil || m.Acquaintance != "" {
		t.Errorf("Meet with a broken file = %q, %v; want an error and no acquaintance", m.Acquaintance, err)
	}
	if gone, err := k.Remove("a.test"); err == nil {
		t.Errorf("Remove with a broken file = %v, want an error", gone)
	}
	if got := contents(t, path); got != broken {
		t.Errorf("the file is %q, want it untouched: %q", got, broken)
	}
}

func TestMeetRefusesServers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_servers")
	k := openKnown(t, path)
	for _, bad := range []string{"", "host", "host:", ":25", "host:smtp", "#host:25", "@host:25", "ho st:25", "host:25\nx", "/run/a b", "host\x1b:25", "host:25:25"} {
		if m, err := k.Meet(bad, keyA, today); err == nil {
			t.Errorf("Meet(%q) = %v, want an error", bad, m)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a refused server made a file")
	}
}

func TestRemove(t *testing.T) {
	line := func(server string) string { return server + " sha256:" + hexA + " 2020-01-02\n" }
	all := "# head\n" + line("a.test:25") + line("a.test:993") + line("b.test:25") + line("[::1]:25") + line("/run/lmtp") + "# foot"
	for _, test := range []struct {
		typed string
		gone  []string
	}{
		{"a.test:25", []string{"a.test:25"}},
		{"A.TEST.", []string{"a.test:25", "a.test:993"}},
		{"a.test", []string{"a.test:25", "a.test:993"}},
		{"::1", []string{"[::1]:25"}},
		{"[::1]", []string{"[::1]:25"}},
		{"[::1]:25", []string{"[::1]:25"}},
		{"/run/lmtp", []string{"/run/lmtp"}},
		{"c.test", nil},
		{"a.test:26", nil},
		{"test", nil}, // a part of a name is none
	} {
		path := knownFile(t, all)
		gone, err := openKnown(t, path).Remove(test.typed)
		var names []string
		want := all
		for _, s := range gone {
			names = append(names, s.Server)
		}
		for _, s := range test.gone {
			want = strings.Replace(want, line(s), "", 1)
		}
		if err != nil || !slices.Equal(names, test.gone) {
			t.Errorf("Remove(%q) = %q, %v; want %q", test.typed, names, err, test.gone)
		}
		if got := contents(t, path); got != want {
			t.Errorf("Remove(%q) leaves %q, want %q", test.typed, got, want)
		}
		leftBehind(t, path)
	}
	for _, bad := range []string{"", "a.test:", "a.test:0", "a b", "a:b:c", "\x1b"} {
		if gone, err := openKnown(t, knownFile(t, all)).Remove(bad); err == nil {
			t.Errorf("Remove(%q) = %v, want an error", bad, gone)
		}
	}
}

// Many writers at once, each with its own handle as other programs have: every
// server is learned, once.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_servers")
	const writers, servers = 8, 10
	firsts := make(chan string, writers*servers)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			k, err := OpenKnown(path)
			if err != nil {
				t.Errorf("OpenKnown: %v", err)
				return
			}
			for i := range servers {
				name := fmt.Sprintf("h%d.test:25", i)
				m, err := k.Meet(name, keyA, today)
				if err != nil {
					t.Errorf("Meet(%s): %v", name, err)
				}
				if m.Acquaintance == First {
					firsts <- name
				}
			}
		})
	}
	wg.Wait()
	close(firsts)
	if n := len(firsts); n != servers {
		t.Errorf("%d first meetings of %d servers by %d writers, want each once", n, servers, writers)
	}
	if n := len(openKnown(t, path).List()); n != servers {
		t.Errorf("%d lines in the file, want %d", n, servers)
	}
}

// A link to the file stays a link.
func TestKnownThroughLink(t *testing.T) {
	path := knownFile(t, "# elsewhere\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	meet(t, openKnown(t, link), "a.test:25", keyA)
	if i, err := os.Lstat(link); err != nil || i.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is now %v, %v; want a link", i, err)
	}
	if got := contents(t, path); !strings.HasPrefix(got, "# elsewhere\na.test:25 ") {
		t.Errorf("behind the link stands %q, want the new line too", got)
	}
}

// What is no file is not replaced by one.
func TestKnownIsNoFile(t *testing.T) {
	if _, err := OpenKnown(t.TempDir()); err == nil {
		t.Error("OpenKnown of a directory says nothing, want an error")
	}
	null := os.DevNull
	if _, err := os.Stat(null); err != nil {
		t.Skipf("no %s here: %v", null, err)
	}
	if err := writeWhole(null, "x"); err == nil {
		t.Errorf("writeWhole(%s) says nothing, want an error", null)
	}
}

func TestKnownTooLong(t *testing.T) {
	path := knownFile(t, strings.Repeat("# a long comment\n", knownLimit/10))
	if _, err := OpenKnown(path); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("OpenKnown of an endless file: %v, want an error about its size", err)
	}
}

func TestKnownPath(t *testing.T) {
	t.Setenv("MAILSEAL_KNOWN", "")
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "config"))
	t.Setenv("HOME", t.TempDir())
	if got, err := KnownPath(""); err != nil || !strings.HasSuffix(got, filepath.Join("mailseal", "known_servers")) {
		t.Errorf("KnownPath(\"\") = %q, %v; want …/mailseal/known_servers", got, err)
	}
	t.Setenv("MAILSEAL_KNOWN", "from-env")
	for wanted, want := range map[string]string{"": "from-env", "mine": "mine"} {
		if got, err := KnownPath(wanted); err != nil || got != want {
			t.Errorf("KnownPath(%q) = %q, %v; want %q", wanted, got, err, want)
		}
	}
}

func TestParsePin(t *testing.T) {
	colons := ""
	for i := range keyA {
		colons += fmt.Sprintf(":%02X", keyA[i])
	}
	colons = colons[1:]
	b64 := base64.StdEncoding.EncodeToString(keyA[:])
	for _, good := range []string{
		hexA, strings.ToUpper(hexA), colons, strings.ToLower(colons),
		"sha256:" + hexA, "SHA256:" + hexA, "sha256:" + colons,
		"sha256//" + b64, "SHA256//" + b64, b64,
		"sha256:" + strings.TrimRight(b64, "="), // as ssh prints its own
		"  " + hexA + "\n",
	} {
		if got, err := ParsePin(good); err != nil || got != keyA {
			t.Errorf("ParsePin(%q) = %x, %v; want %x", good, got, err, keyA)
		}
	}
	for bad, why := range map[string]string{
		"":                                   "nothing",
		"sha256:":                            "nothing behind it",
		"sha256//":                           "nothing behind it",
		hexA[1:]:                             "an odd number of digits",
		hexA[2:]:                             "31 bytes",
		hexA + "00":                          "33 bytes",
		hexA[:40]:                            "a SHA-1",
		"sha1:" + hexA:                       "another hash",
		"sha256//" + hexA:                    "hex where base64 belongs: 48 bytes",
		strings.Replace(colons, ":", "", 1):  "a colon is missing",
		colons + ":":                         "a colon too many",
		"sha256//" + b64 + "=":               "a pad too many",
		"sha256//" + b64 + ";sha256//" + b64: "two of them",
		b64[:20] + "\n" + b64[20:]:           "a line end inside",
		b64[:42] + "/=":                      "bits behind the end",
		strings.Repeat("a", 300):             "too long",
		hexA[:10] + " " + hexA[10:]:          "a space inside",
		"\x1b[2J":                            "no digits",
	} {
		got, err := ParsePin(bad)
		if err == nil {
			t.Errorf("ParsePin(%q) = %x, want an error: %s", bad, got, why)
			continue
		}
		if strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("ParsePin(%q): the error is not one clean line: %q", bad, err)
		}
	}
}

func TestMatchPin(t *testing.T) {
	leaf, spki := certificate(t)
	for _, test := range []struct {
		why  string
		der  []byte
		pin  [32]byte
		want PinMatch
	}{
		{"the key", leaf, sha256.Sum256(spki), PinKey},
		{"the certificate", leaf, sha256.Sum256(leaf), PinCertificate},
		{"another", leaf, keyA, PinDiffers},
		{"no certificate", []byte("junk"), keyA, PinUnknown},
		{"nothing", nil, keyA, PinUnknown},
	} {
		if got := MatchPin(test.der, test.pin); got != test.want {
			t.Errorf("MatchPin, %s: %q, want %q", test.why, got, test.want)
		}
	}
	if got, err := KeyHashOf(leaf); err != nil || got != sha256.Sum256(spki) {
		t.Errorf("KeyHashOf = %s, %v; want %x", got, err, sha256.Sum256(spki))
	}
}

// certificate makes one, and returns the key in it as x509 writes it.
func certificate(t *testing.T) (der, spki []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a.test"}, NotAfter: today}
	der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	spki, err = x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return der, spki
}

// Whatever is met and removed in whatever order: the file says what a map
// says, and comments stay.
func TestKnownLikeAMap(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		head := rapid.SampledFrom([]string{"", "# c\n", "@m\n\n", "# c"}).Draw(t, "head")
		if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := OpenKnown(path)
		if err != nil {
			t.Fatal(err)
		}
		model := map[string][32]byte{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			server := rapid.SampledFrom([]string{"a.test:25", "a.test:993", "b.test:25", "[::1]:25"}).Draw(t, "server")
			if rapid.Bool().Draw(t, "remove") {
				gone, err := k.Remove(server)
				if _, was := model[server]; err != nil || (len(gone) == 1) != was {
					t.Fatalf("Remove(%q) = %v, %v; it was there: %v", server, gone, err, was)
				}
				delete(model, server)
				continue
			}
			key := rapid.SampledFrom([][32]byte{keyA, keyB}).Draw(t, "key")
			m, err := k.Meet(server, key, today)
			want := First
			if old, ok := model[server]; ok && old == key {
				want = Same
			} else if ok {
				want = Changed
			} else {
				model[server] = key
			}
			if err != nil || m.Acquaintance != want {
				t.Fatalf("Meet(%q, %x…) = %q, %v; want %q", server, key[:2], m.Acquaintance, err, want)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(text), head) {
			t.Fatalf("the file is %q, %v; want it to begin with %q", text, err, head)
		}
		if list := k.List(); len(list) != len(model) {
			t.Fatalf("List() = %v, want the servers of %v", list, model)
		}
	})
}

// What is read can be written and is the same; and a stranger who is put
// behind it is found again.
func FuzzKnown(f *testing.F) {
	for _, s := range []string{
		"", "\n", "# c", "@x\n", "a.test:25 sha256:" + hexA + " 2020-01-02\n", "a.test:25 sha256:" + hexA + " 2020-01-02T00:00:00Z c c",
		"[::1]:25 sha256:" + hexA + " 2020-01-02\r\n", "/p sha256:" + hexA + " 2020-01-02", "a.test:25 sha256//AA 2020-01-02", "a b c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := parseKnown(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("parseKnown(%q): not one clean line: %q", text, err)
			}
			return
		}
		if got := textOf(lines); got != text {
			t.Errorf("parseKnown(%q) put together again is %q", text, got)
		}
		for _, l := range lines {
			if l.server == nil {
				continue
			}
			again, err := parseKnownLine(l.server.text())
			if err != nil || again.Server != l.server.Server || again.Key != l.server.Key || again.Comment != l.server.Comment {
				t.Errorf("parseKnownLine(%q) = %+v, %v; want %+v", l.server.text(), again, err, l.server)
			}
		}
		longer, err := parseKnown(textOf(appendServer(lines, KnownServer{Server: "new.test:1", Key: keyA, Since: today})))
		if err != nil || longer[len(longer)-1].server == nil || longer[len(longer)-1].server.Server != "new.test:1" {
			t.Errorf("after appending to %q: %v", text, err)
		}
	})
}

// A pin that is read means the same in its own form.
func FuzzParsePin(f *testing.F) {
	for _, s := range []string{"", hexA, "sha256:" + hexA, "sha256//" + base64.StdEncoding.EncodeToString(keyA[:]), "AA:BB", "sha256:=", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pin, err := ParsePin(s)
		if err != nil {
			return
		}
		if again, err := ParsePin(KeyHash(pin).String()); err != nil || again != pin {
			t.Errorf("ParsePin(%q) = %x; its own form reads as %x, %v", s, pin, again, err)
		}
	})
}
