package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/probe"
)

// showProgress keeps one line on a terminal from the first second on that says
// which stage is being waited for. The returned function wipes it.
func showProgress(t observe.Target, o *probe.Options) (stop func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return func() {}
	}
	p := &progress{target: t.Typed, began: time.Now(), at: make(map[observe.Endpoint]entry), done: make(chan struct{})}
	o.Watch = p.watch
	var ended sync.WaitGroup
	ended.Go(p.draw)
	return func() {
		close(p.done)
		ended.Wait()
	}
}

type progress struct {
	target string
	began  time.Time
	done   chan struct{}

	mu sync.Mutex
	at map[observe.Endpoint]entry
}

type entry struct {
	stage observe.Stage
	since time.Time
}

func (p *progress) watch(e observe.Endpoint, s observe.Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == observe.Nothing { // the connection is over
		delete(p.at, e)
		return
	}
	p.at[e] = entry{s, time.Now()}
}

func (p *progress) draw() {
	const wipe = "\r\x1b[K"
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	shown := false
	for {
		select {
		case <-p.done:
			if shown {
				fmt.Fprint(os.Stderr, wipe)
			}
			return
		case now := <-tick.C:
			if now.Sub(p.began) >= time.Second {
				fmt.Fprint(os.Stderr, wipe+p.line(now))
				shown = true
			}
		}
	}
}

var waitingFor = map[observe.Stage]string{
	observe.Dial: "the connection", observe.Greeting: "the greeting", observe.Capability: "the capabilities",
	observe.Upgraded: "the go-ahead for TLS", observe.Handshake: "the TLS handshake", observe.After: "the capabilities inside TLS",
}

// line names the stage that has been waited for longest.
func (p *progress) line(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.at) == 0 {
		return fmt.Sprintf("%s: looking up the name (%.0f s)", observe.Escape(p.target), now.Sub(p.began).Seconds())
	}
	var where observe.Endpoint
	var what entry
	for e, s := range p.at {
		if what.since.IsZero() || s.since.Before(what.since) {
			where, what = e, s
		}
	}
	more := ""
	if n := len(p.at) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	return fmt.Sprintf("%s %s: waiting for %s (%.0f s)%s", where.Protocol, where.Address, waitingFor[what.stage], now.Sub(what.since).Seconds(), more)
}
