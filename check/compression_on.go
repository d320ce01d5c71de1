package check

import "github.com/mailseal/mailseal/observe"

var compressionOn = &Check{
	Name:     "compression-on",
	Question: "Does the server compress inside TLS?",
	Manual: `What it is
Up to version 1.2 TLS could compress what it encrypts, and the server chose to.

Why it matters for mail
The length of what was compressed tells about its content. Who can make a client send text of his choice next to a secret, and watches the lengths, finds the secret piece by piece (CRIME). In mail it is harder than on the web, but a mail program that sends a login on every connection, or a server that relays what a stranger wrote, gives the same handle.

How it was seen
In the compression method of the ServerHello. It can only be seen where the probe offered compression.

How to mend it
postfix: tls_ssl_options = NO_COMPRESSION. Exim: openssl_options = +no_compression. Dovecot: no word compression in ssl_options. Current TLS libraries have it switched off, and TLS 1.3 has removed it. Compression in the protocol itself (COMPRESS=DEFLATE of IMAP) is another matter.`,
	Citations: []Citation{
		{"RFC 9325", "section 3.3"},
		{"CVE-2012-4929", ""},
	},
	Run: func(f *Facts) []Finding {
		return f.eachEndpoint(func(c Conn) *view { return c.askOldTLS(compresses) })
	},
}

func compresses(t *observe.TLS) *view {
	switch t.Compression {
	case observe.Yes:
		return &view{answer: observe.Yes, detail: "the server chose a compression method"}
	case observe.No:
		return &view{answer: observe.No, detail: "the server chose no compression"}
	}
	return &view{detail: "the compression method was not seen"}
}
