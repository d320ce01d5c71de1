package iana

import "strings"

// SuiteInfo describes a cipher suite, as far as its registered name tells.
//
// Up to TLS 1.2 a suite fixes everything: TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 is a key exchange (DHE), an
// authentication (RSA) and a protection (AES_128_GCM). A TLS 1.3 suite fixes the protection alone; key exchange and
// authentication are negotiated beside it, so those two fields are empty.
type SuiteInfo struct {
	ID             uint16
	Name           string
	KeyExchange    string // RSA, DH, DHE, ECDH, ECDHE, PSK, SRP, KRB5, ECCPWD, GOSTR341112_256, NULL; "" in TLS 1.3
	Authentication string // RSA, DSS, ECDSA, anon, PSK, RSA+PSK, SRP, KRB5, ECCPWD, GOSTR34102012, NULL; "" in TLS 1.3
	Cipher         string // AES_128_GCM, 3DES_EDE_CBC, RC4_128, NULL …
	MAC            string // MD5, SHA1, SHA256, SHA384, OMAC, IMIT, NULL; AEAD when the cipher brings its own
	Bits           int    // effective key bits of the cipher: 3DES 112, export 40, NULL 0
	AEAD           bool   // authenticated encryption
	ForwardSecret  bool   // the key exchange is an ephemeral Diffie-Hellman, always so in TLS 1.3 with a certificate
	Export         bool   // weakened for the export rules of the 1990s
	Anonymous      bool   // nobody is authenticated
	TLS13          bool   // for TLS 1.3 and above only
}

// SuiteName is the registered name of a cipher suite. An unknown one is its number.
func SuiteName(id uint16) string { return name(suiteNames, id) }

// Suite describes a registered cipher suite. It says false for a number that is not registered, and for the two
// signalling values (RFC 5746, RFC 7507) that stand among the suites and are none.
func Suite(id uint16) (SuiteInfo, bool) {
	registered, ok := suiteNames[id]
	if !ok || strings.HasSuffix(registered, "_SCSV") {
		return SuiteInfo{}, false
	}
	s, ok := parseSuite(registered)
	s.ID = id
	return s, ok
}

// parseSuite takes a name apart. It says false if a part of it is not known to us.
func parseSuite(name string) (SuiteInfo, bool) {
	s := SuiteInfo{Name: name}
	body := strings.TrimPrefix(name, "TLS_")
	exchange, protection, with := strings.Cut(body, "_WITH_")
	if !with || isTLS13GOST(protection) {
		return parseTLS13(s, body, protection)
	}
	exchange, s.Export = strings.CutSuffix(exchange, "_EXPORT")
	kx, ok := exchanges[exchange]
	if !ok {
		return s, false
	}
	s.KeyExchange, s.Authentication = kx.exchange, kx.authentication
	s.Anonymous = kx.authentication == "anon" || kx.authentication == "NULL"
	s.ForwardSecret = kx.exchange == "DHE" || kx.exchange == "ECDHE"
	return parseProtection(s, protection)
}

// exchanges holds what stands before _WITH_ in the names.
//
// DH_anon and ECDH_anon are ephemeral although their names lack the E (RFC 8422, table 1: "Anonymous ephemeral ECDH");
// DH and ECDH with a signature algorithm are static, the key is in the certificate. In RSA_PSK the server proves itself
// by certificate and by the shared key (RFC 4279, section 4). SRP and ECCPWD are not counted as forward secret, because
// their names do not say it.
var exchanges = map[string]struct{ exchange, authentication string }{
	"NULL":            {"NULL", "NULL"},
	"RSA":             {"RSA", "RSA"},
	"DH_DSS":          {"DH", "DSS"},
	"DH_RSA":          {"DH", "RSA"},
	"DHE_DSS":         {"DHE", "DSS"},
	"DHE_RSA":         {"DHE", "RSA"},
	"DH_anon":         {"DHE", "anon"},
	"ECDH_ECDSA":      {"ECDH", "ECDSA"},
	"ECDH_RSA":        {"ECDH", "RSA"},
	"ECDHE_ECDSA":     {"ECDHE", "ECDSA"},
	"ECDHE_RSA":       {"ECDHE", "RSA"},
	"ECDH_anon":       {"ECDHE", "anon"},
	"PSK":             {"PSK", "PSK"},
	"RSA_PSK":         {"RSA", "RSA+PSK"},
	"DHE_PSK":         {"DHE", "PSK"},
	"PSK_DHE":         {"DHE", "PSK"}, // how RFC 6655 spells it
	"ECDHE_PSK":       {"ECDHE", "PSK"},
	"KRB5":            {"KRB5", "KRB5"},
	"SRP_SHA":         {"SRP", "SRP"},
	"SRP_SHA_RSA":     {"SRP", "RSA"},
	"SRP_SHA_DSS":     {"SRP", "DSS"},
	"ECCPWD":          {"ECCPWD", "ECCPWD"},
	"GOSTR341112_256": {"GOSTR341112_256", "GOSTR34102012"}, // RFC 9189
}

