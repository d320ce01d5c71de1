package report

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

var (
	update = flag.Bool("update", false, "write the golden files anew")
	remake = flag.Bool("remake-certificates", false, "make testdata/certificates.pem anew; then -update as well")
)

// now is the day on which all the fixtures were observed.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const certificatesFile = "testdata/certificates.pem"

// certificates returns those of testdata by name: root, ca, good, expired,
// hostile.
func certificates(tb testing.TB) map[string][]byte {
	tb.Helper()
	if *remake {
		remakeCertificates(tb)
	}
	data, err := os.ReadFile(certificatesFile)
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string][]byte{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		all[block.Headers["Name"]] = block.Bytes
	}
	return all
}

func remakeCertificates(tb testing.TB) {
	tb.Helper()
	type made struct {
		cert *x509.Certificate
		key  *ecdsa.PrivateKey
	}
	var file bytes.Buffer
	serial := int64(0)
	issue := func(name string, subject pkix.Name, from, to time.Time, by *made, names ...string) *made {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		serial++
		c := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: subject, NotBefore: from, NotAfter: to, DNSNames: names,
			BasicConstraintsValid: true, IsCA: names == nil, KeyUsage: x509.KeyUsageDigitalSignature,
		}
		if c.IsCA {
			c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		} else {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}
		if by == nil {
			by = &made{c, key}
		}
		der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
		if err != nil {
			tb.Fatal(err)
		}
		pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"Name": name}, Bytes: der})
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			tb.Fatal(err)
		}
		return &made{parsed, key}
	}
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	org := func(cn string) pkix.Name {
		return pkix.Name{Country: []string{"XX"}, Organization: []string{"Example Trust"}, CommonName: cn}
	}
	root := issue("root", org("Example Root R1"), day(2020, 1, 1), day(2040, 1, 1), nil)
	ca := issue("ca", org("Example CA E5"), day(2024, 3, 1), day(2030, 3, 1), root)
	issue("good", pkix.Name{CommonName: "mail.example.org"}, day(2026, 10, 10), day(2027, 1, 8), ca, "mail.example.org", "imap.example.org")
	issue("expired", pkix.Name{CommonName: "old.example.net"}, day(2026, 5, 1), day(2026, 7, 30), ca, "old.example.net")
	issue("hostile", pkix.Name{CommonName: "a\x1b[31m\u202e\x00b\x7f", Organization: []string{strings.Repeat("long ", 2000)}}, day(2026, 10, 10), day(2027, 1, 8), ca, "mail.example.org")
	if err := os.WriteFile(certificatesFile, file.Bytes(), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// fixtures are surveys as they come in: one of each seal, and a hostile one.
func fixtures(tb testing.TB) map[string]*observe.Observation {
	certs := certificates(tb)
	return map[string]*observe.Observation{
		"intact":  intact(certs),
		"weak":    weak(certs),
		"broken":  broken(certs),
		"missing": missing(certs),
		"unknown": unknown(certs),
		"hostile": hostile(certs),
	}
}

func survey(certs map[string][]byte, host string, conns ...observe.Conn) *observe.Observation {
	o := &observe.Observation{
		Schema: observe.Schema, Tool: "mailseal test", Side: observe.Client, Began: now, Ended: now.Add(2 * time.Second),
		Vantage: observe.Vantage{
			Helo: "probe.example.com", Resolver: "system", Timeout: "1m0s",
			Stores: []observe.RootStore{{Name: "mozilla", Date: "2026-10-30", Count: 140}, {Name: "system"}},
		},
		Target:  observe.Target{Typed: host, Host: host},
		Lookups: []observe.Lookup{{Name: host, Type: "HOST", At: now, Took: 2100, Resolver: "system", Answers: []string{"192.0.2.10"}, State: observe.Indeterminate, End: observe.Done}},
		Conns:   conns,
	}
	for _, c := range conns {
		if c.TLS == nil {
			continue
		}
		for _, name := range []string{"good", "expired", "hostile", "ca", "root"} {
			o.Keep(certs[name])
		}
		root := observe.FingerprintOf(certs["root"])
		o.Anchors = []observe.Anchor{{Store: "mozilla", Certificate: root}, {Store: "system", Certificate: root}}
	}
	return o
}

func at(protocol string, mode observe.Mode, role observe.Role, address, via string) observe.Endpoint {
	return observe.Endpoint{Protocol: protocol, Mode: mode, Role: role, Host: "mail.example.org", Network: "tcp", Address: address, Via: via}
}

// began is a connection of which nothing is known but that it was tried.
func began(e observe.Endpoint) observe.Conn {
	return observe.Conn{
		Probe: observe.Probe{Endpoint: e, Offer: observe.Offer{MinVersion: iana.TLS10, MaxVersion: iana.TLS13, SNI: e.Host}},
		Began: now, Took: 31000,
	}
}

// said makes lines of a conversation: "C: text", "S: text", with a + before
// what is sealed.
func said(lines ...string) []observe.Line {
	var all []observe.Line
	for i, l := range lines {
		l, sealed := strings.CutPrefix(l, "+")
		line := observe.Line{At: observe.Micros(4000 + 3000*i), From: observe.Server, Sealed: sealed, Text: observe.Text(l[3:])}
		if l[0] == 'C' {
			line.From = observe.Client
		}
		all = append(all, line)
	}
	return all
}

func can(from string, items ...string) *observe.Capabilities {
	c := &observe.Capabilities{From: from}
	for _, i := range items {
		c.Items = append(c.Items, observe.Text(i))
	}
	return c
}

func stages(names ...observe.Stage) []observe.StageTime {
	var all []observe.StageTime
	for i, n := range names {
		all = append(all, observe.StageTime{Stage: n, At: observe.Micros(5000 * i), Took: observe.Micros(900 + 4100*i)})
	}
	return all
}

// tls13 is a handshake as it should be.
func tls13(certs map[string][]byte, chain ...string) *observe.TLS {
	t := &observe.TLS{
		Complete: true, Version: iana.TLS13, Suite: 0x1301, Group: 4588, SignatureScheme: 0x0403, HelloRetry: observe.No,
		Extensions: []uint16{43, 51}, Compression: observe.No, ClientCertificate: observe.No,
		Tickets: []observe.Ticket{{Lifetime: 7200}, {Lifetime: 7200}},
	}
	for _, name := range chain {
		t.Chain = append(t.Chain, observe.FingerprintOf(certs[name]))
	}
	return t
}

func imaps(certs map[string][]byte, chain ...string) observe.Conn {
	c := began(at("imap", observe.Implicit, observe.Access, "192.0.2.10:993", "port"))
	c.Probe.Offer.ALPN = []string{"imap"}
	c.Reached, c.End = observe.After, observe.Done
	c.Stages = stages(observe.Dial, observe.Handshake, observe.Greeting, observe.After)
	c.TLS = tls13(certs, chain...)
	c.TLS.ALPN = "imap"
	c.Lines = said("+S: * OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] Ready.",
		"+C: a1 LOGOUT")
	c.Sealed = can("greeting", "IMAP4rev1", "SASL-IR", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "LITERAL+", "AUTH=PLAIN")
	return c
}

func submission(certs map[string][]byte, chain ...string) observe.Conn {
	c := began(at("submission", observe.StartTLS, observe.Submission, "192.0.2.10:587", "port"))
	c.Reached, c.End = observe.After, observe.Done
	c.Stages = stages(observe.Dial, observe.Greeting, observe.Capability, observe.Upgraded, observe.Handshake, observe.After)
	c.TLS = tls13(certs, chain...)
	c.Lines = said("S: 220 mail.example.org ESMTP", "C: EHLO probe.example.com", "S: 250-mail.example.org", "S: 250-PIPELINING",
		"S: 250-SIZE 52428800", "S: 250-STARTTLS", "S: 250 8BITMIME", "C: STARTTLS", "S: 220 2.0.0 Ready to start TLS",
		"+C: EHLO probe.example.com", "+S: 250-mail.example.org", "+S: 250-PIPELINING", "+S: 250-SIZE 52428800",
		"+S: 250-AUTH PLAIN LOGIN", "+S: 250 8BITMIME", "+C: QUIT")
	c.Clear = can("EHLO", "PIPELINING", "SIZE 52428800", "STARTTLS", "8BITMIME")
	c.Sealed = can("EHLO", "PIPELINING", "SIZE 52428800", "AUTH PLAIN LOGIN", "8BITMIME")
	c.Upgrade = observe.Upgrade{Offered: observe.Yes, Sent: "STARTTLS", Reply: []observe.Text{"220 2.0.0 Ready to start TLS"}, GoAhead: observe.Yes}
	return c
}

func smtp(certs map[string][]byte, chain ...string) observe.Conn {
	c := submission(certs, chain...)
	c.Probe.Endpoint = at("smtp", observe.StartTLS, observe.MX, "192.0.2.10:25", "port")
	return c
}

// refusedPort is a usual port on which nobody listens.
func refusedPort(e observe.Endpoint) observe.Conn {
	c := began(e)
	c.Took, c.End, c.Cause = 700, observe.Refused, "connection refused"
	c.Stages = stages(observe.Dial)
	return c
}

func intact(certs map[string][]byte) *observe.Observation {
	return survey(certs, "mail.example.org",
		submission(certs, "good", "ca"), imaps(certs, "good", "ca"),
		refusedPort(at("pop3", observe.Implicit, observe.Access, "192.0.2.10:995", "port")))
}

// weak: an MX with TLS 1.2 at best, an old key exchange and passwords in clear.
func weak(certs map[string][]byte) *observe.Observation {
	c := smtp(certs, "good", "ca")
	c.TLS.Version, c.TLS.Suite, c.TLS.Group, c.TLS.SignatureScheme = iana.TLS12, 0x002f, 0, 0
	c.TLS.Extensions = []uint16{65281}
	c.TLS.SecureRenegotiation, c.TLS.ExtendedMasterSecret = observe.Yes, observe.No
	c.TLS.Tickets = []observe.Ticket{{Lifetime: 30 * 24 * 3600}}
	c.Lines[6].Text = "250 AUTH PLAIN LOGIN"
	c.Clear = can("EHLO", "PIPELINING", "SIZE 52428800", "STARTTLS", "AUTH PLAIN LOGIN")
	return survey(certs, "mail.example.org", c, imaps(certs, "good", "ca"))
}

// broken: the same expired certificate for another name on two ports.
func broken(certs map[string][]byte) *observe.Observation {
	c := submission(certs, "expired", "ca")
	c.Residue = &observe.Residue{Bytes: "250 injected\r\n"}
	return survey(certs, "mail.example.org", c, imaps(certs, "expired", "ca"), smtp(certs, "expired"))
}

// missing: STARTTLS stripped on one port, refused on another.
func missing(certs map[string][]byte) *observe.Observation {
	stripped := submission(certs)
	stripped.TLS, stripped.Sealed = nil, nil
	stripped.Reached, stripped.End, stripped.Cause = observe.Capability, observe.Refused, "the server refused to start TLS"
	stripped.Stages = stages(observe.Dial, observe.Greeting, observe.Capability, observe.Upgraded)
	stripped.Clear = can("EHLO", "PIPELINING", "AUTH PLAIN LOGIN")
	stripped.Lines = said("S: 220 mail.example.org ESMTP", "C: EHLO probe.example.com", "S: 250-mail.example.org", "S: 250-PIPELINING",
		"S: 250 AUTH PLAIN LOGIN", "C: STARTTLS", "S: 502 5.5.1 Error: command not implemented", "C: QUIT")
	stripped.Upgrade = observe.Upgrade{Offered: observe.No, Sent: "STARTTLS", Reply: []observe.Text{"502 5.5.1 Error: command not implemented"}, GoAhead: observe.No}

	refused := began(at("imap", observe.StartTLS, observe.Access, "[2001:db8::10]:143", "port"))
	refused.Reached, refused.End, refused.Cause = observe.Capability, observe.Refused, "the server refused to start TLS"
	refused.Stages = stages(observe.Dial, observe.Greeting, observe.Capability, observe.Upgraded)
	refused.Clear = can("CAPABILITY", "IMAP4rev1", "STARTTLS", "LOGINDISABLED")
	refused.Lines = said("S: * OK ready", "C: a1 CAPABILITY", "S: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED", "S: a1 OK done",
		"C: a2 STARTTLS", "S: a2 NO no certificate is configured", "C: a3 LOGOUT")
	refused.Upgrade = observe.Upgrade{Offered: observe.Yes, Sent: "a2 STARTTLS", Reply: []observe.Text{"a2 NO no certificate is configured"}, GoAhead: observe.No}
	return survey(certs, "mail.example.org", stripped, refused)
}

// unknown: put off on one port, silent on another, nobody on a third, and a
// name without an answer.
func unknown(certs map[string][]byte) *observe.Observation {
	throttled := began(at("smtp", observe.StartTLS, observe.MX, "192.0.2.10:25", "port"))
	throttled.Reached, throttled.End, throttled.Cause = observe.Dial, observe.Throttled, "the server put us off with 421"
	throttled.Stages = stages(observe.Dial, observe.Greeting)
	throttled.Lines = said("S: 421 4.7.0 mail.example.org Too many connections from your address, try again later")

	silent := began(at("imap", observe.StartTLS, observe.Access, "192.0.2.10:143", "port"))
	silent.Took, silent.Reached, silent.End, silent.Cause = 30_000_000, observe.Dial, observe.Timeout, "no line in 30s"
	silent.Stages = stages(observe.Dial, observe.Greeting)

	o := survey(certs, "mail.example.org", throttled, silent,
		refusedPort(at("pop3", observe.Implicit, observe.Access, "192.0.2.10:995", "port")))
	o.Lookups = append(o.Lookups, observe.Lookup{Name: "mail2.example.org", Type: "HOST", At: now, Took: 2100, Resolver: "system",
		State: observe.Indeterminate, End: observe.Unreachable, Cause: "no such host"})
	o.Interrupted = true
	return o
}

// nasty is what must reach no terminal.
const nasty = "\x1b[2J\x1b]0;owned\x07 \u202ereversed\u2066 \x00 \x7f \u009b31m \xff\xfe \u2028 \U000e0041"

// hostile: every text that a server can fill has something nasty in it.
func hostile(certs map[string][]byte) *observe.Observation {
	long := strings.Repeat("A", 10000)
	c := submission(certs, "hostile", "ca")
	c.Lines = said("S: 220 "+nasty, "C: EHLO probe.example.com", "S: 250-"+nasty, "S: 250-"+long, "S: 250 STARTTLS", "C: STARTTLS", "S: 220 "+nasty)
	c.Clear = can("EHLO", nasty, long, "STARTTLS", "AUTH PLAIN "+nasty)
	c.Sealed = can("EHLO", nasty+nasty, long+long)
	c.Upgrade.Reply = []observe.Text{observe.Text("220 " + nasty), observe.Text(long)}
	c.Residue = &observe.Residue{Bytes: observe.Text(nasty + long), Late: true}
	c.Cause = nasty
	c.TLS.ALPN = nasty
	c.TLS.Garbled = nasty
	c.TLS.Chain = append(c.TLS.Chain, observe.Fingerprint(nasty))
	c.Alerts = []observe.Alert{{From: observe.Server, Level: 2, Code: 119}}

	refused := began(at("imap", observe.StartTLS, observe.Access, "192.0.2.10:143", "given"))
	refused.Reached, refused.End, refused.Cause = observe.Dial, observe.Refused, nasty+long
	refused.Lines = said("S: * BYE " + nasty + long)
	o := survey(certs, "mail.example.org", c, refused)
	o.Lookups = append(o.Lookups, observe.Lookup{Name: "x" + nasty, Type: "HOST", Resolver: nasty, Answers: []string{nasty}, End: observe.Garbled, Cause: nasty})
	return o
}
