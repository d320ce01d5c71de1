package dialogue

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// hearing is a session whose server says the bytes and hangs up.
func hearing(t *testing.T, data []byte) *Session {
	w := wire.New(context.Background(), &noise{data: data, step: 7}, time.Now(), wire.Limits{})
	t.Cleanup(func() { w.Close() })
	return &Session{Conn: w, Record: &observe.Conn{}, Helo: "h", Host: "h"}
}

func stopped(t *testing.T, what string, data []byte, err error) {
	t.Helper()
	if _, ok := errors.AsType[*wire.Stop](err); err != nil && !ok {
		t.Errorf("%s(%q): error %#v, want a *wire.Stop", what, data, err)
	}
}

// FuzzBER reads elements, and writes what was read again: the value must be
// the same, and lie inside the input.
func FuzzBER(f *testing.F) {
	for _, s := range []string{
		"", "0", "\x30\x00", "\x30\x80\x00\x00", "\x30\x84\x00\x00\x00\x01x", "\x30\x85\x00\x00\x00\x00\x01x",
		"\x30\x84\xff\xff\xff\xff", "\x30\x81\x05abc", "\x1f\x01a", "\x02\x04\x80\x00\x00\x00",
		"0\x0c\x02\x01\x02x\x07\x0a\x01\x00\x04\x00\x04\x00",
		"0\x0c\x02\x01\x01x\x07\x0a\x01\x00\x04\x00\x04\x00",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, rest, ok := berNext(data); ok {
			if len(e.body)+len(rest) > len(data)-2 || !bytes.HasSuffix(data, append(bytes.Clone(e.body), rest...)) {
				t.Errorf("berNext(%x) = %x, rest %x; want parts of the input", data, e.body, rest)
			}
			if len(e.body) < 1<<16 {
				again, left, ok := berNext(berTLV(e.tag, e.body...))
				if !ok || len(left) > 0 || again.tag != e.tag || !bytes.Equal(again.body, e.body) {
					t.Errorf("berNext(berTLV(%#x, %x)) = %#x, %x", e.tag, e.body, again.tag, again.body)
				}
			}
			parseLDAPResult(e.body)
			ldapValues(e.body)
		}
		_, err := parseLDAPResult(data)
		stopped(t, "parseLDAPResult", data, err)
		_, err = ldapRead(hearing(t, data), 1)
		stopped(t, "ldapRead", data, err)
		stopped(t, "ldapEntries", data, ldapEntries(hearing(t, data), 1))
	})
}

func FuzzMySQL(f *testing.F) {
	f.Add([]byte("\x0a5.5.5-10.11\x00\x0e\x00\x00\x00_hlg>@cT\x00\xfe\xff\x08\x02\x00\xff\x81"))
	f.Add([]byte("\x0aold\x00\x0e\x00\x00\x00_hlg>@cT\x00\xfe\xff"))
	f.Add([]byte("\xff\x10\x04Too many connections"))
	f.Add([]byte("\xff\x10\x04#08004"))
	f.Add([]byte("\x0a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseMySQL(data)
		stopped(t, "parseMySQL", data, err)
		if strings.Contains(h.version, "\x00") || len(h.version) > len(data) {
			t.Errorf("parseMySQL(%q): version %q", data, h.version)
		}
		stopped(t, "mysqlError", data, mysqlError(data))
		n := len(data)
		packet := append([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0}, data...)
		stopped(t, "mysqlGreeting", packet, mysqlGreeting(hearing(t, packet)))
	})
}

func TestMySQLFlags(t *testing.T) {
	h, err := parseMySQL([]byte("\x0a8.0\x00\x01\x00\x00\x0012345678\x00\x00\x08\x21\x02\x00\x00\x01"))
	if want := (mysqlHello{"8.0", 0x01000800}); err != nil || h != want {
		t.Errorf("parseMySQL = %+v, %v; want %+v", h, err, want)
	}
}

