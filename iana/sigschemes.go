package iana

// signatureSchemeNames holds the TLS SignatureScheme registry: RFC 8446, section 4.2.3 (now RFC 9846), RFC 8734 for
// Brainpool in TLS 1.3, and the hash and signature pairs of RFC 5246, section 7.4.1.4.1, that a TLS 1.2 server may still
// name. RFC 8446 reserved most of those pairs without a name; for them we write hash and signature in its style.
var signatureSchemeNames = map[uint16]string{
	0x0401: "rsa_pkcs1_sha256",
	0x0501: "rsa_pkcs1_sha384",
	0x0601: "rsa_pkcs1_sha512",
	0x0403: "ecdsa_secp256r1_sha256",
	0x0503: "ecdsa_secp384r1_sha384",
	0x0603: "ecdsa_secp521r1_sha512",
	0x0804: "rsa_pss_rsae_sha256",
	0x0805: "rsa_pss_rsae_sha384",
	0x0806: "rsa_pss_rsae_sha512",
	0x0807: "ed25519",
	0x0808: "ed448",
	0x0809: "rsa_pss_pss_sha256",
	0x080a: "rsa_pss_pss_sha384",
	0x080b: "rsa_pss_pss_sha512",
	0x081a: "ecdsa_brainpoolP256r1tls13_sha256",
	0x081b: "ecdsa_brainpoolP384r1tls13_sha384",
	0x081c: "ecdsa_brainpoolP512r1tls13_sha512",

	// Legacy, for certificates and TLS 1.2 only.
	0x0201: "rsa_pkcs1_sha1",
	0x0203: "ecdsa_sha1",

	// Pairs of RFC 5246: hash md5(1) sha1(2) sha224(3) sha256(4) sha384(5) sha512(6), signature rsa(1) dsa(2) ecdsa(3).
	0x0101: "rsa_pkcs1_md5",
	0x0102: "dsa_md5",
	0x0202: "dsa_sha1",
	0x0301: "rsa_pkcs1_sha224",
	0x0302: "dsa_sha224",
	0x0303: "ecdsa_sha224",
	0x0402: "dsa_sha256",
	0x0502: "dsa_sha384",
	0x0602: "dsa_sha512",

	// Not in an RFC when this was written: draft-ietf-tls-mldsa.
	0x0904: "mldsa44 (draft)",
	0x0905: "mldsa65 (draft)",
	0x0906: "mldsa87 (draft)",
}

// SignatureSchemeName is the name of a signature scheme: "rsa_pss_rsae_sha256". An unknown one is its number.
//
// In TLS 1.2 the names of 0x0403, 0x0503 and 0x0603 say too much: there they mean ECDSA with that hash over the curve
// of the certificate, whichever it is (RFC 8446, section 4.2.3).
func SignatureSchemeName(scheme uint16) string { return name(signatureSchemeNames, scheme) }
