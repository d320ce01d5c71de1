package real_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// gnutls-cli is the second other program, and shares no code with openssl.
// It too is offered what we negotiated, and describes the handshake in one
// line: (TLS1.3-X.509)-(ECDHE-X25519)-(RSA-PSS-RSAE-SHA256)-(AES-128-GCM).

// gnutlsWords are the protocols that gnutls-cli upgrades, by its names.
var gnutlsWords = map[string]string{
	"smtp": "smtp", "submission": "smtp", "lmtp": "lmtp", "imap": "imap", "pop3": "pop3", "sieve": "sieve",
	"nntp": "nntp", "ftp": "ftp", "ldap": "ldap", "postgres": "postgres",
}

// gnutlsDiffers are the rows that gnutls-cli judges in another way, and why.
var gnutlsDiffers = map[string]string{
	"19010": "gnutls-cli gives no verdict on a chain of this length",
	"19019": "GnuTLS holds a must-staple certificate without a staple to be invalid; for us that is a question of its own",
	"19021": "GnuTLS takes the common name where there is no other name; RFC 9525 does not",
}

// gnutlsFails are the rows where gnutls-cli does not come to TLS.
var gnutlsFails = map[string]string{
	"15243": "gnutls-cli 3.7 gives up in Cyrus's IMAP before TLS",
	"15290": "gnutls-cli 3.7 gives up in Cyrus's ManageSieve before TLS",
}

func TestAgainstGnuTLS(t *testing.T) {
	if _, err := exec.LookPath("gnutls-cli"); err != nil {
		t.Skip("gnutls-cli is not installed: nothing to compare with")
	}
	eachRow(t, func(t *testing.T, b *theBed, r *row) {
		word, speaks := gnutlsWords[r.protocol]
		switch {
		case r.path() != "":
			t.Skipf("%s: gnutls-cli does not dial a socket's path", r)
		case r.mode == observe.StartTLS && strings.HasPrefix(r.protocol, "xmpp"):
			t.Skipf("%s: gnutls-cli gives the server the address as its domain", r)
		case r.mode == observe.StartTLS && !speaks:
			t.Skipf("%s: gnutls-cli does not speak this protocol", r)
		}
		c := r.conn(t)
		if c.TLS == nil || !c.TLS.Complete {
			t.Skipf("%s: no handshake to compare (%s)", r, c.Cause)
		}
		priority := r.offerForGnuTLS(t, c)
		if r.mode != observe.StartTLS {
			word = ""
		}
		compareGnuTLS(t, r, c, askGnuTLS(t, b, r, word, priority))
	})
}

// gnutls is what gnutls-cli said.
type gnutls struct {
	text        string
	status      string
	description string
	options     string
	chain       []string
}

func askGnuTLS(t *testing.T, b *theBed, r *row, word, priority string) gnutls {
	t.Helper()
	saved := filepath.Join(t.TempDir(), "chain.pem")
	args := []string{
		"--port", r.port, "--x509cafile", b.ca(), "--verify-hostname", host, "--sni-hostname", host,
		"--insecure", "--print-cert", "--save-cert", saved, "--priority", priority,
	}
	if word != "" {
		args = append(args, "--starttls-proto", word)
	}
	var g gnutls
	g.text = converse(t, "- Handshake was completed", aMoment, "gnutls-cli", append(args, "127.0.0.1")...)
	g.status = findIn(g.text, `- Status: (The certificate is .*)`)
	g.description = findIn(g.text, `(?m)^- Description: (.*)$`)
	g.options = findIn(g.text, `(?m)^- Options:(.*)$`)
	chain, _ := os.ReadFile(saved)
	g.chain = fingerprints(string(chain))
	return g
}

