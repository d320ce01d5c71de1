package check

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/mailseal/mailseal/observe"
)

// maker is the description of a certificate in a case.
type maker struct {
	name   string
	words  map[string]string
	issuer string // its own name: self-signed
}

// describe takes a line "certificate NAME: WORDS".
func (c *aCase) describe(flags []string, body string) error {
	if len(flags) != 1 {
		return fmt.Errorf("a certificate has one name")
	}
	m := standing(flags[0])
	for _, word := range quotedFields(body) {
		k, v, _ := strings.Cut(word, "=")
		if !strings.Contains(knownWords, " "+k+" ") {
			return fmt.Errorf("nobody knows %q", word)
		}
		switch k {
		case "self":
			m.issuer = m.name
		case "by":
			m.issuer = v
		default:
			var text observe.Text // so that a case can have names that no editor should show
			if err := text.UnmarshalText([]byte(v)); err != nil {
				return err
			}
			m.words[k] = string(text)
		}
	}
	c.makers[m.name] = m
	return nil
}

const knownWords = " by self ca length names ip srv xmpp cn days from to key e like sign eku ku permit must-staple scts critical garbage "

// standing is how a certificate stands without a line about it.
func standing(name string) *maker {
	m := &maker{name: name, issuer: "int", words: map[string]string{}}
	switch name {
	case "root":
		m.issuer, m.words["ca"], m.words["days"] = "root", "", "-3000..4000"
	case "int":
		m.issuer, m.words["ca"], m.words["days"] = "root", "", "-1000..1000"
	}
	return m
}

// quotedFields splits at spaces that are not between double quotes.
func quotedFields(s string) []string {
	quoted := false
	fields := strings.FieldsFunc(s, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ' ' && !quoted
	})
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(f, `"`, "")
	}
	return fields
}

// certificate makes the certificate of that name once and returns its DER.
func (c *aCase) certificate(name string) ([]byte, error) {
	if der, done := c.made[name]; done {
		return der, nil
	}
	m, err := c.maker(name)
	if err != nil {
		return nil, err
	}
	der, err := c.make(m)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	c.made[name] = der
	return der, nil
}

// maker returns the description of a certificate.
func (c *aCase) maker(name string) (*maker, error) {
	if m := c.makers[name]; m != nil {
		return m, nil
	}
	switch name {
	case "root", "int", "leaf":
		c.makers[name] = standing(name)
		return c.makers[name], nil
	}
	return nil, fmt.Errorf("no certificate %q is described", name)
}

func (c *aCase) make(m *maker) ([]byte, error) {
	if _, garbage := m.words["garbage"]; garbage {
		return []byte("no certificate"), nil
	}
	template, err := c.template(m)
	if err != nil {
		return nil, err
	}
	if m.issuer == m.name {
		key, err := c.key(m)
		if err != nil {
			return nil, err
		}
		return sign(template, template, key.Public(), key, m.words["sign"])
	}
	above, err := c.maker(m.issuer)
	if err != nil {
		return nil, err
	}
	issuer, err := c.template(c.alike(above))
	if err != nil {
		return nil, err
	}
	key, err := c.key(above)
	if err != nil {
		return nil, err
	}
	public, err := c.publicKey(m)
	if err != nil {
		return nil, err
	}
	return sign(template, issuer, public, key, m.words["sign"])
}

// alike returns the certificate whose subject and key m bears.
func (c *aCase) alike(m *maker) *maker {
	like, ok := m.words["like"]
	if !ok {
		return m
	}
	if other, err := c.maker(like); err == nil {
		return other
	}
	return m
}

