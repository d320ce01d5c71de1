package lab_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/smtp"
	"time"

	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
)

// A mail client in Go is tested against an honest server, and its side of the
// story is read from the server's record.
func Example() {
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		panic(err)
	}
	server := lab.New("submission", observe.StartTLS)
	running, err := server.Start(context.Background(), ca)
	if err != nil {
		panic(err)
	}
	defer running.Close()

	client, err := smtp.Dial(running.Addr())
	if err != nil {
		panic(err)
	}
	if err := client.StartTLS(&tls.Config{RootCAs: ca.Pool(), ServerName: server.Name}); err != nil {
		panic(err)
	}
	if err := client.Auth(smtp.PlainAuth("", lab.User, running.Secret(), "127.0.0.1")); err != nil {
		panic(err)
	}
	client.Quit()
	running.Close()

	conn := running.Observations()[0].Conns[0]
	fmt.Println("asked for TLS with", conn.Upgrade.Sent, "and got to", conn.Reached)
	for _, line := range conn.Lines {
		if line.From == observe.Client && line.Redacted {
			fmt.Println("sent a secret, sealed:", line.Sealed)
		}
	}
	// Output:
	// asked for TLS with STARTTLS and got to after
	// sent a secret, sealed: true
}

// A fault is put into a server before it starts.
func ExampleFault() {
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		panic(err)
	}
	fault, ok := lab.FaultByName("cert-wrong-name")
	if !ok {
		panic("no such fault")
	}
	server := lab.New("smtp", observe.StartTLS)
	fault.Edit(server)
	running, err := server.Start(context.Background(), ca)
	if err != nil {
		panic(err)
	}
	defer running.Close()

	client, err := smtp.Dial(running.Addr())
	if err != nil {
		panic(err)
	}
	defer client.Close()
	err = client.StartTLS(&tls.Config{RootCAs: ca.Pool(), ServerName: server.Name})
	fmt.Println("noticed:", err != nil)
	// Output:
	// noticed: true
}
