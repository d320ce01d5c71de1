package hello

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"github.com/mailseal/mailseal/iana"
)

// rec is a record, in clear.
func rec(typ uint8, body []byte) []byte {
	var b cryptobyte.Builder
	b.AddUint8(typ)
	b.AddUint16(0x0303)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(body) })
	return b.BytesOrPanic()
}

// msg is a handshake message.
func msg(typ uint8, body []byte) []byte {
	var b cryptobyte.Builder
	b.AddUint8(typ)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(body) })
	return b.BytesOrPanic()
}

// hs is a handshake message in a record of its own.
func hs(typ uint8, body []byte) []byte { return rec(typeHandshake, msg(typ, body)) }

// serverHelloBody is a ServerHello; extensions are pairs of type and data.
func serverHelloBody(version, suite uint16, random []byte, extensions ...any) []byte {
	var b cryptobyte.Builder
	b.AddUint16(version)
	b.AddBytes(random)
	b.AddUint8(0)
	b.AddUint16(suite)
	b.AddUint8(0)
	if extensions != nil {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for i := 0; i < len(extensions); i += 2 {
				b.AddUint16(extensions[i].(uint16))
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(extensions[i+1].(string))) })
			}
		})
	}
	return b.BytesOrPanic()
}

// chainBody is a Certificate message of TLS 1.2.
func chainBody(certificates ...string) []byte {
	var b cryptobyte.Builder
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, c := range certificates {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(c)) })
		}
	})
	return b.BytesOrPanic()
}

var someRandom = bytes.Repeat([]byte{7}, 32)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestReadGarbled(t *testing.T) {
	hello12 := hs(messageServerHello, serverHelloBody(0x0303, 0xc02f, someRandom))
	hello13 := hs(messageServerHello, serverHelloBody(0x0303, 0x1301, someRandom, iana.ExtSupportedVersions, "\x03\x04"))
	retry := hs(messageServerHello, serverHelloBody(0x0303, 0x1301, helloRetryRandom[:], iana.ExtSupportedVersions, "\x03\x04"))
	tests := []struct {
		name   string
		server []byte
		want   string
	}{
		{"nothing", nil, ""},
		{"HTTP", []byte("HTTP/1.1 400 Bad Request\r\nServer: x\r\n"), `first bytes "HTTP/1.1 400 Bad Request" are not a TLS record`},
		{"one letter", []byte("H"), `first bytes "H" are not a TLS record`},
		{"long line", bytes.Repeat([]byte("x"), 500), `first bytes "` + strings.Repeat("x", 60) + `" are not a TLS record`},
		{"escape sequence", []byte("\x1b[2J\u202eabc"), `first bytes "\x1b[2J\u202eabc" are not a TLS record`},
		{"SSL 2.0 error", []byte("\x80\x03\x00\x00\x01"), `first bytes "\x80\x03\x00\x00\x01" are not a TLS record`},
		{"version 2", []byte("\x16\x02\x00\x00\x01"), `first bytes "\x16\x02\x00\x00\x01" are not a TLS record`},
		{"half a header", []byte("\x16\x03"), ""},
		{"long record", []byte("\x16\x03\x01\xff\xff"), "first record of 65535 bytes is longer than TLS allows"},
		{"text later", join(rec(typeAlert, []byte{2, 40}), []byte("454 no\r\n")), `bytes "454 no" are not a TLS record`},
		{"application data first", rec(typeApplicationData, []byte("x")), "application data before the end of the handshake"},
		{"certificate first", hs(messageCertificate, nil), "Certificate before the ServerHello"},
		{"unknown message first", hs(99, nil), "handshake message of type 99 before the ServerHello"},
		{"empty ServerHello", hs(messageServerHello, nil), "malformed ServerHello"},
		{"extensions that end early", hs(messageServerHello, append(serverHelloBody(0x0303, 0xc02f, someRandom), 0, 5, 1)), "malformed ServerHello"},
		{"extension that ends early", hs(messageServerHello, append(serverHelloBody(0x0303, 0xc02f, someRandom), 0, 4, 0, 16, 0, 9)), "malformed ServerHello"},
		{"two ServerHellos", join(hello12, hello12), "a second ServerHello"},
		{"two retries", join(retry, retry), "a second HelloRetryRequest"},
		{"retry then nothing", retry, ""},
		{"clear in TLS 1.3", join(hello13, hs(messageCertificate, chainBody("a"))), "handshake in clear after the ServerHello of TLS 1.3"},
		{"clear in the ServerHello's record", rec(typeHandshake, join(msg(messageServerHello, serverHelloBody(0x0303, 0x1301, someRandom,
			iana.ExtSupportedVersions, "\x03\x04")), msg(messageEncryptedExtensions, []byte{0, 0}))), "ServerHello is not the last message of its record"},
		{"malformed chain", join(hello12, hs(messageCertificate, []byte{0, 0, 9, 0, 0, 1})), "malformed Certificate"},
		{"malformed key exchange", join(hello12, hs(messageServerKeyExchange, []byte{3, 0})), "malformed ServerKeyExchange"},
		{"malformed request", join(hello12, hs(messageCertificateRequest, []byte{9})), "malformed CertificateRequest"},
		{"malformed ticket", join(hello12, hs(messageNewSessionTicket, []byte{0, 0, 0, 1, 9})), "malformed NewSessionTicket"},
		{"malformed status", join(hello12, hs(messageCertificateStatus, []byte{1, 0, 0, 9})), "malformed CertificateStatus"},
		{"heartbeat", rec(typeHeartbeat, []byte("x")), ""},
		{"empty records", bytes.Repeat(rec(typeHandshake, nil), 1000), ""},
	}
	for _, tt := range tests {
		if f := Read(tt.server, nil, nil); f.Garbled != tt.want {
			t.Errorf("Read, %s: Garbled = %q, want %q", tt.name, f.Garbled, tt.want)
		}
	}
}

