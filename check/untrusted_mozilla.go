package check

var untrustedMozilla = &Check{
	Name:     "untrusted-mozilla",
	Question: "Does the chain lead to no root that Mozilla trusts?",
	Manual: `What it is
Mozilla keeps a list of the authorities that may certify servers. Thunderbird uses it, and most Linux and BSD systems take theirs from it, with delays of months. From this certificate no way leads to an authority on that list.

Why it matters for mail
It is the best single guess at what strangers will say: a sender that follows MTA-STS, or a mail program on a machine that you never saw. For a service that only your own people use, with a private authority on all their machines, it need not matter.

How it was seen
With the list that is built into this program, whose date the finding names, and with the limit that Mozilla sets for some authorities: certificates that they issued after a given day are not trusted. The path was built from what was sent alone.

How to mend it
Use a certificate of an authority on the list, and send the whole chain. ` + where,
	Citations: []Citation{
		{"RFC 5280", "section 6"},
		{"Mozilla Root Store Policy", ""},
	},
	Run: untrustedIn("mozilla"),
}
