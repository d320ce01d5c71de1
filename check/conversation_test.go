package check

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mailseal/mailseal/observe"
)

func TestMechanisms(t *testing.T) {
	tests := []struct {
		protocol string
		items    []observe.Text
		want     string
	}{
		{"smtp", []observe.Text{"PIPELINING", "AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"}, "LOGIN PLAIN"},
		{"submission", []observe.Text{"auth plain"}, "PLAIN"},
		{"submission", []observe.Text{"AUTH= PLAIN"}, "PLAIN"},
		{"lmtp", []observe.Text{"AUTH"}, ""},
		{"smtp", []observe.Text{"AUTHENTICATE PLAIN", "X-EXPS GSSAPI NTLM", "XAUTH=PLAIN"}, ""},
		{"imap", []observe.Text{"IMAP4rev1", "AUTH=PLAIN", "auth=login", "SASL-IR", "AUTH="}, "LOGIN PLAIN"},
		{"imap", []observe.Text{"IMAP4rev1 AUTH=PLAIN STARTTLS"}, "PLAIN"},
		{"pop3", []observe.Text{"TOP", "USER", "SASL PLAIN CRAM-MD5"}, "CRAM-MD5 PLAIN USER"},
		{"pop3", []observe.Text{"IMPLEMENTATION USER SASL PLAIN"}, ""},
		{"sieve", []observe.Text{`"IMPLEMENTATION" "PLAIN server"`, `"SASL" "PLAIN LOGIN"`, `"STARTTLS"`}, "LOGIN PLAIN"},
		{"sieve", []observe.Text{"\"SASL\" {5}\r\nPLAIN"}, "PLAIN"},
		{"sieve", []observe.Text{`"SASL" ""`, `"SASL`, `SASL PLAIN`}, ""},
		{"nntp", []observe.Text{"VERSION 2", "AUTHINFO USER SASL", "SASL SCRAM-SHA-256"}, "SCRAM-SHA-256 USER"},
		{"nntp", []observe.Text{"AUTHINFO SASL"}, ""},
		{"xmpp-client", []observe.Text{"starttls required", "mechanism PLAIN", "authentication mechanism SCRAM-SHA-1"}, "PLAIN SCRAM-SHA-1"},
		{"xmpp-client", []observe.Text{"mechanism", "compression method zlib"}, ""},
		{"ftp", []observe.Text{"AUTH TLS"}, ""},
		{"smtp", []observe.Text{"", "   "}, ""},
	}
	for _, tt := range tests {
		got := strings.Join(mechanisms(tt.protocol, &observe.Capabilities{Items: tt.items}), " ")
		if got != tt.want {
			t.Errorf("mechanisms(%q, %q) = %q, want %q", tt.protocol, tt.items, got, tt.want)
		}
	}
	if got := mechanisms("smtp", nil); got != nil {
		t.Errorf("mechanisms of no list = %q, want none", got)
	}
}

func TestCrossedOut(t *testing.T) {
	tests := []struct {
		word string
		want bool
	}{
		{"XXXXXXXA", true}, // what a Cisco ASA makes of STARTTLS
		{"XXXXXXXX", true},
		{"XXXB", true},
		{"XXX", false}, // too short to tell
		{"", false},
		{"XCLIENT", false}, // postfix
		{"XXXXXXX1", false},
		{"STARTTLS", false},
		{"X-ANONYMOUSTLS", false}, // Exchange
		{"xxxxxxxa", false},       // it writes capitals
	}
	for _, tt := range tests {
		if got := crossedOut(tt.word); got != tt.want {
			t.Errorf("crossedOut(%q) = %v, want %v", tt.word, got, tt.want)
		}
	}
}

