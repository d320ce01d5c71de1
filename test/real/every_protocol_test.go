package real_test

import (
	"strings"
	"testing"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// course is how a conversation is expected to go.
type course struct {
	why     string
	reached observe.Stage
	end     observe.End
	tls     bool // a whole handshake
}

// honest is the course of a server that is as it should be.
var honest = course{"an honest server", observe.After, observe.Done, true}

// other are the courses of the rows that are odd on purpose.
var other = map[string]course{
	"11028": {"postfix without TLS refuses STARTTLS", observe.Capability, observe.Refused, false},
	"11029": {"postfix that hides STARTTLS refuses it too", observe.Capability, observe.Refused, false},
	"11030": {"postfix wants a client certificate, and says so by 421 inside TLS", observe.Handshake, observe.Refused, true},
	"16080": {"an HTTP server answers a ClientHello in clear", observe.Dial, observe.Garbled, false},
	"17767": {"ngIRCd has no STARTTLS and passes over the command", observe.Capability, observe.Refused, false},
	"18269": {"prosody has nothing to offer to a server without a certificate, and closes the stream", observe.Handshake, observe.Refused, true},
	"18270": {"the same, where the stream's header is its greeting", observe.Greeting, observe.Refused, true},
	"19009": {"TLS 1.3 ends by certificate_required after the client's side of the handshake", observe.Greeting, observe.Alerted, true},
	"19015": {"crypto/tls has no rsa_pss_pss signatures", observe.Dial, observe.Alerted, false},
	"19016": {"crypto/tls has no DHE", observe.Dial, observe.Alerted, false},
	"19024": {"crypto/tls has no anonymous suites", observe.Dial, observe.Alerted, false},
	"19106": {"as 19009", observe.Greeting, observe.Alerted, true},
}

func (r *row) course() course {
	if c, odd := other[r.key()]; odd {
		return c
	}
	return honest
}

// silentInside are the protocols that have no list of capabilities inside
// TLS, or none that can be had without a login.
var silentInside = map[string]string{
	"postgres": "the server speaks only after the client's start-up message with a user's name",
	"mysql":    "the capabilities stand in the greeting, which comes once, in clear",
	"tls":      "what is spoken inside is not known",
}

// silentInClear are the protocols that tell nothing before an upgrade.
var silentInClear = map[string]string{
	"postgres": "the request for TLS is the first message",
}

func TestEveryProtocol(t *testing.T) {
	eachRow(t, func(t *testing.T, _ *theBed, r *row) {
		c, want := r.conn(t), r.course()
		if c.Reached != want.reached || c.End != want.end {
			t.Errorf("Survey of %s (%s): reached %q, end %q, cause %q; want reached %q, end %q (%s)", r, r.notes, c.Reached, c.End, c.Cause, want.reached, want.end, want.why)
			logLines(t, c)
		}
		if got := c.TLS != nil && c.TLS.Complete; got != want.tls {
			t.Errorf("Survey of %s: TLS complete %v, want %v (%s)", r, got, want.tls, want.why)
		}
		if c.Residue != nil {
			t.Errorf("Survey of %s: residue %q, want none of an honest server", r, c.Residue.Bytes)
		}
		checkSeal(t, r, c)
		checkUpgrade(t, r, c)
		checkCapabilities(t, r, c)
	})
}

// checkSeal holds against each other what every whole handshake must show.
func checkSeal(t *testing.T, r *row, c *observe.Conn) {
	if c.TLS == nil || !c.TLS.Complete {
		return
	}
	if c.TLS.Garbled != "" {
		t.Errorf("reading the handshake of %s stopped: %s", r, c.TLS.Garbled)
	}
	if _, known := iana.Suite(c.TLS.Suite); !known || c.TLS.Version == 0 || len(c.TLS.Chain) == 0 {
		t.Errorf("the handshake of %s shows version %04x, suite %04x, %d certificates; want all three", r, c.TLS.Version, c.TLS.Suite, len(c.TLS.Chain))
	}
	suite, _ := iana.Suite(c.TLS.Suite)
	ephemeral := suite.ForwardSecret
	if ephemeral != (c.TLS.Group != 0) {
		t.Errorf("%s: suite %s with group %d", r, suite.Name, c.TLS.Group)
	}
	if want := c.TLS.Version >= iana.TLS12 && ephemeral; want != (c.TLS.SignatureScheme != 0) {
		t.Errorf("%s: %s, suite %s with signature scheme %04x", r, iana.VersionName(c.TLS.Version), suite.Name, c.TLS.SignatureScheme)
	}
	for _, f := range c.TLS.Chain {
		if der := r.survey().Certificates[f]; observe.FingerprintOf(der) != f {
			t.Errorf("%s: certificate %s is not kept", r, f)
		}
	}
	for _, answer := range []struct {
		name string
		is   observe.Answer
	}{
		{"hello_retry", c.TLS.HelloRetry}, {"compression", c.TLS.Compression}, {"client_certificate", c.TLS.ClientCertificate},
	} {
		if answer.is == observe.Unknown {
			t.Errorf("%s: %s is unknown after a whole handshake", r, answer.name)
		}
	}
}

// checkUpgrade holds the words of the upgrade against the mode.
func checkUpgrade(t *testing.T, r *row, c *observe.Conn) {
	u := c.Upgrade
	if c.Probe.Endpoint.Mode == observe.Implicit {
		if u.Offered != observe.Unknown || u.GoAhead != observe.Unknown || u.Sent != "" || c.Clear != nil {
			t.Errorf("%s: implicit TLS with upgrade %+v and clear capabilities %v, want none", r, u, c.Clear)
		}
		return
	}
	if u.Sent == "" {
		t.Errorf("%s: the upgrade command is not recorded", r)
	}
	if r.mode == observe.Clear {
		return
	}
	if u.GoAhead != observe.Yes {
		t.Errorf("%s: go-ahead %v, want yes", r, u.GoAhead)
	}
	if _, silent := silentInClear[c.Probe.Endpoint.Protocol]; !silent && u.Offered != observe.Yes {
		t.Errorf("%s: offered %v, want yes", r, u.Offered)
	}
}

func checkCapabilities(t *testing.T, r *row, c *observe.Conn) {
	protocol := c.Probe.Endpoint.Protocol
	_, silent := silentInClear[protocol]
	if c.Probe.Endpoint.Mode == observe.StartTLS && !silent && (c.Clear == nil || len(c.Clear.Items) == 0) {
		t.Errorf("%s: no capabilities in clear", r)
		logLines(t, c)
	}
	_, silent = silentInside[protocol]
	if c.Reached == observe.After && !silent && (c.Sealed == nil || len(c.Sealed.Items) == 0) {
		t.Errorf("%s: no capabilities inside TLS", r)
		logLines(t, c)
	}
	if silent && c.Sealed != nil {
		t.Errorf("%s: capabilities %v inside TLS, but %s", r, c.Sealed.Items, silentInside[protocol])
	}
}

// logLines shows the conversation beside a failure.
func logLines(t *testing.T, c *observe.Conn) {
	t.Helper()
	var all strings.Builder
	for _, l := range c.Lines {
		sealed := "clear "
		if l.Sealed {
			sealed = "sealed"
		}
		all.WriteString("\n" + sealed + " " + string(l.From) + ": " + l.Text.String())
	}
	t.Logf("the conversation:%s", all.String())
}

// A box or a program that asks only for STARTTLS, and takes the refusal for
// TLS, loses the server's words; s_client says "wrong version number" here.
func TestClearRowsKeepTheServersWords(t *testing.T) {
	b := bed(t)
	for _, key := range []string{"11028", "11029"} {
		t.Run(key, func(t *testing.T) {
			r := b.find(t, key)
			c := r.conn(t)
			if c.Upgrade.Sent != "STARTTLS" || len(c.Upgrade.Reply) != 1 || !strings.HasPrefix(string(c.Upgrade.Reply[0]), "502 5.5.1 ") {
				t.Errorf("the upgrade of %s: sent %q, reply %q; want STARTTLS and postfix's 502 5.5.1", r, c.Upgrade.Sent, c.Upgrade.Reply)
			}
			if c.Upgrade.Offered != observe.No || c.Upgrade.GoAhead != observe.No || c.TLS != nil {
				t.Errorf("the upgrade of %s: offered %v, go-ahead %v, TLS %v; want no, no, nil", r, c.Upgrade.Offered, c.Upgrade.GoAhead, c.TLS)
			}
			answer, detail := r.answer("starttls-missing")
			if answer != observe.Yes || !strings.Contains(detail, "502 5.5.1") {
				t.Errorf("starttls-missing of %s is %v, %q; want yes with the server's own words", r, answer, detail)
			}
		})
	}
}
