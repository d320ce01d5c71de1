// Package hello reads the first flights of TLS: what a server said, from the bytes it sent.
//
// A TLS library answers "may I talk to this server?" and keeps most of what it saw to itself: which group, which
// signature scheme, which alert, which extensions, how long a ticket lives. This package answers the other question,
// "what did the server send?". It takes the recorded bytes of a connection that somebody else has made, and never
// fails: bytes may be missing at the end, or be no TLS at all, and what could be read is returned.
//
//  1. records.go cuts the bytes into records (RFC 8446, section 5.1). Up to TLS 1.2 the handshake lies open in them.
//  2. TLS 1.3 seals everything after the ServerHello. seal.go opens these records with the secrets that the client
//     wrote into a key log in the format of NSS (crypto/tls: Config.KeyLogWriter).
//  3. read.go puts handshake messages together, which may be split over records, and follows the changes of keys.
//  4. messages.go takes the facts out of each message, in the order in which a server sends them.
//  5. client.go reads the little that we need of the client's side.
//
// Nothing is verified here: no signature, no Finished, no name. The client whose bytes these are has done that or has
// chosen not to. Every loop is bounded by the input, and the lists of a Flight by the limits below.
package hello

// What is kept of lists that the server can prolong.
const (
	maxMessage      = 256 << 10 // bytes of one handshake message, as crypto/tls takes it; its length field allows 16 MiB
	maxCertificates = 200
	maxAuthorities  = 200
	maxSCTs         = 100
	maxTickets      = 100
	maxAlerts       = 100
)

// Flight is what a server sent. Zero values mean that it did not say, or that we did not get so far.
type Flight struct {
	Version uint16 // negotiated; in TLS 1.3 that of supported_versions
	Suite   uint16 // valid if Version is not 0: the number 0 is a suite, TLS_NULL_WITH_NULL_NULL
	Group   uint16 // of key_share, or the named curve of a ServerKeyExchange

	SignatureScheme uint16 // of CertificateVerify, or of a ServerKeyExchange in TLS 1.2; TLS 1.1 and below name none

	HelloRetry      bool   // there was a HelloRetryRequest; it already tells Version, Suite and SessionID
	HelloRetryGroup uint16 // the group it asked for; 0 if it asked for none

	DowngradeSentinel uint8 // end of the ServerHello's random (RFC 8446, section 4.1.3): 1 says TLS 1.1 or below, 2 says TLS 1.2
	SessionID         []byte
	SessionIDEchoed   bool // the same as the client's, and not empty
	Compression       uint8

	Extensions           []uint16 // of ServerHello and EncryptedExtensions, in their order
	ALPN                 string   // as sent: up to 255 bytes of anything
	ExtendedMasterSecret bool
	SecureRenegotiation  bool

	Chain       [][]byte // certificates as sent, in DER
	OCSP        []byte   // the leaf's stapled response
	SCTs        [][]byte // the leaf's signed certificate timestamps from TLS, not those inside the certificate
	DHPrimeBits int

	CertificateRequested   bool
	CertificateAuthorities [][]byte // distinguished names in DER

	Tickets     []Ticket
	Alerts      []Alert
	CloseNotify bool

	ServerHelloSeen   bool
	HandshakeComplete bool   // the server's Finished in TLS 1.3; below, a sealed handshake record behind ChangeCipherSpec
	Unopened          int    // sealed records not opened: every one below TLS 1.3, and those without a key in the log
	Oversize          int    // bytes of a handshake message that announced itself longer than anybody should read; 0 if none did
	Garbled           string // what made the reading stop; "" if it came to the end
}

// Ticket is what a NewSessionTicket says about itself. The ticket is not kept: it opens sessions.
type Ticket struct {
	Lifetime  uint32 // seconds
	EarlyData uint32 // bytes that may be sent before the handshake is finished
}

// Alert is an alert as sent.
type Alert struct {
	Level  uint8 // 1 warning, 2 fatal
	Code   uint8
	Sealed bool // it was encrypted, and the key log opened it
}

// Read reads what the server sent, from its first TLS byte on. The client's bytes and its key log belong to the same
// connection. Without the client's bytes SessionIDEchoed stays false; without the key log TLS 1.3 ends at the ServerHello.
//
// The more bytes of a connection are given, the more is known. Nothing that was read is taken back, unless a ServerHello
// contradicts the HelloRetryRequest before it.
func Read(server, client, keyLog []byte) Flight {
	hello := readClientHello(client)
	r := reader{client: hello, secrets: readKeyLog(keyLog, hello.random)}
	r.read(server)
	return r.f
}
