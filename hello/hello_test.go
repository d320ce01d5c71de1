package hello

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailseal/mailseal/iana"
)

// tape is a connection that keeps what went over it.
type tape struct {
	net.Conn
	mu             sync.Mutex
	server, client bytes.Buffer
}

func (c *tape) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server.Write(b[:n])
	return n, err
}

func (c *tape) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client.Write(b[:n])
	return n, err
}

// recording is a connection as Read wants it.
type recording struct{ server, client, keyLog []byte }

func (r recording) read() Flight { return Read(r.server, r.client, r.keyLog) }

// converse connects crypto/tls with itself over loopback, lets the client send a line and the server answer and close,
// and returns the recording. The error is the client's.
func converse(t *testing.T, client, server *tls.Config) (recording, tls.ConnectionState, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		serve(tls.Server(conn, server))
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	rec := &tape{Conn: raw}
	var log bytes.Buffer
	client = client.Clone()
	client.InsecureSkipVerify, client.KeyLogWriter = true, &log
	conn := tls.Client(rec, client)
	err = conn.Handshake()
	if err == nil {
		fmt.Fprint(conn, "hello\n")
		_, err = io.ReadAll(conn)
	}
	raw.Close()
	<-done
	return recording{rec.server.Bytes(), rec.client.Bytes(), log.Bytes()}, conn.ConnectionState(), err
}

// serve echoes a line. After a failure it reads on until the client has gone: to close with unread bytes would reset the
// connection, and the client might lose the alert.
func serve(conn *tls.Conn) {
	defer conn.Close()
	line := make([]byte, 6)
	if _, err := io.ReadFull(conn, line); err != nil {
		io.Copy(io.Discard, conn.NetConn())
		return
	}
	conn.Write(line)
}

// makeCertificate signs a certificate for a key, and puts a second one behind it so that there is a chain.
func makeCertificate(t testing.TB, key crypto.Signer) tls.Certificate {
	t.Helper()
	var c tls.Certificate
	for i := range 2 {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i) + 1),
			Subject:      pkix.Name{CommonName: fmt.Sprintf("hello test %d", i)},
			NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
			DNSNames:     []string{"mail.example.org"},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificate = append(c.Certificate, der)
	}
	c.PrivateKey = key
	return c
}

// keys are made once, as RSA takes its time.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	r, err1 := rsa.GenerateKey(rand.Reader, 2048)
	e, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, ed, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"rsa": r, "ecdsa": e, "ed25519": ed}
})

// agree holds a flight against what crypto/tls says of the same connection.
func agree(t *testing.T, f Flight, state tls.ConnectionState) {
	t.Helper()
	var chain [][]byte
	for _, c := range state.PeerCertificates {
		chain = append(chain, c.Raw)
	}
	tests := []struct {
		what      string
		got, want any
	}{
		{"Version", f.Version, state.Version},
		{"Suite", f.Suite, state.CipherSuite},
		{"Group", f.Group, uint16(state.CurveID)},
		{"HelloRetry", f.HelloRetry, state.HelloRetryRequest},
		{"ALPN", f.ALPN, state.NegotiatedProtocol},
		{"HandshakeComplete", f.HandshakeComplete, state.HandshakeComplete},
		{"ServerHelloSeen", f.ServerHelloSeen, true},
		{"Garbled", f.Garbled, ""},
		{"OCSP", string(f.OCSP), string(state.OCSPResponse)},
		{"Compression", f.Compression, uint8(0)},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("Read: %s = %v, want %v as crypto/tls says", tt.what, tt.got, tt.want)
		}
	}
	if !state.DidResume && !slices.EqualFunc(f.Chain, chain, bytes.Equal) {
		t.Errorf("Read: Chain has %d certificates, want the same %d as crypto/tls", len(f.Chain), len(chain))
	}
	if !slices.EqualFunc(f.SCTs, state.SignedCertificateTimestamps, bytes.Equal) {
		t.Errorf("Read: SCTs = %q, want %q", f.SCTs, state.SignedCertificateTimestamps)
	}
}

