package real_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// openssl s_client is offered exactly what we negotiated, so that it must
// negotiate the same: what it then says of the handshake must be what we say.
// It says so twice, in its summary and, where it was built with it, in the
// trace of the messages; the trace has the registered numbers.

const (
	patience = 40 * time.Second // for a run of another program
	aMoment  = 250 * time.Millisecond
	aWhile   = 3 * time.Second
)

func TestAgainstOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: nothing to compare with")
	}
	eachRow(t, func(t *testing.T, b *theBed, r *row) {
		if r.word == "-" && r.mode == observe.StartTLS {
			t.Skipf("%s: s_client does not speak this protocol", r)
		}
		c := r.conn(t)
		if c.TLS == nil || !c.TLS.Complete {
			compareFailures(t, b, r)
			return
		}
		offer := r.offerForOpenSSL(t, c)
		said := askOpenSSL(t, b, r, aMoment, offer)
		if len(c.TLS.Tickets) > 0 && !said.has(opensslTicket) { // in TLS 1.3 they come behind the handshake
			said = askOpenSSL(t, b, r, aWhile, offer)
		}
		if said.suite == "" {
			t.Fatalf("s_client makes no handshake with %s; mailseal did (%04x %04x):\n%s", r, c.TLS.Version, c.TLS.Suite, said.text)
		}
		compareSummary(t, r, c, said)
		compareTrace(t, r, c, said)
		compareChain(t, r, c, said)
		compareVerdict(t, r, said)
	})
}

// compareFailures looks at what we could not finish: s_client, which can do
// more, must fail too, or the row must be one of those that only want what
// crypto/tls does not have.
func compareFailures(t *testing.T, b *theBed, r *row) {
	more := map[string]string{ // rows that s_client can do, and with what
		"19015": "TLS_AES_256_GCM_SHA384",
		"19016": "DHE-RSA-AES256-GCM-SHA384",
		"19024": "ADH-AES256-GCM-SHA384",
	}
	args := []string{"-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-min_protocol", "TLSv1"}
	if r.mode == observe.Clear && r.protocol != "http" {
		args = append(args, "-starttls", r.protocol)
	}
	said := askOpenSSL(t, b, r, aMoment, args)
	want := more[r.key()]
	if (said.suite == "") != (want == "") {
		t.Errorf("s_client negotiates %q with %s, want %q; mailseal did not get that far", said.suite, r, want)
	}
	if want == "" {
		return
	}
	for _, check := range []string{"starttls-missing", "starttls-refused", "tls-failing", "conversation-broken"} {
		if answer, detail := r.answer(check); answer == observe.Yes {
			t.Errorf("%s of %s is yes (%s), but s_client negotiates %s", check, r, detail, said.suite)
		}
	}
}

// offerForOpenSSL limits s_client to what we negotiated. What it does not
// know is named in the log and left to it.
func (r *row) offerForOpenSSL(t *testing.T, c *observe.Conn) []string {
	args := []string{map[uint16]string{iana.TLS10: "-tls1", iana.TLS11: "-tls1_1", iana.TLS12: "-tls1_2", iana.TLS13: "-tls1_3"}[c.TLS.Version]}
	if c.TLS.Version == iana.TLS13 {
		args = append(args, "-ciphersuites", iana.SuiteName(c.TLS.Suite), "-cipher", "ALL:@SECLEVEL=0")
	} else {
		name, known := opensslSuites()[c.TLS.Suite]
		if !known {
			t.Fatalf("openssl has no suite %s", iana.SuiteName(c.TLS.Suite))
		}
		args = append(args, "-cipher", name+":@SECLEVEL=0")
	}
	leaf, err := x509.ParseCertificate(r.survey().Certificates[c.TLS.Chain[0]])
	if err != nil {
		t.Fatalf("the certificate of %s: %v", r, err)
	}
	if groups := groupsForOpenSSL(c.TLS, leaf); groups != "" {
		if opensslTakes("-groups", groups) {
			args = append(args, "-groups", groups)
		} else {
			t.Logf("%s: this openssl does not have group %s; the rest is compared", r, groups)
		}
	}
	if schemes := schemesForOpenSSL(c.TLS); schemes != "" {
		if opensslTakes("-sigalgs", schemes) {
			args = append(args, "-sigalgs", schemes)
		} else {
			t.Logf("%s: this openssl does not have signature scheme %s; the rest is compared", r, schemes)
		}
	}
	if r.word != "-" {
		args = append(args, "-starttls", r.word)
	}
	return args
}

