package observe

// Target is what a person asked for: the words as typed, and how they were
// read.
type Target struct {
	Typed    string `json:"typed"`
	Protocol string `json:"protocol,omitempty"` // dialogue's name; empty for a bare host: its usual mail ports
	Mode     Mode   `json:"mode,omitempty"`
	Host     string `json:"host,omitempty"`   // A-label without trailing dot, or an address literal without brackets
	Domain   string `json:"domain,omitempty"` // the service domain where it differs from the host (XMPP)
	Port     int    `json:"port,omitempty"`
	Path     string `json:"path,omitempty"`    // of a Unix-domain socket
	Connect  string `json:"connect,omitempty"` // dial this address instead of what the host resolves to
}

// Mode is how TLS comes onto the connection.
type Mode string

// The ways to TLS.
const (
	Implicit Mode = "implicit" // TLS at once, RFC 8314, section 3
	StartTLS Mode = "starttls" // by a command of the protocol
	Clear    Mode = "clear"    // the protocol has no way to TLS on this port
)

// Role is what a service is for; standards want different things by role.
type Role string

// The roles.
const (
	MX         Role = "mx"         // takes mail from strangers: port 25
	Submission Role = "submission" // takes mail from its users: 587, 465
	Access     Role = "access"     // gives users their mail: IMAP, POP3, ManageSieve
	Delivery   Role = "delivery"   // takes mail from its own mail server: LMTP
	Other      Role = "other"      // not mail
)

// Endpoint is one place to knock.
type Endpoint struct {
	Protocol string `json:"protocol"`
	Mode     Mode   `json:"mode"`
	Role     Role   `json:"role"`
	Host     string `json:"host,omitempty"`   // the name that the certificate must bear; an address where none was given
	Domain   string `json:"domain,omitempty"` // the service domain where it differs from the host (XMPP)
	Network  string `json:"network"`          // "tcp" or "unix"
	Address  string `json:"address"`          // "192.0.2.1:25", "[2001:db8::1]:25" or a path
	Via      string `json:"via"`              // how we came here: "given", "port" (a usual port of a bare host), "mx", "srv"
}

// Probe is one connection's worth of question.
type Probe struct {
	Endpoint Endpoint `json:"endpoint"`
	Offer    Offer    `json:"offer"`
}

// Offer is what the client put into its ClientHello.
type Offer struct {
	MinVersion uint16   `json:"min_version,omitempty"`
	MaxVersion uint16   `json:"max_version,omitempty"`
	Suites     []uint16 `json:"suites,omitempty"` // TLS 1.2 and below; TLS 1.3's are always offered
	Groups     []uint16 `json:"groups,omitempty"`
	SNI        string   `json:"sni,omitempty"` // empty: no server_name extension
	ALPN       []string `json:"alpn,omitempty"`
}
