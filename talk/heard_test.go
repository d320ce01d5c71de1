package talk

import (
	"strings"
	"testing"

	"github.com/mailseal/mailseal/observe"
)

func TestHeardCapabilities(t *testing.T) {
	for _, c := range []struct {
		protocol, script string
		want             string
		offers           observe.Answer
	}{
		{"smtp", "S 220 x|C EHLO x|S 250-x greets|S 250-STARTTLS|S 250 DSN|C NOOP|S 250 ok", "STARTTLS,DSN", observe.Yes},
		{"smtp", "C ehlo x|S 250 x", "", observe.No},
		{"smtp", "C HELO x|S 250 x", "-", observe.Unknown},
		{"smtp", "C EHLO x|S 502 no", "", observe.No},
		{"lmtp", "C LHLO x|S 250-x|S 250 starttls", "starttls", observe.Yes},
		{"imap", "C a CAPABILITY|S * CAPABILITY IMAP4rev1 STARTTLS|S a OK done", "IMAP4rev1,STARTTLS", observe.Yes},
		{"pop3", "C CAPA|S +OK|S UIDL|S STLS|S .", "UIDL,STLS", observe.Yes},
		{"nntp", "C CAPABILITIES|S 101 list|S VERSION 2|S .", "VERSION 2", observe.No},
		{"ftp", "C FEAT|S 211-Features|S  AUTH TLS|S 211 End", "AUTH TLS", observe.Yes},
		{"irc", "C CAP LS|S x", "-", observe.Unknown},
	} {
		var lines []observe.Line
		for _, step := range strings.Split(c.script, "|") {
			from := observe.Server
			if step[0] == 'C' {
				from = observe.Client
			}
			lines = append(lines, observe.Line{From: from, Text: observe.Text(step[2:])})
		}
		told := heardCapabilities(c.protocol, lines)
		got := "-"
		if told != nil {
			var items []string
			for _, i := range told.Items {
				items = append(items, string(i))
			}
			got = strings.Join(items, ",")
		}
		if got != c.want {
			t.Errorf("heardCapabilities(%s, %q) = %q, want %q", c.protocol, c.script, got, c.want)
		}
		if got := offersTLS(c.protocol, told); got != c.offers {
			t.Errorf("offersTLS(%s) behind %q = %v, want %v", c.protocol, c.script, got, c.offers)
		}
	}
}
