package lab

import (
	"strings"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

// Conversations with honest servers, in the order of the RFCs. The first part
// of each is in clear, the second inside TLS.
var conversations = map[string]struct{ clear, sealed string }{
	"smtp": {`
		S: 220 mail.lab.test ESMTP mailseal lab
		C: MAIL FROM:<a@lab.test>
		S: 503 5.5.1…
		C: STARTTLS
		S: 503 5.5.1…
		C: EHLO
		S: 501 5.5.4…
		C: LHLO client.lab.test
		S: 500 5.5.1…
		C: ehlo client.lab.test
		S: 250-mail.lab.test greets you
		S: 250-PIPELINING
		S: 250-SIZE 1048576
		S: 250-8BITMIME
		S: 250-ENHANCEDSTATUSCODES
		S: 250 STARTTLS
		C: AUTH PLAIN {plain}
		S: 538 5.7.11…
		C: NOOP
		S: 250 2.0.0 Ok
		C: XYZZY
		S: 500 5.5.2…
		C: EXPN list
		S: 502 5.5.1…
		C: MAIL FROM:<a@lab.test>
		S: 250 2.1.0…
		C: RSET
		S: 250 2.0.0…
		C: STARTTLS now
		S: 501 5.5.4…
		C: STARTTLS
		S: 220 2.0.0 Ready to start TLS
		TLS
		# what was said in clear is forgotten
		C: MAIL FROM:<a@lab.test>
		S: 503 5.5.1…
		`, `
		C: EHLO client.lab.test
		S: 250-mail.lab.test greets you
		S: 250-PIPELINING
		S: 250-SIZE 1048576
		S: 250-8BITMIME
		S: 250-ENHANCEDSTATUSCODES
		S: 250 AUTH PLAIN LOGIN
		C: STARTTLS
		S: 503 5.5.1…
		C: AUTH CRAM-MD5
		S: 504 5.5.4…
		C: AUTH PLAIN !
		S: 501 5.5.2…
		C: AUTH PLAIN
		S: 334 …
		C: *
		S: 501 5.5.2…
		C: AUTH PLAIN {bad plain}
		S: 535 5.7.8…
		C: AUTH LOGIN
		S: 334 VXNlcm5hbWU6
		C: {b64 user}
		S: 334 UGFzc3dvcmQ6
		C: {b64 secret}
		S: 235 2.7.0…
		C: AUTH PLAIN {plain}
		S: 503 5.5.1…
		C: RCPT TO:<b@lab.test>
		S: 503 5.5.1…
		C: MAIL TO:<a@lab.test>
		S: 501 5.5.4…
		C: MAIL FROM:<> SIZE=10
		S: 250 2.1.0…
		C: MAIL FROM:<>
		S: 503 5.5.1…
		C: DATA
		S: 503 5.5.1…
		C: RCPT TO:<>
		S: 501 5.5.4…
		C: RCPT TO:<b@lab.test>
		S: 250 2.1.5…
		C: DATA
		S: 354 End data with <CR><LF>.<CR><LF>
		C: Subject: hello
		C:
		C: ..
		C: .
		S: 250 2.0.0…
		C: VRFY b
		S: 252 2.5.2…
		C: HELP
		S: 214 2.0.0…
		C: HELO client.lab.test
		S: 250 mail.lab.test
		C: QUIT
		S: 221 2.0.0…
		EOF`},
	"submission": {`
		S: 220 mail.lab.test ESMTP mailseal lab
		C: EHLO client.lab.test
		S: 250-mail.lab.test greets you
		S: 250-PIPELINING
		S: 250-SIZE 1048576
		S: 250-8BITMIME
		S: 250-ENHANCEDSTATUSCODES
		S: 250 STARTTLS
		C: MAIL FROM:<a@lab.test>
		S: 530 5.7.0 Must issue a STARTTLS command first
		C: STARTTLS
		S: 220 2.0.0 Ready to start TLS
		TLS`, `
		C: EHLO client.lab.test
		S: 250-mail.lab.test greets you
		S: 250-PIPELINING
		S: 250-SIZE 1048576
		S: 250-8BITMIME
		S: 250-ENHANCEDSTATUSCODES
		S: 250 AUTH PLAIN LOGIN
		C: MAIL FROM:<a@lab.test>
		S: 530 5.7.0 Authentication required
		C: AUTH PLAIN
		S: 334 …
		C: {plain}
		S: 235 2.7.0…
		C: MAIL FROM:<a@lab.test>
		S: 250 2.1.0…
		C: QUIT
		S: 221 2.0.0…
		EOF`},
	"lmtp": {`
		S: 220 mail.lab.test LMTP mailseal lab
		C: EHLO client.lab.test
		S: 500 5.5.1…
		C: LHLO client.lab.test
		S: 250-mail.lab.test greets you
		S: 250-PIPELINING
		S: 250-SIZE 1048576
		S: 250-8BITMIME
		S: 250-ENHANCEDSTATUSCODES
		S: 250 STARTTLS
		C: STARTTLS
		S: 220 2.0.0 Ready to start TLS
		TLS`, `
		C: LHLO client.lab.test
		S: 250-mail.lab.test greets you
		S: 250-PIPELINING
		S: 250-SIZE 1048576
		S: 250-8BITMIME
		S: 250-ENHANCEDSTATUSCODES
		S: 250 AUTH PLAIN LOGIN
		C: MAIL FROM:<a@lab.test>
		S: 250 2.1.0…
		C: RCPT TO:<b@lab.test>
		S: 250 2.1.5…
		C: RCPT TO:<c@lab.test>
		S: 250 2.1.5…
		C: DATA
		S: 354…
		C: .
		# one reply for each recipient
		S: 250 2.0.0…
		S: 250 2.0.0…
		C: QUIT
		S: 221 2.0.0…
		EOF`},
	"imap": {`
		S: * OK mail.lab.test mailseal lab ready
		C: a1 CAPABILITY
		S: * CAPABILITY IMAP4rev1 LITERAL- ID LOGINDISABLED STARTTLS
		S: a1 OK…
		C: a2 LOGIN lab {secret}
		S: a2 NO [PRIVACYREQUIRED]…
		C: a3 AUTHENTICATE PLAIN
		S: a3 NO [PRIVACYREQUIRED]…
		C: a4 LIST "" *
		S: a4 BAD…
		C: a5 STARTTLS now
		S: a5 BAD…
		C: garbage
		S: garbage BAD…
		C: a6 STARTTLS
		S: a6 OK Begin TLS negotiation now
		TLS`, `
		C: b1 capability
		S: * CAPABILITY IMAP4rev1 LITERAL- ID SASL-IR AUTH=PLAIN
		S: b1 OK…
		C: b2 STARTTLS
		S: b2 BAD…
		C: b3 ID NIL
		S: * ID…
		S: b3 OK…
		C: b4 LOGIN lab wrong
		S: b4 NO [AUTHENTICATIONFAILED]…
		C: b5 AUTHENTICATE CRAM-MD5
		S: b5 NO…
		C: b6 AUTHENTICATE PLAIN
		S: + …
		C: *
		S: b6 BAD…
		C: b7 LOGIN {3}
		S: + Ready for literal data
		C: lab "{secret}"
		S: b7 OK…
		C: b8 LOGIN lab {secret}
		S: b8 BAD…
		C: b9 LIST "" ""
		S: * LIST (\Noselect) "/" ""
		S: b9 OK…
		C: c1 LIST "" "*"
		S: * LIST () "/" INBOX
		S: c1 OK…
		C: c2 STATUS INBOX (MESSAGES)
		S: * STATUS INBOX…
		S: c2 OK…
		C: c3 SELECT nothing
		S: c3 NO…
		C: c4 FETCH 1 FLAGS
		S: c4 BAD…
		C: c5 SELECT INBOX
		S: * FLAGS…
		S: * 0 EXISTS
		S: * 0 RECENT
		S: * OK [UIDVALIDITY 1]…
		S: * OK [UIDNEXT 1]…
		S: * OK [PERMANENTFLAGS ()]…
		S: c5 OK [READ-WRITE]…
		C: c6 SEARCH ALL
		S: * SEARCH
		S: c6 OK…
		C: c7 UID SEARCH ALL
		S: * SEARCH
		S: c7 OK…
		C: c8 FETCH 1 FLAGS
		S: c8 BAD…
		C: c9 APPEND INBOX {5+}
		C: hello
		S: c9 NO…
		C: d1 CLOSE
		S: d1 OK…
		C: d2 NOOP
		S: d2 OK…
		C: d3 LOGOUT
		S: * BYE…
		S: d3 OK…
		EOF`},
	"pop3": {`
		S: +OK mail.lab.test mailseal lab ready
		C: CAPA
		S: +OK…
		S: TOP
		S: UIDL
		S: RESP-CODES
		S: AUTH-RESP-CODE
		S: IMPLEMENTATION mailseal-lab
		S: STLS
		S: .
		C: USER lab
		S: -ERR…
		C: PASS {secret}
		S: -ERR…
		C: AUTH PLAIN {plain}
		S: -ERR…
		C: STAT
		S: -ERR…
		C: STLS now
		S: -ERR…
		C: STLS
		S: +OK Begin TLS negotiation
		TLS`, `
		C: CAPA
		S: +OK…
		S: TOP
		S: UIDL
		S: RESP-CODES
		S: AUTH-RESP-CODE
		S: IMPLEMENTATION mailseal-lab
		S: USER
		S: SASL PLAIN
		S: .
		C: STLS
		S: -ERR…
		C: USER lab
		S: +OK…
		C: PASS wrong
		S: -ERR [AUTH]…
		C: AUTH PLAIN
		S: + …
		C: *
		S: -ERR…
		C: USER lab
		S: +OK…
		C: PASS {secret}
		S: +OK…
		C: STAT
		S: +OK 0 0
		C: LIST
		S: +OK…
		S: .
		C: UIDL
		S: +OK…
		S: .
		C: LIST 1
		S: -ERR…
		C: RETR one
		S: -ERR…
		C: STLS
		S: -ERR…
		C: NOOP
		S: +OK
		C: QUIT
		S: +OK Bye
		EOF`},
	"sieve": {`
		S: "IMPLEMENTATION" "mailseal-lab"
		S: "SIEVE" "fileinto"
		S: "VERSION" "1.0"
		S: "SASL" ""
		S: "STARTTLS"
		S: OK "mail.lab.test mailseal lab ready"
		C: AUTHENTICATE "PLAIN" "{plain}"
		S: NO (ENCRYPT-NEEDED)…
		C: LISTSCRIPTS
		S: NO…
		C: NOOP "a\"b"
		S: OK (TAG "a\"b") "Done"
		C: NOOP {3+}
		C: abc
		S: OK (TAG "abc") "Done"
		C: STARTTLS
		S: OK "Begin TLS negotiation now."
		TLS
		# the capabilities come again, unasked
		S: "IMPLEMENTATION" "mailseal-lab"
		S: "SIEVE" "fileinto"
		S: "VERSION" "1.0"
		S: "SASL" "PLAIN"
		S: OK…
		`, `
		C: CAPABILITY
		S: "IMPLEMENTATION" "mailseal-lab"
		S: "SIEVE" "fileinto"
		S: "VERSION" "1.0"
		S: "SASL" "PLAIN"
		S: OK…
		C: STARTTLS
		S: NO…
		C: AUTHENTICATE "CRAM-MD5"
		S: NO…
		C: AUTHENTICATE "PLAIN" "{bad plain}"
		S: NO…
		C: AUTHENTICATE "PLAIN"
		S: ""
		C: "{plain}"
		S: OK…
		C: LISTSCRIPTS
		S: OK…
		C: PUTSCRIPT "a" {4+}
		C: keep
		S: NO (QUOTA)…
		C: SETACTIVE ""
		S: OK…
		C: GETSCRIPT "a"
		S: NO (NONEXISTENT)…
		C: XYZZY
		S: NO…
		C: LOGOUT
		S: OK…
		EOF`},
}

func TestHonestConversations(t *testing.T) {
	ca := newTestCA(t)
	for _, p := range Protocols() {
		t.Run(p+"/starttls", func(t *testing.T) {
			r := start(t, New(p, observe.StartTLS), ca)
			play(t, r, ca, conversations[p].clear+conversations[p].sealed)
			expectNoSecret(t, r)
			expectRecord(t, r, observe.StartTLS)
		})
		t.Run(p+"/implicit", func(t *testing.T) {
			r := start(t, New(p, observe.Implicit), ca)
			greeting, _, _ := strings.Cut(strings.TrimSpace(conversations[p].clear), "\n")
			if p == "sieve" {
				greeting = strings.ReplaceAll(conversations[p].clear[strings.LastIndex(conversations[p].clear, "unasked")+7:], "# ", "")
			}
			play(t, r, ca, greeting+"\n"+conversations[p].sealed)
			expectNoSecret(t, r)
			expectRecord(t, r, observe.Implicit)
		})
	}
}

// expectRecord reads the server's own record of one whole conversation.
func expectRecord(t *testing.T, r *Running, m observe.Mode) {
	t.Helper()
	r.Close()
	all := r.Observations()
	if len(all) != 1 || len(all[0].Conns) != 1 {
		t.Fatalf("there are %d observations, want one of one connection", len(all))
	}
	o, c := all[0], all[0].Conns[0]
	if o.Side != observe.Server || c.Reached != observe.After || c.End != observe.Done {
		t.Errorf("side %q, reached %q, end %q (%s), want server, after, done", o.Side, c.Reached, c.End, c.Cause)
	}
	if c.TLS == nil || !c.TLS.Complete || c.TLS.Version != 0x0304 || c.TLS.Suite == 0 || c.TLS.Group == 0 {
		t.Fatalf("TLS = %+v, want a whole handshake of TLS 1.3", c.TLS)
	}
	if offer := c.Probe.Offer; offer.SNI != "mail.lab.test" || offer.MaxVersion != 0x0304 || len(offer.Suites) == 0 {
		t.Errorf("the offer is %+v, want SNI mail.lab.test, TLS 1.3, suites", offer)
	}
	if len(c.TLS.Chain) != 2 || len(o.Certificates[c.TLS.Chain[1]]) == 0 {
		t.Errorf("the chain is %v, want two certificates that are kept", c.TLS.Chain)
	}
	if c.Sealed == nil || (c.Clear != nil) != (m == observe.StartTLS) {
		t.Errorf("capabilities clear %v, sealed %v", c.Clear, c.Sealed)
	}
	if got := c.Upgrade.GoAhead == observe.Yes; got != (m == observe.StartTLS) {
		t.Errorf("the upgrade is %+v", c.Upgrade)
	}
	var sealed, clear int
	for _, l := range c.Lines {
		if l.Sealed {
			sealed++
		} else {
			clear++
		}
	}
	if sealed == 0 || (clear > 0) != (m == observe.StartTLS) {
		t.Errorf("%d lines sealed, %d in clear", sealed, clear)
	}
}

// A server that is asked for no TLS at all has none.
func TestClear(t *testing.T) {
	ca := newTestCA(t)
	for p, script := range map[string]string{
		"smtp": "S: 220…\nC: EHLO x\nS: 250-…\nS: 250-PIPELINING\nS: 250-SIZE…\nS: 250-8BITMIME\nS: 250 ENHANCEDSTATUSCODES\nC: STARTTLS\nS: 502…",
		"imap": "S: * OK…\nC: a STARTTLS\nS: a BAD…",
		"pop3": "S: +OK…\nC: STLS\nS: -ERR…",
	} {
		play(t, start(t, New(p, observe.Clear), ca), ca, script)
	}
}

func TestIMAPGreetingCapabilities(t *testing.T) {
	ca := newTestCA(t)
	s := New("imap", observe.StartTLS)
	s.GreetCapabilities = true
	r := start(t, s, ca)
	play(t, r, ca, "S: * OK [CAPABILITY IMAP4rev1 LITERAL- ID LOGINDISABLED STARTTLS] mail.lab.test…")
}

// Commands that were sent behind STARTTLS in the same segment came in clear
// from anybody. They must not be carried out inside TLS (CVE-2011-0411).
func TestPipelinedBehindStartTLSIsDiscarded(t *testing.T) {
	ca := newTestCA(t)
	for p, s := range map[string]struct{ hello, endHello, command, goAhead, injected, next, answer string }{
		"smtp":       {"EHLO x\r\n", "250 ", "STARTTLS\r\n", "220", "NOOP\r\n", "EHLO x\r\n", "250-mail.lab.test greets you"},
		"submission": {"EHLO x\r\n", "250 ", "STARTTLS\r\n", "220", "NOOP\r\n", "EHLO x\r\n", "250-mail.lab.test greets you"},
		"lmtp":       {"LHLO x\r\n", "250 ", "STARTTLS\r\n", "220", "NOOP\r\n", "LHLO x\r\n", "250-mail.lab.test greets you"},
		"imap":       {"a CAPABILITY\r\n", "a OK", "b STARTTLS\r\n", "b OK", "evil NOOP\r\n", "c NOOP\r\n", "c OK Noop completed"},
		"pop3":       {"CAPA\r\n", ".", "STLS\r\n", "+OK", "CAPA\r\n", "XYZZY\r\n", "-ERR Unknown command, or not in this state"},
		"sieve":      {"CAPABILITY\r\n", "OK \"Cap", "STARTTLS\r\n", "OK \"Begin", "NOOP \"evil\"\r\n", "NOOP \"good\"\r\n", `OK (TAG "good") "Done"`},
	} {
		t.Run(p, func(t *testing.T) {
			r := start(t, New(p, observe.StartTLS), ca)
			c := dial(t, r, ca)
			c.send(s.hello)
			c.until(s.endHello)
			c.send(s.command + s.injected)
			c.until(s.goAhead)
			c.handshake(ca)
			if p == "sieve" {
				c.until("OK \"TLS")
			}
			c.send(s.next)
			if got := c.line(); got != s.answer {
				t.Errorf("the first answer inside TLS is %q, want %q", got, s.answer)
			}
			residue := r.Observations()[0].Conns[0].Residue
			if residue == nil || string(residue.Bytes) != s.injected {
				t.Errorf("the residue is %v, want %q", residue, s.injected)
			}
		})
	}
}

// A message ends at a dot between two CRLFs only, or one could smuggle a
// second message into it.
func TestDotNeedsCRLF(t *testing.T) {
	ca := newTestCA(t)
	r := start(t, New("smtp", observe.StartTLS), ca)
	c := dial(t, r, ca)
	c.until("220 ")
	c.send("EHLO x\r\n")
	c.until("250 ")
	c.send("MAIL FROM:<>\r\nRCPT TO:<b@lab.test>\r\nDATA\r\n")
	c.until("354 ")
	c.send("a\n.\nb\r\n.\nc\n.\r\nNOOP\r\nd\r\n.\r\n")
	if got := c.line(); !strings.HasPrefix(got, "250 2.0.0 Taken") {
		t.Errorf("after the message the server said %q", got)
	}
	c.send("QUIT\r\n")
	if got := c.line(); !strings.HasPrefix(got, "221 ") {
		t.Errorf("after QUIT the server said %q: the message ended too early", got)
	}
}

func TestMessageTooBig(t *testing.T) {
	ca := newTestCA(t)
	r := start(t, New("smtp", observe.StartTLS), ca)
	c := dial(t, r, ca)
	c.send("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@lab.test>\r\nDATA\r\n")
	c.until("354 ")
	c.send(strings.Repeat("0123456789\r\n", maxMessage/12+2) + ".\r\n")
	if got := c.line(); !strings.HasPrefix(got, "552 5.3.4") {
		t.Errorf("after too much data the server said %q", got)
	}
}
