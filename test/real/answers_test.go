package real_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// answers are the checks that say yes about a row: exactly those of yes, and
// at most those of perhaps.
type answers struct {
	yes     string
	perhaps string
	why     string
}

// honestAnswers hold for all rows that odd does not name: no check says yes.
var honestAnswers = answers{why: "an honest server raises no alarm"}

// anywhere are checks that may say yes everywhere, because it depends on the
// release of the server and not on how the bed sets it up.
var anywhere = []string{
	"key-exchange-not-post-quantum", // OpenSSL has hybrid groups from 3.5 on, GnuTLS from 3.8.9
}

// The rows of the bed that are not as they should be.
var oddAnswers = map[string]answers{
	// before TLS
	"11028": {yes: "starttls-missing", why: "TLS is off"},
	"11029": {yes: "starttls-missing", why: "STARTTLS is not offered, and refused"},
	"11030": {yes: "certificate-demanded", why: "postfix finishes TLS, and tells inside that it wants a certificate"},
	"17767": {yes: "starttls-missing", why: "ngIRCd has no STARTTLS"},
	"16080": {yes: "tls-failing", why: "HTTP where TLS was expected"},
	"16025": {yes: "auth-in-clear", why: "the mail proxy offers AUTH in clear"},
	"16110": {yes: "auth-in-clear", why: "the same in POP3: SASL and USER"},
	"16143": {yes: "auth-in-clear login-not-disabled", why: "the same in IMAP"},

	// Dovecot takes a client for secured whose address is the server's own.
	"14143": {perhaps: "auth-in-clear login-not-disabled", why: "on loopback Dovecot allows passwords in clear"},
	"14110": {perhaps: "auth-in-clear", why: "as 14143"},
	"14190": {perhaps: "auth-in-clear", why: "as 14143"},
	"14587": {perhaps: "auth-in-clear", why: "as 14143"},
	"14243": {perhaps: "auth-in-clear login-not-disabled", why: "as 14143"},
	"14210": {perhaps: "auth-in-clear", why: "as 14143"},
	"14290": {perhaps: "auth-in-clear", why: "as 14143"},
	"14287": {perhaps: "auth-in-clear", why: "as 14143"},

	// TLS
	"19001": {yes: "tls-version-old", why: "TLS 1.0 only"},
	"19002": {yes: "tls-version-old", why: "TLS 1.1 only"},
	"19102": {yes: "tls-version-old", why: "TLS 1.0 only"},
	"19009": {yes: "certificate-demanded", why: "client certificate required"},
	"19106": {yes: "certificate-demanded", why: "client certificate required"},
	"19022": {yes: "suite-not-forward-secret", why: "the server prefers AES128-SHA"},
	"19103": {yes: "extended-master-secret-missing", why: "GnuTLS's %COMPAT switches the extension off"},
	"19016": {why: "DHE only, which crypto/tls does not have: unknown, neither missing nor failing"},
	"19024": {why: "anonymous suites only, which crypto/tls does not have: unknown"},
	"19015": {why: "RSA-PSS key, whose signatures crypto/tls does not have: unknown"},

	// certificates
	"19005": {yes: "cert-self-signed chain-untrusted", why: "self-signed"},
	"19006": {yes: "cert-expired", why: "expired, and nothing else is wrong with it"},
	"19007": {yes: "name-mismatch", why: "wrong name"},
	"19008": {yes: "cert-key-weak cert-signature-weak chain-untrusted chain-superfluous", why: "RSA 1024, SHA-1, by an authority that nobody trusts, whose root is sent"},
	"19010": {yes: "chain-superfluous", why: "100 certificates, the last is the root"},
	"19014": {yes: "cert-not-yet-valid", why: "not yet valid"},
	"19017": {yes: "chain-incomplete chain-untrusted", why: "intermediate missing"},
	"19018": {yes: "chain-disordered chain-superfluous", why: "chain in wrong order, with the root and the leaf once more"},
	"19019": {yes: "must-staple-unmet", why: "must-staple without a staple"},
	"19021": {yes: "name-mismatch name-only-in-cn", why: "name only in the common name"},
}

func (r *row) answers() answers {
	if a, odd := oddAnswers[r.key()]; odd {
		return a
	}
	return honestAnswers
}

func TestAnswers(t *testing.T) {
	eachRow(t, func(t *testing.T, _ *theBed, r *row) {
		want := r.answers()
		yes, perhaps := strings.Fields(want.yes), strings.Fields(want.perhaps)
		for _, f := range r.findings() {
			expected := slices.Contains(yes, f.Check)
			allowed := expected || slices.Contains(perhaps, f.Check) || slices.Contains(anywhere, f.Check)
			switch {
			case f.Answer == observe.Yes && !allowed:
				t.Errorf("check %s of %s says yes (%s), want no: %s", f.Check, r, f.Detail, want.why)
			case f.Answer != observe.Yes && expected:
				t.Errorf("check %s of %s says %v (%s), want yes: %s", f.Check, r, f.Answer, f.Detail, want.why)
			}
			yes = slices.DeleteFunc(yes, func(name string) bool { return name == f.Check })
		}
		if len(yes) > 0 {
			t.Errorf("%s: no finding of %v, want yes: %s", r, yes, want.why)
		}
	})
}

