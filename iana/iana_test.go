package iana

import (
	"bytes"
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	tests := []struct{ call, got, want string }{
		{"VersionName(0x0002)", VersionName(0x0002), "SSL 2.0"},
		{"VersionName(0x0300)", VersionName(SSL30), "SSL 3.0"},
		{"VersionName(0x0304)", VersionName(tls.VersionTLS13), "TLS 1.3"},
		{"VersionName(0x7f1c)", VersionName(0x7f1c), "0x7f1c"},
		{"SuiteName(0xc02f)", SuiteName(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		{"SuiteName(0x5600)", SuiteName(0x5600), "TLS_FALLBACK_SCSV"},
		{"SuiteName(0x0a0a)", SuiteName(0x0a0a), "0x0a0a"}, // GREASE
		{"GroupName(29)", GroupName(29), "x25519"},
		{"GroupName(4588)", GroupName(4588), "X25519MLKEM768"},
		{"GroupName(25497)", GroupName(25497), "X25519Kyber768Draft00"},
		{"GroupName(0)", GroupName(0), "0x0000"},
		{"SignatureSchemeName(0x0804)", SignatureSchemeName(0x0804), "rsa_pss_rsae_sha256"},
		{"SignatureSchemeName(0x081a)", SignatureSchemeName(0x081a), "ecdsa_brainpoolP256r1tls13_sha256"},
		{"SignatureSchemeName(0x0904)", SignatureSchemeName(0x0904), "mldsa44 (draft)"},
		{"SignatureSchemeName(0xfefe)", SignatureSchemeName(0xfefe), "0xfefe"},
		{"AlertName(0)", AlertName(0), "close_notify"},
		{"AlertName(40)", AlertName(40), "handshake_failure"},
		{"AlertName(86)", AlertName(86), "inappropriate_fallback"},
		{"AlertName(121)", AlertName(121), "ech_required"},
		{"AlertName(119)", AlertName(119), "alert 119"},
		{"ExtensionName(51)", ExtensionName(51), "key_share"},
		{"ExtensionName(65281)", ExtensionName(65281), "renegotiation_info"},
		{"ExtensionName(0xdada)", ExtensionName(0xdada), "0xdada"},
		{`ALPN("sieve")`, ALPN("sieve"), "managesieve"},
		{`ALPN("http")`, ALPN("http"), "http/1.1"},
		{`ALPN("smtp")`, ALPN("smtp"), ""},
		{`ALPN("submission")`, ALPN("submission"), ""},
		{`ALPN("lmtp")`, ALPN("lmtp"), ""},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s = %q, want %q", tt.call, tt.got, tt.want)
		}
	}
}

// crypto/tls knows the same names for what it can speak.
func TestNamesAgreeWithCryptoTLS(t *testing.T) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if got := SuiteName(s.ID); got != s.Name {
			t.Errorf("SuiteName(%#04x) = %q, crypto/tls says %q", s.ID, got, s.Name)
		}
	}
	for v := SSL30; v <= TLS13; v++ {
		got, want := VersionName(v), strings.Replace(tls.VersionName(v), "SSLv3", "SSL 3.0", 1)
		if got != want {
			t.Errorf("VersionName(%#04x) = %q, crypto/tls says %q", v, got, want)
		}
	}
}

