package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"testing"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/wire"
)

// The reply of a SOCKS server tells how the connection behind it ended: RFC
// 1928, section 6.
func TestSOCKSReplies(t *testing.T) {
	for reply, want := range map[byte]observe.End{
		1: observe.Refused, 2: observe.Refused, 3: observe.Unreachable, 4: observe.Unreachable, 5: observe.Refused,
		6: observe.Unreachable, 7: observe.Refused, 8: observe.Refused, 99: observe.Garbled,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			io.ReadFull(c, make([]byte, 3)) // version 5, one method: no authentication
			c.Write([]byte{5, 0})
			io.ReadFull(c, make([]byte, 10)) // connect to an IPv4 address and a port
			c.Write([]byte{5, reply, 0, 1, 0, 0, 0, 0, 0, 0})
		}()
		by := &url.URL{Scheme: "socks5", Host: l.Addr().String()}
		_, err = dialSOCKS(context.Background(), &net.Dialer{}, by, "192.0.2.1:25")
		l.Close()
		if stop, _ := errors.AsType[*wire.Stop](err); stop == nil || stop.End != want {
			t.Errorf("dialSOCKS, reply %d: %v, want an end that is %s", reply, err, want)
		}
	}
}
