package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// replaying is a mailseal replay that a script has started.
type replaying struct {
	process *exec.Cmd
	out     io.Reader
	printed strings.Builder
	ended   bool
}

func cmdReplay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: replay NAME ARG...")
	}
	r := &replaying{process: exec.Command("mailseal", append([]string{"replay"}, args[1:]...)...)}
	r.process.Dir = ts.MkAbs(".")
	out, err := r.process.StdoutPipe()
	ts.Check(err)
	ts.Check(r.process.Start())
	ts.Defer(func() {
		if !r.ended {
			r.process.Process.Kill()
			r.process.Wait()
		}
	})
	first := bufio.NewReader(out)
	line, err := first.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		ts.Fatalf("replay says %q, %v; want where it listens", line, err)
	}
	r.out = first
	r.printed.WriteString(line)
	begun(ts, args[0], address, r)
}

func cmdReplayed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replayed NAME CODE FILE")
	}
	r, ok := ts.Value(started{}).(map[string]any)[args[0]].(*replaying)
	if !ok {
		ts.Fatalf("no replay is named %q", args[0])
	}
	_, err := io.Copy(&r.printed, r.out)
	ts.Check(err)
	err = r.process.Wait()
	r.ended = true
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(r.printed.String()), 0o666))
	if got := strconv.Itoa(r.process.ProcessState.ExitCode()); got != args[1] && args[1] != "*" {
		ts.Fatalf("replay %s ended with exit code %s, want %s; it printed\n%s", args[0], got, args[1], r.printed.String())
	}
}
