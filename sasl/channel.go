package sasl

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Channel is what a mechanism may know of the connection below it. The zero
// value is a connection in clear.
type Channel struct {
	Sealed            bool // TLS stands
	Trusted           bool // and its certificate was found to be the server's
	ClientCertificate bool // and we have shown one of our own

	Version              uint16 // of TLS
	ExtendedMasterSecret bool   // RFC 7627; TLS 1.3 needs none
	Exporter             func(label string, context []byte, length int) ([]byte, error)
	Unique               []byte // the first Finished message, before TLS 1.3
	Leaf                 []byte // the server's certificate, DER

	Offered []string // the mechanisms that the server offers on this connection; nil: not known
	Binding string   // the channel binding to use; empty: the first of Bindings
}

// The channel bindings that we can compute.
const (
	TLSExporter       = "tls-exporter"         // RFC 9266: the default since TLS 1.3
	TLSUnique         = "tls-unique"           // RFC 5929, section 3: the default up to TLS 1.2, not defined for TLS 1.3
	TLSServerEndPoint = "tls-server-end-point" // RFC 5929, section 4: only which certificate it was
)

// ChannelOf describes a TLS connection whose handshake is complete.
func ChannelOf(state *tls.ConnectionState, trusted bool) Channel {
	c := Channel{
		Sealed: true, Trusted: trusted, Version: state.Version,
		Exporter: state.ExportKeyingMaterial, Unique: state.TLSUnique,
	}
	if len(state.PeerCertificates) > 0 {
		c.Leaf = state.PeerCertificates[0].Raw
	}
	// crypto/tls does not tell whether there was an extended master secret, but
	// exports nothing without one.
	_, err := c.Exporter(exporterLabel, nil, exporterLength)
	c.ExtendedMasterSecret = err == nil
	return c
}

// Bindings are the channel bindings that this connection allows. The default
// of its version comes first, RFC 9266, section 3, as it is what a server has
// if it has any.
func (c Channel) Bindings() []string {
	var names []string
	if c.Version < tls.VersionTLS13 && c.ExtendedMasterSecret && c.Sealed && len(c.Unique) > 0 {
		names = append(names, TLSUnique)
	}
	if c.exports() {
		names = append(names, TLSExporter)
	}
	if _, err := endPointHash(c.Leaf); c.Sealed && err == nil {
		names = append(names, TLSServerEndPoint)
	}
	return names
}

// binding returns the name and the value of the channel binding to use.
func (c Channel) binding() (string, []byte, error) {
	possible := c.Bindings()
	if len(possible) == 0 {
		return "", nil, errors.New("channel binding needs TLS, and with it an exporter or a certificate with a hash; here is neither")
	}
	name := c.Binding
	if name == "" {
		name = possible[0]
	}
	if !slices.Contains(possible, name) {
		return "", nil, fmt.Errorf("channel binding %q is not possible on this connection; possible: %q", name, possible)
	}
	value, err := c.value(name)
	return name, value, err
}

func (c Channel) value(name string) ([]byte, error) {
	switch name {
	case TLSExporter:
		return c.Exporter(exporterLabel, nil, exporterLength)
	case TLSUnique:
		return c.Unique, nil
	}
	hash, err := endPointHash(c.Leaf)
	if err != nil {
		return nil, err
	}
	h := hash.New()
	h.Write(c.Leaf)
	return h.Sum(nil), nil
}

// RFC 9266, section 2: this label, an empty context and 32 bytes.
const (
	exporterLabel  = "EXPORTER-Channel-Binding"
	exporterLength = 32
)

// exports tells whether what is exported belongs to this connection alone:
// before TLS 1.3 only with an extended master secret, RFC 9266, section 2. The
// same holds for tls-unique, section 1.
func (c Channel) exports() bool {
	return c.Sealed && c.Exporter != nil && (c.Version >= tls.VersionTLS13 || c.ExtendedMasterSecret)
}

// endPointHash is the hash function of tls-server-end-point, RFC 5929, section
// 4.1: that of the certificate's signature, but SHA-256 in place of MD5 and
// SHA-1. For a signature without a hash of its own, such as Ed25519, it is
// not defined.
func endPointHash(leaf []byte) (crypto.Hash, error) {
	if len(leaf) == 0 {
		return 0, errors.New("no certificate")
	}
	cert, err := x509.ParseCertificate(leaf)
	if err != nil {
		return 0, errors.New("the server's certificate cannot be read")
	}
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256, x509.DSAWithSHA256:
		return crypto.SHA256, nil
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return crypto.SHA384, nil
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("tls-server-end-point is not defined for a certificate signed by %v", cert.SignatureAlgorithm)
}