func TestMaskedGreeting(t *testing.T) {
	tests := []struct {
		line string
		want bool
	}{
		{"220 ****************************", true},
		{"220 ***********************2**0*****0*00", true},
		{"220-********", true},
		{"220 mx.example.test ESMTP ****", false},
		{"220 ***", false}, // too short to tell
		{"220 20 20", false},
		{"250 ********", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := maskedGreeting(observe.Line{From: observe.Server, Text: observe.Text(tt.line)}); got != tt.want {
			t.Errorf("maskedGreeting(%q) = %v, want %v", tt.line, got, tt.want)
		}
	}
}

// conversational are the checks that need no certificate.
func conversational() []*Check {
	last := slices.Index(All, sealedConversationBroken)
	return All[:last+1]
}

const honestSMTP = `
endpoint: smtp starttls mx mx.example.test 192.0.2.1:25
offer: min TLS 1.0, max TLS 1.3, sni mx.example.test, groups X25519MLKEM768 x25519
S: 220 mx.example.test ESMTP
C: EHLO client.example.test
S: 250-mx.example.test
S: 250 STARTTLS
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
clear from EHLO: STARTTLS
upgrade: offered yes, sent STARTTLS, reply 220 2.0.0 Ready to start TLS, go-ahead yes
tls: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768, complete, client-certificate no, ticket 7200
C sealed: EHLO client.example.test
S sealed: 250-mx.example.test
S sealed: 250 AUTH PLAIN
sealed from EHLO: AUTH PLAIN
`

const honestTLS12 = `
endpoint: imap implicit access mail.example.test 192.0.2.1:993
tls: TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, x25519, complete, ems yes, secure-renegotiation yes, compression no, client-certificate no
S sealed: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready
sealed from greeting: IMAP4rev1 | AUTH=PLAIN
`

func TestHonestServerHasOnlyNo(t *testing.T) {
	for name, text := range map[string]string{"smtp": honestSMTP, "TLS 1.2": honestTLS12} {
		for _, f := range findingsOf(t, text, conversational()) {
			if f.Answer != observe.No {
				t.Errorf("%s: check %s answers %v (%s), want no", name, f.Check, f.Answer, f.Detail)
			}
		}
	}
}

// TestThrottledIsUnknown holds that a server that sent us away is accused of
// nothing and acquitted of nothing.
func TestThrottledIsUnknown(t *testing.T) {
	const sentAway = `
endpoint: submission starttls submission mail.example.test 192.0.2.1:587
S: 421 4.3.2 too many connections
reached: dial
end: throttled
cause: the server greeted with 421 4.3.2 too many connections
`
	spoke := []string{"throttled", "server-silent", "escape-in-text", "line-ends-bare"} // these were seen
	for _, f := range findingsOf(t, sentAway, conversational()) {
		if f.Answer != observe.Unknown && !slices.Contains(spoke, f.Check) {
			t.Errorf("check %s answers %v (%s), want unknown", f.Check, f.Answer, f.Detail)
		}
		if f.Answer == observe.Unknown && !strings.Contains(f.Detail, "come later") {
			t.Errorf("check %s does not give the reason: %q", f.Check, f.Detail)
		}
	}
}

func TestNothingIsSaidOfWhoIsNotThere(t *testing.T) {
	const closed = `
endpoint: smtp starttls mx mx.example.test 192.0.2.1:25
reached: nothing
end: refused
cause: connection refused
`
	for _, f := range findingsOf(t, closed, conversational()) {
		t.Errorf("check %s answers %v (%s) about a port where nobody listens, want no finding", f.Check, f.Answer, f.Detail)
	}
}

func findingsOf(t *testing.T, text string, checks []*Check) []Finding {
	a, err := readCase(text)
	if err != nil {
		t.Fatal(err)
	}
	facts := Read(a.observation, nil)
	var all []Finding
	for _, c := range checks {
		for _, f := range c.Run(facts) {
			f.Check = c.Name
			all = append(all, f)
		}
	}
	return all
}

// FuzzConversation throws words of a server at every check of the
// conversation. None may panic, and no detail may hold what a terminal would
// obey.
func FuzzConversation(f *testing.F) {
	f.Add("smtp", "starttls", "220 hello", "STARTTLS", "closed", "the server closed the connection", uint8(2), uint8(40))
	f.Add("imap", "starttls", "* PREAUTH \x1b[2J", "AUTH=PLAIN\x00", "garbled", "got \x1b", uint8(0), uint8(0))
	f.Add("sieve", "implicit", `"SASL" {`, `"SASL" {9`, "alert", "", uint8(1), uint8(116))
	f.Add("pop3", "clear", "", "XXXX", "", "", uint8(1), uint8(255))
	f.Add("xmpp-client", "starttls", "\xff\xfe", "mechanism \u202e", "throttled", "421", uint8(2), uint8(112))
	f.Fuzz(func(t *testing.T, protocol, mode, line, item, end, cause string, answer, alert uint8) {
		o := &observe.Observation{Conns: []observe.Conn{hostile(protocol, mode, line, item, end, cause, answer%3, alert)}}
		facts := Read(o, nil)
		for _, c := range conversational() {
			for _, found := range c.Run(facts) {
				if strings.ContainsFunc(found.Detail, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("check %s: detail %q holds what is not printable", c.Name, found.Detail)
				}
				for _, e := range found.Evidence {
					if e.Conn != 0 || slices.ContainsFunc(e.Lines, func(i int) bool { return i < 0 || i >= len(o.Conns[0].Lines) }) {
						t.Errorf("check %s: evidence %v points at nothing", c.Name, e)
					}
				}
			}
		}
	})
}

// hostile makes a connection of arbitrary words.
func hostile(protocol, mode, line, item, end, cause string, answer, alert uint8) observe.Conn {
	items := &observe.Capabilities{Items: []observe.Text{observe.Text(item)}}
	c := observe.Conn{
		Probe: observe.Probe{
			Endpoint: observe.Endpoint{Protocol: protocol, Mode: observe.Mode(mode), Role: observe.Access, Network: "tcp", Address: "192.0.2.1:1"},
			Offer:    observe.Offer{SNI: item, Groups: []uint16{4588}},
		},
		Reached: observe.Greeting, End: observe.End(end), Cause: cause,
		Lines: []observe.Line{{From: observe.Server, Text: observe.Text(line)}, {From: observe.Server, Sealed: true, Text: observe.Text(item)}},
		Clear: items, Sealed: items,
		Upgrade: observe.Upgrade{Offered: observe.Answer(answer), Sent: "STARTTLS", Reply: []observe.Text{observe.Text(line)}, GoAhead: observe.Answer(alert % 3)},
		Alerts:  []observe.Alert{{From: observe.Server, Level: 2, Code: alert}},
	}
	if answer > 0 {
		c.TLS = &observe.TLS{Complete: answer == 2, Version: 0x0301 + uint16(alert%4), Suite: uint16(alert), Group: uint16(alert)}
	}
	if alert%2 == 1 {
		c.Residue = &observe.Residue{Bytes: observe.Text(line)}
	}
	return c
}
