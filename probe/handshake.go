package probe

import (
	"crypto/tls"
	"fmt"
	"io"

	"github.com/mailseal/mailseal/hello"
	"github.com/mailseal/mailseal/iana"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// WholeOffer is everything that crypto/tls can do: one good handshake with
// whatever the server likes best of it.
func WholeOffer() observe.Offer {
	offer := observe.Offer{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS13}
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			if s.SupportedVersions[0] != tls.VersionTLS13 {
				offer.Suites = append(offer.Suites, s.ID)
			}
		}
	}
	for _, g := range []tls.CurveID{
		tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024,
		tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
	} {
		offer.Groups = append(offer.Groups, uint16(g))
	}
	return offer
}

// handshake goes over to TLS by crypto/tls. Nothing is verified here: a bad
// certificate must not keep us from seeing it.
func (c *Call) handshake() error {
	offer := c.record.Probe.Offer
	config := &tls.Config{
		MinVersion: offer.MinVersion, MaxVersion: offer.MaxVersion, CipherSuites: offer.Suites,
		ServerName: offer.SNI, NextProtos: offer.ALPN,
		InsecureSkipVerify:   true, // judged later, with all that was seen at hand
		KeyLogWriter:         c.keyLog(),
		ClientSessionCache:   c.o.sessions(), // so that tickets are asked for
		GetClientCertificate: c.o.certificate,
	}
	for _, g := range offer.Groups {
		config.CurvePreferences = append(config.CurvePreferences, tls.CurveID(g))
	}
	sealed := tls.Client(c.wire.Wire(), config)
	if err := sealed.HandshakeContext(c.ctx); err != nil {
		return err
	}
	c.tls = sealed
	c.wire.Seal(sealed)
	return nil
}

// keyLog is where the secrets of the handshake go: to our own reader of the
// tape, and to the file that a person asked for.
func (c *Call) keyLog() io.Writer {
	c.keys.Reset()
	if c.o.KeyLog == nil {
		return &c.keys
	}
	return io.MultiWriter(&c.keys, c.o.KeyLog)
}

func (o *Options) sessions() tls.ClientSessionCache {
	if o.Sessions != nil {
		return o.Sessions
	}
	return tls.NewLRUClientSessionCache(1)
}

// certificate shows ours if we have one, else an empty list, RFC 8446,
// section 4.4.2.
func (o *Options) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if o.Certificate != nil {
		return o.Certificate, nil
	}
	return &tls.Certificate{}, nil
}

// readHandshake reads from the tape what the handshake said, because
// crypto/tls tells only a part of it, and nothing of one that failed.
func (c *Call) readHandshake(err error) {
	server, client := c.wire.Tape()
	if len(server) == 0 {
		return
	}
	f := hello.Read(server, client, c.keys.Bytes())
	if len(f.Chain) > 0 { // a resumed session has none
		c.chain = f.Chain
	}
	c.record.TLS = facts(&f)
	c.record.Alerts = nil
	if c.tls != nil {
		c.record.TLS.Complete = true
		c.record.TLS.Resumed = c.tls.ConnectionState().DidResume
	}
	for _, a := range f.Alerts {
		if a.Code != closeNotify {
			c.record.Alerts = append(c.record.Alerts, observe.Alert{From: observe.Server, Level: a.Level, Code: a.Code, Sealed: a.Sealed})
		}
	}
	for _, a := range hello.ClientAlerts(client) {
		c.record.Alerts = append(c.record.Alerts, observe.Alert{From: observe.Client, Level: a.Level, Code: a.Code, Sealed: a.Sealed})
	}
	c.nameTheAlert(err)
	if err != nil && f.Oversize > 0 {
		c.record.End = observe.Excess
		c.record.Cause = fmt.Sprintf("a handshake message of %d bytes", f.Oversize)
	}
}

const closeNotify = 0

// nameTheAlert says it when a fatal alert of the server was the end.
func (c *Call) nameTheAlert(err error) {
	if err == nil {
		return
	}
	if _, ours := err.(*wire.Stop); ours && c.record.End != observe.Garbled && c.record.End != observe.Closed && c.record.End != observe.Alerted {
		return
	}
	for _, a := range c.record.Alerts {
		if a.From == observe.Server && a.Level == 2 {
			c.record.End = observe.Alerted
			c.record.Cause = fmt.Sprintf("the server sent the TLS alert %s (%d)", iana.AlertName(a.Code), a.Code)
			return
		}
	}
}

// facts turns a flight as it was read into the record's form.
func facts(f *hello.Flight) *observe.TLS {
	t := &observe.TLS{
		Version: f.Version, Suite: f.Suite, Group: f.Group, DHBits: f.DHPrimeBits,
		SignatureScheme: f.SignatureScheme, ALPN: observe.Text(f.ALPN), Extensions: f.Extensions,
		DowngradeSentinel: f.DowngradeSentinel, SessionID: len(f.SessionID) > 0 && !f.SessionIDEchoed,
		OCSP: f.OCSP, SCTs: f.SCTs, Garbled: f.Garbled, ClientCAs: f.CertificateAuthorities,
	}
	for _, der := range f.Chain {
		t.Chain = append(t.Chain, observe.FingerprintOf(der))
	}
	for _, k := range f.Tickets {
		t.Tickets = append(t.Tickets, observe.Ticket{Lifetime: k.Lifetime, EarlyData: k.EarlyData})
	}
	if !f.ServerHelloSeen {
		return t
	}
	t.HelloRetry = observe.Known(f.HelloRetry)
	t.Compression = observe.Known(f.Compression != 0)
	if f.Version < tls.VersionTLS13 {
		t.ExtendedMasterSecret = observe.Known(f.ExtendedMasterSecret)
		t.SecureRenegotiation = observe.Known(f.SecureRenegotiation)
	}
	if f.CertificateRequested || f.HandshakeComplete {
		t.ClientCertificate = observe.Known(f.CertificateRequested)
	}
	if f.CloseNotify {
		t.CloseNotify = observe.Yes
	}
	return t
}