// Every version and suite that crypto/tls speaks, with the key that it wants.
func TestReadVersionsAndSuites(t *testing.T) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		info, _ := iana.Suite(suite.ID)
		kinds := []string{"rsa"}
		if info.Authentication == "ECDSA" {
			kinds = []string{"ecdsa", "ed25519"}
		}
		for _, version := range suite.SupportedVersions {
			for _, kind := range kinds {
				if info.TLS13 && suite.ID != tls.TLS_AES_128_GCM_SHA256 || kind == "ed25519" && version < tls.VersionTLS12 {
					continue // crypto/tls chooses its TLS 1.3 suite by itself; Ed25519 came with RFC 8422
				}
				t.Run(fmt.Sprintf("%s/%s/%s", iana.VersionName(version), suite.Name, kind), func(t *testing.T) {
					client := &tls.Config{MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite.ID}, NextProtos: []string{"imap"}}
					server := client.Clone()
					server.Certificates = []tls.Certificate{makeCertificate(t, keys()[kind])}
					rec, state, err := converse(t, client, server)
					if err != nil {
						t.Fatal(err)
					}
					f := rec.read()
					agree(t, f, state)
					signed := info.TLS13 || info.ForwardSecret
					wantSchemes := []uint16{0}
					if signed && version >= tls.VersionTLS12 {
						wantSchemes = map[string][]uint16{"rsa": {0x0804, 0x0401}, "ecdsa": {0x0403}, "ed25519": {0x0807}}[kind]
					}
					if !slices.Contains(wantSchemes, f.SignatureScheme) {
						t.Errorf("Read: SignatureScheme = %#04x, want one of %#04x", f.SignatureScheme, wantSchemes)
					}
					if wantEMS := version < tls.VersionTLS13; f.ExtendedMasterSecret != wantEMS || f.SecureRenegotiation != wantEMS {
						t.Errorf("Read: ExtendedMasterSecret %v, SecureRenegotiation %v, want %v", f.ExtendedMasterSecret, f.SecureRenegotiation, wantEMS)
					}
					if wantClose := version == tls.VersionTLS13; f.CloseNotify != wantClose {
						t.Errorf("Read: CloseNotify = %v, want %v", f.CloseNotify, wantClose)
					}
					if wantUnopened := version < tls.VersionTLS13; (f.Unopened > 0) != wantUnopened {
						t.Errorf("Read: Unopened = %d, want some: %v", f.Unopened, wantUnopened)
					}
				})
			}
		}
	}
}

func TestReadGroups(t *testing.T) {
	for _, group := range []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519, tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024} {
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS13} {
			if info, _ := iana.Group(uint16(group)); info.PostQuantum && version < tls.VersionTLS13 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", iana.VersionName(version), group), func(t *testing.T) {
				server := serverConfig(t, "rsa")
				server.MinVersion, server.MaxVersion, server.CurvePreferences = version, version, []tls.CurveID{group}
				rec, state, err := converse(t, &tls.Config{MinVersion: version, CurvePreferences: []tls.CurveID{group}}, server)
				if err != nil {
					t.Fatal(err)
				}
				f := rec.read()
				agree(t, f, state)
				if f.Group != uint16(group) {
					t.Errorf("Read: Group = %d, want %d", f.Group, group)
				}
			})
		}
	}
}

func serverConfig(t testing.TB, kind string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{makeCertificate(t, keys()[kind])}, MinVersion: tls.VersionTLS10}
}

