package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// CA is a certificate authority for one run. It has a root, an intermediate
// below it and an issuing one below that, and a second family, the stranger's,
// whose root nobody trusts. The keys are made in [NewCA] and never stored.
type CA struct {
	now         time.Time
	authorities map[Authority]*authority

	mu   sync.Mutex
	keys map[Key]crypto.Signer // of leaves; making an RSA key takes long, so one of a kind is enough
}

// Authority names one of the certificates of a [CA].
type Authority string

// The authorities of a [CA].
const (
	Itself               Authority = "itself" // as an issuer: the certificate is self-signed
	Root                 Authority = "root"
	Intermediate         Authority = "intermediate" // issued by Root
	Issuing              Authority = "issuing"      // issued by Intermediate
	StrangerRoot         Authority = "stranger-root"
	StrangerIntermediate Authority = "stranger-intermediate" // issued by StrangerRoot
)

// Key is a kind of key.
type Key string

// The kinds of keys that a leaf can have.
const (
	P256    Key = "ecdsa-p256"
	RSA2048 Key = "rsa-2048"
	RSA1024 Key = "rsa-1024"
)

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

const day = 24 * time.Hour

// NewCA makes a certificate authority whose clock stands at now.
func NewCA(now time.Time) (*CA, error) {
	ca := &CA{now: now, authorities: make(map[Authority]*authority), keys: make(map[Key]crypto.Signer)}
	for _, a := range []struct {
		name, issuer Authority
		subject      string
	}{
		{Root, Itself, "mailseal lab root CA"},
		{Intermediate, Root, "mailseal lab intermediate CA"},
		{Issuing, Intermediate, "mailseal lab issuing CA"},
		{StrangerRoot, Itself, "mailseal lab stranger root CA"},
		{StrangerIntermediate, StrangerRoot, "mailseal lab stranger intermediate CA"},
	} {
		if err := ca.found(a.name, a.issuer, a.subject); err != nil {
			return nil, fmt.Errorf("making the %s of the lab: %w", a.name, err)
		}
	}
	return ca, nil
}

// found makes an authority.
func (ca *CA) found(name, issuer Authority, subject string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"mailseal lab (tests only)"}, CommonName: subject},
		NotBefore:             ca.now.Add(-5 * 365 * day),
		NotAfter:              ca.now.Add(10 * 365 * day),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	parent := &authority{template, key}
	if issuer != Itself {
		parent = ca.authorities[issuer]
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, key.Public(), parent.key)
	if err != nil {
		return err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	ca.authorities[name] = &authority{c, key}
	return nil
}

// Root returns the root, which a client under test must trust.
func (ca *CA) Root() *x509.Certificate { return ca.authorities[Root].certificate }

// PEM returns the root in PEM form.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root().Raw})
}

// Pool returns a pool that holds the root alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Root())
	return pool
}

// Leaf describes the certificate of a server as plain data. Times count from
// the clock of the CA.
type Leaf struct {
	Names       []string // of the subject alternative name: host names and addresses; nil: the server's name and this host's
	NoNames     bool     // no subject alternative name at all
	CommonName  string   // empty: the server's name
	NotBefore   time.Duration
	NotAfter    time.Duration
	Key         Key
	KeyUsage    x509.KeyUsage
	ExtKeyUsage []x509.ExtKeyUsage
	SHA1        bool   // signed over SHA-1
	MustStaple  bool   // the TLS feature extension asks for a stapled OCSP response, RFC 7633
	SCTs        int    // embedded timestamps, of logs that do not exist: they can be counted, not verified
	Staple      []byte // sent as OCSP response, whatever it is
	Issuer      Authority
	Chain       []Authority // sent behind the leaf, in this order
}

// honestLeaf is a certificate without fault: 90 days of life, of which ten
// are over.
func honestLeaf() Leaf {
	return Leaf{
		NotBefore:   -10 * day,
		NotAfter:    80 * day,
		Key:         P256,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		Issuer:      Intermediate,
		SCTs:        2,
		Chain:       []Authority{Intermediate},
	}
}

