package probe

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/proxy"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// dial opens the way to an endpoint, through the proxy where there is one.
func dial(ctx context.Context, e observe.Endpoint, o *Options) (net.Conn, error) {
	d := &net.Dialer{}
	if a, err := netip.ParseAddr(o.Bind); err == nil && e.Network == "tcp" {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
	}
	if o.Proxy == nil || e.Network != "tcp" {
		return d.DialContext(ctx, e.Network, e.Address)
	}
	if o.Proxy.Scheme == "socks5" {
		return dialSOCKS(ctx, d, o.Proxy, e.Address)
	}
	return dialCONNECT(ctx, d, o.Proxy, e.Address)
}

// dialSOCKS goes through a SOCKS5 proxy, RFC 1928 and 1929.
func dialSOCKS(ctx context.Context, d *net.Dialer, by *url.URL, address string) (net.Conn, error) {
	var auth *proxy.Auth
	if by.User != nil {
		password, _ := by.User.Password()
		auth = &proxy.Auth{User: by.User.Username(), Password: password}
	}
	s, err := proxy.SOCKS5("tcp", by.Host, auth, d)
	if err != nil {
		return nil, err
	}
	c, err := s.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, byProxy(ctx, socksRefusal(err))
	}
	return c, nil
}

// socksReplies are the replies of RFC 1928, section 6, that tell why there is
// no connection, in the words of x/net, which does not tell them by number.
var socksReplies = map[string]observe.End{
	"general SOCKS server failure":      observe.Refused,
	"connection not allowed by ruleset": observe.Refused,
	"network unreachable":               observe.Unreachable,
	"host unreachable":                  observe.Unreachable,
	"connection refused":                observe.Refused,
	"TTL expired":                       observe.Unreachable,
	"command not supported":             observe.Refused,
	"address type not supported":        observe.Refused,
}

// socksRefusal turns a reply that refuses into how the connection ended; every
// other error stays.
func socksRefusal(err error) error {
	op, _ := errors.AsType[*net.OpError](err)
	if op == nil || op.Err == nil {
		return err
	}
	reply := strings.TrimPrefix(op.Err.Error(), "unknown error ")
	if end, known := socksReplies[reply]; known {
		return &wire.Stop{End: end, Cause: reply}
	}
	return err
}

func byProxy(ctx context.Context, err error) error {
	end, cause := wire.Ending(ctx, err)
	return &wire.Stop{End: end, Cause: "by the proxy: " + cause}
}

// dialCONNECT goes through an HTTP proxy, RFC 9110, section 9.3.6.
func dialCONNECT(ctx context.Context, d *net.Dialer, by *url.URL, address string) (net.Conn, error) {
	c, err := d.DialContext(ctx, "tcp", by.Host)
	if err != nil {
		return nil, byProxy(ctx, err)
	}
	defer context.AfterFunc(ctx, func() { c.SetDeadline(past) })()
	if err := connect(c, by, address); err != nil {
		c.Close()
		return nil, byProxy(ctx, err)
	}
	return c, nil
}

func connect(c net.Conn, by *url.URL, address string) error {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if by.User != nil {
		password, _ := by.User.Password()
		token := base64.StdEncoding.EncodeToString([]byte(by.User.Username() + ":" + password))
		request.Header.Set("Proxy-Authorization", "Basic "+token)
	}
	if err := request.Write(c); err != nil {
		return err
	}
	// One byte at a time: what follows the header is the server's greeting.
	head := &byteReader{r: c, left: proxyHeadLimit}
	response, err := http.ReadResponse(bufio.NewReaderSize(head, 16), request)
	switch {
	case head.err != nil: // net/http hides it behind its own words
		return head.err
	case err != nil:
		return wire.Garbled("the answer to CONNECT is no HTTP: %v", err)
	}
	if response.StatusCode/100 != 2 {
		return &wire.Stop{End: observe.Refused, Cause: fmt.Sprintf("%d %s", response.StatusCode, observe.Escape(http.StatusText(response.StatusCode)))}
	}
	return nil
}

const proxyHeadLimit = 16 << 10

// byteReader reads a bounded number of bytes, one at a time, so that a
// buffered reader on top of it never takes more than it needs. It remembers
// the error that ended it.
type byteReader struct {
	r    io.Reader
	left int
	err  error
}

func (b *byteReader) Read(p []byte) (int, error) {
	if b.left == 0 {
		b.err = &wire.Stop{End: observe.Excess, Cause: "the answer to CONNECT has no end"}
		return 0, b.err
	}
	b.left--
	n, err := b.r.Read(p[:1])
	b.err = err
	return n, err
}
