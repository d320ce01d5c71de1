package wire

import (
	"net"
	"syscall"
)

// acknowledgeAtOnce asks the kernel not to delay the next acknowledgement. A
// server with Nagle's algorithm on (postfix) sends its session ticket, and
// then holds its next reply back until we have acknowledged the ticket: with a
// delayed acknowledgement that costs 40 ms and a round trip. The kernel
// forgets the wish, so it is said again before each wait.
func acknowledgeAtOnce(c net.Conn) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
}