func (c *aCase) template(m *maker) (*x509.Certificate, error) {
	_, ca := m.words["ca"]
	named := c.alike(m)
	if named != m {
		_, ca = named.words["ca"]
	}
	sum := sha256.Sum256([]byte(m.name))
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(sum[:9]),
		Subject:      pkix.Name{CommonName: named.words["cn"]},
		IsCA:         ca, BasicConstraintsValid: true, MaxPathLen: -1,
	}
	if cn, given := named.words["cn"]; !given && ca {
		t.Subject = pkix.Name{Organization: []string{"Test"}, CommonName: "Test " + named.name + cn}
	}
	if !ca && t.Subject.CommonName == "" {
		t.Subject.Organization = []string{"Test"}
	}
	if n, given := m.words["length"]; given {
		t.MaxPathLen, _ = strconv.Atoi(n)
		t.MaxPathLenZero = n == "0"
	}
	if sum := sha256.Sum256([]byte("key of " + named.name)); ca {
		t.SubjectKeyId = sum[:20]
	}
	if domain, given := m.words["permit"]; given {
		t.PermittedDNSDomainsCritical, t.PermittedDNSDomains = true, []string{domain}
	}
	if err := c.life(t, m.words); err != nil {
		return nil, err
	}
	if err := c.names(t, m, ca); err != nil {
		return nil, err
	}
	return t, usages(t, m.words, ca)
}

func (c *aCase) life(t *x509.Certificate, words map[string]string) error {
	span := words["days"]
	if span == "" {
		span = "-10..80"
	}
	var err error
	if t.NotBefore, t.NotAfter, err = days(c.observation.Began, span); err != nil {
		return err
	}
	for word, at := range map[string]*time.Time{"from": &t.NotBefore, "to": &t.NotAfter} {
		if s, given := words[word]; given {
			if *at, err = moment(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// days reads "-10..80": from ten days ago to the last second of the eightieth
// day from now.
func days(now time.Time, span string) (from, to time.Time, err error) {
	a, b, _ := strings.Cut(span, "..")
	first, err1 := strconv.ParseFloat(a, 64)
	last, err2 := strconv.ParseFloat(b, 64)
	if err1 != nil || err2 != nil {
		return from, to, fmt.Errorf("days=%s is not of the form -10..80", span)
	}
	day := float64(24 * time.Hour)
	return now.Add(time.Duration(first * day)), now.Add(time.Duration(last*day) - time.Second), nil
}

var (
	oidSAN      = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidDNSSRV   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 7}
	oidXMPPAddr = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5}
)

// names puts the subjectAltName together by hand: crypto/x509 has no words for
// otherName.
func (c *aCase) names(t *x509.Certificate, m *maker, ca bool) error {
	var names []asn1.RawValue
	add := func(tag int, b []byte, compound bool) {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: compound, Bytes: b})
	}
	list := func(word string) []string {
		if m.words[word] == "" {
			return nil
		}
		return strings.Split(m.words[word], ",")
	}
	dns := list("names")
	_, given := m.words["names"]
	if !given && !ca && m.words["ip"]+m.words["srv"]+m.words["xmpp"] == "" && len(c.observation.Conns) > 0 {
		host := c.observation.Conns[0].Probe.Endpoint.Host
		if ip := net.ParseIP(host); ip != nil {
			m.words["ip"] = host
		} else {
			dns = []string{host}
		}
	}
	for _, n := range dns {
		add(2, []byte(n), false)
	}
	for _, n := range list("ip") {
		ip := net.ParseIP(n)
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		add(7, ip, false)
	}
	for _, n := range list("srv") {
		b, err := otherName(oidDNSSRV, asn1.TagIA5String, n)
		if err != nil {
			return err
		}
		add(0, b, true)
	}
	for _, n := range list("xmpp") {
		b, err := otherName(oidXMPPAddr, asn1.TagUTF8String, n)
		if err != nil {
			return err
		}
		add(0, b, true)
	}
	if len(names) == 0 {
		return nil
	}
	value, err := asn1.Marshal(names)
	t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: oidSAN, Value: value})
	return err
}

func otherName(id asn1.ObjectIdentifier, tag int, s string) ([]byte, error) {
	first, err := asn1.Marshal(id)
	if err != nil {
		return nil, err
	}
	value, err := asn1.Marshal(asn1.RawValue{Tag: tag, Bytes: []byte(s)})
	if err != nil {
		return nil, err
	}
	second, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: value})
	return append(first, second...), err
}

