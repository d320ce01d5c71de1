package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// proxy is a SOCKS5 proxy (RFC 1928, RFC 1929) or one for HTTP's CONNECT (RFC
// 9110, section 9.3.6), just good enough to be gone through. Where it has an
// account, it turns away who does not give it.
type proxy struct {
	listener net.Listener
	account  string // user:password; empty: anybody may come
	stop     func()

	mu    sync.Mutex
	asked []string
}

func startProxy(kind, account string) (*proxy, error) {
	greet, known := map[string]func(*proxy, net.Conn) (string, error){"socks5": (*proxy).socks, "http": (*proxy).connect}[kind]
	if !known {
		return nil, fmt.Errorf("a proxy is socks5 or http, not %q", kind)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, account: account}
	p.stop = serveAll(l, func(c net.Conn) {
		address, err := greet(p, c)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.asked = append(p.asked, address)
		p.mu.Unlock()
		server, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		relay(c, server)
	})
	return p, nil
}

func (p *proxy) close() { p.stop() }

// addresses are those that it was asked for.
func (p *proxy) addresses() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// socks reads what RFC 1928, sections 3 and 4, tells a client to send.
func (p *proxy) socks(c net.Conn) (string, error) {
	const none, password = 0, 2
	methods, err := counted(c, 1)
	if err != nil {
		return "", err
	}
	if p.account == "" {
		c.Write([]byte{5, none})
	} else if !slices.Contains(methods, password) {
		c.Write([]byte{5, 0xff})
		return "", fmt.Errorf("no account was offered")
	} else if err := p.socksAccount(c); err != nil {
		return "", err
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return "", err
	}
	host, err := socksHost(c, head[3])
	if err != nil {
		return "", err
	}
	port := make([]byte, 2)
	if _, err := io.ReadFull(c, port); err != nil {
		return "", err
	}
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port)))), nil
}

// socksAccount is RFC 1929, section 2.
func (p *proxy) socksAccount(c net.Conn) error {
	c.Write([]byte{5, 2})
	user, err := counted(c, 1)
	if err != nil {
		return err
	}
	secret, err := counted(c, 0)
	if err != nil {
		return err
	}
	if string(user)+":"+string(secret) != p.account {
		c.Write([]byte{1, 1})
		return fmt.Errorf("wrong account")
	}
	c.Write([]byte{1, 0})
	return nil
}

func socksHost(c net.Conn, kind byte) (string, error) {
	switch kind {
	case 1, 4:
		address := make([]byte, map[byte]int{1: 4, 4: 16}[kind])
		_, err := io.ReadFull(c, address)
		return net.IP(address).String(), err
	}
	name, err := counted(c, 0)
	return string(name), err
}

// counted reads some bytes, one that counts, and as many as it says.
func counted(c net.Conn, before int) ([]byte, error) {
	head := make([]byte, before+1)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	all := make([]byte, head[before])
	_, err := io.ReadFull(c, all)
	return all, err
}

func (p *proxy) connect(c net.Conn) (string, error) {
	request, err := http.ReadRequest(bufio.NewReader(c)) // the client waits for the answer: nothing is lost in the buffer
	if err != nil {
		return "", err
	}
	if p.account != "" && request.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.account)) {
		io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return "", fmt.Errorf("wrong account")
	}
	io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	return strings.ToLower(request.Host), nil
}

// serveAll serves every connection of a listener. The function that it returns
// ends them all and waits for them.
func serveAll(l net.Listener, serve func(net.Conn)) (stop func()) {
	var all sync.WaitGroup
	var mu sync.Mutex
	open, stopped := make(map[net.Conn]bool), false
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			if stopped {
				c.Close()
			}
			mu.Unlock()
			all.Go(func() {
				defer func() {
					c.Close()
					mu.Lock()
					delete(open, c)
					mu.Unlock()
				}()
				serve(c)
			})
		}
	})
	return func() {
		l.Close()
		mu.Lock()
		stopped = true
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	}
}

// relay carries bytes both ways until either end has had enough.
func relay(a, b net.Conn) {
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		io.Copy(to, from)
		to.Close()
		from.Close()
	}
	both.Go(func() { carry(a, b) })
	both.Go(func() { carry(b, a) })
	both.Wait()
}
