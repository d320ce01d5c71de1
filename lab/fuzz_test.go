package lab

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

func FuzzParseTokens(f *testing.F) {
	for _, s := range []string{
		`a1 LOGIN "l\"ab" secret`, `a1 LOGIN {3}`, `a1 LOGIN {3+}`, `PUTSCRIPT "a" {4+}`, `(()) "" {`, `"\`, `{99999999999}`, "a\x00b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		toks, lit, ok := parseTokens(line)
		if !ok {
			return
		}
		if len(toks) > maxTokens {
			t.Errorf("parseTokens(%q): %d tokens", line, len(toks))
		}
		if lit != nil && (lit.size < 0 || !strings.HasSuffix(line, "}")) {
			t.Errorf("parseTokens(%q): a literal of %d bytes", line, lit.size)
		}
		for _, tok := range toks {
			if tok.plain && (tok.text == "" || strings.ContainsAny(tok.text, " \"{")) {
				t.Errorf("parseTokens(%q): the atom %q", line, tok.text)
			}
		}
	})
}

// Whatever surrounds a secret behind a verb that carries one: it is not in
// what is written down.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{
		"AUTH PLAIN ", "auth  plain\t", "PASS ", "a1 LOGIN lab ", "a1 authenticate plain ", `AUTHENTICATE "PLAIN" "`, "APOP lab ", "AUTH ", "\x00LOGIN ",
	} {
		f.Add(s, "\r")
	}
	const secret = "S3CR3TS3CR3T"
	f.Fuzz(func(t *testing.T, before, after string) {
		text, hidden := redact(before+secret+after, []string{secret})
		if strings.Contains(text, secret) || !hidden {
			t.Errorf("redact(%q) = %q, %v", before+secret+after, text, hidden)
		}
		if _, ok := secretVerb(before); !ok || strings.TrimRight(before, " ") == before {
			return
		}
		if text, _ := redact(before+secret+after, nil); strings.Contains(text, secret) {
			t.Errorf("without knowing the secret, redact(%q) = %q", before+secret+after, text)
		}
	})
}

// Any bytes, to any server: it answers, ends, and stays within its bounds.
func FuzzSession(f *testing.F) {
	for i, s := range []string{
		"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\nAUTH PLAIN AAAA\r\nSTARTTLS\r\n\x16\x03\x01",
		"EHLO x\r\nAUTH LOGIN\r\n*\r\nMAIL FROM:<a b> X\r\n", "LHLO x\r\nRSET\r\nQUIT\r\n",
		"a LOGIN {3}\r\nlab {1+}\r\nx\r\nb AUTHENTICATE PLAIN\r\n*\r\nc SELECT INBOX\r\nd UID SEARCH 1\r\n",
		"USER lab\r\nPASS x y\r\nAUTH PLAIN\r\n=\r\nSTAT\r\nLIST 1\r\nTOP 1 1\r\n",
		"AUTHENTICATE \"PLAIN\"\r\n{3+}\r\nabc\r\nNOOP \"x\"\r\nPUTSCRIPT \"a\" {3+}\r\nabc\r\n",
	} {
		f.Add(uint8(i), []byte(s))
	}
	f.Fuzz(func(t *testing.T, kind uint8, input []byte) {
		names := Protocols()
		s := New(names[int(kind)%len(names)], observe.StartTLS)
		// In clear, with everything that there is inside TLS.
		s.Capabilities = append(s.SealedCapabilities, "STARTTLS", "STLS", `"STARTTLS"`)
		here, there := net.Pipe()
		r := &Running{server: s, stop: make(chan struct{}), open: map[*record]net.Conn{}, secret: "S3CR3TS3CR3T"}
		r.secrets = secretForms(r.secret)
		r.protocol, _ = protocols(s.Protocol)
		r.config = s.config(tls.Certificate{}) // no hello gets as far as to need one
		read := make(chan int64)
		go func() {
			n, _ := io.Copy(io.Discard, there)
			read <- n
		}()
		go func() {
			there.Write(input)
			there.Close()
		}()
		rec := &record{}
		tap := newTap(here, s, time.Now(), r.stop)
		c := &Session{server: s, protocol: r.protocol, run: r, tap: tap, conn: tap, in: tap.r, rec: rec}
		c.serve()
		r.finish(rec, here)
		if n := <-read; n > 1<<20 {
			t.Errorf("%s: %d bytes were sent in answer to %d", s.Protocol, n, len(input))
		}
		if rec.conn.End == observe.Unended {
			t.Errorf("%s: the session has no end", s.Protocol)
		}
	})
}

func FuzzParseClientHello(f *testing.F) {
	hello := append([]byte{3, 3}, make([]byte, 32)...)
	f.Add(hello)
	f.Add(append(hello, 0, 0, 2, 0xc0, 0x2b, 1, 0))
	f.Add(append(hello, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 9, 0, 23, 0, 0, 0xff, 0x01, 0, 1, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseClientHello(b)
		if err == nil && (len(h.random) != 32 || 2*len(h.suites)+4*len(h.extensions) > len(b)) {
			t.Errorf("parseClientHello(%x) = %+v", b, h)
		}
	})
}
