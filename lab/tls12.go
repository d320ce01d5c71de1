package lab

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A server for TLS 1.2 by hand, because crypto/tls does everything right and
// cannot be told otherwise. It knows one suite,
// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 with P-256, and its two extensions
// can be left out. The flights stand in the order of RFC 5246, section 7.3.

// tls12 is one connection of that server. It may be used by one goroutine.
type tls12 struct {
	conn        io.ReadWriter // below TLS
	certificate tls.Certificate
	without     []uint16 // extensions that are left out

	hello      clientHello
	random     []byte // the server's
	transcript []byte // all handshake messages so far
	handshake  []byte // read, but not yet taken as a message
	plain      []byte // read, but not yet handed on
	in, out    *gcm   // nil: in clear
}

// Numbers of TLS 1.2, RFC 5246, section 6.2.1 and 7.4.
const (
	recordChange      = 20
	recordAlert       = 21
	recordHandshake   = 22
	recordData        = 23
	typeClientHello   = 1
	typeServerHello   = 2
	typeCertificate   = 11
	typeServerKey     = 12
	typeServerDone    = 14
	typeClientKey     = 16
	typeFinished      = 20
	maxRecord         = 1 << 14
	maxHandshakeBytes = 1 << 16

	suiteECDSAGCM        = 0xc02b
	groupP256            = 23
	extMasterSecret      = 23     // RFC 7627
	extRenegotiationInfo = 0xff01 // RFC 5746
	renegotiationSCSV    = 0x00ff // RFC 5746, section 3.3
)

// accept does the handshake.
func (t *tls12) accept() error {
	body, err := t.message(typeClientHello)
	if err != nil {
		return err
	}
	if t.hello, err = parseClientHello(body); err != nil {
		return err
	}
	if !slices.Contains(t.hello.suites, suiteECDSAGCM) {
		return errors.New("the client does not know the only suite")
	}
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if err := t.firstFlight(key); err != nil {
		return err
	}
	if body, err = t.message(typeClientKey); err != nil {
		return err
	}
	master, err := t.master(key, body)
	if err != nil {
		return err
	}
	return t.finish(master)
}

// firstFlight sends ServerHello, Certificate, ServerKeyExchange and
// ServerHelloDone.
func (t *tls12) firstFlight(key *ecdh.PrivateKey) error {
	t.random = make([]byte, 32)
	rand.Read(t.random)
	hello := slices.Concat([]byte{3, 3}, t.random, []byte{0, suiteECDSAGCM >> 8, suiteECDSAGCM & 0xff, 0})
	if extensions := t.extensions(); len(extensions) > 0 {
		hello = append(hello, vector16(extensions)...)
	}
	var chain []byte
	for _, der := range t.certificate.Certificate {
		chain = append(chain, vector24(der)...)
	}
	exchange, err := t.serverKey(key.PublicKey().Bytes())
	if err != nil {
		return err
	}
	return t.write(recordHandshake, slices.Concat(
		t.said(typeServerHello, hello), t.said(typeCertificate, vector24(chain)),
		t.said(typeServerKey, exchange), t.said(typeServerDone, nil),
	))
}

// extensions answers those of the client, but for the ones to leave out.
func (t *tls12) extensions() []byte {
	var b []byte
	if t.has(extMasterSecret) {
		b = append(b, 0, extMasterSecret, 0, 0)
	}
	if t.has(extRenegotiationInfo) {
		b = append(b, extRenegotiationInfo>>8, extRenegotiationInfo&0xff, 0, 1, 0)
	}
	return b
}

// has tells whether both sides have an extension.
func (t *tls12) has(extension uint16) bool {
	offered := slices.Contains(t.hello.extensions, extension) ||
		extension == extRenegotiationInfo && slices.Contains(t.hello.suites, renegotiationSCSV)
	return offered && !slices.Contains(t.without, extension)
}

// serverKey signs the server's half of the exchange, RFC 8422, section 5.4.
func (t *tls12) serverKey(public []byte) ([]byte, error) {
	params := append([]byte{3, 0, groupP256, byte(len(public))}, public...)
	signer, ok := t.certificate.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("the certificate has no key that signs")
	}
	digest := sha256.Sum256(slices.Concat(t.hello.random, t.random, params))
	signature, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	const sha256WithECDSA = "\x04\x03"
	return slices.Concat(params, []byte(sha256WithECDSA), vector16(signature)), nil
}