// groupsForOpenSSL are the group that was used, and up to TLS 1.2 the curve
// of the certificate, which the same list must allow.
func groupsForOpenSSL(tls *observe.TLS, leaf *x509.Certificate) string {
	group := opensslGroups[tls.Group]
	key, ec := leaf.PublicKey.(*ecdsa.PublicKey)
	if tls.Version < iana.TLS13 && ec && group != "" && key.Curve.Params().Name != group {
		group += ":" + key.Curve.Params().Name
	}
	return group
}

var opensslGroups = map[uint16]string{
	23: "P-256", 24: "P-384", 25: "P-521", 29: "X25519", 30: "X448",
	4587: "SecP256r1MLKEM768", 4588: "X25519MLKEM768", 4589: "SecP384r1MLKEM1024",
}

// schemesForOpenSSL are the signature scheme that was used, and the one of
// the bed's certificates, which the same list must allow.
func schemesForOpenSSL(tls *observe.TLS) string {
	if tls.SignatureScheme == 0 {
		return ""
	}
	name := iana.SignatureSchemeName(tls.SignatureScheme)
	if tls.SignatureScheme>>8 == 2 {
		name = map[uint16]string{0x0201: "RSA+SHA1", 0x0203: "ECDSA+SHA1"}[tls.SignatureScheme]
	}
	return name + ":rsa_pkcs1_sha256"
}

