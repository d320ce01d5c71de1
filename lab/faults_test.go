package lab

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

func TestFaultsAreWhole(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*[a-z0-9]$`)
	seen := map[string]bool{}
	for _, f := range Faults {
		if !name.MatchString(f.Name) || seen[f.Name] {
			t.Errorf("the fault name %q is no name, or not the only one", f.Name)
		}
		seen[f.Name] = true
		if !strings.HasSuffix(f.Manual, ".") || f.Edit == nil || len(f.Checks) == 0 {
			t.Errorf("fault %s: a manual, an edit and a check are needed", f.Name)
		}
		for _, p := range f.Protocols {
			if !slices.Contains(Protocols(), p) {
				t.Errorf("fault %s names the protocol %q, which the lab does not speak", f.Name, p)
			}
		}
		if got, ok := FaultByName(f.Name); !ok || got.Manual != f.Manual {
			t.Errorf("FaultByName(%q) = %q, %v", f.Name, got.Name, ok)
		}
	}
	if _, ok := FaultByName("none such"); ok {
		t.Errorf("FaultByName finds a fault that does not exist")
	}
}

func TestFits(t *testing.T) {
	for _, test := range []struct {
		fault    Fault
		protocol string
		mode     observe.Mode
		want     bool
	}{
		{silent, "smtp", observe.StartTLS, true},
		{silent, "sieve", observe.Implicit, true},
		{silent, "smtp", observe.Clear, false},
		{preauth, "imap", observe.StartTLS, true},
		{preauth, "imap", observe.Implicit, false},
		{preauth, "pop3", observe.StartTLS, false},
	} {
		if got := test.fault.Fits(test.protocol, test.mode); got != test.want {
			t.Errorf("%s.Fits(%s, %s) = %v, want %v", test.fault.Name, test.protocol, test.mode, got, test.want)
		}
	}
}

// An edit must change only the server that it is given.
func TestEditsDoNotLeak(t *testing.T) {
	for _, p := range Protocols() {
		for _, m := range allModes {
			before := New(p, m)
			for _, f := range Faults {
				if f.Fits(p, m) {
					f.Edit(New(p, m))
				}
			}
			after := New(p, m)
			if !slices.Equal(before.Capabilities, after.Capabilities) || !slices.Equal(before.SealedCapabilities, after.SealedCapabilities) {
				t.Errorf("a fault changed what New(%s, %s) returns", p, m)
			}
		}
	}
}

// faulty starts a server with a fault.
func faulty(t *testing.T, ca *CA, f Fault, protocol string, m observe.Mode) *Running {
	t.Helper()
	s := New(protocol, m)
	f.Edit(s)
	return start(t, s, ca)
}

// Every fault can be started wherever it fits, survives a client that leaves
// at once and one that says nonsense, and ends with Close.
func TestFaultsServe(t *testing.T) {
	ca := newTestCA(t)
	for _, f := range Faults {
		t.Run(f.Name, func(t *testing.T) {
			for _, p := range Protocols() {
				for _, m := range allModes {
					if !f.Fits(p, m) {
						continue
					}
					r := faulty(t, ca, f, p, m)
					dialClear(t, r).conn.Close()
					c := dialClear(t, r)
					c.conn.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
					c.conn.Close()
					if err := r.Close(); err != nil {
						t.Errorf("%s, %s: Close: %v", p, m, err)
					}
				}
			}
		})
	}
}

// What the faults of the clear conversation look like on the wire.
func TestFaultConversations(t *testing.T) {
	ca := newTestCA(t)
	const ehlo = "S: 220…\nC: EHLO x\nS: 250-…\nS: 250-PIPELINING\nS: 250-SIZE…\nS: 250-8BITMIME\n"
	for _, test := range []struct {
		fault    Fault
		protocol string
		script   string
	}{
		{starttlsStripped, "smtp", ehlo + "S: 250 ENHANCEDSTATUSCODES\nC: STARTTLS\nS: 502 5.5.1…"},
		{starttlsStripped, "imap", "S: * OK…\nC: a CAPABILITY\nS: * CAPABILITY IMAP4rev1 LITERAL- ID LOGINDISABLED\nS: a OK…\nC: b STARTTLS\nS: b BAD…"},
		{starttlsMaskedX, "smtp", ehlo + "S: 250-ENHANCEDSTATUSCODES\nS: 250 XXXXXXXA\nC: STARTTLS\nS: 502…"},
		{starttlsPrefixed, "lmtp", "S: 220…\nC: LHLO x\nS: 250-…\nS: 250-PIPELINING\nS: 250-SIZE…\nS: 250-8BITMIME\nS: 250-ENHANCEDSTATUSCODES\nS: 250 XSTARTTLS\nC: STARTTLS\nS: 502…"},
		{greetingMasked, "smtp", "S: 220 ****************************************\nC: EHLO x\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250 ENHANCEDSTATUSCODES\nC: STARTTLS\nS: 502…"},
		{starttlsHidden, "pop3", "S: +OK…\nC: CAPA\nS: +OK…\nS: TOP\nS: UIDL\nS: RESP-CODES\nS: AUTH-RESP-CODE\nS: IMPL…\nS: .\nC: STLS\nS: +OK…\nTLS"},
		{starttlsRefusedForNow, "smtp", "S: 220…\nC: EHLO x\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0…\nC: NOOP\nS: 250…"},
		{starttlsRefusedForNow, "imap", "S: * OK…\nC: a STARTTLS\nS: a NO [UNAVAILABLE]…"},
		{starttlsPutOff, "imap", "S: * OK…\nC: a STARTTLS\nS: a NO [LIMIT]…\nC: b NOOP\nS: b OK…"},
		{starttlsPutOff, "sieve", "S: \"IMPL…\nS: \"SIEVE…\nS: \"VERSION…\nS: \"SASL\" \"\"\nS: \"STARTTLS\"\nS: OK…\nC: STARTTLS\nS: NO (TRYLATER)…"},
		{moreInClear, "smtp", ehlo + "S: 250-ENHANCEDSTATUSCODES\nS: 250-STARTTLS\nS: 250 AUTH CRAM-MD5\nC: AUTH PLAIN {plain}\nS: 504…"},
		{starttlsRefused, "pop3", "S: +OK…\nC: STLS\nS: -ERR…"},
		{authInClear, "smtp", ehlo + "S: 250-ENHANCEDSTATUSCODES\nS: 250-STARTTLS\nS: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN {plain}\nS: 235…"},
		{authInClear, "pop3", "S: +OK…\nC: USER lab\nS: +OK…\nC: PASS {secret}\nS: +OK…"},
		{authInClear, "sieve", "S: \"IMPL…\nS: \"SIEVE\"…\nS: \"VERSION\"…\nS: \"STARTTLS\"\nS: \"SASL\" \"PLAIN\"\nS: OK…\nC: AUTHENTICATE \"PLAIN\" \"{plain}\"\nS: OK…"},
		{loginNotDisabled, "imap", "S: * OK…\nC: a LOGIN lab {secret}\nS: a OK…"},
		{preauth, "imap", "S: * PREAUTH…\nC: a STARTTLS\nS: a BAD…\nC: b LIST \"\" *\nS: * LIST…\nS: b OK…"},
		{comeLater, "smtp", "S: 421 4.7.0…\nEOF"},
		{comeLater, "imap", "S: * BYE [UNAVAILABLE]…\nEOF"},
		{escapeInText, "pop3", "S: +OK lab\x00 \x07 \x1b]0;owned\x07 \x1b[2J\x1b[1;31m ready"},
	} {
		t.Run(test.fault.Name+"/"+test.protocol, func(t *testing.T) {
			r := faulty(t, ca, test.fault, test.protocol, observe.StartTLS)
			play(t, r, ca, test.script)
			expectNoSecret(t, r)
		})
	}
}

// asksTLS brings a clear conversation to the point where TLS begins.
func (c *client) asksTLS(protocol string) {
	c.t.Helper()
	switch protocol {
	case "imap":
		c.until("* OK")
		c.send("a STARTTLS\r\n")
		c.until("a OK")
	case "pop3":
		c.until("+OK")
		c.send("STLS\r\n")
		c.until("+OK")
	case "sieve":
		c.until("OK")
		c.send("STARTTLS\r\n")
		c.until("OK")
	case "lmtp":
		c.until("220 ")
		c.send("LHLO x\r\nSTARTTLS\r\n")
		c.until("220 ")
	default:
		c.until("220 ")
		c.send("EHLO x\r\nSTARTTLS\r\n")
		c.until("220 ")
	}
}

func TestResidue(t *testing.T) {
	ca := newTestCA(t)
	for _, p := range Protocols() {
		want := injected(p)
		c := dialClear(t, faulty(t, ca, residueSameSegment, p, observe.StartTLS))
		c.asksTLS(p)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c.in, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: behind the go-ahead came %q (%v), want %q", p, got, err, want)
		}
		c.handshake(ca)

		c = dialClear(t, faulty(t, ca, residueLate, p, observe.StartTLS))
		c.asksTLS(p)
		hello := &lateReader{Conn: c.conn, want: len(want)}
		c.conn = hello
		c.handshake(ca)
		if !bytes.Equal(hello.got, want) {
			t.Errorf("%s: before the first record came %q, want %q", p, hello.got, want)
		}
	}
}

// lateReader takes the first bytes that come out of the stream of TLS.
type lateReader struct {
	net.Conn
	want int
	got  []byte
}

func (r *lateReader) Read(p []byte) (int, error) {
	if len(r.got) < r.want {
		r.got = make([]byte, r.want)
		if _, err := io.ReadFull(r.Conn, r.got); err != nil {
			return 0, err
		}
	}
	return r.Conn.Read(p)
}

// TLS as a client sees it who looks at everything and insists on nothing.
func (c *client) look() (tls.ConnectionState, error) {
	t := tls.Client(c.conn, &tls.Config{
		InsecureSkipVerify: true, ServerName: "mail.lab.test", MinVersion: tls.VersionTLS10,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		},
	})
	err := t.Handshake()
	return t.ConnectionState(), err
}

func TestTLSFaults(t *testing.T) {
	ca := newTestCA(t)
	for _, test := range []struct {
		fault   Fault
		version uint16
		suite   uint16
	}{
		{tls10Only, tls.VersionTLS10, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
		{tls11Only, tls.VersionTLS11, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
		{suite3DES, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA},
		{suiteRC4, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA},
		{suiteStaticRSA, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256},
	} {
		state, err := dialClear(t, faulty(t, ca, test.fault, "imap", observe.Implicit)).look()
		if err != nil || state.Version != test.version || state.CipherSuite != test.suite {
			t.Errorf("%s: version %#x, suite %#x, error %v, want %#x, %#x", test.fault.Name, state.Version, state.CipherSuite, err, test.version, test.suite)
		}
	}
}

// The TLS 1.2 of our own is understood by crypto/tls, and by openssl where it
// does not miss what openssl insists on. A whole conversation goes through.
func TestOwnTLS12(t *testing.T) {
	ca := newTestCA(t)
	for _, f := range []Fault{extendedMasterSecretMissing, renegotiationInsecure} {
		for _, p := range Protocols() {
			r := faulty(t, ca, f, p, observe.StartTLS)
			play(t, r, ca, conversations[p].clear+conversations[p].sealed)
			expectNoSecret(t, r)
		}
	}
	openssl := program(t, "openssl")
	for _, test := range []struct {
		fault Fault
		want  string
	}{
		{extendedMasterSecretMissing, "Extended master secret: no"},
		{renegotiationInsecure, "unsafe legacy renegotiation"},
	} {
		out, _ := run(t, "", openssl, "s_client", "-connect", faulty(t, ca, test.fault, "imap", observe.Implicit).Addr())
		if !strings.Contains(out, test.want) {
			t.Errorf("openssl says of %s, want %q:\n%s", test.fault.Name, test.want, out)
		}
	}
}

func TestFailingHandshakes(t *testing.T) {
	ca := newTestCA(t)
	for _, f := range []Fault{helloGarbage, helloClearText, certificateHuge, resetMidHandshake, closeMidHandshake} {
		for _, m := range allModes {
			c := dialClear(t, faulty(t, ca, f, "smtp", m))
			if m == observe.StartTLS {
				c.asksTLS("smtp")
			}
			state, err := c.look()
			if err == nil || state.HandshakeComplete {
				t.Errorf("%s, %s: the handshake succeeded", f.Name, m)
			}
		}
	}
}

func TestCertificateDemanded(t *testing.T) {
	ca := newTestCA(t)
	r := faulty(t, ca, certificateDemanded, "imap", observe.Implicit)
	c := dialClear(t, r)
	if _, err := c.look(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	// In TLS 1.3 the client is done before the server has said no.
	b, err := io.ReadAll(c.conn)
	r.Close()
	alerts := r.Observations()[0].Conns[0].Alerts
	t.Logf("the client then read %d bytes, %v; the server noted %v", len(b), err, alerts)
	if tlsFacts := r.Observations()[0].Conns[0].TLS; tlsFacts == nil || tlsFacts.Complete {
		t.Errorf("the server counts the handshake as complete: %+v", tlsFacts)
	}
}

// Reset and close at every stage must be seen as what they are.
func TestBreaks(t *testing.T) {
	ca := newTestCA(t)
	for _, f := range breaks() {
		for _, m := range allModes {
			if !f.Fits("smtp", m) {
				continue
			}
			c := dialClear(t, faulty(t, ca, f, "smtp", m))
			err := c.toTheEnd(m)
			if reset := strings.HasPrefix(f.Name, "reset"); reset != isReset(err) {
				t.Errorf("%s, %s: the client saw %v, want a reset: %v", f.Name, m, err, reset)
			}
		}
	}
}

// toTheEnd talks until the connection ends, and returns how.
func (c *client) toTheEnd(m observe.Mode) error {
	if m == observe.StartTLS {
		for _, command := range []string{"EHLO x\r\n", "STARTTLS\r\n"} {
			if _, err := c.in.ReadString('\n'); err != nil {
				return err
			}
			for c.in.Buffered() > 0 {
				c.in.ReadString('\n')
			}
			c.conn.Write([]byte(command))
		}
		if _, err := c.in.ReadString('\n'); err != nil {
			return err
		}
	}
	t := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	if err := t.Handshake(); err != nil {
		return err
	}
	_, err := io.ReadAll(t)
	return err
}

func isReset(err error) bool { return err != nil && errors.Is(err, syscall.ECONNRESET) }

func isSCTs(e pkix.Extension) bool { return e.Id.String() == "1.3.6.1.4.1.11129.2.4.2" }

func TestBareLineEnds(t *testing.T) {
	c := dialClear(t, faulty(t, newTestCA(t), bareLineEnds, "smtp", observe.StartTLS))
	c.send("EHLO x\r\nQUIT\r\n")
	all, err := io.ReadAll(c.in)
	if err != nil || !bytes.Contains(all, []byte("\n221 ")) || bytes.Contains(all, []byte("\r")) {
		t.Errorf("the server said %q (%v), want lines that end with LF alone", all, err)
	}
}

func TestStaple(t *testing.T) {
	state, err := dialClear(t, faulty(t, newTestCA(t), stapleGarbled, "imap", observe.Implicit)).look()
	if err != nil || !bytes.HasPrefix(state.OCSPResponse, []byte("<html>")) {
		t.Errorf("the staple is %q (%v)", state.OCSPResponse, err)
	}
}

func TestGroup(t *testing.T) {
	state, err := dialClear(t, faulty(t, newTestCA(t), groupClassical, "imap", observe.Implicit)).look()
	if err != nil || state.CurveID != tls.X25519 {
		t.Errorf("the group is %v (%v), want X25519", state.CurveID, err)
	}
}

// The leaves are what they say.
func TestLeaves(t *testing.T) {
	ca := newTestCA(t)
	now := time.Now()
	for _, test := range []struct {
		fault Fault
		holds func(*x509.Certificate) bool
		sent  int
	}{
		{certExpired, func(c *x509.Certificate) bool { return now.After(c.NotAfter) }, 2},
		{certNotYetValid, func(c *x509.Certificate) bool { return now.Before(c.NotBefore) }, 2},
		{certExpiresSoon, func(c *x509.Certificate) bool { return c.NotAfter.Sub(now) < 3*day && now.Before(c.NotAfter) }, 2},
		{certLifeTooLong, func(c *x509.Certificate) bool { return c.NotAfter.Sub(c.NotBefore) > 825*day }, 2},
		{certWrongName, func(c *x509.Certificate) bool { return c.VerifyHostname("mail.lab.test") != nil }, 2},
		{certNameOnlyInCN, func(c *x509.Certificate) bool { return len(c.DNSNames) == 0 && c.Subject.CommonName == "mail.lab.test" }, 2},
		{certSelfSigned, func(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }, 1},
		{certUnknownCA, func(c *x509.Certificate) bool { return strings.Contains(c.Issuer.CommonName, "stranger") }, 2},
		{chainIncomplete, func(c *x509.Certificate) bool { return true }, 1},
		{chainDisordered, func(c *x509.Certificate) bool { return strings.Contains(c.Issuer.CommonName, "issuing") }, 3},
		{chainSuperfluous, func(c *x509.Certificate) bool { return true }, 3},
		{chainHundred, func(c *x509.Certificate) bool { return true }, 100},
		{certRSA1024, func(c *x509.Certificate) bool {
			k, ok := c.PublicKey.(*rsa.PublicKey)
			return ok && k.N.BitLen() == 1024
		}, 2},
		{certSHA1, func(c *x509.Certificate) bool { return c.SignatureAlgorithm == x509.ECDSAWithSHA1 }, 2},
		{certForClients, func(c *x509.Certificate) bool {
			return slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth})
		}, 2},
		{certKeyUsageUnfit, func(c *x509.Certificate) bool { return c.KeyUsage == x509.KeyUsageKeyAgreement }, 2},
		{sctMissing, func(c *x509.Certificate) bool { return !slices.ContainsFunc(c.Extensions, isSCTs) }, 2},
		{certUnknownCAWithRoot, func(c *x509.Certificate) bool { return strings.Contains(c.Issuer.CommonName, "stranger") }, 3},
		{chainWithRoot, func(c *x509.Certificate) bool { return true }, 3},
		{mustStapleUnmet, func(c *x509.Certificate) bool {
			return slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(mustStaple.Id) })
		}, 2},
	} {
		state, err := dialClear(t, faulty(t, ca, test.fault, "pop3", observe.Implicit)).look()
		if err != nil || len(state.PeerCertificates) != test.sent {
			t.Errorf("%s: %d certificates, error %v, want %d", test.fault.Name, len(state.PeerCertificates), err, test.sent)
			continue
		}
		if leaf := state.PeerCertificates[0]; !test.holds(leaf) {
			t.Errorf("%s: the leaf does not have the flaw: %s, %s, %s to %s", test.fault.Name, leaf.Subject, leaf.Issuer, leaf.NotBefore, leaf.NotAfter)
		}
	}
}

// The honest leaf has none of the flaws.
func TestHonestLeaf(t *testing.T) {
	ca := newTestCA(t)
	state, err := dialClear(t, start(t, New("imap", observe.Implicit), ca)).look()
	if err != nil || len(state.PeerCertificates) != 2 {
		t.Fatalf("%d certificates, error %v, want 2", len(state.PeerCertificates), err)
	}
	leaf, pool := state.PeerCertificates[0], x509.NewCertPool()
	pool.AddCert(state.PeerCertificates[1])
	for _, name := range []string{"mail.lab.test", "localhost", "127.0.0.1", "::1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: ca.Pool(), Intermediates: pool}); err != nil {
			t.Errorf("Verify for %s: %v", name, err)
		}
	}
	if _, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || leaf.NotAfter.Sub(leaf.NotBefore) != 90*day || leaf.IsCA {
		t.Errorf("the leaf has a %T, lives %s, is a CA: %v", leaf.PublicKey, leaf.NotAfter.Sub(leaf.NotBefore), leaf.IsCA)
	}
	if !strings.Contains(ca.Root().Subject.CommonName, "mailseal lab root CA") || !bytes.Contains(ca.PEM(), []byte("BEGIN CERTIFICATE")) {
		t.Errorf("the root is %s", ca.Root().Subject)
	}
}
