package observe

import "time"

// Conn is what one connection showed.
type Conn struct {
	Probe   Probe         `json:"probe"`
	Began   time.Time     `json:"began"`
	Took    Micros        `json:"took_us"`
	Stages  []StageTime   `json:"stages,omitempty"` // in the order in which they were entered
	Reached Stage         `json:"reached"`          // the last stage that was completed
	End     End           `json:"end"`
	Cause   string        `json:"cause,omitempty"` // the end in words, of ours or of the operating system
	Lines   []Line        `json:"lines,omitempty"`
	Clear   *Capabilities `json:"clear,omitempty"`  // nil: not asked or not answered
	Sealed  *Capabilities `json:"sealed,omitempty"` // the same, inside TLS
	Upgrade Upgrade       `json:"upgrade"`
	Residue *Residue      `json:"residue,omitempty"`
	TLS     *TLS          `json:"tls,omitempty"` // nil: no TLS message of the server was read
	Alerts  []Alert       `json:"alerts,omitempty"`
	Tape    []Segment     `json:"tape,omitempty"` // bytes on the wire, where they were asked for
}

// Stage is how far a connection got.
type Stage string

// The stages, in their order. Implicit TLS has its handshake before the
// greeting, and no upgrade.
const (
	Nothing    Stage = ""           // not even a connection
	Dial       Stage = "dial"       // the connection stands
	Greeting   Stage = "greeting"   // the server greeted, or needs no greeting
	Capability Stage = "capability" // it told what it can do, in clear
	Upgraded   Stage = "upgrade"    // it gave the go-ahead for TLS
	Handshake  Stage = "handshake"  // TLS stands
	After      Stage = "after"      // it told what it can do, inside TLS
)

// StageTime is when a stage began, from the connection's start, and how long
// it took. A stage that failed has a time too.
type StageTime struct {
	Stage Stage  `json:"stage"`
	At    Micros `json:"at_us"`
	Took  Micros `json:"took_us"`
}

// End is how a connection or a look-up ended. These are kept apart because
// they mean different things: never round one to another.
type End string

// The ways to end.
const (
	Unended     End = ""            // still open, or never begun
	Done        End = "done"        // as planned
	Refused     End = "refused"     // the other side said no: a RST to the SYN, or a reply that refuses the service or the upgrade
	Unreachable End = "unreachable" // no route, or no such name
	Timeout     End = "timeout"     // nothing came in time
	Reset       End = "reset"       // RST in the middle
	Closed      End = "closed"      // FIN in the middle
	Alerted     End = "alert"       // a TLS alert, theirs or ours
	Throttled   End = "throttled"   // too many, too fast, try later
	Garbled     End = "garbled"     // what came is not the protocol
	Excess      End = "excess"      // it ran past one of our bounds
	Cancelled   End = "cancelled"   // we stopped: a person, or the time for the whole survey
)

// Line is one line or one message of the clear or sealed conversation.
type Line struct {
	At       Micros `json:"at_us"` // from the connection's start
	From     Side   `json:"from"`
	Sealed   bool   `json:"sealed,omitempty"`
	Text     Text   `json:"text"`               // without its line end
	Break    Break  `json:"break,omitempty"`    // how it ended; empty: CRLF
	Redacted bool   `json:"redacted,omitempty"` // a secret was taken out
}

// Break is how a line ended.
type Break string

// The ends of a line.
const (
	CRLF   Break = ""       // as the RFCs want it
	LF     Break = "lf"     // a bare line feed
	Cut    Break = "cut"    // the connection ended, or the line ran past our bound
	Binary Break = "binary" // no line: a message of a binary protocol
)

// Capabilities are what a server said it can do, as it said it, one item
// each: "STARTTLS", "AUTH PLAIN LOGIN", `"SASL" "PLAIN"`.
type Capabilities struct {
	From  string `json:"from"` // the command that asked, or "greeting"
	Items []Text `json:"items"`
}

// Upgrade is the passage from clear to TLS.
type Upgrade struct {
	Offered Answer `json:"offered"`         // did the capabilities name it
	Sent    Text   `json:"sent,omitempty"`  // the command that we sent; it is tried also when it was not offered
	Reply   []Text `json:"reply,omitempty"` // the server's words
	GoAhead Answer `json:"go_ahead"`        // yes: it told us to start TLS; no: it refused
}

// Residue is clear text that arrived between the go-ahead and the server's
// first TLS record: the mark of an injection or of a broken proxy. A client
// that hands these bytes on believes them to have come through TLS.
type Residue struct {
	Bytes Text `json:"bytes"`          // the first of them, bounded
	Late  bool `json:"late,omitempty"` // not in the segment of the go-ahead, but after it
}

// Alert is a TLS alert, RFC 9846, section 6.
type Alert struct {
	From   Side  `json:"from"`
	Level  uint8 `json:"level"` // 1 warning, 2 fatal
	Code   uint8 `json:"code"`
	Sealed bool  `json:"sealed,omitempty"` // it came encrypted
}

// Segment is a piece of the tape: bytes as they were read or written.
type Segment struct {
	At   Micros `json:"at_us"`
	From Side   `json:"from"`
	Data []byte `json:"data"`
}

// TLS is what the handshake showed. Numbers are the registered code points;
// zero means that none was seen, with the exceptions that are named.
type TLS struct {
	Complete             bool          `json:"complete"` // both Finished messages were exchanged
	Version              uint16        `json:"version"`
	Suite                uint16        `json:"suite"` // TLS_NULL_WITH_NULL_NULL cannot be negotiated, so 0 is none
	Group                uint16        `json:"group,omitempty"`
	DHBits               int           `json:"dh_bits,omitempty"`          // size of the prime, for finite-field DHE before TLS 1.3
	SignatureScheme      uint16        `json:"signature_scheme,omitempty"` // of the server's proof of its key; TLS 1.2 and 1.3
	HelloRetry           Answer        `json:"hello_retry"`
	ALPN                 Text          `json:"alpn,omitempty"`
	Extensions           []uint16      `json:"extensions,omitempty"`   // of ServerHello and EncryptedExtensions, in order
	ExtendedMasterSecret Answer        `json:"extended_master_secret"` // unknown where the version has it built in
	SecureRenegotiation  Answer        `json:"secure_renegotiation"`   // the same
	Compression          Answer        `json:"compression"`
	DowngradeSentinel    uint8         `json:"downgrade_sentinel,omitempty"` // 1: DOWNGRD 00, 2: DOWNGRD 01; RFC 8446, section 4.1.3
	Resumed              bool          `json:"resumed,omitempty"`
	SessionID            bool          `json:"session_id,omitempty"` // the server gave one of its own
	Tickets              []Ticket      `json:"tickets,omitempty"`
	OCSP                 []byte        `json:"ocsp,omitempty"`       // the stapled response, DER
	SCTs                 [][]byte      `json:"scts,omitempty"`       // from the TLS extension; embedded ones are in the certificate
	Chain                []Fingerprint `json:"chain,omitempty"`      // as sent
	ClientCertificate    Answer        `json:"client_certificate"`   // did the server ask for one
	ClientCAs            [][]byte      `json:"client_cas,omitempty"` // names it asked for, DER
	CloseNotify          Answer        `json:"close_notify"`         // did the server say goodbye; unknown where we left first
	Garbled              string        `json:"garbled,omitempty"`    // what made reading stop
}

// Ticket is a NewSessionTicket.
type Ticket struct {
	Lifetime  uint32 `json:"lifetime_s"`           // a hint in TLS 1.2, a limit in TLS 1.3
	EarlyData uint32 `json:"early_data,omitempty"` // max_early_data_size in bytes
}