// opensslSuites are openssl's names of suites up to TLS 1.2, by number.
var opensslSuites = sync.OnceValue(func() map[uint16]string {
	names := make(map[uint16]string)
	out, _ := exec.Command("openssl", "ciphers", "-V", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").Output()
	for line := range strings.Lines(string(out)) {
		var high, low uint16
		var name string
		if n, _ := fmt.Sscanf(strings.TrimSpace(line), "0x%02X,0x%02X - %s", &high, &low, &name); n == 3 {
			names[high<<8|low] = name
		}
	}
	return names
})

// opensslTakes tells whether this openssl understands an option's value: it
// complains before it connects. Nobody listens on port 0.
func opensslTakes(option, value string) bool {
	out, _ := exec.Command("openssl", "s_client", "-connect", "127.0.0.1:0", option, value).CombinedOutput()
	return !strings.Contains(string(out), "Call to SSL_CONF_cmd("+option)
}

var opensslTraces = sync.OnceValue(func() bool {
	out, _ := exec.Command("openssl", "s_client", "-help").CombinedOutput()
	return bytes.Contains(out, []byte("-trace"))
})

// sclient is what openssl s_client said.
type sclient struct {
	text    string // all of it
	trace   string // of the messages; empty where it has none
	version string
	suite   string // openssl's name; empty: no handshake
	chain   []string
	code    int // of verification
	reason  string
}

var (
	opensslNew      = regexp.MustCompile(`(?m)^New, ([^,]+), Cipher is (\S+)`)
	opensslProtocol = regexp.MustCompile(`(?m)^ *Protocol *: (\S+)`)
	opensslVerify   = regexp.MustCompile(`(?m)^ *Verify return code: (\d+) \((.*)\)`)
)

const (
	opensslDone   = "Verify return code:" // the end of its summary
	opensslTicket = "TLS session ticket lifetime hint: "
)

// askOpenSSL runs s_client against a row, and lets it listen behind the
// handshake for some time.
func askOpenSSL(t *testing.T, b *theBed, r *row, listen time.Duration, args []string) sclient {
	t.Helper()
	args = append([]string{"s_client", "-CAfile", b.ca(), "-no-CApath", "-no-CAstore", "-showcerts", "-status"}, args...)
	if r.path() != "" {
		args = append(args, "-unix", r.path(), "-noservername")
	} else {
		args = append(args, "-connect", "127.0.0.1:"+r.port, "-servername", host, "-verify_hostname", host)
	}
	switch {
	case strings.HasPrefix(r.word, "xmpp"):
		args = append(args, "-name", host)
	case r.word == "smtp", r.word == "lmtp":
		args = append(args, "-name", helo)
	}
	var said sclient
	messages := filepath.Join(t.TempDir(), "trace")
	if opensslTraces() {
		args = append(args, "-trace", "-msgfile", messages)
	}
	said.text = converse(t, opensslDone, listen, "openssl", args...)
	trace, _ := os.ReadFile(messages)
	said.trace = string(trace)
	if m := opensslNew.FindStringSubmatch(said.text); m != nil && m[2] != "(NONE)" {
		said.version, said.suite = m[1], m[2]
	}
	if m := opensslProtocol.FindStringSubmatch(said.text); m != nil {
		said.version = m[1]
	}
	if m := opensslVerify.FindStringSubmatch(said.text); m != nil {
		said.code, _ = strconv.Atoi(m[1])
		said.reason = m[2]
	}
	_, shown, _ := strings.Cut(said.text, "\nCertificate chain\n")
	shown, _, _ = strings.Cut(shown, "\nServer certificate\n")
	said.chain = fingerprints(shown)
	return said
}

// converse runs a program that talks to a server. Its input stays open until
// it has printed a word and some time has passed, so that what the server
// sends behind the handshake is read too.
func converse(t *testing.T, until string, listen time.Duration, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	out := &watched{until: []byte(until), seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		select {
		case <-out.seen:
			time.Sleep(listen)
		case <-time.After(patience / 2):
		case <-ctx.Done():
		}
		in.Close()
	}()
	cmd.Wait() // a code that is not 0 is no news: what was printed counts
	if ctx.Err() != nil {
		t.Errorf("%s %s did not end in %v", name, strings.Join(args, " "), patience)
	}
	return out.String()
}

// watched is output that tells when a word has come.
type watched struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	until []byte
	seen  chan struct{}
	done  bool
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if !w.done && bytes.Contains(w.buf.Bytes(), w.until) {
		w.done = true
		close(w.seen)
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// fingerprints are those of the certificates in a text, in order.
func fingerprints(text string) []string {
	var all []string
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		if block.Type == "CERTIFICATE" {
			all = append(all, string(observe.FingerprintOf(block.Bytes)))
		}
	}
}

// compareSummary compares what s_client prints for people.
func compareSummary(t *testing.T, r *row, c *observe.Conn, said sclient) {
	version := map[uint16]string{iana.TLS10: "TLSv1", iana.TLS11: "TLSv1.1", iana.TLS12: "TLSv1.2", iana.TLS13: "TLSv1.3"}[c.TLS.Version]
	same(t, r, "version", version, said.version)
	suite := opensslSuites()[c.TLS.Suite]
	if c.TLS.Version == iana.TLS13 {
		suite = iana.SuiteName(c.TLS.Suite)
	}
	same(t, r, "suite", suite, said.suite)
	compareGroup(t, r, c.TLS.Group, said)
	compareSignature(t, r, c.TLS.SignatureScheme, said)
	stapled := !said.has("OCSP response: no response sent")
	same(t, r, "OCSP staple", len(c.TLS.OCSP) > 0, stapled)
	if said.has("\nCompression: ") {
		same(t, r, "compression", c.TLS.Compression == observe.Yes, !said.has("\nCompression: NONE"))
	}
	if c.TLS.Version < iana.TLS13 {
		same(t, r, "secure renegotiation", c.TLS.SecureRenegotiation == observe.Yes, said.has("Secure Renegotiation IS supported"))
		same(t, r, "extended master secret", c.TLS.ExtendedMasterSecret == observe.Yes, said.has("Extended master secret: yes"))
	}
	lifetime := ""
	if len(c.TLS.Tickets) > 0 {
		lifetime = strconv.Itoa(int(c.TLS.Tickets[0].Lifetime))
	}
	same(t, r, "ticket lifetime", lifetime, said.find(opensslTicket+`(\d+)`))
}

func (s sclient) has(text string) bool { return strings.Contains(s.text, text) }

func (s sclient) find(pattern string) string { return findIn(s.text, pattern) }

func findIn(text, pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// same compares a fact.
func same[T comparable](t *testing.T, r *row, what string, ours, theirs T) {
	t.Helper()
	if ours != theirs {
		t.Errorf("%s: %s: mailseal says %v, openssl %v", r, what, ours, theirs)
	}
}

// compareGroup compares the group. Releases differ in what they print of it,
// and in the names of curves.
func compareGroup(t *testing.T, r *row, group uint16, said sclient) {
	key, keys := said.find(`(?m)^(?:Server|Peer) Temp Key: (.*)$`), map[uint16][]string{
		23: {"ECDH, prime256v1, 256 bits", "ECDH, P-256, 256 bits", "ECDH, secp256r1, 256 bits"},
		24: {"ECDH, secp384r1, 384 bits", "ECDH, P-384, 384 bits"},
		25: {"ECDH, secp521r1, 521 bits", "ECDH, P-521, 521 bits"},
		29: {"X25519, 253 bits"},
	}[group]
	if key != "" && keys != nil && !slices.Contains(keys, key) {
		t.Errorf("%s: group: mailseal says %s, openssl %s", r, iana.GroupName(group), key)
	}
	name := said.find(`(?m)^Negotiated TLS1\.3 group: (.*)$`)
	if name != "" && name != opensslGroups[group] && !strings.EqualFold(name, iana.GroupName(group)) {
		t.Errorf("%s: group: mailseal says %s, openssl %s", r, iana.GroupName(group), name)
	}
}

// compareSignature compares the signature over the key exchange. Old
// releases print a kind and a digest, new ones the scheme's registered name.
func compareSignature(t *testing.T, r *row, scheme uint16, said sclient) {
	kind, digest := said.find(`(?m)^Peer signature type: (.*)$`), said.find(`(?m)^Peer signing digest: (.*)$`)
	if scheme == 0 || kind == "" {
		return
	}
	name := iana.SignatureSchemeName(scheme)
	if kind == name {
		return
	}
	kinds := map[string]string{"rsa_pss_rsae": "RSA-PSS", "rsa_pss_pss": "RSA-PSS", "rsa_pkcs1": "RSA", "ecdsa": "ECDSA", "ed25519": "Ed25519", "ed448": "Ed448"}
	want := ""
	for prefix, k := range kinds {
		if strings.HasPrefix(name, prefix) {
			want = k
		}
	}
	same(t, r, "signature type", want, kind)
	if digest != "" && !strings.HasSuffix(name, strings.ToLower(digest)) {
		t.Errorf("%s: signing digest: mailseal says %s, openssl %s", r, name, digest)
	}
}

// compareChain compares the certificates, byte by byte and in order.
func compareChain(t *testing.T, r *row, c *observe.Conn, said sclient) {
	var ours []string
	for _, f := range c.TLS.Chain {
		ours = append(ours, string(f))
	}
	if !slices.Equal(ours, said.chain) {
		t.Errorf("%s: chain: mailseal says %v, openssl %v", r, ours, said.chain)
	}
}

// compareVerdict compares s_client's verification with our answers.
//
// Two differences are ours on purpose: s_client stops at the last error it
// meets, so that of an expired certificate for another name it tells one; and
// it takes the name from the common name where there is no other, which
// RFC 9525 has ended.
func compareVerdict(t *testing.T, r *row, said sclient) {
	const (
		expired, notYetValid, mismatch = 10, 9, 62
	)
	untrusted := []int{18, 19, 20, 21} // self-signed, or no issuer to be found
	yes := func(name string) bool { answer, _ := r.answer(name); return answer == observe.Yes }
	same(t, r, "expired", yes("cert-expired"), said.code == expired)
	same(t, r, "not yet valid", yes("cert-not-yet-valid"), said.code == notYetValid)
	same(t, r, "untrusted", yes("chain-untrusted"), slices.Contains(untrusted, said.code))
	if yes("name-only-in-cn") {
		t.Logf("%s: the name stands only in the common name, which openssl accepts (code %d) and RFC 9525 does not", r, said.code)
		return
	}
	same(t, r, "another name", yes("name-mismatch"), said.code == mismatch)
	known := append([]int{0, expired, notYetValid, mismatch}, untrusted...)
	if !slices.Contains(known, said.code) {
		t.Errorf("%s: openssl says %d (%s), which this test cannot compare", r, said.code, said.reason)
	}
}

// trace is what s_client -trace tells of the server's messages.
type trace struct {
	version, suite, group, scheme uint16
	extensions                    []uint16 // of ServerHello and EncryptedExtensions
	tickets                       []uint32 // their lifetimes
	certificates                  int
	asked                         bool // for a client certificate
	status                        bool // an OCSP response
}

var (
	traceMessage   = regexp.MustCompile(`^\s+([A-Z]\w+), Length=\d+$`)
	traceSuite     = regexp.MustCompile(`^\s+cipher_suite \{0x(..), 0x(..)\}`)
	traceExtension = regexp.MustCompile(`^\s+extension_type=[^(]*\((\d+)\), length=`)
	traceVersion   = regexp.MustCompile(`^\s+server_version=0x([0-9a-f]+)`)
	traceVersion13 = regexp.MustCompile(`^\s+TLS 1\.3 \((\d+)\)$`)
	traceGroup     = regexp.MustCompile(`^\s+(?:NamedGroup|named_curve): .*\((\d+)\)$`)
	traceScheme    = regexp.MustCompile(`^\s+Signature Algorithm: \S+ \(0x([0-9a-f]{4})\)$`)
	traceLifetime  = regexp.MustCompile(`^\s+ticket_lifetime_hint=(\d+)`)
)

// readTrace reads the server's messages of a trace.
func readTrace(text string) trace {
	var tr trace
	var received bool
	var message string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "Received "):
			received = true
		case strings.HasPrefix(line, "Sent "):
			received = false
		}
		if m := traceMessage.FindStringSubmatch(line); m != nil {
			message = m[1]
			if received {
				tr.asked = tr.asked || message == "CertificateRequest"
				tr.status = tr.status || message == "CertificateStatus"
			}
		}
		if received {
			tr.line(message, line)
		}
	}
	return tr
}

