package check

var untrustedSystem = &Check{
	Name:     "untrusted-system",
	Question: "Does the chain lead to no root that the system we looked from trusts?",
	Manual: `What it is
Every system has its own list of authorities, made by its distribution or vendor and changed by whoever runs the machine: a company adds its own authority, an old system lacks the new ones. From this certificate no way leads to an authority on the list of the machine that mailseal ran on.

Why it matters for mail
Mail servers and command-line tools on that machine decide by this list. Where Mozilla's list says yes and this one says no, the machine is old or somebody took the authority out; where it is the other way round, the authority is a private one that strangers do not know.

How it was seen
On Linux and the BSDs we read the bundle and directories that programs use by default (or those that SSL_CERT_FILE and SSL_CERT_DIR name); on macOS and Windows, whose lists cannot be read, we asked the system about this chain.

How to mend it
If the machine is old, update its package of authorities (ca-certificates). If the authority is private, add its root: update-ca-certificates on Debian, update-ca-trust on Fedora and its relatives. If the certificate is at fault, mend the chain. ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 6"},
	},
	Run: untrustedIn("system"),
}
