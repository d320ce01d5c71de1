package probe_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
)

// Go may take a version, a suite or a group away from crypto/tls with any
// release. Then a survey would call servers failing that are only old. So
// every pair of version and suite, and every group, is negotiated here alone,
// between crypto/tls and crypto/tls, and what the probe reads from the bytes
// is compared with what the server's side says.
const (
	pairsBelowTLS13 = 44
	groups          = 7
)

func TestHandshakePairs(t *testing.T) {
	certificates := pairCertificates(t)
	offer := probe.WholeOffer()
	pairs := 0
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		for _, version := range suite.SupportedVersions {
			if version == tls.VersionTLS13 {
				continue
			}
			pairs++
			if !slices.Contains(offer.Suites, suite.ID) || version < offer.MinVersion {
				t.Errorf("WholeOffer() lacks %s with %s", iana.VersionName(version), suite.Name)
			}
			alone := observe.Offer{MinVersion: version, MaxVersion: version, Suites: []uint16{suite.ID}, Groups: offer.Groups}
			t.Run(fmt.Sprintf("%s with %s", tls.VersionName(version), suite.Name), func(t *testing.T) {
				got, server := negotiate(t, alone, certificates)
				if got.Version != version || got.Suite != suite.ID || !got.Complete {
					t.Errorf("Run read version %04x, suite %04x, complete %v; want %04x, %04x, true", got.Version, got.Suite, got.Complete, version, suite.ID)
				}
				if server.Version != got.Version || server.CipherSuite != got.Suite || got.Group != uint16(server.CurveID) {
					t.Errorf("Run read version %04x, suite %04x, group %d; the server says %04x, %04x, %d", got.Version, got.Suite, got.Group, server.Version, server.CipherSuite, server.CurveID)
				}
			})
		}
	}
	if pairs != pairsBelowTLS13 {
		t.Errorf("crypto/tls has %d pairs of version and suite below TLS 1.3, want %d: what a survey can see has changed", pairs, pairsBelowTLS13)
	}
}

func TestHandshakeGroups(t *testing.T) {
	certificates := pairCertificates(t)
	offer := probe.WholeOffer()
	if len(offer.Groups) != groups {
		t.Errorf("WholeOffer() has %d groups, want %d", len(offer.Groups), groups)
	}
	for _, group := range offer.Groups {
		alone := observe.Offer{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13, Groups: []uint16{group}}
		t.Run(iana.GroupName(group), func(t *testing.T) {
			got, server := negotiate(t, alone, certificates)
			if got.Group != group || uint16(server.CurveID) != group || !got.Complete || got.HelloRetry != observe.No {
				t.Errorf("Run read group %d, complete %v, hello retry %v; the server says %d; want %d, true, no, %[5]d", got.Group, got.Complete, got.HelloRetry, server.CurveID, group)
			}
		})
	}
}

// negotiate makes one connection by probe.Run to a server of crypto/tls that
// takes the offer and nothing else.
func negotiate(t *testing.T, offer observe.Offer, certificates []tls.Certificate) (*observe.TLS, tls.ConnectionState) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	config := &tls.Config{
		MinVersion: offer.MinVersion, MaxVersion: offer.MaxVersion, CipherSuites: offer.Suites, Certificates: certificates,
	}
	for _, g := range offer.Groups {
		config.CurvePreferences = append(config.CurvePreferences, tls.CurveID(g))
	}
	type outcome struct {
		state tls.ConnectionState
		err   error
	}
	served := make(chan outcome, 1)
	go func() {
		state, err := serveOnce(listener, config)
		served <- outcome{state, err}
	}()
	conn, _ := probe.Run(context.Background(), observe.Probe{
		Endpoint: observe.Endpoint{Protocol: "tls", Mode: observe.Implicit, Network: "tcp", Address: listener.Addr().String()},
		Offer:    offer,
	}, &probe.Options{})
	listener.Close()
	server := <-served
	if server.err != nil || conn.TLS == nil || conn.End != observe.Done {
		t.Fatalf("Run of offer %+v: reached %q, end %q, cause %q, alerts %v; the server: %v; want a whole handshake", offer, conn.Reached, conn.End, conn.Cause, conn.Alerts, server.err)
	}
	return conn.TLS, server.state
}

// serveOnce says a word after the handshake, so that nobody waits for one.
func serveOnce(listener net.Listener, config *tls.Config) (tls.ConnectionState, error) {
	raw, err := listener.Accept()
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(30 * time.Second))
	conn := tls.Server(raw, config)
	if err := conn.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := conn.Write([]byte("hello\r\n")); err != nil {
		return tls.ConnectionState{}, err
	}
	conn.Read(make([]byte, 1)) // until the client leaves
	return conn.ConnectionState(), nil
}

// pairCertificates are one of RSA and one of ECDSA: each suite needs its own.
func pairCertificates(t *testing.T) []tls.Certificate {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var all []tls.Certificate
	for _, key := range []crypto.Signer{rsaKey, ecKey} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			DNSNames: []string{"mail.example.test"},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})
	}
	return all
}
