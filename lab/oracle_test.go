package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	netsmtp "net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// The clients here were written by others: what they understand, the lab said
// rightly.

func TestNetSMTP(t *testing.T) {
	ca := newTestCA(t)
	for _, p := range []string{"smtp", "submission"} {
		r := start(t, New(p, observe.StartTLS), ca)
		c, err := netsmtp.Dial(r.Addr())
		if err != nil {
			t.Fatalf("%s: Dial: %v", p, err)
		}
		defer c.Close()
		if ok, _ := c.Extension("AUTH"); ok {
			t.Errorf("%s: AUTH is offered in clear", p)
		}
		steps := []struct {
			name string
			do   func() error
		}{
			{"StartTLS", func() error { return c.StartTLS(&tls.Config{RootCAs: ca.Pool(), ServerName: "mail.lab.test"}) }},
			{"Auth", func() error { return c.Auth(netsmtp.PlainAuth("", User, r.Secret(), "127.0.0.1")) }},
			{"Mail", func() error { return c.Mail("a@lab.test") }},
			{"Rcpt", func() error { return c.Rcpt("b@lab.test") }},
			{"Data", func() error {
				w, err := c.Data()
				if err != nil {
					return err
				}
				if _, err := w.Write([]byte("Subject: hello\n\n.dot\n")); err != nil {
					return err
				}
				return w.Close()
			}},
			{"Reset", c.Reset},
			{"Noop", c.Noop},
			{"Quit", c.Quit},
		}
		for _, s := range steps {
			if err := s.do(); err != nil {
				t.Errorf("%s: %s: %v", p, s.name, err)
			}
		}
		expectNoSecret(t, r)
	}
}

func TestNetSMTPRefusesStripped(t *testing.T) {
	ca := newTestCA(t)
	c, err := netsmtp.Dial(faulty(t, ca, starttlsStripped, "smtp", observe.StartTLS).Addr())
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	defer c.Close()
	if ok, _ := c.Extension("STARTTLS"); ok {
		t.Errorf("STARTTLS is offered")
	}
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Errorf("StartTLS succeeds although it was stripped")
	}
}

func TestTextprotoPOP3(t *testing.T) {
	ca := newTestCA(t)
	r := start(t, New("pop3", observe.Implicit), ca)
	conn, err := tls.Dial("tcp", r.Addr(), &tls.Config{RootCAs: ca.Pool(), ServerName: "mail.lab.test"})
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	c := textproto.NewConn(conn)
	defer c.Close()
	if l, err := c.ReadLine(); err != nil || !strings.HasPrefix(l, "+OK") {
		t.Fatalf("the greeting is %q (%v)", l, err)
	}
	if _, err := c.Cmd("CAPA"); err != nil {
		t.Fatal(err)
	}
	if l, err := c.ReadLine(); err != nil || !strings.HasPrefix(l, "+OK") {
		t.Fatalf("to CAPA the server said %q (%v)", l, err)
	}
	lines, err := c.ReadDotLines()
	if err != nil || strings.Join(lines, "|") != strings.Join(pop3Sealed, "|") {
		t.Errorf("the capabilities are %q (%v), want %q", lines, err, pop3Sealed)
	}
}

