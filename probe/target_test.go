package probe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
)

func TestReadTarget(t *testing.T) {
	for _, test := range []struct {
		typed string
		by    Override
		want  observe.Target
	}{
		{"imap.example.org", Override{}, observe.Target{Host: "imap.example.org"}},  // its usual mail ports
		{"IMAP.Example.ORG.", Override{}, observe.Target{Host: "imap.example.org"}}, // case and trailing dot do not matter
		{"imap.example.org:143", Override{}, observe.Target{Protocol: "imap", Mode: "starttls", Host: "imap.example.org", Port: 143}},
		{"h.example:993", Override{}, observe.Target{Protocol: "imap", Mode: "implicit", Host: "h.example", Port: 993}},
		{"h.example:465", Override{}, observe.Target{Protocol: "submission", Mode: "implicit", Host: "h.example", Port: 465}}, // RFC 8314, section 3.3
		{"h.example:443", Override{}, observe.Target{Protocol: "http", Mode: "implicit", Host: "h.example", Port: 443}},
		{"[2001:db8::1]:25", Override{}, observe.Target{Protocol: "smtp", Mode: "starttls", Host: "2001:db8::1", Port: 25}},
		{"2001:db8::1", Override{}, observe.Target{Host: "2001:db8::1"}},
		{"[2001:db8::1]", Override{}, observe.Target{Host: "2001:db8::1"}},
		{"192.0.2.1:587", Override{}, observe.Target{Protocol: "submission", Mode: "starttls", Host: "192.0.2.1", Port: 587}},
		{"imaps://h", Override{}, observe.Target{Protocol: "imap", Mode: "implicit", Host: "h", Port: 993}},
		{"imap://h", Override{}, observe.Target{Protocol: "imap", Mode: "starttls", Host: "h", Port: 143}},
		{"IMAP://h/", Override{}, observe.Target{Protocol: "imap", Mode: "starttls", Host: "h", Port: 143}},
		{"smtp://h:25", Override{}, observe.Target{Protocol: "smtp", Mode: "starttls", Host: "h", Port: 25}},
		{"smtp://h:2525", Override{}, observe.Target{Protocol: "smtp", Mode: "starttls", Host: "h", Port: 2525}},
		{"submission://h", Override{}, observe.Target{Protocol: "submission", Mode: "starttls", Host: "h", Port: 587}},
		{"submissions://h", Override{}, observe.Target{Protocol: "submission", Mode: "implicit", Host: "h", Port: 465}},
		{"lmtp://h", Override{}, observe.Target{Protocol: "lmtp", Mode: "starttls", Host: "h", Port: 24}},
		{"pop3://h", Override{}, observe.Target{Protocol: "pop3", Mode: "starttls", Host: "h", Port: 110}},
		{"pop3s://h", Override{}, observe.Target{Protocol: "pop3", Mode: "implicit", Host: "h", Port: 995}},
		{"sieve://h", Override{}, observe.Target{Protocol: "sieve", Mode: "starttls", Host: "h", Port: 4190}},
		{"nntp://h", Override{}, observe.Target{Protocol: "nntp", Mode: "starttls", Host: "h", Port: 119}},
		{"nntps://h", Override{}, observe.Target{Protocol: "nntp", Mode: "implicit", Host: "h", Port: 563}},
		{"ftp://h", Override{}, observe.Target{Protocol: "ftp", Mode: "starttls", Host: "h", Port: 21}},
		{"ftps://h", Override{}, observe.Target{Protocol: "ftp", Mode: "implicit", Host: "h", Port: 990}},
		{"irc://h", Override{}, observe.Target{Protocol: "irc", Mode: "starttls", Host: "h", Port: 6667}},
		{"ircs://h", Override{}, observe.Target{Protocol: "irc", Mode: "implicit", Host: "h", Port: 6697}}, // not 994
		{"xmpp-client://example.org@h", Override{}, observe.Target{Protocol: "xmpp-client", Mode: "starttls", Host: "h", Domain: "example.org", Port: 5222}},
		{"xmpp-server://example.org@h", Override{}, observe.Target{Protocol: "xmpp-server", Mode: "starttls", Host: "h", Domain: "example.org", Port: 5269}},
		{"ldap://h", Override{}, observe.Target{Protocol: "ldap", Mode: "starttls", Host: "h", Port: 389}},
		{"ldaps://h", Override{}, observe.Target{Protocol: "ldap", Mode: "implicit", Host: "h", Port: 636}},
		{"postgres://h", Override{}, observe.Target{Protocol: "postgres", Mode: "starttls", Host: "h", Port: 5432}},
		{"mysql://h", Override{}, observe.Target{Protocol: "mysql", Mode: "starttls", Host: "h", Port: 3306}},
		{"https://h", Override{}, observe.Target{Protocol: "http", Mode: "implicit", Host: "h", Port: 443}},
		{"tls://h:4711", Override{}, observe.Target{Protocol: "tls", Mode: "implicit", Host: "h", Port: 4711}},
		{"lmtp+unix:///run/lmtp", Override{}, observe.Target{Protocol: "lmtp", Mode: "starttls", Path: "/run/lmtp"}},
		{"lmtp+unix:/run/lmtp", Override{}, observe.Target{Protocol: "lmtp", Mode: "starttls", Path: "/run/lmtp"}},
		{"unix:///run/lmtp", Override{Protocol: "lmtp"}, observe.Target{Protocol: "lmtp", Mode: "starttls", Path: "/run/lmtp"}},
		{"h:4711", Override{Protocol: "imap"}, observe.Target{Protocol: "imap", Mode: "starttls", Host: "h", Port: 4711}},
		{"h:4711", Override{Protocol: "imap", Mode: "implicit"}, observe.Target{Protocol: "imap", Mode: "implicit", Host: "h", Port: 4711}},
		{"h", Override{Protocol: "imap", Mode: "implicit"}, observe.Target{Protocol: "imap", Mode: "implicit", Host: "h", Port: 993}},
		{"imap://h:993", Override{Mode: "implicit"}, observe.Target{Protocol: "imap", Mode: "implicit", Host: "h", Port: 993}},
		{"h:25", Override{Connect: "192.0.2.7:2525"}, observe.Target{Protocol: "smtp", Mode: "starttls", Host: "h", Port: 25, Connect: "192.0.2.7:2525"}},
		{"bücher.example:25", Override{}, observe.Target{Protocol: "smtp", Mode: "starttls", Host: "xn--bcher-kva.example", Port: 25}},
		{"faß.example", Override{}, observe.Target{Host: "xn--fa-hia.example"}}, // IDNA 2008, not "fass"
		{"_odd.example", Override{}, observe.Target{Host: "_odd.example"}},      // the DNS has such names
		{"h:4711", Override{Script: &dialogue.Protocol{Name: "script"}}, observe.Target{Protocol: "script", Mode: "implicit", Host: "h", Port: 4711}},
	} {
		test.want.Typed = test.typed
		got, err := ReadTarget(test.typed, test.by)
		if err != nil {
			t.Errorf("ReadTarget(%q, %+v): %v", test.typed, test.by, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("ReadTarget(%q, %+v): -want +got\n%s", test.typed, test.by, diff)
		}
	}
}

// Each error is one line and names what was understood or what is allowed.
func TestReadTargetRefuses(t *testing.T) {
	for _, test := range []struct {
		typed string
		by    Override
		says  string
	}{
		{"", Override{}, "no host name"},
		{"gopher://h", Override{}, "imaps"},         // no such scheme; lists those that are
		{"h:4711", Override{}, "port 4711"},         // tells no protocol
		{"h:0", Override{}, "1 to 65535"},           // no port
		{"h:imap", Override{}, `"imap" is no port`}, // a name instead
		{"h:70000", Override{}, "1 to 65535"},       // too large
		{"[2001:db8::1", Override{}, "the bracket is not closed"},
		{"[::1:25", Override{}, "the bracket is not closed"},
		{"2001:db8::1:25:x", Override{}, "[2001:db8::1]:25"},               // IPv6 without brackets
		{"imaps://user:pw@h", Override{}, "no user name"},                  // a secret on the command line
		{"imaps://user@h", Override{}, "no user name"},                     // the same
		{"imaps://h/INBOX", Override{}, "a path has no meaning"},           //
		{"unix:///run/lmtp", Override{}, "tells no protocol"},              //
		{"unix:run/lmtp", Override{}, "begins with a slash"},               //
		{"a b", Override{}, "no host name"},                                // a space
		{"a..b", Override{}, "no host name"},                               // an empty label
		{"h\x1b[31m", Override{}, "no host name"},                          // an escape sequence
		{strings.Repeat("a", 64) + ".example", Override{}, "no host name"}, // a label of 64 letters
		{"h:443", Override{Mode: "starttls"}, "no upgrade"},                // HTTP has none
		{"h", Override{Mode: "starttls"}, "bare host"},                     //
		{"h", Override{Protocol: "gopher"}, "mailseal speaks"},             //
		{"tls://h", Override{}, "no usual port"},                           //
		{"h:25", Override{Connect: "[::1"}, "--connect"},                   //
		{"h", Override{Script: &dialogue.Protocol{Name: "script"}}, "needs a port"},
	} {
		got, err := ReadTarget(test.typed, test.by)
		if err == nil {
			t.Errorf("ReadTarget(%q, %+v) = %+v, want an error", test.typed, test.by, got)
			continue
		}
		if !strings.Contains(err.Error(), test.says) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("ReadTarget(%q): %q does not say %q in one clean line", test.typed, err, test.says)
		}
		if strings.Contains(err.Error(), "pw") {
			t.Errorf("ReadTarget(%q): the error shows the password: %q", test.typed, err)
		}
	}
}

