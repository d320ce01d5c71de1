//go:build unix

package talk

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// watchSize calls f whenever the terminal has got another size, until the
// returned function is called.
func watchSize(f func()) (stop func()) {
	changed := make(chan os.Signal, 1)
	over := make(chan struct{})
	signal.Notify(changed, syscall.SIGWINCH)
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-changed:
				f()
			case <-over:
				return
			}
		}
	})
	return func() {
		signal.Stop(changed)
		close(over)
		watching.Wait()
	}
}