func (tr *trace) line(message, line string) {
	number := func(re *regexp.Regexp, base int) (uint16, bool) {
		m := re.FindStringSubmatch(line)
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseUint(strings.Join(m[1:], ""), base, 32)
		return uint16(n), err == nil
	}
	extension, isExtension := number(traceExtension, 10)
	switch message {
	case "ServerHello":
		if v, ok := number(traceVersion, 16); ok {
			tr.version, tr.extensions = v, nil
		}
		if v, ok := number(traceVersion13, 10); ok {
			tr.version = v
		}
		if v, ok := number(traceSuite, 16); ok {
			tr.suite = v
		}
		fallthrough
	case "EncryptedExtensions", "ServerKeyExchange", "CertificateVerify":
		if v, ok := number(traceGroup, 10); ok {
			tr.group = v
		}
		if v, ok := number(traceScheme, 16); ok {
			tr.scheme = v
		}
		if isExtension {
			tr.extensions = append(tr.extensions, extension)
		}
	case "Certificate":
		if strings.Contains(line, "ASN.1Cert, length=") {
			tr.certificates++
		}
		tr.status = tr.status || isExtension && extension == 5
	case "NewSessionTicket":
		if m := traceLifetime.FindStringSubmatch(line); m != nil {
			n, _ := strconv.ParseUint(m[1], 10, 32)
			tr.tickets = append(tr.tickets, uint32(n))
		}
	}
}

