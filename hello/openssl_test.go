package hello

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/mailseal/mailseal/iana"
)

var update = flag.Bool("update", false, "record testdata/openssl again, with the openssl of this machine")

// openSSLCase is a conversation of openssl s_client with openssl s_server, recorded in testdata/openssl by a relay
// between them. It covers what crypto/tls does not speak.
type openSSLCase struct {
	name           string
	server, client string // options
	stdin          string // lines typed at the server once the client is connected; Q is typed behind them
	want           func(f Flight) string
}

// facts compares the fields that a case is about: what it is called, what we read, what we want.
func facts(pairs ...any) string {
	var wrong []string
	for i := 0; i+2 < len(pairs); i += 3 {
		if fmt.Sprint(pairs[i+1]) != fmt.Sprint(pairs[i+2]) {
			wrong = append(wrong, fmt.Sprintf("%v = %v, want %v", pairs[i], pairs[i+1], pairs[i+2]))
		}
	}
	return strings.Join(wrong, "; ")
}

// basics compares what every case has.
func basics(f Flight, version, suite string, group uint16, scheme string, chain int) string {
	gotScheme := ""
	if f.SignatureScheme != 0 {
		gotScheme = iana.SignatureSchemeName(f.SignatureScheme)
	}
	return facts("Version", iana.VersionName(f.Version), version, "Suite", iana.SuiteName(f.Suite), suite, "Group", f.Group, group,
		"SignatureScheme", gotScheme, scheme, "len(Chain)", len(f.Chain), chain, "HandshakeComplete", f.HandshakeComplete, true)
}

