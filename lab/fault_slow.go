package lab

import (
	"time"

	"github.com/mailseal/mailseal/observe"
)

var slow = Fault{
	Name: "slow-greeting",
	Manual: "The greeting comes in time and yet never: one byte a second. A client whose patience begins anew with every byte " +
		"waits a minute for this line, and an hour for the next ones.",
	Modes:  starttlsOnly,
	Checks: []string{"conversation-broken"},
	Hangs:  true,
	Edit:   func(s *Server) { s.BytePause = time.Second },
}

var slowHandshake = Fault{
	Name:   "slow-handshake",
	Manual: "The server's half of the handshake comes one byte a second.",
	Checks: []string{"tls-failing"},
	Hangs:  true,
	Edit: func(s *Server) {
		s.Instead[observe.Handshake] = func(c *Session) {
			if !c.ReadHello() {
				return
			}
			c.tap.pause = time.Second
			if c.SendRaw(plainServerHello()) {
				c.Wait()
			}
		}
	},
}