// What the handshake could not show stays unknown: no check may turn "we
// could not" into "it does not".
func TestWhatWasNotSeenIsUnknown(t *testing.T) {
	b := bed(t)
	for _, key := range []string{"19015", "19016", "19024"} {
		t.Run(key, func(t *testing.T) {
			r := b.find(t, key)
			for _, f := range r.findings() {
				if f.Answer == observe.Yes {
					t.Errorf("check %s of %s says yes (%s), want unknown", f.Check, r, f.Detail)
				}
				if f.Answer == observe.No && !slices.Contains([]string{"throttled", "server-silent", "conversation-broken", "escape-in-text", "line-ends-bare", "starttls-residue"}, f.Check) {
					t.Errorf("check %s of %s says no (%s), want unknown: nothing of it was seen", f.Check, r, f.Detail)
				}
			}
			if answer, detail := r.answer("tls-failing"); answer != observe.Unknown || !strings.Contains(detail, "handshake_failure (40)") {
				t.Errorf("tls-failing of %s is %v, %q; want unknown with the alert", r, answer, detail)
			}
		})
	}
}

// seen are facts that the bed's set-up fixes for a row; a zero value is not
// compared.
type seen struct {
	version, suite, scheme uint16
	leaf                   string // file of the bed
	chain                  int
	alert                  uint8
	staple                 bool
	noTickets              bool
	asked                  bool // for a client certificate
}

var fixedFacts = map[string]seen{
	"11025": {version: iana.TLS13, chain: 2},
	"11030": {asked: true},
	"19001": {version: iana.TLS10, leaf: "rsa.crt", chain: 2},
	"19002": {version: iana.TLS11, leaf: "rsa.crt", chain: 2},
	"19003": {version: iana.TLS12, leaf: "rsa.crt"},
	"19004": {version: iana.TLS13, leaf: "rsa.crt"},
	"19005": {leaf: "self.pem", chain: 1},
	"19006": {leaf: "expired.crt", chain: 2},
	"19007": {leaf: "wrong.crt", chain: 2},
	"19008": {leaf: "rsa1024.crt", chain: 2},
	"19009": {asked: true, alert: 116}, // certificate_required, RFC 8446, section 6.2
	"19010": {leaf: "chain100.crt", chain: 100},
	"19011": {leaf: "ec.crt", scheme: 0x0403},
	"19013": {leaf: "ed.crt", scheme: 0x0807},
	"19014": {leaf: "future.crt"},
	"19016": {alert: 40}, // handshake_failure
	"19017": {leaf: "rsa.crt", chain: 1},
	"19018": {leaf: "rsa.crt", chain: 4},
	"19019": {leaf: "staple.crt"},
	"19020": {leaf: "rsa.crt", staple: true},
	"19021": {leaf: "cnonly.crt"},
	"19022": {version: iana.TLS12, suite: 0x002f, noTickets: true},
	"19023": {version: iana.TLS12},
	"19024": {alert: 40},
	"19025": {leaf: "rsa.crt"}, // and not the one for other.example.test
	"19101": {asked: true},
	"19102": {version: iana.TLS10, asked: true},
	"19103": {version: iana.TLS12, asked: true},
	"19106": {asked: true, alert: 116},
	"19107": {version: iana.TLS13, asked: true},
}

func TestFixedFacts(t *testing.T) {
	b := bed(t)
	for key, want := range fixedFacts {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			r := b.find(t, key)
			c := r.conn(t)
			if want.alert != 0 {
				wantAlert(t, r, c, want.alert)
			}
			if c.TLS == nil {
				t.Fatalf("%s: no TLS (%s)", r, c.Cause)
			}
			wantNumber(t, r, "version", c.TLS.Version, want.version)
			wantNumber(t, r, "suite", c.TLS.Suite, want.suite)
			wantNumber(t, r, "signature scheme", c.TLS.SignatureScheme, want.scheme)
			if want.chain != 0 && len(c.TLS.Chain) != want.chain {
				t.Errorf("%s: a chain of %d certificates, want %d", r, len(c.TLS.Chain), want.chain)
			}
			if want.leaf != "" && !r.leaf(t).Equal(b.certificate(t, want.leaf)) {
				t.Errorf("%s: the certificate is %q, want that of %s", r, r.leaf(t).Subject, want.leaf)
			}
			if got := len(c.TLS.OCSP) > 0; got != want.staple {
				t.Errorf("%s: OCSP staple %v, want %v", r, got, want.staple)
			}
			if want.noTickets && len(c.TLS.Tickets) > 0 {
				t.Errorf("%s: tickets %v, want none", r, c.TLS.Tickets)
			}
			if want.asked && c.TLS.ClientCertificate != observe.Yes {
				t.Errorf("%s: client certificate asked for: %v, want yes", r, c.TLS.ClientCertificate)
			}
		})
	}
}

func wantNumber(t *testing.T, r *row, what string, got, want uint16) {
	t.Helper()
	if want != 0 && got != want {
		t.Errorf("%s: %s %04x, want %04x", r, what, got, want)
	}
}

func wantAlert(t *testing.T, r *row, c *observe.Conn, code uint8) {
	t.Helper()
	is := func(a observe.Alert) bool { return a.From == observe.Server && a.Level == 2 && a.Code == code }
	if !slices.ContainsFunc(c.Alerts, is) {
		t.Errorf("%s: alerts %v, want the server's fatal %d", r, c.Alerts, code)
	}
	if name := fmt.Sprintf("%s (%d)", iana.AlertName(code), code); c.End != observe.Alerted || !strings.Contains(c.Cause, name) {
		t.Errorf("%s: end %q, cause %q; want an alert and its name %s", r, c.End, c.Cause, name)
	}
}