func usages(t *x509.Certificate, words map[string]string, ca bool) error {
	kus := map[string]x509.KeyUsage{
		"sign": x509.KeyUsageDigitalSignature, "encipher": x509.KeyUsageKeyEncipherment,
		"agree": x509.KeyUsageKeyAgreement, "certify": x509.KeyUsageCertSign,
	}
	ekus := map[string]x509.ExtKeyUsage{
		"server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth, "any": x509.ExtKeyUsageAny,
		"email": x509.ExtKeyUsageEmailProtection, "ocsp": x509.ExtKeyUsageOCSPSigning,
	}
	ku, eku := "sign", "server"
	if ca {
		ku, eku = "certify", ""
	}
	if v, given := words["ku"]; given {
		ku = v
	}
	if v, given := words["eku"]; given {
		eku = v
	}
	for _, w := range strings.FieldsFunc(ku, isComma) {
		if kus[w] == 0 {
			return fmt.Errorf("no key usage %q", w)
		}
		t.KeyUsage |= kus[w]
	}
	for _, w := range strings.FieldsFunc(eku, isComma) {
		u, known := ekus[w]
		if !known {
			return fmt.Errorf("no extended key usage %q", w)
		}
		t.ExtKeyUsage = append(t.ExtKeyUsage, u)
	}
	if _, given := words["must-staple"]; given {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5},
		})
	}
	if _, given := words["critical"]; given {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 2, 3, 4, 5}, Critical: true, Value: []byte{5, 0},
		})
	}
	return embedSCTs(t, words["scts"])
}

func isComma(r rune) bool { return r == ',' }

func embedSCTs(t *x509.Certificate, count string) error {
	if count == "" {
		return nil
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	var list []byte
	for i := range n {
		sct := madeSCT(i)
		list = append(binary.BigEndian.AppendUint16(list, uint16(len(sct))), sct...)
	}
	list = append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...)
	value, err := asn1.Marshal(list)
	t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{
		Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value,
	})
	return err
}

// madeSCT is a signed certificate timestamp in form only (RFC 6962, section
// 3.2): a log's id, a time, no extensions, a signature that fits nothing.
func madeSCT(i int) []byte {
	log := sha256.Sum256([]byte{byte(i)})
	sct := append([]byte{0}, log[:]...)
	sct = binary.BigEndian.AppendUint64(sct, 1700000000000)
	return append(sct, 0, 0, 4, 3, 0, 2, 0x30, 0)
}

// keys are made once for a name and a type.
var keys sync.Map

func (c *aCase) key(m *maker) (crypto.Signer, error) {
	m = c.alike(m)
	kind := m.words["key"]
	if known, ok := keys.Load(m.name + " " + kind); ok {
		return known.(crypto.Signer), nil
	}
	key, err := newKey(kind)
	if err != nil {
		return nil, err
	}
	known, _ := keys.LoadOrStore(m.name+" "+kind, key)
	return known.(crypto.Signer), nil
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "p224":
		return ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "", "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	bits, err := strconv.Atoi(strings.TrimPrefix(kind, "rsa"))
	if err != nil {
		return nil, fmt.Errorf("no key is of type %q", kind)
	}
	return rsa.GenerateKey(rand.Reader, bits)
}

// publicKey is the key of a certificate that signs nothing. For RSA it is
// just a number of the right size: quick to make, and of sizes and exponents
// that crypto/rsa refuses.
func (c *aCase) publicKey(m *maker) (crypto.PublicKey, error) {
	kind, isRSA := strings.CutPrefix(m.words["key"], "rsa")
	if _, ca := m.words["ca"]; !isRSA || ca {
		key, err := c.key(m)
		if err != nil {
			return nil, err
		}
		return key.Public(), nil
	}
	bits, err := strconv.Atoi(kind)
	if err != nil {
		return nil, err
	}
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-1)))
	if err != nil {
		return nil, err
	}
	n.SetBit(n.SetBit(n, bits-1, 1), 0, 1)
	e := 65537
	if s, given := m.words["e"]; given {
		e, err = strconv.Atoi(s)
	}
	return &rsa.PublicKey{N: n, E: e}, err
}