// A HelloRetryRequest alone is the answer to a probe without a key share.
func TestReadHelloRetryAlone(t *testing.T) {
	f := Read(hs(messageServerHello, serverHelloBody(0x0303, 0x1302, helloRetryRandom[:],
		iana.ExtSupportedVersions, "\x03\x04", iana.ExtKeyShare, "\x11\xec")), nil, nil)
	want := Flight{HelloRetry: true, HelloRetryGroup: 4588, Version: iana.TLS13, Suite: 0x1302, SessionID: []byte{}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("Read = %+v, want %+v", f, want)
	}
}

func TestReadSplitMessages(t *testing.T) {
	flight := join(msg(messageServerHello, serverHelloBody(0x0301, 0x002f, someRandom)), msg(messageCertificate, chainBody("one", "two")), msg(messageServerHelloDone, nil))
	var server []byte
	for _, b := range flight {
		server = append(server, rec(typeHandshake, []byte{b})...)
	}
	f := Read(server, nil, nil)
	if want := [][]byte{[]byte("one"), []byte("two")}; !reflect.DeepEqual(f.Chain, want) || f.Version != iana.TLS10 || f.Garbled != "" {
		t.Errorf("Read of one byte a record: Chain %q, Version %#04x, Garbled %q, want %q, TLS 1.0", f.Chain, f.Version, f.Garbled, want)
	}
}

func TestReadPartialChain(t *testing.T) {
	whole := join(hs(messageServerHello, serverHelloBody(0x0303, 0xc02f, someRandom)), hs(messageCertificate, chainBody("one", "two", "three")))
	for cut, want := range map[int]int{0: 3, 1: 2, 5: 2, 8: 2, 9: 1, 14: 1, 15: 0, 18: 0} {
		f := Read(whole[:len(whole)-cut], nil, nil)
		if len(f.Chain) != want || f.Garbled != "" {
			t.Errorf("Read without the last %d bytes: %d certificates, garbled %q, want %d", cut, len(f.Chain), f.Garbled, want)
		}
	}
}