// rootFile stores the CA for a program.
func rootFile(t *testing.T, ca *CA) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// run runs a program, within a minute.
func run(t *testing.T, input, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func TestOpenSSL(t *testing.T) {
	openssl := program(t, "openssl")
	ca := newTestCA(t)
	root := rootFile(t, ca)
	for _, p := range Protocols() {
		for _, m := range allModes {
			r := start(t, New(p, m), ca)
			args := []string{
				"s_client", "-connect", r.Addr(), "-CAfile", root, "-no-CApath", "-no-CAstore", "-verify_return_error",
				"-verify_hostname", "mail.lab.test", "-servername", "mail.lab.test", "-brief",
			}
			if m == observe.StartTLS {
				name := p
				if p == "submission" {
					name = "smtp"
				}
				args = append(args, "-starttls", name)
			}
			out, err := run(t, "", openssl, args...)
			if err != nil || !strings.Contains(out, "Verification: OK") || !strings.Contains(out, "Verified peername: mail.lab.test") {
				t.Errorf("openssl says of %s, %s: %v\n%s", p, m, err, out)
			}
		}
	}
}

// The extension with the timestamps is one that others can read.
func TestOpenSSLReadsTheLeaf(t *testing.T) {
	openssl := program(t, "openssl")
	ca := newTestCA(t)
	l := honestLeaf()
	l.MustStaple = true
	c, err := ca.Issue("mail.lab.test", l)
	if err != nil {
		t.Fatalf("Issue: %v", err)
	}
	out, err := run(t, string(c.Certificate[0]), openssl, "x509", "-inform", "der", "-noout", "-text")
	if err != nil {
		t.Fatalf("openssl x509: %v\n%s", err, out)
	}
	for _, want := range []string{"CT Precertificate SCTs", "ecdsa-with-SHA256", "DNS:mail.lab.test", "IP Address:127.0.0.1", "status_request", "TLS Web Server Authentication"} {
		if !strings.Contains(out, want) {
			t.Errorf("openssl does not see %q in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "Signed Certificate Timestamp"); n != 2 {
		t.Errorf("openssl sees %d timestamps, want 2\n%s", n, out)
	}
}

func TestCurl(t *testing.T) {
	curl := program(t, "curl")
	ca := newTestCA(t)
	root := rootFile(t, ca)
	for _, test := range []struct {
		protocol string
		mode     observe.Mode
		scheme   string
		args     []string
		want     string
	}{
		{"imap", observe.StartTLS, "imap", nil, "INBOX"},
		{"imap", observe.Implicit, "imaps", nil, "INBOX"},
		{"pop3", observe.StartTLS, "pop3", nil, ""},
		{"pop3", observe.Implicit, "pop3s", nil, ""},
		{"submission", observe.StartTLS, "smtp", []string{"--mail-from", "a@lab.test", "--mail-rcpt", "b@lab.test", "-T", "-"}, ""},
		{"submission", observe.Implicit, "smtps", []string{"--mail-from", "a@lab.test", "--mail-rcpt", "b@lab.test", "-T", "-"}, ""},
	} {
		r := start(t, New(test.protocol, test.mode), ca)
		_, port, _ := strings.Cut(r.Addr(), ":")
		args := append([]string{
			"-sS", "--ssl-reqd", "--cacert", root, "--resolve", "mail.lab.test:" + port + ":127.0.0.1",
			"-K", "-", test.scheme + "://mail.lab.test:" + port + "/",
		}, test.args...)
		config := "user = \"" + User + ":" + r.Secret() + "\"\n"
		if len(test.args) > 0 { // standard input is the mail, so the secret comes from a file
			file := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			args[7], config = file, "Subject: hello\r\n\r\nhello\r\n"
		}
		out, err := run(t, config, curl, args...)
		if err != nil || !strings.Contains(out, test.want) {
			t.Errorf("curl says of %s, %s: %v\n%s\n%s", test.protocol, test.mode, err, out, stored(t, r))
		}
		expectNoSecret(t, r)
	}
}

// curl must refuse the faults that a client can notice.
func TestCurlRefusesFaults(t *testing.T) {
	curl := program(t, "curl")
	ca := newTestCA(t)
	root := rootFile(t, ca)
	for _, f := range []Fault{starttlsStripped, starttlsRefused, certExpired, certWrongName, certSelfSigned, certUnknownCA, chainIncomplete, helloClearText} {
		r := faulty(t, ca, f, "imap", observe.StartTLS)
		_, port, _ := strings.Cut(r.Addr(), ":")
		out, err := run(t, "user = \""+User+":"+r.Secret()+"\"\n", curl, "-sS", "--ssl-reqd", "--cacert", root,
			"--resolve", "mail.lab.test:"+port+":127.0.0.1", "-K", "-", "imap://mail.lab.test:"+port+"/")
		if err == nil {
			t.Errorf("%s: curl goes on\n%s", f.Name, out)
		}
	}
}