// fullConfigs offer and ask for all that crypto/tls can: staple, timestamps, ALPN, client certificate, a group the
// client did not guess.
func fullConfigs(t testing.TB) (client, server *tls.Config) {
	server = serverConfig(t, "ecdsa")
	server.Certificates[0].OCSPStaple = []byte("a staple")
	server.Certificates[0].SignedCertificateTimestamps = [][]byte{[]byte("one"), []byte("two")}
	server.NextProtos = []string{"pop3", "imap"}
	server.ClientAuth = tls.RequestClientCert
	server.ClientCAs = x509.NewCertPool()
	ca, err := x509.ParseCertificate(server.Certificates[0].Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	server.ClientCAs.AddCert(ca)
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	client = &tls.Config{NextProtos: []string{"imap"}, ServerName: "mail.example.org", MinVersion: tls.VersionTLS10,
		ClientSessionCache: tls.NewLRUClientSessionCache(1), // or there are no tickets
		CurvePreferences:   []tls.CurveID{tls.X25519, tls.CurveP384}}
	return client, server
}

func TestReadEverythingAtOnce(t *testing.T) {
	for version := iana.TLS10; version <= iana.TLS13; version++ {
		t.Run(iana.VersionName(version), func(t *testing.T) {
			client, server := fullConfigs(t)
			server.MaxVersion = version
			rec, state, err := converse(t, client, server)
			if err != nil {
				t.Fatal(err)
			}
			f := rec.read()
			agree(t, f, state)
			if len(f.OCSP) == 0 || len(f.SCTs) != 2 || f.ALPN != "imap" {
				t.Errorf("Read: OCSP %q, SCTs %q, ALPN %q, want a staple, two timestamps and imap", f.OCSP, f.SCTs, f.ALPN)
			}
			ca, _ := x509.ParseCertificate(server.Certificates[0].Certificate[1])
			if !f.CertificateRequested || len(f.CertificateAuthorities) != 1 || !bytes.Equal(f.CertificateAuthorities[0], ca.RawSubject) {
				t.Errorf("Read: CertificateRequested %v, CertificateAuthorities %q, want true and %q", f.CertificateRequested, f.CertificateAuthorities, ca.RawSubject)
			}
			wantRetry := version == iana.TLS13
			if f.HelloRetry != wantRetry || wantRetry && f.HelloRetryGroup != 24 {
				t.Errorf("Read: HelloRetry %v, HelloRetryGroup %d, want %v, 24", f.HelloRetry, f.HelloRetryGroup, wantRetry)
			}
			if len(f.Tickets) != 1 || f.Tickets[0].EarlyData != 0 {
				t.Errorf("Read: Tickets = %+v, want one without early data", f.Tickets)
			} else if wantLifetime := version == iana.TLS13; (f.Tickets[0].Lifetime == 7*24*3600) != wantLifetime {
				t.Errorf("Read: Tickets[0].Lifetime = %d, want a week in TLS 1.3", f.Tickets[0].Lifetime)
			}
			if f.DowngradeSentinel != 0 {
				t.Errorf("Read: DowngradeSentinel = %d, want 0: the server can do no better", f.DowngradeSentinel)
			}
			if f.SessionIDEchoed != (version == iana.TLS13) {
				t.Errorf("Read: SessionIDEchoed = %v in %s", f.SessionIDEchoed, iana.VersionName(version))
			}
		})
	}
}

func TestReadDowngradeSentinel(t *testing.T) {
	for version, want := range map[uint16]uint8{iana.TLS10: 1, iana.TLS11: 1, iana.TLS12: 2, iana.TLS13: 0} {
		// The client of crypto/tls aborts when it could have done better, so its maximum is the version.
		rec, _, err := converse(t, &tls.Config{MinVersion: version, MaxVersion: version}, serverConfig(t, "rsa"))
		if err != nil {
			t.Fatal(err)
		}
		if f := rec.read(); f.DowngradeSentinel != want {
			t.Errorf("Read in %s: DowngradeSentinel = %d, want %d", iana.VersionName(version), f.DowngradeSentinel, want)
		}
	}
}

func TestReadResumption(t *testing.T) {
	for _, version := range []uint16{iana.TLS12, iana.TLS13} {
		server := serverConfig(t, "rsa")
		client := &tls.Config{MaxVersion: version, ServerName: "mail.example.org", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		if _, _, err := converse(t, client, server); err != nil {
			t.Fatal(err)
		}
		rec, state, err := converse(t, client, server)
		if err != nil {
			t.Fatal(err)
		}
		if !state.DidResume {
			t.Errorf("the second connection in %s is not resumed", iana.VersionName(version))
		}
		f := rec.read()
		if !f.HandshakeComplete || f.Garbled != "" || f.Chain != nil || f.Version != version || f.SignatureScheme != 0 {
			t.Errorf("Read of a resumed %s = %+v, want it complete, without a chain", iana.VersionName(version), f)
		}
	}
}

func TestReadRefusal(t *testing.T) {
	rec, _, err := converse(t, &tls.Config{MaxVersion: tls.VersionTLS12, MinVersion: tls.VersionTLS12}, &tls.Config{MinVersion: tls.VersionTLS13})
	if err == nil {
		t.Fatal("the handshake succeeded")
	}
	f := rec.read()
	if want := []Alert{{Level: 2, Code: 70}}; !reflect.DeepEqual(f.Alerts, want) || f.Garbled != "" || f.ServerHelloSeen {
		t.Errorf("Read = %+v, want the alerts %+v alone", f, want)
	}
}

// In TLS 1.3 a server that wants a certificate says so when the client believes the handshake done.
func TestReadSealedAlert(t *testing.T) {
	server := serverConfig(t, "rsa")
	server.ClientAuth = tls.RequireAnyClientCert
	rec, _, _ := converse(t, &tls.Config{MinVersion: tls.VersionTLS13}, server)
	f := rec.read()
	if want := []Alert{{Level: 2, Code: 116, Sealed: true}}; !reflect.DeepEqual(f.Alerts, want) || !f.HandshakeComplete {
		t.Errorf("Read: Alerts = %+v, HandshakeComplete %v, want %+v, true", f.Alerts, f.HandshakeComplete, want)
	}
}

func TestClientAlerts(t *testing.T) {
	client := &tls.Config{MaxVersion: tls.VersionTLS12, VerifyConnection: func(tls.ConnectionState) error { return errors.New("no") }}
	rec, _, err := converse(t, client, serverConfig(t, "rsa"))
	if err == nil {
		t.Fatal("the handshake succeeded")
	}
	if got, want := ClientAlerts(rec.client), []Alert{{Level: 2, Code: 42}}; !reflect.DeepEqual(got, want) {
		t.Errorf("ClientAlerts = %+v, want %+v", got, want)
	}
	if got := ClientAlerts(rec.server); got != nil {
		t.Errorf("ClientAlerts of the server's side = %+v, want none", got)
	}
	rec, _, err = converse(t, &tls.Config{}, serverConfig(t, "rsa"))
	if err != nil {
		t.Fatal(err)
	}
	if got := ClientAlerts(rec.client); got != nil {
		t.Errorf("ClientAlerts of a good connection = %+v, want none: they are sealed", got)
	}
}

func TestReadWithoutKeys(t *testing.T) {
	rec, _, err := converse(t, &tls.Config{}, serverConfig(t, "rsa"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name             string
		client, log      []byte
		opened, complete bool
		unopened         bool
		garbled          string
	}{
		{"as it is", rec.client, rec.keyLog, true, true, false, ""},
		{"no client bytes", nil, rec.keyLog, true, true, false, ""},
		{"no key log", rec.client, nil, false, false, true, ""},
		{"key log of another connection", append([]byte("\x16\x03\x01\x00\x27\x01\x00\x00\x23\x03\x03"), make([]byte, 33)...), rec.keyLog, false, false, true, ""},
		{"handshake secret alone", rec.client, onlyLines(rec.keyLog, "SERVER_HANDSHAKE_TRAFFIC_SECRET"), true, true, true, ""},
		{"wrong secret", rec.client, bytes.Replace(onlyLines(rec.keyLog, "CLIENT_HANDSHAKE_TRAFFIC_SECRET"), []byte("CLIENT"), []byte("SERVER"), 1),
			false, false, false, "a sealed record does not open with the logged key"},
		{"key log that is none", rec.client, []byte("SERVER_HANDSHAKE_TRAFFIC_SECRET zz zz\n\nA B\n# comment"), false, false, true, ""},
	}
	for _, tt := range tests {
		f := Read(rec.server, tt.client, tt.log)
		if (f.Chain != nil) != tt.opened || f.HandshakeComplete != tt.complete || (f.Unopened > 0) != tt.unopened || f.Garbled != tt.garbled {
			t.Errorf("Read, %s: chain %v, complete %v, unopened %d, garbled %q, want %v, %v, %v, %q", tt.name,
				f.Chain != nil, f.HandshakeComplete, f.Unopened, f.Garbled, tt.opened, tt.complete, tt.unopened, tt.garbled)
		}
		if f.Version != iana.TLS13 || f.Group == 0 {
			t.Errorf("Read, %s: version %#04x, group %d: the ServerHello is in clear", tt.name, f.Version, f.Group)
		}
	}
}

// onlyLines keeps the lines of a key log that have a label.
func onlyLines(log []byte, label string) (kept []byte) {
	for line := range bytes.Lines(log) {
		if bytes.HasPrefix(line, []byte(label)) {
			kept = append(kept, line...)
		}
	}
	return kept
}