// A message of 16 MB is read up to the limit, and what came whole is kept.
func TestReadEndlessCertificate(t *testing.T) {
	big := strings.Repeat("c", 150_000)
	message := msg(messageCertificate, chainBody("leaf", big, big, big))
	server := hs(messageServerHello, serverHelloBody(0x0303, 0xc02f, someRandom))
	for len(message) > 0 {
		n := min(len(message), 1<<14)
		server = append(server, rec(typeHandshake, message[:n])...)
		message = message[n:]
	}
	f := Read(server, nil, nil)
	if want := "Certificate of 450019 bytes, of which 262144 were read"; f.Garbled != want || f.Oversize != 450_019 {
		t.Errorf("Read: Garbled = %q, Oversize = %d, want %q", f.Garbled, f.Oversize, want)
	}
	if len(f.Chain) != 2 || string(f.Chain[0]) != "leaf" || len(f.Chain[1]) != len(big) {
		t.Errorf("Read: %d certificates, want the two that came within the limit", len(f.Chain))
	}
}

// Its length is told even where reading stopped at its beginning, as crypto/tls does.
func TestReadOversize(t *testing.T) {
	for _, test := range []struct{ length, want int }{{maxMessage, 0}, {maxMessage + 1, maxMessage + 1}, {1<<24 - 1, 1<<24 - 1}} {
		start := []byte{messageCertificate, byte(test.length >> 16), byte(test.length >> 8), byte(test.length)}
		f := Read(join(hs(messageServerHello, serverHelloBody(0x0303, 0xc02f, someRandom)), rec(typeHandshake, start)), nil, nil)
		if f.Oversize != test.want {
			t.Errorf("Read of a message that announces %d bytes: Oversize = %d, want %d", test.length, f.Oversize, test.want)
		}
	}
}

func TestReadLimits(t *testing.T) {
	names := func(n int) []byte {
		var b cryptobyte.Builder
		b.AddUint8(0)  // certificate types
		b.AddUint16(0) // signature algorithms
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for range n {
				b.AddUint16(0)
			}
		})
		return b.BytesOrPanic()
	}
	server := join(hs(messageServerHello, serverHelloBody(0x0303, 0xc02f, someRandom)),
		hs(messageCertificate, chainBody(make([]string, 1000)...)),
		hs(messageCertificateRequest, names(1000)),
		bytes.Repeat(hs(messageNewSessionTicket, []byte{0, 0, 0, 1, 0, 0}), 1000),
		bytes.Repeat(rec(typeAlert, []byte{1, 90}), 1000))
	f := Read(server, nil, nil)
	got := []int{len(f.Chain), len(f.CertificateAuthorities), len(f.Tickets), len(f.Alerts)}
	if want := []int{maxCertificates, maxAuthorities, maxTickets, maxAlerts}; !reflect.DeepEqual(got, want) || f.Garbled != "" {
		t.Errorf("Read: certificates, authorities, tickets, alerts = %d, garbled %q, want %d", got, f.Garbled, want)
	}
	if got := len(ClientAlerts(server)); got != maxAlerts {
		t.Errorf("ClientAlerts: %d alerts, want %d", got, maxAlerts)
	}
}