func FuzzReadTarget(f *testing.F) {
	for _, s := range []string{"h", "h:25", "imaps://h", "[::1]:25", "xmpp-client://d@h", "lmtp+unix:/p", "ü.example:143", "a@b:c", "unix:", "+unix:/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		target, err := ReadTarget(typed, Override{})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("ReadTarget(%q): an error of several lines: %v", typed, err)
			}
			return
		}
		if target.Path == "" && strings.Contains(target.Host, ":") != (strings.Count(target.Host, ":") >= 2) {
			t.Errorf("ReadTarget(%q): host %q", typed, target.Host)
		}
		if target.Protocol != "" && target.Path == "" && (target.Port < 1 || target.Port > 65535) {
			t.Errorf("ReadTarget(%q): port %d", typed, target.Port)
		}
	})
}

func TestReadServerName(t *testing.T) {
	for typed, want := range map[string]string{
		"mail.example.org": "mail.example.org", "MAIL.example.org.": "mail.example.org", "münchen.example": "xn--mnchen-3ya.example",
		"192.0.2.1": "", "[2001:db8::1]": "", "2001:db8::1": "", "a b": "", "": "", strings.Repeat("a", 300): "",
	} {
		got, err := ReadServerName(typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ReadServerName(%q) = %q, %v; want %q", typed, got, err, want)
		}
	}
}