var openSSLCases = []openSSLCase{
	{"tls13_aes256_p521", "-ciphersuites TLS_AES_256_GCM_SHA384 -groups P-521 -alpn imap", "-alpn pop3,imap", "", func(f Flight) string {
		return basics(f, "TLS 1.3", "TLS_AES_256_GCM_SHA384", 25, "rsa_pss_rsae_sha256", 1) +
			facts("ALPN", f.ALPN, "imap", "HelloRetry", f.HelloRetry, true, "HelloRetryGroup", f.HelloRetryGroup, 25, "len(Tickets)", len(f.Tickets), 2,
				"Lifetime", f.Tickets[0].Lifetime, 7200, "Unopened", f.Unopened, 0)
	}},
	{"tls13_chacha_x448", "-ciphersuites TLS_CHACHA20_POLY1305_SHA256 -groups X448 -max_early_data 16384", "-groups X448", "", func(f Flight) string {
		return basics(f, "TLS 1.3", "TLS_CHACHA20_POLY1305_SHA256", 30, "rsa_pss_rsae_sha256", 1) +
			facts("HelloRetry", f.HelloRetry, false, "EarlyData", f.Tickets[0].EarlyData, 16384)
	}},
	{"tls13_key_update", "-num_tickets 1", "", "k\nsealed with the next key\n", func(f Flight) string { // or the reading would stop there
		return basics(f, "TLS 1.3", "TLS_AES_256_GCM_SHA384", 29, "rsa_pss_rsae_sha256", 1) +
			facts("Unopened", f.Unopened, 0, "len(Tickets)", len(f.Tickets), 1)
	}},
	{"tls13_ffdhe", "-groups ffdhe3072", "-groups ffdhe3072", "", func(f Flight) string {
		return basics(f, "TLS 1.3", "TLS_AES_256_GCM_SHA384", 257, "rsa_pss_rsae_sha256", 1)
	}},
	{"tls13_ocsp_client_certificate", "-status_file STAPLE -verify 1 -CAfile CERT", "-status", "", func(f Flight) string {
		return basics(f, "TLS 1.3", "TLS_AES_256_GCM_SHA384", 29, "rsa_pss_rsae_sha256", 1) +
			facts("OCSP", len(f.OCSP) > 100, true, "CertificateRequested", f.CertificateRequested, true, "authorities", len(f.CertificateAuthorities), 1)
	}},
	{"tls13_ccm", "-ciphersuites TLS_AES_128_CCM_SHA256", "-ciphersuites TLS_AES_128_CCM_SHA256", "", func(f Flight) string {
		return facts("Suite", iana.SuiteName(f.Suite), "TLS_AES_128_CCM_SHA256", "Group", f.Group, 29, "Chain", f.Chain, [][]byte(nil),
			"Unopened", f.Unopened > 3, true, "HandshakeComplete", f.HandshakeComplete, false)
	}},
	{"tls13_ecdsa", "-cert ECCERT -key ECKEY", "", "", func(f Flight) string {
		return basics(f, "TLS 1.3", "TLS_AES_256_GCM_SHA384", 29, "ecdsa_secp256r1_sha256", 1)
	}},
	{"tls12_dhe", "-cipher DHE-RSA-AES128-SHA256", "-tls1_2", "", func(f Flight) string {
		return basics(f, "TLS 1.2", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", 0, "rsa_pss_rsae_sha256", 1) +
			facts("DHPrimeBits", f.DHPrimeBits, 2048, "ExtendedMasterSecret", f.ExtendedMasterSecret, true,
				"SecureRenegotiation", f.SecureRenegotiation, true, "DowngradeSentinel", f.DowngradeSentinel, 2, "len(Tickets)", len(f.Tickets), 1, "Lifetime", f.Tickets[0].Lifetime, 7200)
	}},
	{"tls12_brainpool_ocsp", "-cipher ECDHE-ECDSA-CHACHA20-POLY1305 -groups brainpoolP256r1 -cert ECCERT -key ECKEY -status_file STAPLE", "-tls1_2 -status -groups brainpoolP256r1:P-256", "", func(f Flight) string {
		return basics(f, "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 26, "ecdsa_secp256r1_sha256", 1) +
			facts("OCSP", len(f.OCSP) > 100, true)
	}},
	{"tls12_anonymous", "-cipher ADH-AES128-SHA256:@SECLEVEL=0 -nocert", "-tls1_2 -cipher ADH-AES128-SHA256:@SECLEVEL=0", "", func(f Flight) string {
		return basics(f, "TLS 1.2", "TLS_DH_anon_WITH_AES_128_CBC_SHA256", 0, "", 0) + facts("DHPrimeBits", f.DHPrimeBits > 1000, true)
	}},
	{"tls12_psk", "-cipher ECDHE-PSK-AES128-CBC-SHA256 -psk 0123456789 -psk_hint mail -nocert", "-tls1_2 -cipher ECDHE-PSK-AES128-CBC-SHA256 -psk 0123456789", "", func(f Flight) string {
		return basics(f, "TLS 1.2", "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", 29, "", 0)
	}},
	{"tls12_null_client_certificate", "-cipher NULL-SHA256:@SECLEVEL=0 -verify 1 -CAfile CERT -no_ticket", "-tls1_2 -cipher NULL-SHA256:@SECLEVEL=0", "", func(f Flight) string {
		return basics(f, "TLS 1.2", "TLS_RSA_WITH_NULL_SHA256", 0, "", 1) +
			facts("CertificateRequested", f.CertificateRequested, true, "authorities", len(f.CertificateAuthorities), 1, "SessionID", len(f.SessionID), 32, "SessionIDEchoed", f.SessionIDEchoed, false)
	}},
	{"tls11_ecdhe", "-cipher ALL:@SECLEVEL=0", "-tls1_1 -cipher ECDHE-RSA-AES256-SHA:@SECLEVEL=0", "", func(f Flight) string {
		return basics(f, "TLS 1.1", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 29, "", 1) +
			facts("DowngradeSentinel", f.DowngradeSentinel, 1)
	}},
	{"tls10_dhe_client_certificate", "-cipher ALL:@SECLEVEL=0 -verify 1 -CAfile CERT", "-tls1 -cipher DHE-RSA-AES128-SHA:@SECLEVEL=0", "", func(f Flight) string {
		return basics(f, "TLS 1.0", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 0, "", 1) +
			facts("DHPrimeBits", f.DHPrimeBits, 2048, "CertificateRequested", f.CertificateRequested, true, "authorities", len(f.CertificateAuthorities), 1)
	}},
	{"refused_version", "-tls1_3", "-tls1_2", "", func(f Flight) string {
		return facts("Alerts", f.Alerts, []Alert{{2, 70, false}}, "ServerHelloSeen", f.ServerHelloSeen, false)
	}},
	{"refused_group", "-groups P-384", "-groups X25519", "", func(f Flight) string {
		return facts("Alerts", f.Alerts, []Alert{{2, 40, false}}, "ServerHelloSeen", f.ServerHelloSeen, false)
	}},
}

func TestReadOpenSSL(t *testing.T) {
	for _, c := range openSSLCases {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join("testdata", "openssl", c.name+".txt")
			if *update {
				recordCase(t, c, file)
			}
			f := load(t, file).read()
			if f.Garbled != "" {
				t.Fatalf("Read: Garbled = %q, want it empty", f.Garbled)
			}
			if wrong := c.want(f); wrong != "" {
				t.Errorf("Read: %s", wrong)
			}
		})
	}
}

