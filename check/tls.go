package check

import (
	"slices"

	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
)

// What the checks of TLS itself have in common.

// askTLS puts a question to what the handshake showed.
//
// A yes counts as soon as the server chose the thing; a no needs a handshake
// that was finished, because only that proves that the server can live with
// what it chose. Where a server has no TLS to ask about (it refused STARTTLS)
// the question does not arise; where TLS was to come and did not, the answer
// is unknown.
func (c Conn) askTLS(ask func(*observe.TLS) *view) *view {
	switch {
	case !c.expectsTLS():
		return nil
	case c.TLS == nil || c.TLS.Version == 0:
		return c.cutShort(c.unknownWithoutTLS().detail)
	}
	v := ask(c.TLS)
	if v != nil && v.answer == observe.No && !c.sealed() {
		return c.cutShort("the handshake was not finished")
	}
	return v
}

// askOldTLS is askTLS for what TLS 1.3 has settled: there, the question does
// not arise.
func (c Conn) askOldTLS(ask func(*observe.TLS) *view) *view {
	return c.askTLS(func(t *observe.TLS) *view {
		if t.Version >= iana.TLS13 {
			return nil
		}
		return ask(t)
	})
}

// expectsTLS tells whether TLS was to come on this connection.
func (c Conn) expectsTLS() bool {
	if !c.reachable() || c.Probe.Endpoint.Mode == observe.Clear {
		return false
	}
	return c.Probe.Endpoint.Mode == observe.Implicit || !c.declined()
}

// fatal returns the alert that ended the connection, the server's before ours.
func (c Conn) fatal() (observe.Alert, bool) {
	for _, from := range []observe.Side{observe.Server, observe.Client} {
		for _, a := range slices.Backward(c.Alerts) {
			if a.From == from && a.Code != closeNotify && a.Level != warning {
				return a, true
			}
		}
	}
	return observe.Alert{}, false
}

// Alerts that mean something to more than one check, RFC 9846, section 6.
const (
	closeNotify          = 0
	warning              = 1 // a level
	handshakeFailure     = 40
	noCertificate        = 41 // SSL 3.0, RFC 6101, section 5.4.2
	badCertificate       = 42
	unsupportedCert      = 43
	certificateUnknown   = 46
	accessDenied         = 49
	protocolVersion      = 70
	insufficientSecurity = 71
	internalError        = 80
	unrecognizedName     = 112
	certificateRequired  = 116
	noApplication        = 120
)

// refusedWithoutCertificate tells whether the server asked for a client
// certificate and ended TLS because we have none.
func (c Conn) refusedWithoutCertificate() bool {
	a, ok := c.fatal()
	if !ok || a.From != observe.Server {
		return false
	}
	if a.Code == certificateRequired {
		return true
	}
	if c.TLS == nil || c.TLS.ClientCertificate != observe.Yes {
		return false
	}
	switch a.Code {
	case handshakeFailure, noCertificate, badCertificate, certificateUnknown, accessDenied:
		return true
	}
	return false
}
