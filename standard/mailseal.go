package standard

import "github.com/mailseal/mailseal/observe"

// MailSeal is mailseal's own standard, and the only one that makes the seal.
//
// Three kinds of rules, by what their breach makes of the seal:
//
//  1. Nothing is sealed (missing), or the seal does not hold (broken). These
//     are the essential rules: while one of them is open, the seal is unknown.
//  2. The seal holds, but less well than it should (weak).
//  3. Advice: it costs no seal (intact). A should, all others are a must.
//
// The roles differ in one thing above all, the certificate. A mail program
// that talks to submission or access checks it before it sends a password, so
// a certificate that does not fit breaks the seal. A sender that talks to an
// MX mostly does not: it takes any certificate, because the choice is between
// that and no encryption at all (RFC 7435, section 4). There a bad certificate
// makes the seal weak: it helps against listeners only, and senders that obey
// MTA-STS will not deliver (RFC 8461, sections 4.2 and 5). The same holds for
// LMTP, whose client is the site's own mail server.
//
// The clause names the document where the reason is written. What a document
// asks in which words, its own standard tells.
var MailSeal = &Standard{
	Name:  "seal",
	Title: "mailseal's own: the seal, by role",
	Date:  "2026-11-23",
	URL:   "https://github.com/mailseal/mailseal/blob/main/standard/mailseal.go",
	Rules: []Rule{
		// Is there TLS, and does it begin as it should?
		{"starttls-missing", no, Must, mailUsers, "RFC 8314, section 4", SealMissing},
		{"starttls-missing", no, Must, notUsers, "RFC 3207, section 6", SealMissing},
		{"starttls-refused", no, Must, everyone, "RFC 3207, section 6", SealMissing},
		{"starttls-mangled", no, Must, everyone, "RFC 3207, section 6", SealBroken},
		{"starttls-hidden", no, Must, everyone, "RFC 3207, section 6", SealBroken},
		{"starttls-residue", no, Must, everyone, "RFC 3207, section 4.2", SealBroken},
		{"preauth-greeting", no, Must, access, "RFC 9051, section 7.1.4", SealBroken},
		{"tls-failing", no, Must, mailUsers, "RFC 8314, section 4", SealBroken},
		{"tls-failing", no, Must, notUsers, "RFC 3207, section 6", SealBroken},

		// Does the certificate prove the server? To those who check it …
		{"chain-untrusted", no, Must, mailUsers, "RFC 8314, section 4.4", SealBroken},
		{"chain-untrusted", no, Must, other, "RFC 5280, section 6.1", SealBroken},
		{"name-mismatch", no, Must, mailUsers, "RFC 7817, section 3", SealBroken},
		{"name-mismatch", no, Must, other, "RFC 9525, section 6", SealBroken},
		{"cert-expired", no, Must, mailUsers, "RFC 8314, section 4.4", SealBroken},
		{"cert-expired", no, Must, other, "RFC 5280, section 6.1.3", SealBroken},
		{"cert-not-yet-valid", no, Must, mailUsers, "RFC 8314, section 4.4", SealBroken},
		{"cert-not-yet-valid", no, Must, other, "RFC 5280, section 6.1.3", SealBroken},
		{"cert-eku-unfit", no, Must, mailUsers, "RFC 5280, section 4.2.1.12", SealBroken},
		{"cert-eku-unfit", no, Must, other, "RFC 5280, section 4.2.1.12", SealBroken},

		// … and to mail servers, of which few do.
		{"chain-untrusted", no, Must, mx, "RFC 8461, section 4.2", SealWeak},
		{"chain-untrusted", no, Must, delivery, "RFC 5280, section 6.1", SealWeak},
		{"name-mismatch", no, Must, mx, "RFC 8461, section 4.2", SealWeak},
		{"name-mismatch", no, Must, delivery, "RFC 9525, section 6", SealWeak},
		{"cert-expired", no, Must, mx, "RFC 8461, section 4.2", SealWeak},
		{"cert-expired", no, Must, delivery, "RFC 5280, section 6.1.3", SealWeak},
		{"cert-not-yet-valid", no, Must, mailServers, "RFC 5280, section 6.1.3", SealWeak},

		// How strong is it? The certificate,
		{"chain-incomplete", no, Must, everyone, "RFC 8446, section 4.4.2", SealWeak},
		{"cert-key-weak", no, Must, everyone, "RFC 9325, section 4.5", SealWeak},
		{"cert-signature-weak", no, Must, everyone, "RFC 9325, section 4.5", SealWeak},
		{"cert-eku-unfit", no, Must, mailServers, "RFC 5280, section 4.2.1.12", SealWeak},
		{"cert-key-usage-unfit", no, Must, everyone, "RFC 5280, section 4.2.1.3", SealWeak},
		{"must-staple-unmet", no, Must, everyone, "RFC 7633, section 4.3.3", SealWeak},
		{"ocsp-staple-unfit", no, Must, everyone, "RFC 6960, section 3.2", SealWeak},

		// the handshake,
		{"sealed-conversation-broken", no, Must, everyone, "RFC 5321, section 3.8", SealWeak}, // TLS stands, but nobody gets through it
		{"tls-version-old", no, Must, everyone, "RFC 9325, section 3.1.1", SealWeak},
		{"suite-weak", no, Must, everyone, "RFC 9325, section 4.1", SealWeak},
		{"suite-not-forward-secret", no, Must, everyone, "RFC 9325, section 4.1", SealWeak},
		{"group-weak", no, Must, everyone, "RFC 9325, section 4.5", SealWeak},
		{"compression-on", no, Must, everyone, "RFC 9325, section 3.3", SealWeak},
		{"renegotiation-insecure", no, Must, everyone, "RFC 9325, section 3.5", SealWeak},
		{"early-data-offered", no, Must, everyone, "RFC 9325, section 3.10", SealWeak},

		// and the passwords around it.
		{"auth-in-clear", no, Must, mailUsers, "RFC 8314, section 4", SealWeak},
		{"auth-in-clear", no, Must, mx, "RFC 4954, section 4", SealWeak},
		{"login-not-disabled", no, Must, access, "RFC 9051, section 6.2.3", SealWeak},

		// Advice.
		{"implicit-tls-missing", no, Should, mailUsers, "RFC 8314, section 4", SealIntact},
		{"starttls-inside-tls", no, Should, everyone, "RFC 3207, section 4.2", SealIntact},
		{"capabilities-more-in-clear", no, Should, everyone, "RFC 3207, section 6", SealIntact},
		{"untrusted-mozilla", no, Should, everyone, "RFC 5280, section 6", SealIntact},
		{"untrusted-system", no, Should, everyone, "RFC 5280, section 6", SealIntact},
		{"cert-self-signed", no, Should, everyone, "RFC 5280, section 6", SealIntact},
		{"name-only-in-cn", no, Should, everyone, "RFC 9525, section 2", SealIntact},
		{"cert-expires-soon", no, Should, everyone, "RFC 5280, section 4.1.2.5", SealIntact},
		{"cert-life-too-long", no, Should, everyone, "CA/Browser Forum Baseline Requirements, section 6.3.2", SealIntact},
		{"chain-disordered", no, Should, everyone, "RFC 8446, section 4.4.2", SealIntact},
		{"chain-superfluous", no, Should, everyone, "RFC 8446, section 4.4.2", SealIntact},
		{"sct-missing", no, Should, everyone, "RFC 6962, section 3.3", SealIntact},
		{"extended-master-secret-missing", no, Should, everyone, "RFC 9325, section 3.5", SealIntact},
		{"ticket-life-too-long", no, Should, everyone, "RFC 9325, section 3.4", SealIntact},
		{"key-exchange-not-post-quantum", no, Should, everyone, "RFC 10024", SealIntact},
		{"certificate-demanded", no, Should, mx, "RFC 3207, section 4", SealIntact},
		{"server-silent", no, Should, everyone, "RFC 5321, section 3.1", SealIntact},
		{"conversation-broken", no, Should, everyone, "RFC 5321, section 3.8", SealIntact},
		{"throttled", no, Should, everyone, "RFC 5321, section 3.8", SealIntact},
		{"line-ends-bare", no, Should, everyone, "RFC 5321, section 2.3.8", SealIntact},
		{"escape-in-text", no, Should, everyone, "RFC 5321, section 4.2", SealIntact},
	},
}

// What the tables want, and of whom.
const no = observe.No

var (
	everyone    []observe.Role // no role named: every role
	access      = []observe.Role{observe.Access}
	mx          = []observe.Role{observe.MX}
	delivery    = []observe.Role{observe.Delivery}
	other       = []observe.Role{observe.Other}
	mailUsers   = []observe.Role{observe.Submission, observe.Access} // whose clients are people's mail programs
	mailServers = []observe.Role{observe.MX, observe.Delivery}       // whose clients are mail servers
	notUsers    = []observe.Role{observe.MX, observe.Delivery, observe.Other}
)