// sign signs a certificate. The hashes that crypto/x509 does not sign with are
// written into the result by name only.
func sign(t, above *x509.Certificate, public crypto.PublicKey, key crypto.Signer, hash string) ([]byte, error) {
	copied := *t
	_, isRSA := key.(*rsa.PrivateKey)
	if hash == "sha1" {
		copied.SignatureAlgorithm = x509.ECDSAWithSHA1
		if isRSA {
			copied.SignatureAlgorithm = x509.SHA1WithRSA
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &copied, above, public, key)
	last, renamed := map[string]byte{"md2": 2, "md4": 3, "md5": 4}[hash]
	if err != nil || !renamed {
		return der, err
	}
	if !isRSA {
		return nil, fmt.Errorf("sign=%s needs an issuer with key=rsa2048", hash)
	}
	sha256WithRSA := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}
	return bytes.ReplaceAll(der, sha256WithRSA, append(sha256WithRSA[:8:8], last)), nil
}

// chain keeps the certificates of a connection.
func (c *aCase) chain(conn *observe.Conn, names []string) error {
	for _, n := range names {
		der, err := c.certificate(n)
		if err != nil {
			return err
		}
		conn.TLS.Chain = append(conn.TLS.Chain, c.observation.Keep(der))
	}
	return nil
}

// store takes a line "store NAME DATE: root until=2026-01-01".
func (c *aCase) store(flags []string, body string) error {
	if len(flags) == 0 {
		return fmt.Errorf("a store has a name")
	}
	s := observe.RootStore{Name: flags[0]}
	if len(flags) > 1 {
		s.Date = flags[1]
	}
	var anchors []observe.Anchor
	var names []string
	for _, word := range strings.Fields(body) {
		date, until := strings.CutPrefix(word, "until=")
		if !until {
			names = append(names, word)
			anchors = append(anchors, observe.Anchor{Store: s.Name})
			continue
		}
		t, err := moment(date)
		if err != nil {
			return err
		}
		anchors[len(anchors)-1].DistrustAfter = &t
	}
	s.Count = len(anchors)
	c.observation.Vantage.Stores = append(c.observation.Vantage.Stores, s)
	c.anchors = append(c.anchors, func() error {
		for i, n := range names {
			der, err := c.certificate(n)
			if err != nil {
				return err
			}
			anchors[i].Certificate = c.observation.Keep(der)
		}
		c.observation.Anchors = append(c.observation.Anchors, anchors...)
		return nil
	})
	return nil
}

// staple makes a stapled OCSP response.
func (c *aCase) staple(conn *observe.Conn, body string) error {
	words := map[string]string{"for": "leaf", "days": "-1..6"}
	fields := strings.Fields(body)
	for _, w := range fields[1:] {
		k, v, _ := strings.Cut(w, "=")
		words[k] = v
	}
	if fields[0] == "garbage" {
		conn.TLS.OCSP = []byte("no OCSP response")
		return nil
	}
	status, known := map[string]int{"good": ocsp.Good, "revoked": ocsp.Revoked, "unknown": ocsp.Unknown}[fields[0]]
	if !known {
		return fmt.Errorf("no status %q", fields[0])
	}
	subject, err := c.parsed(words["for"])
	if err != nil {
		return err
	}
	by := words["by"]
	if by == "" {
		by = c.makers[words["for"]].issuer
	}
	issuer, err := c.parsed(by)
	if err != nil {
		return err
	}
	above, err := c.maker(by)
	if err != nil {
		return err
	}
	key, err := c.key(above)
	if err != nil {
		return err
	}
	r := ocsp.Response{Status: status, SerialNumber: subject.SerialNumber}
	if r.ThisUpdate, r.NextUpdate, err = days(c.observation.Began, words["days"]); err != nil {
		return err
	}
	r.RevokedAt = r.ThisUpdate
	if name := words["with"]; name != "" {
		if r.Certificate, err = c.parsed(name); err != nil {
			return err
		}
		responder, err := c.maker(name)
		if err != nil {
			return err
		}
		if key, err = c.key(responder); err != nil {
			return err
		}
	}
	conn.TLS.OCSP, err = ocsp.CreateResponse(issuer, issuer, r, key)
	return err
}

func (c *aCase) parsed(name string) (*x509.Certificate, error) {
	der, err := c.certificate(name)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// nameOf returns the name of a certificate in the case.
func (c *aCase) nameOf(p observe.Fingerprint) string {
	for name, der := range c.made {
		if observe.FingerprintOf(der) == p {
			return name
		}
	}
	return string(p)
}