// Issue makes the certificate that a leaf describes, for a server of that
// name, with the chain that is sent.
func (ca *CA) Issue(name string, l Leaf) (tls.Certificate, error) {
	key, err := ca.key(l.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := ca.sign(ca.template(name, l), l, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a certificate for %q: %w", name, err)
	}
	chain := [][]byte{der}
	for _, a := range l.Chain {
		found := ca.authorities[a]
		if found == nil {
			return tls.Certificate{}, fmt.Errorf("the lab has no authority %q", a)
		}
		chain = append(chain, found.certificate.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key, OCSPStaple: l.Staple}, nil
}

// template is the leaf in the words of crypto/x509.
func (ca *CA) template(name string, l Leaf) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: l.CommonName},
		NotBefore:             ca.now.Add(l.NotBefore),
		NotAfter:              ca.now.Add(l.NotAfter),
		BasicConstraintsValid: true,
		KeyUsage:              l.KeyUsage,
		ExtKeyUsage:           l.ExtKeyUsage,
	}
	if l.CommonName == "" {
		t.Subject.CommonName = name
	}
	if l.MustStaple {
		t.ExtraExtensions = append(t.ExtraExtensions, mustStaple)
	}
	if l.SCTs > 0 {
		t.ExtraExtensions = append(t.ExtraExtensions, timestamps(t.NotBefore, l.SCTs))
	}
	names := l.Names
	if names == nil {
		names = []string{name, "localhost", "127.0.0.1", "::1"}
	}
	if l.NoNames {
		names = nil
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
			continue
		}
		t.DNSNames = append(t.DNSNames, n)
	}
	return t
}

// mustStaple is the TLS feature status_request (5), RFC 7633, section 4.
var mustStaple = pkix.Extension{
	Id:    asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24},
	Value: []byte{0x30, 0x03, 0x02, 0x01, 0x05},
}

// timestamps makes the extension that carries the receipts of n logs, RFC
// 6962, section 3.3. The logs are made up and so are their signatures: a lab
// cannot enter its certificates anywhere.
func timestamps(at time.Time, n int) pkix.Extension {
	var list []byte
	for range n {
		sct := make([]byte, 1+32) // version 1, and the hash of a log's key
		rand.Read(sct[1:])
		sct = binary.BigEndian.AppendUint64(sct, uint64(at.UnixMilli()))
		sct = append(sct, 0, 0, 4, 3, 0, 8)          // no extensions; SHA-256, ECDSA; a signature of eight bytes,
		sct = append(sct, 0x30, 6, 2, 1, 1, 2, 1, 1) // which has the right shape
		list = append(binary.BigEndian.AppendUint16(list, uint16(len(sct))), sct...)
	}
	list = append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...)
	value, err := asn1.Marshal(list)
	if err != nil {
		panic(err) // bytes can always be marshalled
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}
}

// sign issues a certificate by the authority that the leaf names.
func (ca *CA) sign(t *x509.Certificate, l Leaf, key crypto.Signer) ([]byte, error) {
	issuer := &authority{t, key}
	if l.Issuer != Itself {
		issuer = ca.authorities[l.Issuer]
	}
	if issuer == nil {
		return nil, fmt.Errorf("the lab has no authority %q", l.Issuer)
	}
	if l.SHA1 {
		t.SignatureAlgorithm = x509.ECDSAWithSHA1
	}
	return x509.CreateCertificate(rand.Reader, t, issuer.certificate, key.Public(), issuer.key)
}

// key returns the key of a kind, and makes it when it is first asked for.
func (ca *CA) key(kind Key) (crypto.Signer, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if k := ca.keys[kind]; k != nil {
		return k, nil
	}
	k, err := newKey(kind)
	if err != nil {
		return nil, fmt.Errorf("making a key of kind %q: %w", kind, err)
	}
	ca.keys[kind] = k
	return k, nil
}

func newKey(kind Key) (crypto.Signer, error) {
	switch kind {
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA1024:
		return rsa.GenerateKey(rand.Reader, 1024)
	}
	return nil, fmt.Errorf("the lab makes keys of kind %s, %s and %s", P256, RSA2048, RSA1024)
}

// serial returns a positive number of 127 random bits.
func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails, and ends the program where the system has no randomness
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}
