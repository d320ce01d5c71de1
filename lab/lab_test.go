package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
)

func TestSmoke(t *testing.T) {
	ca, err := NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Protocols() {
		s := New(p, observe.StartTLS)
		r, err := s.Start(context.Background(), ca)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		b := bufio.NewReader(conn)
		cmds := map[string][]string{"smtp": {"EHLO x", "STARTTLS"}, "submission": {"EHLO x", "STARTTLS"}, "lmtp": {"LHLO x", "STARTTLS"}, "imap": {"a CAPABILITY", "b STARTTLS"}, "pop3": {"CAPA", "STLS"}, "sieve": {"STARTTLS"}}
		for _, c := range cmds[p] {
			fmt.Fprintf(conn, "%s\r\n", c)
		}
		for {
			l, err := b.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(l, "egin TLS") || strings.Contains(l, "Ready to start") {
				break
			}
		}
		tc := tls.Client(conn, &tls.Config{RootCAs: ca.Pool(), ServerName: s.Name})
		if err := tc.Handshake(); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		conn.Close()
		r.Close()
		t.Logf("%+v", r.Observations()[0].Conns[0])
	}
}
