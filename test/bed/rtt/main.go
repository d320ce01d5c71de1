//go:build linux

// Command rtt joins two TUN devices and holds every packet for half of a round trip: a
// round-trip time for kernels that were built without netem.
//
// usage: rtt -delay 50ms NEAR FAR
//
// It makes both devices and copies packets from either to the other until it is ended. Addresses and
// the network namespace of the far end are the business of who started it (see ../roundtrip.sh).
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// waiting is how many packets may be on their way in one direction. Like a router, we drop what
// comes beyond it; TCP sends it again.
const waiting = 65536

func main() {
	delay := flag.Duration("delay", 50*time.Millisecond, "round-trip `time`")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: rtt -delay 50ms NEAR FAR")
		os.Exit(2)
	}
	if err := join(flag.Arg(0), flag.Arg(1), *delay/2); err != nil {
		fmt.Fprintln(os.Stderr, "rtt:", err)
		os.Exit(1)
	}
}

// join returns when one of the two devices is gone.
func join(near, far string, oneWay time.Duration) error {
	a, err := open(near)
	if err != nil {
		return err
	}
	b, err := open(far)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- carry(a, b, oneWay) }()
	go func() { ended <- carry(b, a, oneWay) }()
	return <-ended
}

// open makes a TUN device. It lives as long as the file.
func open(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("naming device %q: %w", name, err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, fmt.Errorf("making device %q: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// packet is one that is on its way.
type packet struct {
	due  time.Time
	data []byte
}

// carry brings packets from one device to the other, each after the delay, in order.
func carry(from, to *os.File, oneWay time.Duration) error {
	underway := make(chan packet, waiting)
	defer close(underway)
	go deliver(underway, to)
	data := make([]byte, 65536)
	for {
		n, err := from.Read(data)
		if errors.Is(err, unix.EIO) {
			time.Sleep(20 * time.Millisecond) // made, but not set up yet
			continue
		}
		if err != nil {
			return fmt.Errorf("reading from %s: %w", from.Name(), err)
		}
		select {
		case underway <- packet{time.Now().Add(oneWay), append([]byte(nil), data[:n]...)}:
		default:
		}
	}
}

func deliver(underway <-chan packet, to *os.File) {
	for p := range underway {
		time.Sleep(time.Until(p.due))
		// The other end may not be set up yet. A lost packet is TCP's business.
		to.Write(p.data)
	}
}
