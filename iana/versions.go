package iana

// Protocol versions, as they stand in a ServerHello or in its supported_versions extension.
const (
	SSL20 uint16 = 0x0002 // draft-hickman-netscape-ssl-00
	SSL30 uint16 = 0x0300 // RFC 6101
	TLS10 uint16 = 0x0301 // RFC 2246
	TLS11 uint16 = 0x0302 // RFC 4346
	TLS12 uint16 = 0x0303 // RFC 5246
	TLS13 uint16 = 0x0304 // RFC 8446, RFC 9846
)

var versionNames = map[uint16]string{
	SSL20: "SSL 2.0",
	SSL30: "SSL 3.0",
	TLS10: "TLS 1.0",
	TLS11: "TLS 1.1",
	TLS12: "TLS 1.2",
	TLS13: "TLS 1.3",
}

// VersionName is the name of a protocol version: "TLS 1.3". An unknown one is its number: "0x7f1c".
func VersionName(version uint16) string { return name(versionNames, version) }
