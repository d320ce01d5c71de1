package dialogue

import (
	"time"

	"github.com/mailseal/mailseal/observe"
)

// TLS is a service of which we know only that it begins with TLS. Nothing is
// said to it, since we do not know its language.
var TLS = &Protocol{
	Name: "tls", Title: "TLS", Role: observe.Other,
	Schemes:    []Scheme{{"tls", observe.Implicit}},
	References: []string{"RFC 9846"},
	Greet:      func(*Session) error { return nil },
	Ask:        tlsListen,
}

// tlsListen waits a moment for what the server may say by itself. Silence is
// as good as any answer; an end of the connection is not silence, and tells
// for example that the server wanted a certificate of ours.
func tlsListen(s *Session) error {
	return s.Within(300*time.Millisecond, func() error {
		b, err := s.Chunk()
		if timedOut(err) {
			return nil
		}
		if len(b) > 0 {
			s.Heard(b)
		}
		return err
	})
}