// The export rules of KRB5 (RFC 2712) put the key size behind the mode: RC4_40, DES_CBC_40.
var ciphers = map[string]int{
	"NULL":              0,
	"RC4_40":            40,
	"RC4_128":           128,
	"RC2_CBC_40":        40,
	"DES40_CBC":         40,
	"DES_CBC_40":        40,
	"DES_CBC":           56,
	"3DES_EDE_CBC":      112, // three keys, and the meet-in-the-middle attack: NIST SP 800-57 part 1, table 2
	"IDEA_CBC":          128,
	"SEED_CBC":          128,
	"AES_128_CBC":       128,
	"AES_256_CBC":       256,
	"AES_128_GCM":       128,
	"AES_256_GCM":       256,
	"AES_128_CCM":       128,
	"AES_256_CCM":       256,
	"AES_128_CCM_8":     128,
	"AES_256_CCM_8":     256,
	"CAMELLIA_128_CBC":  128,
	"CAMELLIA_256_CBC":  256,
	"CAMELLIA_128_GCM":  128,
	"CAMELLIA_256_GCM":  256,
	"ARIA_128_CBC":      128,
	"ARIA_256_CBC":      256,
	"ARIA_128_GCM":      128,
	"ARIA_256_GCM":      256,
	"SM4_GCM":           128,
	"SM4_CCM":           128,
	"AEGIS_128L":        128,
	"AEGIS_256":         256,
	"CHACHA20_POLY1305": 256,
	"KUZNYECHIK_CTR":    256,
	"KUZNYECHIK_MGM":    256,
	"MAGMA_CTR":         256,
	"MAGMA_MGM":         256,
	"28147_CNT":         256,
}

var macs = map[string]string{
	"NULL": "NULL", "MD5": "MD5", "SHA": "SHA1", "SHA256": "SHA256", "SHA384": "SHA384",
	"SM3": "SM3", "OMAC": "OMAC", "IMIT": "IMIT",
}

// parseProtection reads what stands behind _WITH_: a cipher and a hash. The hash is that of the MAC, except behind an
// AEAD cipher, where it belongs to the key derivation (RFC 5246, section 5). The CCM suites of RFC 6655 name no hash at
// all.
func parseProtection(s SuiteInfo, protection string) (SuiteInfo, bool) {
	cipher, hash := protection, ""
	if _, whole := ciphers[protection]; !whole {
		i := strings.LastIndexByte(protection, '_')
		if i < 0 {
			return s, false
		}
		cipher, hash = protection[:i], protection[i+1:]
	}
	bits, known := ciphers[cipher]
	if !known {
		return s, false
	}
	s.Cipher, s.Bits = cipher, bits
	if s.AEAD = isAEAD(cipher); s.AEAD {
		s.MAC = "AEAD"
		return s, true
	}
	s.MAC, known = macs[hash]
	return s, known
}

func isAEAD(cipher string) bool {
	for _, mode := range []string{"_GCM", "_CCM", "_CCM_8", "_MGM", "_POLY1305"} {
		if strings.HasSuffix(cipher, mode) {
			return true
		}
	}
	return strings.HasPrefix(cipher, "AEGIS_")
}

// parseTLS13 reads a name without _WITH_ (RFC 8446, appendix B.4), and the two oddities: the integrity-only suites of
// RFC 9150, TLS_SHA256_SHA256, whose first part is an HMAC, and the GOST suites of RFC 9367.
func parseTLS13(s SuiteInfo, body, gost string) (SuiteInfo, bool) {
	s.TLS13, s.ForwardSecret = true, true
	if gost != "" {
		cipher := gost[:len(gost)-len("_L")]
		s.Cipher, s.Bits, s.AEAD, s.MAC = cipher, ciphers[cipher], true, "AEAD"
		return s, s.Bits > 0
	}
	if first, _, _ := strings.Cut(body, "_"); first == "SHA256" || first == "SHA384" {
		s.Cipher, s.MAC = "NULL", first
		return s, true
	}
	s, ok := parseProtection(s, body)
	return s, ok && s.AEAD
}

// isTLS13GOST recognises the suites of RFC 9367: a TLS 1.3 suite whose name has a _WITH_, and which ends in L or S for
// how often it changes its keys.
func isTLS13GOST(protection string) bool {
	return strings.HasSuffix(protection, "_MGM_L") || strings.HasSuffix(protection, "_MGM_S")
}
