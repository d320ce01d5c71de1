//go:build linux

// Rss runs a program and writes into a file how much memory it had at most, in
// KiB.
//
// It stands in between because Linux counts for a new program what its parent
// had when it was started: the test that starts it is large, and this is small.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: rss FILE PROGRAM ARG...")
		os.Exit(125)
	}
	c := exec.Command(os.Args[2], os.Args[3:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // who ends us ends it
	c.Run()
	if c.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "rss: the program could not be started")
		os.Exit(125)
	}
	most := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if err := os.WriteFile(os.Args[1], []byte(fmt.Sprint(most)), 0o666); err != nil {
		fmt.Fprintln(os.Stderr, "rss:", err)
		os.Exit(125)
	}
	os.Exit(c.ProcessState.ExitCode()) // -1, and so 255, where a signal ended it
}