func TestReadServerKeyExchange(t *testing.T) {
	prime := "\x00\x80" + "\x00" + strings.Repeat("\xff", 127)
	dh := prime + "\x00\x01\x02" + "\x00\x02\x01\x01"
	point := "\x03\x00\x17" + "\x02\x04\x04"
	signature := "\x00\x02\x01\x01"
	tests := []struct {
		name           string
		version, suite uint16
		body           string
		want           Flight // these fields: Group, DHPrimeBits, SignatureScheme
	}{
		{"ECDHE, TLS 1.2", iana.TLS12, 0xc02f, point + "\x08\x04" + signature, Flight{Group: 23, SignatureScheme: 0x0804}},
		{"ECDHE, TLS 1.0", iana.TLS10, 0xc013, point + signature, Flight{Group: 23}},
		{"ECDHE, explicit curve", iana.TLS12, 0xc02f, "\x01\x08anything", Flight{}},
		{"ECDH_anon", iana.TLS12, 0xc018, point, Flight{Group: 23}},
		{"DHE, TLS 1.2", iana.TLS12, 0x009e, dh + "\x04\x01" + signature, Flight{DHPrimeBits: 1016, SignatureScheme: 0x0401}},
		{"DHE, SSL 3.0", iana.SSL30, 0x0016, dh + signature, Flight{DHPrimeBits: 1016}},
		{"DH_anon", iana.TLS11, 0x0034, dh, Flight{DHPrimeBits: 1016}},
		{"DHE_PSK", iana.TLS12, 0x00aa, "\x00\x04hint" + dh, Flight{DHPrimeBits: 1016}},
		{"ECDHE_PSK", iana.TLS12, 0xd001, "\x00\x00" + point, Flight{Group: 23}},
		{"PSK", iana.TLS12, 0x00a8, "\x00\x04hint", Flight{}},
		{"RSA_EXPORT", iana.TLS10, 0x0003, "\x00\x02\xff\xff\x00\x01\x03" + signature, Flight{}},
		{"unknown suite", iana.TLS12, 0xfefe, "\x03", Flight{}},
	}
	for _, tt := range tests {
		f := Read(join(hs(messageServerHello, serverHelloBody(tt.version, tt.suite, someRandom)), hs(messageServerKeyExchange, []byte(tt.body))), nil, nil)
		got := Flight{Group: f.Group, DHPrimeBits: f.DHPrimeBits, SignatureScheme: f.SignatureScheme}
		if !reflect.DeepEqual(got, tt.want) || f.Garbled != "" {
			t.Errorf("Read, %s: %+v, garbled %q, want %+v", tt.name, got, f.Garbled, tt.want)
		}
	}
}

func TestReadHelloExtensions(t *testing.T) {
	f := Read(hs(messageServerHello, serverHelloBody(0x0303, 0xc013, someRandom,
		iana.ExtRenegotiationInfo, "\x00", iana.ExtHeartbeat, "\x01", iana.ExtEncryptThenMAC, "",
		iana.ExtALPN, "\x00\x05\x04imap", iana.ExtSCT, "\x00\x05\x00\x03sct", uint16(0x2a2a), "?")), nil, nil)
	if !f.SecureRenegotiation || f.ExtendedMasterSecret || f.ALPN != "imap" ||
		!reflect.DeepEqual(f.SCTs, [][]byte{[]byte("sct")}) || f.Garbled != "" {
		t.Errorf("Read = %+v, want renegotiation_info, imap and one SCT", f)
	}
	if want := []uint16{0xff01, 15, 22, 16, 18, 0x2a2a}; !reflect.DeepEqual(f.Extensions, want) {
		t.Errorf("Read: Extensions = %d, want %d", f.Extensions, want)
	}
}

func TestReadAlerts(t *testing.T) {
	f := Read(join(rec(typeAlert, []byte{1, 112, 2, 40}), rec(typeAlert, []byte{1, 0}), rec(typeAlert, []byte{1})), nil, nil)
	if want := []Alert{{1, 112, false}, {2, 40, false}, {1, 0, false}}; !reflect.DeepEqual(f.Alerts, want) || !f.CloseNotify {
		t.Errorf("Read: Alerts = %+v, CloseNotify %v, want %+v, true", f.Alerts, f.CloseNotify, want)
	}
	// Behind ChangeCipherSpec of TLS 1.2 an alert is sealed, unless it has no room for a MAC.
	sealed := join(hs(messageServerHello, serverHelloBody(0x0303, 0x002f, someRandom)), rec(typeChangeCipherSpec, []byte{1}),
		rec(typeAlert, bytes.Repeat([]byte{2}, 26)), rec(typeAlert, []byte{2, 51}))
	f = Read(sealed, nil, nil)
	if want := []Alert{{2, 51, false}}; !reflect.DeepEqual(f.Alerts, want) || f.Unopened != 1 || f.HandshakeComplete {
		t.Errorf("Read: Alerts = %+v, Unopened %d, HandshakeComplete %v, want %+v, 1, false", f.Alerts, f.Unopened, f.HandshakeComplete, want)
	}
}
