package standard

// RFC8314 is what RFC 8314 wants of the servers that a mail program talks to:
// Mail Submission Servers and Mail Access Servers (section 2). It has nothing
// to say about an MX (section 4.5.1).
//
// RFC 8997 updates it: where RFC 8314 says TLS 1.1, it is TLS 1.2 now.
//
// Three things to know when one reads the table beside the document:
//
//   - Cleartext is deprecated with a SHOULD only. "MUST support TLS access" is
//     said of the provider, who may offer it on another port, so one port
//     without STARTTLS does not break it.
//   - "MUST support TLS 1.2 or later" is judged by the version that was
//     negotiated with a client that offers TLS 1.2 and 1.3: an older one tells
//     that the server has neither.
//   - Section 4.2 forbids asking for a client certificate unless the server
//     can use one. From outside nobody sees whether it can, so there is no
//     rule here.
var RFC8314 = &Standard{
	Name:  "rfc8314",
	Title: "RFC 8314 with RFC 8997: Cleartext Considered Obsolete",
	Date:  "2021-03", // of RFC 8997; RFC 8314 is of 2018-01
	URL:   "https://www.rfc-editor.org/info/rfc8314",
	Rules: []Rule{
		// "SHOULD provide and support instances of those services that use Implicit TLS"
		{Check: "implicit-tls-missing", Want: no, Level: Should, Roles: mailUsers, Clause: "section 4; section 3"},
		// "SHOULD deprecate the use of cleartext Mail Access Servers and Mail Submission Servers"
		{Check: "starttls-missing", Want: no, Level: Should, Roles: mailUsers, Clause: "section 4; section 4.1"},
		{Check: "auth-in-clear", Want: no, Level: Should, Roles: mailUsers, Clause: "section 4; section 4.1"},
		{Check: "login-not-disabled", Want: no, Level: Should, Roles: access, Clause: "section 4; section 4.1"},
		// "SHOULD NOT advertise STARTTLS if the use of the STARTTLS command by a client is likely to fail"
		{Check: "starttls-refused", Want: no, Level: Should, Roles: mailUsers, Clause: "section 4"},
		// the same, and an instance with Implicit TLS that fails is none
		{Check: "tls-failing", Want: no, Level: Should, Roles: mailUsers, Clause: "section 4"},
		// "MUST support TLS 1.2 or later"
		{Check: "tls-version-old", Want: no, Level: Must, Roles: mailUsers, Clause: "section 4"},
		// "SHOULD implement the recommended TLS ciphersuites described in [RFC7525] or a future BCP"
		{Check: "suite-weak", Want: no, Level: Should, Roles: mailUsers, Clause: "section 4; RFC 9325, sections 4.1 and 4.2"},
		{Check: "suite-not-forward-secret", Want: no, Level: Should, Roles: mailUsers, Clause: "section 4; RFC 9325, section 4.1"},
		// "MUST maintain valid server certificates for all servers", as RFC 7817 tells
		{Check: "chain-untrusted", Want: no, Level: Must, Roles: mailUsers, Clause: "section 4.4; RFC 7817, section 3"},
		{Check: "name-mismatch", Want: no, Level: Must, Roles: mailUsers, Clause: "section 4.4; RFC 7817, sections 3 and 5"},
		{Check: "name-only-in-cn", Want: no, Level: Must, Roles: mailUsers, Clause: "section 4.4; RFC 7817, section 5"},
		{Check: "cert-expired", Want: no, Level: Must, Roles: mailUsers, Clause: "section 4.4"},
		{Check: "cert-not-yet-valid", Want: no, Level: Must, Roles: mailUsers, Clause: "section 4.4"},
	},
}