func TestSuite(t *testing.T) {
	tests := []SuiteInfo{
		{ID: 0x0000, Name: "TLS_NULL_WITH_NULL_NULL", KeyExchange: "NULL", Authentication: "NULL", Cipher: "NULL", MAC: "NULL", Anonymous: true},
		{ID: 0x0002, Name: "TLS_RSA_WITH_NULL_SHA", KeyExchange: "RSA", Authentication: "RSA", Cipher: "NULL", MAC: "SHA1"},
		{ID: 0x0003, Name: "TLS_RSA_EXPORT_WITH_RC4_40_MD5", KeyExchange: "RSA", Authentication: "RSA", Cipher: "RC4_40", MAC: "MD5", Bits: 40, Export: true},
		{ID: 0x0009, Name: "TLS_RSA_WITH_DES_CBC_SHA", KeyExchange: "RSA", Authentication: "RSA", Cipher: "DES_CBC", MAC: "SHA1", Bits: 56},
		{ID: 0x000a, Name: "TLS_RSA_WITH_3DES_EDE_CBC_SHA", KeyExchange: "RSA", Authentication: "RSA", Cipher: "3DES_EDE_CBC", MAC: "SHA1", Bits: 112},
		{ID: 0x0014, Name: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", KeyExchange: "DHE", Authentication: "RSA", Cipher: "DES40_CBC", MAC: "SHA1", Bits: 40, Export: true, ForwardSecret: true},
		{ID: 0x0018, Name: "TLS_DH_anon_WITH_RC4_128_MD5", KeyExchange: "DHE", Authentication: "anon", Cipher: "RC4_128", MAC: "MD5", Bits: 128, Anonymous: true, ForwardSecret: true},
		{ID: 0x0026, Name: "TLS_KRB5_EXPORT_WITH_DES_CBC_40_SHA", KeyExchange: "KRB5", Authentication: "KRB5", Cipher: "DES_CBC_40", MAC: "SHA1", Bits: 40, Export: true},
		{ID: 0x002f, Name: "TLS_RSA_WITH_AES_128_CBC_SHA", KeyExchange: "RSA", Authentication: "RSA", Cipher: "AES_128_CBC", MAC: "SHA1", Bits: 128},
		{ID: 0x0031, Name: "TLS_DH_RSA_WITH_AES_128_CBC_SHA", KeyExchange: "DH", Authentication: "RSA", Cipher: "AES_128_CBC", MAC: "SHA1", Bits: 128},
		{ID: 0x009f, Name: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", KeyExchange: "DHE", Authentication: "RSA", Cipher: "AES_256_GCM", MAC: "AEAD", Bits: 256, AEAD: true, ForwardSecret: true},
		{ID: 0x0093, Name: "TLS_RSA_PSK_WITH_3DES_EDE_CBC_SHA", KeyExchange: "RSA", Authentication: "RSA+PSK", Cipher: "3DES_EDE_CBC", MAC: "SHA1", Bits: 112},
		{ID: 0x1301, Name: "TLS_AES_128_GCM_SHA256", Cipher: "AES_128_GCM", MAC: "AEAD", Bits: 128, AEAD: true, ForwardSecret: true, TLS13: true},
		{ID: 0x1303, Name: "TLS_CHACHA20_POLY1305_SHA256", Cipher: "CHACHA20_POLY1305", MAC: "AEAD", Bits: 256, AEAD: true, ForwardSecret: true, TLS13: true},
		{ID: 0x1305, Name: "TLS_AES_128_CCM_8_SHA256", Cipher: "AES_128_CCM_8", MAC: "AEAD", Bits: 128, AEAD: true, ForwardSecret: true, TLS13: true},
		{ID: 0x00c6, Name: "TLS_SM4_GCM_SM3", Cipher: "SM4_GCM", MAC: "AEAD", Bits: 128, AEAD: true, ForwardSecret: true, TLS13: true},
		{ID: 0xc004, Name: "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", KeyExchange: "ECDH", Authentication: "ECDSA", Cipher: "AES_128_CBC", MAC: "SHA1", Bits: 128},
		{ID: 0xc019, Name: "TLS_ECDH_anon_WITH_AES_256_CBC_SHA", KeyExchange: "ECDHE", Authentication: "anon", Cipher: "AES_256_CBC", MAC: "SHA1", Bits: 256, Anonymous: true, ForwardSecret: true},
		{ID: 0xc01e, Name: "TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", KeyExchange: "SRP", Authentication: "RSA", Cipher: "AES_128_CBC", MAC: "SHA1", Bits: 128},
		{ID: 0xc028, Name: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", KeyExchange: "ECDHE", Authentication: "RSA", Cipher: "AES_256_CBC", MAC: "SHA384", Bits: 256, ForwardSecret: true},
		{ID: 0xc0a2, Name: "TLS_DHE_RSA_WITH_AES_128_CCM_8", KeyExchange: "DHE", Authentication: "RSA", Cipher: "AES_128_CCM_8", MAC: "AEAD", Bits: 128, AEAD: true, ForwardSecret: true},
		{ID: 0xc0aa, Name: "TLS_PSK_DHE_WITH_AES_128_CCM_8", KeyExchange: "DHE", Authentication: "PSK", Cipher: "AES_128_CCM_8", MAC: "AEAD", Bits: 128, AEAD: true, ForwardSecret: true},
		{ID: 0xc0b4, Name: "TLS_SHA256_SHA256", Cipher: "NULL", MAC: "SHA256", ForwardSecret: true, TLS13: true},
		{ID: 0xc100, Name: "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC", KeyExchange: "GOSTR341112_256", Authentication: "GOSTR34102012", Cipher: "KUZNYECHIK_CTR", MAC: "OMAC", Bits: 256},
		{ID: 0xc104, Name: "TLS_GOSTR341112_256_WITH_MAGMA_MGM_L", Cipher: "MAGMA_MGM", MAC: "AEAD", Bits: 256, AEAD: true, ForwardSecret: true, TLS13: true},
		{ID: 0xcca9, Name: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", KeyExchange: "ECDHE", Authentication: "ECDSA", Cipher: "CHACHA20_POLY1305", MAC: "AEAD", Bits: 256, AEAD: true, ForwardSecret: true},
		{ID: 0xd003, Name: "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", KeyExchange: "ECDHE", Authentication: "PSK", Cipher: "AES_128_CCM_8", MAC: "AEAD", Bits: 128, AEAD: true, ForwardSecret: true},
	}
	for _, want := range tests {
		if got, ok := Suite(want.ID); !ok || got != want {
			t.Errorf("Suite(%#04x) = %+v, %v, want %+v", want.ID, got, ok, want)
		}
	}
	for _, id := range []uint16{0x00ff, 0x5600, 0x0a0a, 0x00c8, 0xffff} {
		if got, ok := Suite(id); ok {
			t.Errorf("Suite(%#04x) = %+v, true, want false", id, got)
		}
	}
}

// Every registered suite must be understood, and its parts must fit each other.
func TestEverySuite(t *testing.T) {
	if len(suiteNames) < 300 {
		t.Fatalf("len(suiteNames) = %d, want at least 300", len(suiteNames))
	}
	for id, name := range suiteNames {
		if strings.HasSuffix(name, "_SCSV") {
			continue
		}
		s, ok := Suite(id)
		switch {
		case !ok:
			t.Errorf("Suite(%#04x) does not understand %s", id, name)
		case s.TLS13 != (s.KeyExchange == "") || s.TLS13 != (s.Authentication == ""):
			t.Errorf("Suite(%#04x) %s: TLS13 %v with key exchange %q and authentication %q", id, name, s.TLS13, s.KeyExchange, s.Authentication)
		case s.Cipher == "" || s.MAC == "":
			t.Errorf("Suite(%#04x) %s: cipher %q, MAC %q, want both", id, name, s.Cipher, s.MAC)
		case (s.Bits == 0) != (s.Cipher == "NULL"):
			t.Errorf("Suite(%#04x) %s: %d bits with cipher %q", id, name, s.Bits, s.Cipher)
		case s.AEAD != (s.MAC == "AEAD"):
			t.Errorf("Suite(%#04x) %s: AEAD %v with MAC %q", id, name, s.AEAD, s.MAC)
		case s.Export != strings.Contains(name, "EXPORT") || s.Export != (s.Bits == 40):
			t.Errorf("Suite(%#04x) %s: export %v with %d bits", id, name, s.Export, s.Bits)
		case s.Anonymous != (strings.Contains(name, "_anon_") || name == "TLS_NULL_WITH_NULL_NULL"):
			t.Errorf("Suite(%#04x) %s: anonymous %v", id, name, s.Anonymous)
		}
	}
}

func TestGroup(t *testing.T) {
	tests := []GroupInfo{
		{ID: 1, Name: "sect163k1", Kind: "ecdhe", Bits: 80},
		{ID: 15, Name: "secp160k1", Kind: "ecdhe", Bits: 80},
		{ID: 17, Name: "secp160r2", Kind: "ecdhe", Bits: 80},
		{ID: 19, Name: "secp192r1", Kind: "ecdhe", Bits: 80},
		{ID: 21, Name: "secp224r1", Kind: "ecdhe", Bits: 112},
		{ID: 23, Name: "secp256r1", Kind: "ecdhe", Bits: 128},
		{ID: 24, Name: "secp384r1", Kind: "ecdhe", Bits: 192},
		{ID: 25, Name: "secp521r1", Kind: "ecdhe", Bits: 256},
		{ID: 29, Name: "x25519", Kind: "ecdhe", Bits: 128},
		{ID: 30, Name: "x448", Kind: "ecdhe", Bits: 224},
		{ID: 32, Name: "brainpoolP384r1tls13", Kind: "ecdhe", Bits: 192},
		{ID: 256, Name: "ffdhe2048", Kind: "ffdhe", Bits: 112},
		{ID: 260, Name: "ffdhe8192", Kind: "ffdhe", Bits: 192},
		{ID: 513, Name: "MLKEM768", Kind: "kem", Bits: 192, PostQuantum: true},
		{ID: 4588, Name: "X25519MLKEM768", Kind: "hybrid", Bits: 192, PostQuantum: true},
		{ID: 4589, Name: "SecP384r1MLKEM1024", Kind: "hybrid", Bits: 256, PostQuantum: true},
		{ID: 25497, Name: "X25519Kyber768Draft00", Kind: "hybrid", Bits: 192, PostQuantum: true, Obsolete: true},
		{ID: 0xff01, Name: "arbitrary_explicit_prime_curves", Kind: "ecdhe"},
	}
	for _, want := range tests {
		if got, ok := Group(want.ID); !ok || got != want {
			t.Errorf("Group(%d) = %+v, %v, want %+v", want.ID, got, ok, want)
		}
	}
	for _, id := range []uint16{0, 42, 255, 0x2a2a} {
		if got, ok := Group(id); ok {
			t.Errorf("Group(%d) = %+v, true, want false", id, got)
		}
	}
}

// groupShape goes by number; this holds its families against the names of the registry.
func TestEveryGroup(t *testing.T) {
	for id, name := range groupNames {
		g, _ := Group(id)
		kem := strings.Contains(name, "MLKEM") || strings.Contains(name, "Kyber")
		want := "ecdhe"
		switch {
		case strings.HasPrefix(name, "ffdhe"):
			want = "ffdhe"
		case strings.HasPrefix(name, "MLKEM"):
			want = "kem"
		case kem:
			want = "hybrid"
		}
		if g.Kind != want || g.PostQuantum != kem {
			t.Errorf("Group(%d) %s: kind %q, post-quantum %v, want %q, %v", id, name, g.Kind, g.PostQuantum, want, kem)
		}
		if (g.Bits == 0) != strings.HasPrefix(name, "arbitrary_explicit_") {
			t.Errorf("Group(%d) %s: %d bits", id, name, g.Bits)
		}
	}
}

// The tables in the tree must be what the generator makes of the registry files.
func TestTablesAreGenerated(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("skipped: the generator needs the go command, and there is none:", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command(goTool, "run", "generate.go", "-out", dir).CombinedOutput(); err != nil {
		t.Fatalf("go run generate.go -out DIR: %v\n%s", err, out)
	}
	for _, file := range []string{"suites_table.go", "groups_table.go"} {
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from what generate.go writes; run go generate ./iana", file)
		}
	}
}

func FuzzParseSuite(f *testing.F) {
	for _, name := range []string{"", "TLS_", "TLS__WITH_", "TLS_RSA_WITH_NULL", "TLS_X_WITH_MGM_L", "TLS_X_WITH__MGM_S", "TLS_SHA256_SHA256"} {
		f.Add(name)
	}
	for _, name := range suiteNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s, ok := parseSuite(name)
		if ok && (s.Cipher == "" || s.MAC == "") {
			t.Errorf("parseSuite(%q) = %+v, true, want a cipher and a MAC", name, s)
		}
	})
}