// offerForGnuTLS is a priority string with what we negotiated and nothing
// else.
func (r *row) offerForGnuTLS(t *testing.T, c *observe.Conn) string {
	t.Helper()
	suite, _ := iana.Suite(c.TLS.Suite)
	parts := []string{"NONE", "+CTYPE-X509", "+COMP-NULL", "+VERS-" + gnutlsVersions[c.TLS.Version]}
	cipher, mac := gnutlsCipher(suite)
	parts = append(parts, "+"+cipher, "+"+mac)
	if c.TLS.Version == iana.TLS13 {
		parts = append(parts, "+ECDHE-RSA", "+ECDHE-ECDSA")
	} else if suite.KeyExchange == "RSA" {
		parts = append(parts, "+RSA")
	} else {
		parts = append(parts, "+"+suite.KeyExchange+"-"+suite.Authentication)
	}
	if sign := gnutlsSignature(c.TLS); sign != "" {
		parts = append(parts, "+SIGN-"+sign)
	}
	parts = append(parts, "+SIGN-RSA-SHA256", "+SIGN-RSA-SHA1") // the certificates' own; the first is preferred
	group := gnutlsGroups[c.TLS.Group]
	if group != "" && !gnutlsKnows("GROUP-"+group) {
		t.Skipf("%s: this GnuTLS does not have the group %s", r, group)
	}
	if group != "" {
		parts = append(parts, "+GROUP-"+group)
	}
	if _, ec := r.leaf(t).PublicKey.(*ecdsa.PublicKey); ec && c.TLS.Version < iana.TLS13 {
		parts = append(parts, "+GROUP-SECP256R1", "+GROUP-SECP384R1")
	}
	return strings.Join(parts, ":")
}

var gnutlsVersions = map[uint16]string{iana.TLS10: "TLS1.0", iana.TLS11: "TLS1.1", iana.TLS12: "TLS1.2", iana.TLS13: "TLS1.3"}

var gnutlsGroups = map[uint16]string{
	23: "SECP256R1", 24: "SECP384R1", 25: "SECP521R1", 29: "X25519", 30: "X448",
	4587: "SECP256R1-MLKEM768", 4588: "X25519-MLKEM768", 4589: "SECP384R1-MLKEM1024",
}

// gnutlsCipher is how GnuTLS calls the protection of a suite.
func gnutlsCipher(suite iana.SuiteInfo) (cipher, mac string) {
	cipher = strings.ReplaceAll(suite.Cipher, "_", "-")
	switch {
	case strings.HasPrefix(cipher, "CHACHA20"):
		cipher = "CHACHA20-POLY1305"
	case strings.HasPrefix(cipher, "3DES"):
		cipher = "3DES-CBC"
	case strings.HasPrefix(cipher, "RC4"):
		cipher = "ARCFOUR-128"
	}
	return cipher, suite.MAC
}

// gnutlsSignature is how GnuTLS calls a signature scheme. In TLS 1.2 it has
// no curve in the names of ECDSA.
func gnutlsSignature(tls *observe.TLS) string {
	name := map[uint16]string{
		0x0401: "RSA-SHA256", 0x0501: "RSA-SHA384", 0x0601: "RSA-SHA512",
		0x0804: "RSA-PSS-RSAE-SHA256", 0x0805: "RSA-PSS-RSAE-SHA384", 0x0806: "RSA-PSS-RSAE-SHA512",
		0x0403: "ECDSA-SECP256R1-SHA256", 0x0503: "ECDSA-SECP384R1-SHA384", 0x0603: "ECDSA-SECP521R1-SHA512",
		0x0807: "EdDSA-Ed25519", 0x0201: "RSA-SHA1",
	}[tls.SignatureScheme]
	if _, hash, ok := strings.Cut(name, "-SECP"); ok && tls.Version < iana.TLS13 {
		_, hash, _ = strings.Cut(hash, "-")
		return "ECDSA-" + hash
	}
	return name
}

var gnutlsList = sync.OnceValue(func() string {
	out, _ := exec.Command("gnutls-cli", "--list").Output()
	return string(out)
})

func gnutlsKnows(word string) bool {
	for _, w := range strings.FieldsFunc(gnutlsList(), func(c rune) bool { return c == ',' || c == ' ' || c == '\n' }) {
		if w == word {
			return true
		}
	}
	return false
}

