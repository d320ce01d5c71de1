package iana

// alpnIDs maps the name of a protocol to its id in the TLS Application-Layer Protocol Negotiation (ALPN) Protocol IDs
// registry (RFC 7301, section 6).
//
// SMTP, submission and LMTP are missing because they have none: a client that sends "smtp" sends a name that nobody
// registered.
var alpnIDs = map[string]string{
	"imap":        "imap",
	"pop3":        "pop3",
	"sieve":       "managesieve",
	"managesieve": "managesieve",
	"ftp":         "ftp",
	"xmpp-client": "xmpp-client",
	"xmpp-server": "xmpp-server",
	"irc":         "irc",
	"nntp":        "nntp",
	"postgres":    "postgresql",
	"postgresql":  "postgresql",
	"http":        "http/1.1",
	"http/1.1":    "http/1.1",
	"h2":          "h2",
}

// ALPN is the protocol id that a client of the named protocol offers, or "" if none is registered.
func ALPN(protocol string) string { return alpnIDs[protocol] }
