package lab

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// breaks are the faults in which the connection ends too early: at every
// stage once with RST and once with FIN.
func breaks() []Fault {
	stages := []struct {
		at         observe.Stage
		name, when string
		modes      []observe.Mode
		check      string
	}{
		{observe.Greeting, "greeting", "when it should greet", starttlsOnly, "conversation-broken"},
		{observe.Capability, "capability", "when it is asked for its capabilities", starttlsOnly, "conversation-broken"},
		{observe.Upgraded, "starttls", "when it is asked for TLS", starttlsOnly, "conversation-broken"},
		{observe.Handshake, "hello", "when the client's hello has come", nil, "tls-failing"},
		{observe.After, "after-handshake", "when TLS stands and the conversation should go on", nil, "sealed-conversation-broken"},
	}
	var all []Fault
	for _, st := range stages {
		all = append(all,
			Fault{
				Name: "reset-at-" + st.name, Manual: "The server resets the connection (RST) " + st.when + ".",
				Modes: st.modes, Checks: []string{st.check},
				Edit: func(s *Server) { s.Instead[st.at] = breakWith((*Session).Reset, st.at) },
			},
			Fault{
				Name: "close-at-" + st.name, Manual: "The server closes the connection (FIN) " + st.when + ".",
				Modes: st.modes, Checks: []string{st.check},
				Edit: func(s *Server) { s.Instead[st.at] = breakWith((*Session).HangUp, st.at) },
			})
	}
	return append(all, resetMidHandshake, closeMidHandshake)
}

// breakWith ends the connection at a stage and not before: it reads the
// client's hello first, and leaves a client to whom nothing was said yet the
// time to see its connection stand.
func breakWith(end func(*Session), at observe.Stage) func(*Session) {
	return func(c *Session) {
		switch at {
		case observe.Greeting, observe.Capability:
			if !c.Pause(100 * time.Millisecond) {
				return
			}
		case observe.Handshake:
			if !c.ReadHello() {
				return
			}
		}
		end(c)
	}
}

var resetMidHandshake = Fault{
	Name:   "reset-in-handshake",
	Manual: "The server resets the connection (RST) in the middle of its half of the handshake.",
	Checks: []string{"tls-failing"},
	Edit: func(s *Server) {
		s.Instead[observe.Handshake] = func(c *Session) {
			c.halfHandshake()
			c.Reset()
		}
	},
}

var closeMidHandshake = Fault{
	Name:   "close-in-handshake",
	Manual: "The server closes the connection (FIN) in the middle of its half of the handshake.",
	Checks: []string{"tls-failing"},
	Edit: func(s *Server) {
		s.Instead[observe.Handshake] = (*Session).halfHandshake
	},
}

// halfHandshake does TLS until a part of the server's first flight is sent.
func (c *Session) halfHandshake() {
	t := tls.Server(&cutter{Conn: c.tap, left: 200}, c.run.config)
	if t.Handshake() == nil { // cannot be: the server's flight is longer than that
		c.rec.end(observe.Excess, "the handshake was too short to be cut")
	}
}

// cutter lets a number of bytes out, and then fails.
type cutter struct {
	net.Conn
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err == nil && n < len(p) {
		err = net.ErrClosed
	}
	return n, err
}