// leaf is the server's certificate as we read it.
func (r *row) leaf(t *testing.T) *x509.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(r.survey().Certificates[r.conn(t).TLS.Chain[0]])
	if err != nil {
		t.Fatalf("the certificate of %s: %v", r, err)
	}
	return leaf
}

func compareGnuTLS(t *testing.T, r *row, c *observe.Conn, g gnutls) {
	if why, fails := gnutlsFails[r.key()]; fails && g.description == "" {
		t.Skipf("%s: %s", r, why)
	}
	if g.description == "" {
		t.Fatalf("gnutls-cli makes no handshake with %s; mailseal did (%04x %04x):\n%s", r, c.TLS.Version, c.TLS.Suite, g.text)
	}
	if want := gnutlsDescription(c.TLS); g.description != want {
		t.Errorf("%s: mailseal says %s, gnutls-cli %s", r, want, g.description)
	}
	var ours []string
	for _, f := range c.TLS.Chain {
		ours = append(ours, string(f))
	}
	if !slices.Equal(ours, g.chain) {
		t.Errorf("%s: chain: mailseal says %v, gnutls-cli %v", r, ours, g.chain)
	}
	if c.TLS.Version < iana.TLS13 {
		sameAsGnuTLS(t, r, "extended master secret", c.TLS.ExtendedMasterSecret == observe.Yes, strings.Contains(g.options, "extended master secret"))
		sameAsGnuTLS(t, r, "secure renegotiation", c.TLS.SecureRenegotiation == observe.Yes, strings.Contains(g.options, "safe renegotiation"))
	}
	compareGnuTLSStatus(t, r, g)
}

// gnutlsDescription is what gnutls-cli should print of our handshake.
func gnutlsDescription(tls *observe.TLS) string {
	suite, _ := iana.Suite(tls.Suite)
	cipher, mac := gnutlsCipher(suite)
	parts := []string{gnutlsVersions[tls.Version] + "-X.509"}
	switch {
	case tls.Group != 0:
		parts = append(parts, "ECDHE-"+gnutlsGroups[tls.Group])
	default:
		parts = append(parts, "RSA")
	}
	if sign := gnutlsSignature(tls); sign != "" {
		parts = append(parts, sign)
	}
	parts = append(parts, cipher)
	if mac != "AEAD" {
		parts = append(parts, mac)
	}
	return "(" + strings.Join(parts, ")-(") + ")"
}

func sameAsGnuTLS(t *testing.T, r *row, what string, ours, theirs bool) {
	t.Helper()
	if ours != theirs {
		t.Errorf("%s: %s: mailseal says %v, gnutls-cli %v", r, what, ours, theirs)
	}
}

// compareGnuTLSStatus compares the words of gnutls-cli's verification with
// our answers.
func compareGnuTLSStatus(t *testing.T, r *row, g gnutls) {
	if why, differs := gnutlsDiffers[r.key()]; differs {
		t.Logf("%s: not compared: %s; gnutls-cli: %s", r, why, g.status)
		return
	}
	if g.status == "" {
		t.Errorf("%s: gnutls-cli says nothing about the certificate:\n%s", r, g.text)
	}
	trusted := true
	for _, test := range []struct{ check, phrase string }{
		{"chain-untrusted", "issuer is unknown"},
		{"name-mismatch", "name in the certificate does not match"},
		{"cert-expired", "uses expired certificate"},
		{"cert-not-yet-valid", "not yet valid"},
	} {
		answer, detail := r.answer(test.check)
		trusted = trusted && answer != observe.Yes
		if (answer == observe.Yes) != strings.Contains(g.status, test.phrase) {
			t.Errorf("%s: %s is %v (%s), gnutls-cli says: %s", r, test.check, answer, detail, g.status)
		}
	}
	if trusted != strings.Contains(g.status, "certificate is trusted") {
		t.Errorf("%s: no reason to distrust is %v, gnutls-cli says: %s", r, trusted, g.status)
	}
}