func TestLiteral(t *testing.T) {
	for _, c := range []struct {
		line string
		size int
		ok   bool
	}{
		{"a {5}", 5, true},
		{"{0}", 0, true},
		{"a {5+}", 5, true},
		{"a {007}", 7, true},
		{"a {65536}", literalLimit, true},
		{"a {65537}", literalLimit + 1, true},
		{"a {99999999999999999999999999}", literalLimit + 1, true},
		{"a {5} ", 0, false},
		{"a {}", 0, false},
		{"a {+}", 0, false},
		{"a {-1}", 0, false},
		{"a {5", 0, false},
		{"5}", 0, false},
		{"{{5}", 5, true},
	} {
		if size, ok := literal(c.line); size != c.size || ok != c.ok {
			t.Errorf("literal(%q) = %d, %v; want %d, %v", c.line, size, ok, c.size, c.ok)
		}
	}
}

func FuzzLiteral(f *testing.F) {
	f.Add("* ID (\"name\" {16}\r\n* CAPABILITY x\r\n \"v\" {0+}\r\n)\r\n")
	f.Add("{1}\r\n{{1}\r\n{{1}\r\n{")
	f.Add(strings.Repeat("{0}\r\n", 3000))
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := literal(text); n < 0 || n > literalLimit+1 || n > 0 && !ok {
			t.Errorf("literal(%q) = %d, %v", text, n, ok)
		}
		_, err := imapResponse(hearing(t, []byte(text)))
		stopped(t, "imapResponse", []byte(text), err)
		_, err = sieveRead(hearing(t, []byte(text)))
		stopped(t, "sieveRead", []byte(text), err)
		for _, item := range strings.Split(text, "\n") {
			sieveName(item)
		}
		imapCode(text)
		parseIRC(text)
		if code, ok := numbered(text); ok && (code < 100 || code > 999) {
			t.Errorf("numbered(%q) = %d", text, code)
		}
	})
}

// FuzzXMPP reads one element and demands that the reader stopped right behind
// it: the go-ahead must not take residue with it.
func FuzzXMPP(f *testing.F) {
	for _, s := range []string{
		"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<a><b c='>'/>text<d>e</d></a>", "<?xml version='1.0'?> <x/>",
		"<a b=\"'\" c='\"'/>", "<!-- ' -->", "</a>", "<>", "<a></b>", "<a =''/>", strings.Repeat("<a>", 100), "<a " + strings.Repeat("x", 9000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const residue = "<residue/>"
		n := &noise{data: []byte(text + residue), step: 1 << 16}
		w := wire.New(context.Background(), n, time.Now(), wire.Limits{})
		defer w.Close()
		r := xmppReader{s: &Session{Conn: w, Record: &observe.Conn{}}}
		token, err := r.element()
		stopped(t, "element", []byte(text), err)
		if err != nil {
			return
		}
		node, err := r.node(token, 0)
		stopped(t, "node", []byte(text), err)
		node.items()
		if err != nil {
			return
		}
		if !strings.HasPrefix(text+residue, string(r.raw)) || r.raw[len(r.raw)-1] != '>' {
			t.Errorf("node of %q took %q, want a prefix that ends with >", text, r.raw)
		}
		if strings.HasPrefix(text, "<proceed/>") && string(r.raw) != "<proceed/>" {
			t.Errorf("node of %q took %q, want <proceed/>", text, r.raw)
		}
	})
}

func FuzzPostgres(f *testing.F) {
	f.Add([]byte("S"))
	f.Add([]byte("E\x00\x00\x00\x1dSFATAL\x00CXX000\x00Minjected\x00\x00"))
	f.Add([]byte("E\xff\xff\xff\xff"))
	f.Add([]byte("E\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := hearing(t, data)
		stopped(t, "postgresSSL", data, postgresSSL(s))
		if s.Record.Upgrade.GoAhead == observe.Yes && (data[0] != 'S' || s.taken() != 1) {
			t.Errorf("postgresSSL(%q) took %d bytes for a go-ahead, want 1", data, s.taken())
		}
	})
}

// taken counts the bytes of the server that were recorded.
func (s *Session) taken() int {
	n := 0
	for _, l := range s.Lines() {
		if l.From == observe.Server {
			n += len(l.Text)
		}
	}
	return n
}
