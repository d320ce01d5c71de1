// A survey must see what a weak server does. These are the settings of
// cmd/mailseal; Go takes them only from above the package clause.
//
//go:debug rsa1024min=0
//go:debug tls3des=1
//go:debug tlsmaxrsasize=16384
//go:debug tlsrsakex=1
//go:debug tlssha1=1
//go:debug x509negativeserial=1

// Package real_test lets mailseal look at the real servers of test/bed, and
// compares what it says with what is known about them, with openssl s_client
// and with gnutls-cli, all in the same run.
//
//  1. every_protocol_test.go: how far every row of the bed's table is seen,
//     and that honest servers raise no false alarm.
//  2. answers_test.go: which questions every row answers yes, in one table.
//  3. openssl_test.go and gnutls_test.go: two other programs are given
//     exactly what we negotiated, and must come to the same facts.
//
// Each row is surveyed once; all tests read that one observation.
//
// The bed is found by the environment variable MAILSEAL_BED, its directory.
// Without it every test is skipped.
package real_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailseal/mailseal/check"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/roots"
)

const (
	host = "mail.example.test" // the name in the bed's certificates, and the domain of its XMPP server
	helo = "client.example.test"
)

// row is a line of the bed's table.
type row struct {
	port     string // a number, or unix:PATH
	server   string
	protocol string // a URL scheme, mostly
	mode     observe.Mode
	word     string // of openssl s_client -starttls; - for none
	notes    string

	survey func() *observe.Observation // once
}

// key names the row in the tables of the tests.
func (r *row) key() string {
	if r.path() != "" {
		return "unix"
	}
	return r.port
}

func (r *row) String() string {
	return fmt.Sprintf("%s %s %s %s", r.key(), r.server, r.protocol, r.mode)
}

// path is that of a row's socket, empty if it has a port.
func (r *row) path() string {
	path, ok := strings.CutPrefix(r.port, "unix:")
	if !ok {
		return ""
	}
	return path
}

// target is the row as a person would ask for it. Where the table says that
// there is no TLS we ask for it all the same.
func (r *row) target() (observe.Target, error) {
	by := probe.Override{Connect: "127.0.0.1:" + r.port, Mode: r.mode}
	scheme, at := r.protocol, ""
	switch {
	case r.path() != "":
		return probe.ReadTarget(scheme+"+unix:"+r.path(), probe.Override{Mode: r.mode})
	case scheme == "http":
		scheme, by.Mode = "https", observe.Implicit
	case r.mode == observe.Clear:
		by.Mode = observe.StartTLS
	}
	if strings.HasPrefix(scheme, "xmpp") {
		at = host + "@"
	}
	return probe.ReadTarget(scheme+"://"+at+host+":"+r.port, by)
}

// conn is the one connection of the row's survey.
func (r *row) conn(t *testing.T) *observe.Conn {
	t.Helper()
	seen := r.survey()
	if len(seen.Conns) != 1 {
		t.Fatalf("Survey of %s made %d connections, want 1", r, len(seen.Conns))
	}
	return &seen.Conns[0]
}

// findings asks every check about the row.
func (r *row) findings() []check.Finding { return check.Run(r.survey(), nil) }

// answer is that of one check about the row; unknown where it does not arise.
func (r *row) answer(name string) (observe.Answer, string) {
	for _, f := range r.findings() {
		if f.Check == name {
			return f.Answer, f.Detail
		}
	}
	return observe.Unknown, "no finding"
}

// theBed is what the tests know of the bed.
type theBed struct {
	dir  string
	rows []*row
}

func (b *theBed) ca() string { return filepath.Join(b.dir, "certs", "ca.pem") }

// load reads the bed's table, once.
var load = sync.OnceValues(func() (*theBed, error) {
	b := &theBed{dir: os.Getenv("MAILSEAL_BED")}
	table, err := os.ReadFile(filepath.Join(b.dir, "ports.tsv"))
	if err != nil {
		return nil, err
	}
	store, err := roots.File(b.ca())
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 6 {
			return nil, fmt.Errorf("ports.tsv: %d fields in %q, want 6", len(f), line)
		}
		r := &row{port: f[0], server: f[1], protocol: f[2], mode: observe.Mode(f[3]), word: f[4], notes: f[5]}
		r.survey = sync.OnceValue(func() *observe.Observation { return survey(r, store) })
		b.rows = append(b.rows, r)
	}
	if len(b.rows) == 0 {
		return nil, fmt.Errorf("ports.tsv of %s has no rows: no server of the bed is up", b.dir)
	}
	return b, nil
})

func survey(r *row, store probe.Store) *observe.Observation {
	target, err := r.target()
	if err != nil {
		panic(fmt.Sprintf("the target of %s: %v", r, err))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	return probe.Survey(ctx, target, &probe.Options{Tool: "mailseal's tests", Helo: helo, Stores: []probe.Store{store}})
}

// bed returns the bed, or skips the test where there is none.
func bed(t *testing.T) *theBed {
	t.Helper()
	if os.Getenv("MAILSEAL_BED") == "" {
		t.Skip("MAILSEAL_BED is not set, so no real servers are at hand; run test/all, or as root: test/bed/bed up && MAILSEAL_BED=${TMPDIR:-/var/tmp}/mailseal-bed go test ./test/real")
	}
	b, err := load()
	if err != nil {
		t.Fatalf("reading the bed: %v", err)
	}
	return b
}

// eachRow runs a test for every row, some at once.
func eachRow(t *testing.T, test func(*testing.T, *theBed, *row)) {
	b := bed(t)
	for _, r := range b.rows {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			test(t, b, r)
		})
	}
}

// find returns the row of that key, or skips the test where its server is not
// up.
func (b *theBed) find(t *testing.T, key string) *row {
	t.Helper()
	for _, r := range b.rows {
		if r.key() == key {
			return r
		}
	}
	t.Skipf("row %s: its server is not up, see missing.tsv of the bed", key)
	return nil
}

// certificate reads the first certificate of a file of the bed.
func (b *theBed) certificate(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "certs", file))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s holds no PEM", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return cert
}
