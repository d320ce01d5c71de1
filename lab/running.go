package lab

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mailseal/mailseal/observe"
)

// User is the name of the lab's only account.
const User = "lab"

// Running is a server that serves. Its methods may be called from any
// goroutine.
type Running struct {
	server   *Server
	protocol protocol
	listener net.Listener
	config   *tls.Config
	chain    [][]byte
	secret   string
	secrets  []string // forms of the secret that must not be written down
	slots    chan struct{}
	stop     chan struct{}
	wg       sync.WaitGroup
	release  func() bool // lets the context go

	mu     sync.Mutex
	closed bool
	open   map[*record]net.Conn
	done   []*record
	size   int
	served int
}

// Start listens and serves until [Running.Close], or until the context ends.
// The error is about the description or the machine, never about a client.
func (s *Server) Start(ctx context.Context, ca *CA) (*Running, error) {
	p, err := s.check()
	if err != nil {
		return nil, err
	}
	certificate, err := ca.Issue(s.Name, s.Leaf)
	if err != nil {
		return nil, err
	}
	listen := s.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("starting a lab server: %w", err)
	}
	r := &Running{
		server: s, protocol: p, listener: l, chain: certificate.Certificate, secret: rand.Text(),
		slots: make(chan struct{}, s.MaxConns), stop: make(chan struct{}), open: make(map[*record]net.Conn),
	}
	r.secrets = secretForms(r.secret)
	r.config = s.config(certificate)
	r.wg.Add(1)
	go r.accept()
	r.mu.Lock()
	r.release = context.AfterFunc(ctx, func() { r.Close() })
	r.mu.Unlock()
	return r, nil
}

// secretForms are the words in which the password can stand in a line.
func secretForms(secret string) []string {
	b64 := base64.StdEncoding.EncodeToString
	return []string{secret, b64([]byte(secret)), b64([]byte("\x00" + User + "\x00" + secret)), b64([]byte(User + "\x00" + User + "\x00" + secret))}
}

// config is the description's TLS in the words of crypto/tls.
func (s *Server) config(certificate tls.Certificate) *tls.Config {
	c := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   s.TLS.MinVersion,
		MaxVersion:   s.TLS.MaxVersion,
		CipherSuites: s.TLS.Suites,
		NextProtos:   s.TLS.ALPN,
	}
	for _, g := range s.TLS.Groups {
		c.CurvePreferences = append(c.CurvePreferences, tls.CurveID(g))
	}
	if s.TLS.DemandCert {
		c.ClientAuth = tls.RequireAnyClientCert
	}
	c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if t, ok := h.Conn.(*tap); ok && t.hello != nil {
			t.hello(h)
		}
		return nil, nil
	}
	return c
}

// accept takes connections, never more than there are slots.
func (r *Running) accept() {
	defer r.wg.Done()
	for {
		select {
		case r.slots <- struct{}{}:
		case <-r.stop:
			return
		}
		conn, err := r.listener.Accept()
		if err != nil {
			<-r.slots
			if !r.pauseAfter() {
				return
			}
			continue
		}
		r.begin(conn)
	}
}

// pauseAfter keeps a failing Accept (no more descriptors, say) from spinning.
func (r *Running) pauseAfter() bool {
	timer := time.NewTimer(10 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-r.stop:
		return false
	case <-timer.C:
		return true
	}
}

// begin serves a connection in a goroutine that ends with it.
func (r *Running) begin(conn net.Conn) {
	now := time.Now()
	rec := r.newRecord(conn, now)
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		conn.Close()
		<-r.slots
		return
	}
	r.open[rec] = conn
	r.served++
	r.wg.Add(1)
	r.mu.Unlock()
	go func() {
		defer r.wg.Done()
		defer func() { <-r.slots }()
		t := newTap(conn, r.server, now, r.stop)
		c := &Session{server: r.server, protocol: r.protocol, run: r, tap: t, conn: t, in: t.r, rec: rec}
		t.hello = c.sawHello
		c.serve()
		r.finish(rec, conn)
	}()
}

// newRecord opens the book on a connection.
func (r *Running) newRecord(conn net.Conn, now time.Time) *record {
	host, port := r.server.Name, 0
	if a, ok := r.listener.Addr().(*net.TCPAddr); ok {
		port = a.Port
	}
	rec := &record{
		o: observe.Observation{
			Schema: observe.Schema, Tool: "mailseal lab", Side: observe.Server, Began: now,
			Target: observe.Target{
				Typed: conn.RemoteAddr().String(), Protocol: r.server.Protocol, Mode: r.server.Mode, Host: host, Port: port,
			},
		},
		conn: observe.Conn{
			Began: now,
			Probe: observe.Probe{Endpoint: observe.Endpoint{
				Protocol: r.server.Protocol, Mode: r.server.Mode, Role: r.protocol.role, Host: host,
				Network: "tcp", Address: r.Addr(), Via: "given",
			}},
		},
	}
	for _, der := range r.chain {
		rec.chain = append(rec.chain, rec.o.Keep(der))
	}
	return rec
}

// finish closes the book and the connection, and drops the oldest books when
// there are too many.
func (r *Running) finish(rec *record, conn net.Conn) {
	conn.Close()
	rec.end(observe.Closed, "")
	rec.edit(func(c *observe.Conn) { c.Took = observe.Since(c.Began, time.Now()) })
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, rec)
	r.done = append(r.done, rec)
	r.size += rec.size
	for len(r.done) > 1 && (len(r.done) > keptConns || r.size > keptBytes) {
		r.size -= r.done[0].size
		r.done[0] = nil
		r.done = r.done[1:]
	}
}

// Addr returns the address of the listener, host:port.
func (r *Running) Addr() string { return r.listener.Addr().String() }

// Secret returns the password of the account [User]. It is random, and never
// appears in an observation.
func (r *Running) Secret() string { return r.secret }

// Served returns how many connections were taken so far.
func (r *Running) Served() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.served
}

// Observations returns the record of each connection: those that have ended,
// in the order in which they ended, then those that have not. When there were
// very many, the oldest are missing.
//
// The record is kept from the server's side. Target.Typed is the client's
// address, Probe.Offer what its hello offered, Upgrade.Sent the command it
// asked for TLS with, Residue what it had sent behind that command, which is
// never carried out.
func (r *Running) Observations() []observe.Observation {
	r.mu.Lock()
	records := append([]*record(nil), r.done...)
	for rec := range r.open {
		records = append(records, rec)
	}
	r.mu.Unlock()
	var all []observe.Observation
	for _, rec := range records {
		all = append(all, rec.observation())
	}
	return all
}

// Close ends every connection and returns when the last goroutine has ended.
// It may be called more than once.
func (r *Running) Close() error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	if first {
		close(r.stop)
		for _, conn := range r.open {
			conn.Close()
		}
	}
	release := r.release
	r.mu.Unlock()
	var err error
	if first {
		err = r.listener.Close()
	}
	if first && release != nil {
		release()
	}
	r.wg.Wait()
	return err
}
