package iana

import "strings"

// GroupInfo describes a key exchange group.
type GroupInfo struct {
	ID          uint16
	Name        string // as registered, without a remark
	Kind        string // "ecdhe", "ffdhe", "hybrid" (elliptic curve and KEM together) or "kem"
	Bits        int    // security strength; 0 when the number does not tell it
	PostQuantum bool   // has a part that is meant to resist a quantum computer
	Obsolete    bool   // a draft's number that the standard has replaced
}

// GroupName is the name of a supported group: "x25519". An unknown one is its number.
func GroupName(id uint16) string { return strings.TrimSuffix(name(groupNames, id), obsolete) }

// Group describes a registered group; false if the number is not registered.
func Group(id uint16) (GroupInfo, bool) {
	registered, ok := groupNames[id]
	if !ok {
		return GroupInfo{}, false
	}
	g := groupShape(id)
	g.ID = id
	g.Name, g.Obsolete = strings.CutSuffix(registered, obsolete)
	return g, true
}

const obsolete = " (obsolete)" // the registry's remark behind a name

// groupShape gives what the name of a group does not spell out. The strengths are those of NIST SP 800-57 part 1, table
// 2, by the size of the curve's field or of the prime, rounded down to the table's steps (80, 112, 128, 192, 256): a
// prime of 6144 bits is less than the 7680 that 192 asks for. X25519 and X448 have the strengths of RFC 7748. ML-KEM
// has that of its FIPS 203 category: 512 as AES-128, 768 as AES-192, 1024 as AES-256. A hybrid is as strong as the
// stronger of its parts.
func groupShape(id uint16) GroupInfo {
	switch id {
	case 1, 2, 3, 4, 5, 15, 16, 17, 18, 19: // sect163*, sect193*, secp160*, secp192*
		return GroupInfo{Kind: "ecdhe", Bits: 80}
	case 6, 7, 8, 20, 21: // sect233*, sect239k1, secp224*
		return GroupInfo{Kind: "ecdhe", Bits: 112}
	case 9, 10, 22, 23, 26, 29, 31, 34, 35, 36, 37, 41: // sect283*, 256-bit curves, x25519, GC256*, SM2
		return GroupInfo{Kind: "ecdhe", Bits: 128}
	case 11, 12, 24, 27, 32: // sect409*, secp384r1, brainpoolP384r1
		return GroupInfo{Kind: "ecdhe", Bits: 192}
	case 30: // x448
		return GroupInfo{Kind: "ecdhe", Bits: 224}
	case 13, 14, 25, 28, 33, 38, 39, 40: // sect571*, secp521r1, brainpoolP512r1, GC512*
		return GroupInfo{Kind: "ecdhe", Bits: 256}
	case 256: // ffdhe2048
		return GroupInfo{Kind: "ffdhe", Bits: 112}
	case 257, 258, 259: // ffdhe3072, ffdhe4096, ffdhe6144
		return GroupInfo{Kind: "ffdhe", Bits: 128}
	case 260: // ffdhe8192
		return GroupInfo{Kind: "ffdhe", Bits: 192}
	case 512: // MLKEM512
		return GroupInfo{Kind: "kem", Bits: 128, PostQuantum: true}
	case 513: // MLKEM768
		return GroupInfo{Kind: "kem", Bits: 192, PostQuantum: true}
	case 514: // MLKEM1024
		return GroupInfo{Kind: "kem", Bits: 256, PostQuantum: true}
	case 4587, 4588, 4590, 25497, 25498: // a 256-bit curve or x25519 with MLKEM768 or Kyber768
		return GroupInfo{Kind: "hybrid", Bits: 192, PostQuantum: true}
	case 4589: // SecP384r1MLKEM1024
		return GroupInfo{Kind: "hybrid", Bits: 256, PostQuantum: true}
	}
	return GroupInfo{Kind: "ecdhe"} // explicit curves: the size comes with the parameters
}