// compareTrace compares the registered numbers.
func compareTrace(t *testing.T, r *row, c *observe.Conn, said sclient) {
	if said.trace == "" {
		t.Logf("%s: this openssl writes no trace: the registered numbers are not compared", r)
		return
	}
	tr := readTrace(said.trace)
	same(t, r, "version number", c.TLS.Version, tr.version)
	same(t, r, "suite number", c.TLS.Suite, tr.suite)
	same(t, r, "group number", c.TLS.Group, tr.group)
	same(t, r, "signature scheme", c.TLS.SignatureScheme, tr.scheme)
	same(t, r, "certificates", len(c.TLS.Chain), tr.certificates)
	same(t, r, "client certificate asked for", c.TLS.ClientCertificate == observe.Yes, tr.asked)
	same(t, r, "OCSP staple in the messages", len(c.TLS.OCSP) > 0, tr.status)
	var ours []uint32
	for _, k := range c.TLS.Tickets {
		ours = append(ours, k.Lifetime)
	}
	compareTickets(t, r, c, ours, tr.tickets)
	for _, e := range tr.extensions {
		if offeredByUs[e] && !slices.Contains(c.TLS.Extensions, e) {
			t.Errorf("%s: extension %d: openssl was given it, mailseal says %v", r, e, c.TLS.Extensions)
		}
	}
	for _, e := range c.TLS.Extensions {
		if !slices.Contains(tr.extensions, e) {
			t.Errorf("%s: extension %d: mailseal says it came, openssl was given %v", r, e, tr.extensions)
		}
	}
}

// offeredByUs are extensions that crypto/tls and s_client both offer, so that
// a server answers them to both. (s_client also offers encrypt_then_mac.)
var offeredByUs = map[uint16]bool{5: true, 23: true, 35: true, 43: true, 51: true, 65281: true}

// compareTickets: a server sends one or more tickets, and how many of them we
// have read when we leave is chance; their lifetimes are not.
func compareTickets(t *testing.T, r *row, c *observe.Conn, ours, theirs []uint32) {
	if c.End != observe.Done {
		return // the end may have come before the tickets
	}
	if (len(ours) == 0) != (len(theirs) == 0) || len(ours) > 0 && ours[0] != theirs[0] {
		t.Errorf("%s: ticket lifetimes: mailseal says %v, openssl %v", r, ours, theirs)
	}
}
