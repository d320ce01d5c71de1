package check

import (
	"github.com/mailseal/mailseal/observe"
)

var extendedMasterSecretMissing = &Check{
	Name:     "extended-master-secret-missing",
	Question: "Does the server leave out the extended master secret in TLS 1.2 or older?",
	Manual: `What it is
Before TLS 1.3 the key of a connection did not depend on everything that was said in the handshake. The extension extended_master_secret mends that. We offered it and the server did not take it up.

Why it matters for mail
Without it, somebody in the middle can give two connections the same key and join them (the triple handshake attack), which undoes client certificates and channel binding: SCRAM with tls-unique or tls-exporter, by which a mail client proves that the password went to the right end, is not safe then. RFC 9325 demands the extension.

How it was seen
In the extensions of the ServerHello. TLS 1.3 has it built in, so there the question does not arise.

How to mend it
Bring the TLS library up to date: OpenSSL has the extension since 1.1.0. No mail server has a setting for it. A device that cannot be brought up to date stands best behind a proxy that can TLS 1.3.`,
	Citations: []Citation{
		{"RFC 7627", ""},
		{"RFC 9325", "section 3.5"},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askOldTLS(noExtendedMasterSecret) })
	},
}

func noExtendedMasterSecret(t *observe.TLS) *view {
	return opposite(t.ExtendedMasterSecret, "the extension extended_master_secret")
}

// opposite is the view of a question whether a good thing is missing.
func opposite(there observe.Answer, what string) *view {
	switch there {
	case observe.Yes:
		return &view{answer: observe.No, detail: "the server has " + what}
	case observe.No:
		return &view{answer: observe.Yes, detail: "the server does not have " + what}
	}
	return &view{detail: what + " could not be looked for"}
}