// load reads a recording: three sections of hexadecimal lines under their names, with remarks before them.
func load(t testing.TB, file string) (rec recording) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]*[]byte{"server:": &rec.server, "client:": &rec.client}
	var section *[]byte
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case sections[line] != nil:
			section = sections[line]
		case strings.Contains(line, "_SECRET") || strings.HasPrefix(line, "CLIENT_RANDOM "):
			rec.keyLog = append(rec.keyLog, line+"\n"...)
		case section != nil:
			b, err := hex.DecodeString(line)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			*section = append(*section, b...)
		}
	}
	return rec
}

func save(t *testing.T, file, remark string, rec recording) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n# keys and secrets were made for this recording and are used nowhere else\n%s", remark, rec.keyLog)
	for _, section := range []struct {
		name  string
		bytes []byte
	}{{"server:", rec.server}, {"client:", rec.client}} {
		fmt.Fprintln(&b, section.name)
		for rest := section.bytes; len(rest) > 0; {
			n := min(len(rest), 48)
			fmt.Fprintf(&b, "%x\n", rest[:n])
			rest = rest[n:]
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recordCase starts server, relay and client, and writes what went through the relay.
func recordCase(t *testing.T, c openSSLCase, file string) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("skipped: recording needs the openssl command, and there is none:", err)
	}
	files := openSSLFiles(t)
	expand := strings.NewReplacer("STAPLE", files["staple"], "ECCERT", files["eccert"], "ECKEY", files["eckey"], "CERT", files["cert"])
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	port := freePort(t)
	options := "-cert CERT -key KEY"
	if strings.Contains(c.server, "-nocert") || strings.Contains(c.server, "-cert ") {
		options = ""
	}
	args := strings.Fields("s_server -naccept 1 -accept " + port + " " + strings.NewReplacer("KEY", files["key"], "CERT", files["cert"]).Replace(options) + " " + expand.Replace(c.server))
	server := exec.CommandContext(ctx, "openssl", args...)
	typed, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()

	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	log := filepath.Join(t.TempDir(), "keys")
	client := exec.CommandContext(ctx, "openssl", strings.Fields("s_client -ign_eof -connect "+relay.Addr().String()+" -keylogfile "+log+" "+expand.Replace(c.client))...)
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait()
	defer client.Process.Kill()

	near, err := relay.Accept()
	if err != nil {
		t.Fatal(err)
	}
	far := dialWhenUp(t, port)
	rec := pass(near, far, func() {
		for line := range strings.Lines(c.stdin + "Q\n") { // s_server looks at the first letter of what comes at once
			io.WriteString(typed, line)
			time.Sleep(300 * time.Millisecond)
		}
	})
	rec.keyLog, _ = os.ReadFile(log)
	rec.keyLog = withoutRemarks(rec.keyLog)
	save(t, file, "openssl s_server "+c.server+" | openssl s_client "+c.client, rec)
}

func withoutRemarks(log []byte) (kept []byte) {
	for line := range bytes.Lines(log) {
		if !bytes.HasPrefix(line, []byte("#")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// pass carries bytes both ways until both have closed. Half a second after the start the handshake is over, and quit
// ends the server.
func pass(near, far net.Conn, quit func()) (rec recording) {
	var server, client bytes.Buffer
	var wg sync.WaitGroup
	carry := func(to, from net.Conn, tape *bytes.Buffer) {
		defer wg.Done()
		io.Copy(io.MultiWriter(tape, to), from)
		to.Close()
	}
	wg.Add(2)
	go carry(near, far, &server)
	go carry(far, near, &client)
	time.Sleep(500 * time.Millisecond)
	quit()
	wg.Wait()
	return recording{server: server.Bytes(), client: client.Bytes()}
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func dialWhenUp(t *testing.T, port string) net.Conn {
	for range 100 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			return conn
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("openssl s_server does not listen")
	return nil
}

// openSSLFiles writes keys, certificates and a stapled response for the server.
func openSSLFiles(t *testing.T) map[string]string {
	dir := t.TempDir()
	write := func(name, typ string, der []byte) string {
		file := filepath.Join(dir, name)
		if typ != "" {
			der = pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der})
		}
		if err := os.WriteFile(file, der, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	pair := func(key crypto.Signer) (cert, private []byte) {
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return makeCertificate(t, key).Certificate[0], private
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := pair(r)
	eccert, eckey := pair(e)
	leaf, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	staple, err := ocsp.CreateResponse(leaf, leaf, ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.SerialNumber}, r)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"cert": write("cert.pem", "CERTIFICATE", cert), "key": write("key.pem", "PRIVATE KEY", key),
		"eccert": write("eccert.pem", "CERTIFICATE", eccert), "eckey": write("eckey.pem", "PRIVATE KEY", eckey),
		"staple": write("staple.der", "", staple),
	}
}