// master computes the master secret from the client's half, RFC 5246, section
// 8.1, or RFC 7627, section 4.
func (t *tls12) master(key *ecdh.PrivateKey, body []byte) ([]byte, error) {
	if len(body) < 1 || int(body[0]) != len(body)-1 {
		return nil, errors.New("the client's key exchange has a wrong length")
	}
	public, err := ecdh.P256().NewPublicKey(body[1:])
	if err != nil {
		return nil, err
	}
	shared, err := key.ECDH(public)
	if err != nil {
		return nil, err
	}
	if t.has(extMasterSecret) {
		session := sha256.Sum256(t.transcript)
		return prf(shared, "extended master secret", session[:], 48), nil
	}
	return prf(shared, "master secret", slices.Concat(t.hello.random, t.random), 48), nil
}

// finish exchanges ChangeCipherSpec and Finished.
func (t *tls12) finish(master []byte) error {
	keys := prf(master, "key expansion", slices.Concat(t.random, t.hello.random), 40)
	kind, change, err := t.record()
	if err != nil {
		return err
	}
	if kind != recordChange || !bytes.Equal(change, []byte{1}) || len(t.handshake) > 0 {
		return fmt.Errorf("a record of type %d in the place of ChangeCipherSpec", kind)
	}
	if t.in, err = newGCM(keys[:16], keys[32:36]); err != nil {
		return err
	}
	want := t.verify(master, "client finished")
	got, err := t.message(typeFinished)
	if err != nil {
		return err
	}
	if !hmac.Equal(got, want) {
		return errors.New("the client's Finished is wrong")
	}
	if err := t.write(recordChange, []byte{1}); err != nil {
		return err
	}
	if t.out, err = newGCM(keys[16:32], keys[36:40]); err != nil {
		return err
	}
	return t.write(recordHandshake, t.said(typeFinished, t.verify(master, "server finished")))
}

func (t *tls12) verify(master []byte, label string) []byte {
	sum := sha256.Sum256(t.transcript)
	return prf(master, label, sum[:], 12)
}

// said makes a handshake message and adds it to the transcript.
func (t *tls12) said(kind byte, body []byte) []byte {
	m := append([]byte{kind}, vector24(body)...)
	t.transcript = append(t.transcript, m...)
	return m
}

// message reads a handshake message of a type, and adds it to the transcript.
func (t *tls12) message(want byte) ([]byte, error) {
	for {
		if body, rest, ok := splitMessage(t.handshake); ok {
			m := t.handshake[:len(t.handshake)-len(rest)]
			if m[0] != want {
				return nil, fmt.Errorf("a handshake message of type %d, where %d belongs", m[0], want)
			}
			t.transcript = append(t.transcript, m...)
			t.handshake = rest
			return body, nil
		}
		kind, data, err := t.record()
		if err != nil {
			return nil, err
		}
		if kind != recordHandshake || len(data) == 0 {
			return nil, fmt.Errorf("a record of type %d in the handshake", kind)
		}
		if t.handshake = append(t.handshake, data...); len(t.handshake) > maxHandshakeBytes {
			return nil, errors.New("a handshake message is too long")
		}
	}
}

