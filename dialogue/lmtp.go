package dialogue

import "github.com/mailseal/mailseal/observe"

// LMTP is the last step of delivery, RFC 2033: SMTP with LHLO for EHLO. It
// must not be on port 25 (section 5); 24 is a habit, a Unix-domain socket is
// as common.
var LMTP = &Protocol{
	Name: "lmtp", Title: "LMTP", Role: observe.Delivery,
	Schemes:    []Scheme{{"lmtp", observe.StartTLS}},
	Ports:      []Port{{Number: 24, Mode: observe.StartTLS}},
	References: []string{"RFC 2033", "RFC 3207"},
	Greet:      smtpGreeting,
	Ask:        func(s *Session) error { return smtpHello(s, "LHLO") },
	Upgrade:    smtpSTARTTLS,
	Leave:      smtpQUIT,
}
