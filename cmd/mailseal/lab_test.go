package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
	"github.com/mailseal/mailseal/roots"
)

// What lab serve announces is enough to reach it and to trust it, and what a
// client said is told when it has left.
func TestLabServe(t *testing.T) {
	dir := t.TempDir()
	f := &serveFlags{
		protocol: "smtp", fault: "residue-same-segment", listen: "127.0.0.1:0", last: time.Minute,
		caFile: filepath.Join(dir, "ca.pem"), passwordFile: filepath.Join(dir, "password"),
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- f.run(ctx, w)
		w.Close()
	}()
	out := bufio.NewReader(r)
	first, err := out.ReadString('\n')
	m := regexp.MustCompile(`^serving smtp by starttls on (127\.0\.0\.1:\d+) as (\S+), with the fault residue-same-segment\n$`).FindStringSubmatch(first)
	if err != nil || m == nil {
		t.Fatalf("lab serve begins with %q, %v", first, err)
	}
	if second, _ := out.ReadString('\n'); second != "user lab, password in "+f.passwordFile+"\n" {
		t.Errorf("the second line is %q: it must name the account and not show the password", second)
	}
	secret, err := os.ReadFile(f.passwordFile)
	if err != nil || len(strings.TrimSpace(string(secret))) < 12 {
		t.Errorf("the password file holds %d bytes, %v", len(secret), err)
	}
	store, err := roots.File(f.caFile)
	if err != nil {
		t.Fatal(err)
	}
	target, err := probe.ReadTarget(m[2], probe.Override{Protocol: "smtp", Connect: m[1]})
	if err != nil {
		t.Fatal(err)
	}
	seen := probe.Survey(ctx, target, &probe.Options{Helo: "client.test", Stores: []probe.Store{store}})
	if len(seen.Conns) != 1 || seen.Conns[0].End != observe.Done || seen.Conns[0].Residue == nil || len(seen.Anchors) != 1 {
		t.Errorf("a survey of it saw %+v, anchors %v; want residue, and the lab's root", seen.Conns, seen.Anchors)
	}
	told := make(chan string, 1)
	go func() {
		rest, _ := io.ReadAll(out)
		told <- string(rest)
	}()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("lab serve: %v", err)
	}
	rest := <-told
	for _, want := range []string{"  C: EHLO client.test\n", "  C: STARTTLS\n", "  sealed C: EHLO client.test\n"} {
		if strings.Count(rest, want) != 1 {
			t.Errorf("it told %q %d times, want once:\n%s", want, strings.Count(rest, want), rest)
		}
	}
}

func TestLabServeRefuses(t *testing.T) {
	ok := serveFlags{protocol: "imap", listen: "127.0.0.1:0", last: time.Minute}
	for _, test := range []struct {
		edit func(*serveFlags)
		says string
	}{
		{func(f *serveFlags) { f.listen = "0.0.0.0:0" }, "--public"},
		{func(f *serveFlags) { f.listen = "localhost" }, "a port are needed"},
		{func(f *serveFlags) { f.fault = "no-such-case" }, "lab list"},
		{func(f *serveFlags) { f.fault = "preauth"; f.protocol = "smtp" }, "does not fit"},
		{func(f *serveFlags) { f.last = 0 }, "--for"},
		{func(f *serveFlags) { f.protocol = "gopher" }, "gopher"},
	} {
		f := ok
		test.edit(&f)
		err := f.run(context.Background(), io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("lab serve with %+v: %v, want an error that says %q", f, err, test.says)
		}
	}
}

// Each connection is told once, when it has ended, also when the lab has
// forgotten older ones in between.
func TestUntold(t *testing.T) {
	visitOf := func(n int, end observe.End) observe.Observation {
		return observe.Observation{
			Target: observe.Target{Typed: "127.0.0.1:4711"},
			Conns:  []observe.Conn{{Began: time.Unix(int64(n), 0), End: end}},
		}
	}
	var told map[visit]bool
	for i, test := range []struct {
		all  []observe.Observation
		want int
	}{
		{nil, 0},
		{[]observe.Observation{visitOf(1, observe.Done), visitOf(2, observe.Closed), visitOf(3, observe.Unended)}, 2},
		{[]observe.Observation{visitOf(1, observe.Done), visitOf(2, observe.Closed), visitOf(3, observe.Done)}, 1},
		{[]observe.Observation{visitOf(3, observe.Done), visitOf(4, observe.Done)}, 1}, // two were forgotten
		{[]observe.Observation{visitOf(4, observe.Done), visitOf(5, observe.Reset)}, 1},
		{[]observe.Observation{visitOf(4, observe.Done), visitOf(5, observe.Reset)}, 0},
	} {
		var news []observe.Observation
		if news, told = untold(test.all, told); len(news) != test.want {
			t.Errorf("step %d: %d connections are news, want %d", i, len(news), test.want)
		}
	}
}
