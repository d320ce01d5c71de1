package hello

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

// secrets are the two traffic secrets under which a TLS 1.3 server writes (RFC 8446, section 7.1).
type secrets struct{ handshake, traffic []byte }

// readKeyLog finds the server's secrets in a key log: lines of label, client random and secret, the last two in
// hexadecimal. Without a client random to look for, the first one in the log counts.
func readKeyLog(log, random []byte) (s secrets) {
	for line := range bytes.Lines(log) {
		fields := bytes.Fields(line)
		if len(fields) != 3 {
			continue
		}
		lineRandom, err1 := hex.DecodeString(string(fields[1]))
		secret, err2 := hex.DecodeString(string(fields[2]))
		if err1 != nil || err2 != nil {
			continue
		}
		if random == nil {
			random = lineRandom
		}
		if !bytes.Equal(lineRandom, random) {
			continue
		}
		switch string(fields[0]) {
		case "SERVER_HANDSHAKE_TRAFFIC_SECRET":
			s.handshake = secret
		case "SERVER_TRAFFIC_SECRET_0":
			s.traffic = secret
		}
	}
	return s
}

// sealing is how a TLS 1.3 suite protects records (RFC 8446, appendix B.4). The CCM suites are missing: nobody here has
// them, so their records stay closed.
type sealing struct {
	hash      func() hash.Hash
	keyLength int
	aead      func(key []byte) (cipher.AEAD, error)
}

var sealings = map[uint16]sealing{
	0x1301: {sha256.New, 16, newGCM},
	0x1302: {sha512.New384, 32, newGCM},
	0x1303: {sha256.New, chacha20poly1305.KeySize, chacha20poly1305.New},
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// opener opens the records of one traffic secret, in their order.
type opener struct {
	sealing
	secret   []byte
	aead     cipher.AEAD
	iv       []byte
	sequence uint64
}

// newOpener derives key and IV (RFC 8446, section 7.3). It is nil if the suite or the secret is not known.
func newOpener(suite uint16, secret []byte) *opener {
	s, known := sealings[suite]
	if !known || len(secret) != s.hash().Size() {
		return nil
	}
	return s.opener(secret)
}

func (s sealing) opener(secret []byte) *opener {
	aead, err := s.aead(s.expandLabel(secret, "key", s.keyLength))
	if err != nil {
		return nil
	}
	return &opener{sealing: s, secret: secret, aead: aead, iv: s.expandLabel(secret, "iv", aead.NonceSize())}
}

// next is the opener after a KeyUpdate (RFC 8446, section 7.2).
func (o *opener) next() *opener {
	return o.opener(o.expandLabel(o.secret, "traffic upd", o.hash().Size()))
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
func (s sealing) expandLabel(secret []byte, label string, length int) []byte {
	var b cryptobyte.Builder
	b.AddUint16(uint16(length))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	b.AddUint8(0)
	out, err := hkdf.Expand(s.hash, secret, string(b.BytesOrPanic()), length)
	if err != nil {
		panic(err) // only for lengths that no suite has
	}
	return out
}

// open opens the next record and strips the padding: the last byte that is not zero is the content type (RFC 8446,
// sections 5.2 to 5.4).
func (o *opener) open(rec record) (typ uint8, content []byte, ok bool) {
	nonce := bytes.Clone(o.iv)
	var sequence [8]byte
	binary.BigEndian.PutUint64(sequence[:], o.sequence)
	for i, b := range sequence {
		nonce[len(nonce)-8+i] ^= b
	}
	o.sequence++
	plain, err := o.aead.Open(nil, nonce, rec.body, rec.header)
	if err != nil {
		return 0, nil, false
	}
	plain = bytes.TrimRight(plain, "\x00")
	if len(plain) == 0 {
		return 0, nil, false
	}
	return plain[len(plain)-1], plain[:len(plain)-1], true
}