func TestReadALPN(t *testing.T) {
	for _, test := range []struct {
		ids []string
		ok  bool
	}{
		{nil, true},
		{[]string{"imap"}, true},
		{[]string{"h2", "http/1.1"}, true},
		{[]string{strings.Repeat("a", 255)}, true},
		{[]string{strings.Repeat("a", 256)}, false},
		{[]string{"", ""}, false},
		{[]string{"imap", ""}, false},
	} {
		if _, err := ReadALPN(test.ids); (err == nil) != test.ok {
			t.Errorf("ReadALPN(%q): %v, want that it is taken: %v", test.ids, err, test.ok)
		}
	}
}

func TestReadProxy(t *testing.T) {
	for _, good := range []string{"socks5://127.0.0.1:1080", "http://proxy.example:3128", "http://user@proxy.example:3128"} {
		if _, err := ReadProxy(good, false); err != nil {
			t.Errorf("ReadProxy(%q): %v", good, err)
		}
	}
	for _, bad := range []string{"", "proxy.example:3128", "ftp://h:1", "http://h", "socks5://:1080"} {
		if u, err := ReadProxy(bad, false); err == nil {
			t.Errorf("ReadProxy(%q) = %v, want an error", bad, u)
		}
	}
	const secret = "http://user:geheim@proxy.example:3128"
	if _, err := ReadProxy(secret, false); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("ReadProxy of a URL with a password: %v, want a refusal that does not show it", err)
	}
	if _, err := ReadProxy(secret, true); err != nil {
		t.Errorf("ReadProxy from the environment: %v", err)
	}
}