func splitMessage(b []byte) (body, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	if len(b)-4 < n {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

// record reads one record and decrypts it. An alert is an error; the one that
// says goodbye is io.EOF.
func (t *tls12) record() (kind byte, data []byte, err error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(t.conn, header); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(header[3:]))
	if header[1] != 3 || n > maxRecord+256 {
		return 0, nil, fmt.Errorf("the client sent % x where a record should begin", header)
	}
	data = make([]byte, n)
	if _, err := io.ReadFull(t.conn, data); err != nil {
		return 0, nil, err
	}
	if t.in != nil {
		if data, err = t.in.open(header[0], data); err != nil {
			return 0, nil, err
		}
	}
	if header[0] != recordAlert {
		return header[0], data, nil
	}
	if len(data) == 2 && data[1] == 0 {
		return 0, nil, io.EOF
	}
	if len(data) != 2 {
		return 0, nil, errors.New("the client sent an alert that cannot be parsed")
	}
	return 0, nil, alertError(data[1])
}

// alertError is the number of an alert of the client.
type alertError uint8

func (e alertError) Error() string { return fmt.Sprintf("the client sent the alert %d", uint8(e)) }

// write sends data in records of one type.
func (t *tls12) write(kind byte, data []byte) error {
	var b []byte
	for part := range slices.Chunk(data, maxRecord) {
		if t.out != nil {
			part = t.out.seal(kind, part)
		}
		b = append(append(b, kind, 3, 3), vector16(part)...)
	}
	_, err := t.conn.Write(b)
	return err
}

// Read reads what the client said inside TLS.
func (t *tls12) Read(p []byte) (int, error) {
	for len(t.plain) == 0 {
		kind, data, err := t.record()
		if err != nil {
			return 0, err
		}
		if kind != recordData {
			return 0, fmt.Errorf("a record of type %d inside TLS", kind)
		}
		t.plain = data
	}
	n := copy(p, t.plain)
	t.plain = t.plain[n:]
	return n, nil
}

// Write says something inside TLS.
func (t *tls12) Write(p []byte) (int, error) {
	if err := t.write(recordData, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite says goodbye: the alert close_notify.
func (t *tls12) CloseWrite() error { return t.write(recordAlert, []byte{1, 0}) }

// clientHello is what this server needs to know of it.
type clientHello struct {
	random     []byte
	suites     []uint16
	extensions []uint16
}

// parseClientHello reads a ClientHello, RFC 5246, section 7.4.1.2.
func parseClientHello(b []byte) (clientHello, error) {
	bad := errors.New("the client's hello cannot be parsed")
	if len(b) < 34 {
		return clientHello{}, bad
	}
	h := clientHello{random: slices.Clone(b[2:34])}
	_, b, ok1 := cut(b[34:], 1)
	suites, b, ok2 := cut(b, 2)
	_, b, ok3 := cut(b, 1)
	if !ok1 || !ok2 || !ok3 || len(suites)%2 != 0 {
		return clientHello{}, bad
	}
	for ; len(suites) > 0; suites = suites[2:] {
		h.suites = append(h.suites, binary.BigEndian.Uint16(suites))
	}
	if len(b) == 0 {
		return h, nil
	}
	extensions, b, ok := cut(b, 2)
	if !ok || len(b) > 0 {
		return clientHello{}, bad
	}
	for len(extensions) > 0 {
		if len(extensions) < 4 {
			return clientHello{}, bad
		}
		h.extensions = append(h.extensions, binary.BigEndian.Uint16(extensions))
		if _, extensions, ok = cut(extensions[2:], 2); !ok {
			return clientHello{}, bad
		}
	}
	return h, nil
}

// cut takes a vector off the front of b whose length is written in width
// bytes.
func cut(b []byte, width int) (vector, rest []byte, ok bool) {
	if len(b) < width {
		return nil, nil, false
	}
	n := 0
	for _, d := range b[:width] {
		n = n<<8 | int(d)
	}
	if b = b[width:]; len(b) < n {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

func vector16(b []byte) []byte { return append([]byte{byte(len(b) >> 8), byte(len(b))}, b...) }

func vector24(b []byte) []byte {
	return append([]byte{byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
}

// prf is the pseudorandom function over SHA-256, RFC 5246, section 5.
func prf(secret []byte, label string, seed []byte, length int) []byte {
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var out []byte
	for a := mac(seed); len(out) < length; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:length]
}

// gcm protects the records of one direction, RFC 5288, section 3.
type gcm struct {
	aead cipher.AEAD
	salt []byte
	seq  uint64
}

func newGCM(key, salt []byte) (*gcm, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &gcm{aead: aead, salt: slices.Clone(salt)}, err
}

// additional is the data that is authenticated with a record, RFC 5246,
// section 6.2.3.3.
func (g *gcm) additional(kind byte, length int) []byte {
	b := binary.BigEndian.AppendUint64(nil, g.seq)
	g.seq++
	return append(b, kind, 3, 3, byte(length>>8), byte(length))
}

func (g *gcm) seal(kind byte, data []byte) []byte {
	explicit := binary.BigEndian.AppendUint64(nil, g.seq)
	return g.aead.Seal(explicit, slices.Concat(g.salt, explicit), data, g.additional(kind, len(data)))
}

func (g *gcm) open(kind byte, data []byte) ([]byte, error) {
	const explicit = 8
	if len(data) < explicit+g.aead.Overhead() {
		return nil, errors.New("a record is too short")
	}
	nonce := slices.Concat(g.salt, data[:explicit])
	return g.aead.Open(nil, nonce, data[explicit:], g.additional(kind, len(data)-explicit-g.aead.Overhead()))
}
