package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/lab"
	"github.com/mailseal/mailseal/observe"
)

// noNap: a program under the race detector sleeps a second at its end, for
// other goroutines to be caught. Some hundred programs are started here.
const noNap = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" "+noNap))
	// Most tests wait for another process: on a machine of two processors four
	// at once are no burden. The command line has the last word.
	if runtime.GOMAXPROCS(0) < 4 {
		flag.Set("test.parallel", "4")
	}
	testscript.Main(m, map[string]func(){"mailseal": main})
}

// The scripts are the specification of the command. Beside testscript's own
// commands they use
//
//	lab NAME PROTOCOL MODE [FAULT|listen=ADDR]...   start a server; $NAME_addr, and ca.pem with its root
//	dead NAME                        $NAME_addr is a port of this machine where nothing listens
//	proxy NAME socks5|http [USER:PASSWORD]          start a proxy; $NAME_addr
//	socket NAME PATH                 lead a Unix-domain socket to the server NAME
//	replay NAME ARG...               start mailseal replay ARG...; $NAME_addr is where it listens
//	replayed NAME CODE FILE          wait for its end; it must have this exit code (* for any), and what it printed goes to FILE
//	record NAME FILE                 write what a server saw of its clients, or the addresses a proxy was asked for
//	exits CODE PROGRAM ARG...        run it; it must end with this exit code
//	json PATH [REGEXP]               the JSON on stdout has a value there, and it matches
//	oneline stdout|stderr            it is one line
//	clean stdout|stderr              it has nothing that steers a terminal
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Values[started{}] = make(map[string]any)
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Setenv("lonely", lonely)
			e.Setenv("BAD_TARGET", "a\x1b[31m\nb\u202ec\xff")
			return nil
		},
		Condition:          condition,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lab": cmdLab, "dead": cmdDead, "proxy": cmdProxy, "socket": cmdSocket, "record": cmdRecord,
			"replay": cmdReplay, "replayed": cmdReplayed,
			"exits": cmdExits, "json": cmdJSON, "oneline": cmdOneline, "clean": cmdClean,
		},
	})
}

// started is the key of what a script has started, by name.
type started struct{}

func condition(name string) (bool, error) {
	switch name {
	case "ipv6":
		l, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			return false, nil
		}
		return true, l.Close()
	case "quiet":
		return quiet(lonely), nil
	case "full": // a device that is always full
		_, err := os.Stat("/dev/full")
		return err == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// lonely is an address of the loopback that nobody uses.
const lonely = "127.83.61.7"

// quiet tells whether all ports that a bare host is asked for are closed. A
// server that listens on every address of this machine has it open here too.
func quiet(host string) bool {
	for _, p := range dialogue.All {
		for _, port := range p.Ports {
			if !port.Usual {
				continue
			}
			c, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port.Number)), patience)
			if err == nil {
				c.Close()
			}
			if !errors.Is(err, syscall.ECONNREFUSED) {
				return false
			}
		}
	}
	return true
}

// patience is how long a test waits for what must come. It only bounds a test
// that fails.
const patience = 60 * time.Second

// labCA is one authority for all tests of this process.
var labCA = sync.OnceValues(func() (*lab.CA, error) { return lab.NewCA(time.Now()) })

func cmdLab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: lab NAME PROTOCOL MODE [FAULT|listen=ADDR]...")
	}
	ca, err := labCA()
	ts.Check(err)
	s := lab.New(args[1], observe.Mode(args[2]))
	for _, word := range args[3:] {
		if listen, ok := strings.CutPrefix(word, "listen="); ok {
			s.Listen = listen
			continue
		}
		f, ok := lab.FaultByName(word)
		if !ok {
			ts.Fatalf("the lab has no fault %q", word)
		}
		f.Edit(s)
	}
	running, err := s.Start(context.Background(), ca)
	ts.Check(err)
	ts.Defer(func() { running.Close() })
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), ca.PEM(), 0o666))
	begun(ts, args[0], running.Addr(), running)
}

// begun makes a started thing known to the rest of the script.
func begun(ts *testscript.TestScript, name, address string, what any) {
	ts.Value(started{}).(map[string]any)[name] = what
	ts.Setenv(name+"_addr", address)
	if _, port, err := net.SplitHostPort(address); err == nil {
		ts.Setenv(name+"_port", port)
	}
}

func cmdDead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: dead NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	begun(ts, args[0], l.Addr().String(), nil)
}

func cmdProxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: proxy NAME socks5|http [USER:PASSWORD]")
	}
	account := ""
	if len(args) == 3 {
		account = args[2]
	}
	p, err := startProxy(args[1], account)
	ts.Check(err)
	ts.Defer(p.close)
	begun(ts, args[0], p.listener.Addr().String(), p)
}

func cmdSocket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: socket NAME PATH")
	}
	to := ts.Getenv(args[0] + "_addr")
	l, err := net.Listen("unix", ts.MkAbs(args[1]))
	ts.Check(err)
	served := serveAll(l, func(c net.Conn) {
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		relay(c, server)
	})
	ts.Defer(served)
}

func cmdRecord(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: record NAME FILE")
	}
	var text []byte
	switch what := ts.Value(started{}).(map[string]any)[args[0]].(type) {
	case *lab.Running:
		var err error
		text, err = json.MarshalIndent(what.Observations(), "", " ")
		ts.Check(err)
	case *proxy:
		text = []byte(strings.Join(what.addresses(), "\n") + "\n")
	default:
		ts.Fatalf("nothing that keeps a record is named %q", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o666))
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%q ended with exit code %d, want %d", args[1:], got, want)
	}
}

// cmdJSON looks into the first document on stdout: names and numbers, with
// dots in between; "*" stands for each entry of a list in turn.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: [!] json PATH [REGEXP]")
	}
	var document any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	ts.Check(d.Decode(&document))
	pattern := ""
	if len(args) == 2 {
		pattern = args[1]
	}
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	found := at(document, strings.Split(args[0], "."))
	matches := false
	for _, v := range found {
		matches = matches || re.MatchString(v)
	}
	if matches == neg {
		ts.Fatalf("the JSON on stdout has at %s %q; want a match of %q: %v", args[0], found, pattern, !neg)
	}
}

func at(v any, path []string) []string {
	if len(path) == 0 {
		if s, ok := v.(string); ok {
			return []string{s}
		}
		text, _ := json.Marshal(v)
		return []string{string(text)}
	}
	switch v := v.(type) {
	case map[string]any:
		if inner, ok := v[path[0]]; ok {
			return at(inner, path[1:])
		}
	case []any:
		if path[0] == "*" {
			var all []string
			for _, inner := range v {
				all = append(all, at(inner, path[1:])...)
			}
			return all
		}
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(v) {
			return at(v[i], path[1:])
		}
	}
	return nil
}

func cmdOneline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oneline stdout|stderr")
	}
	text := ts.ReadFile(args[0])
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || strings.TrimSpace(text) == "" {
		ts.Fatalf("%s is not one line: %q", args[0], text)
	}
}

func cmdClean(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: clean stdout|stderr")
	}
	if bad := steering([]byte(ts.ReadFile(args[0]))); bad != "" {
		ts.Fatalf("%s has %s", args[0], bad)
	}
}

// steering names the first thing in a text that could steer a terminal or hide
// from a reader: a control character but the line feed, a format character (as
// those that turn the reading direction), or what is no UTF-8.
func steering(text []byte) string {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) {
			return fmt.Sprintf("in line %d what is no UTF-8: %q", i+1, line)
		}
		for _, r := range string(line) {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				return fmt.Sprintf("in line %d the character %U: %q", i+1, r, line)
			}
		}
	}
	return ""
}

// Go reads the debug settings of main.go only from above the package clause,
// and says nothing where they stand elsewhere. The test binary has them too,
// so that the scripts test what users run.
func TestDebugSettings(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	wanted := regexp.MustCompile(`(?m)^//go:debug (\S+)$`).FindAllSubmatch(source, -1)
	if len(wanted) == 0 {
		t.Fatal("main.go has no debug settings")
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("this binary does not know how it was built")
	}
	i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "DefaultGODEBUG" })
	if i < 0 {
		t.Fatalf("this binary was built without debug settings; main.go wants %q", wanted)
	}
	built := strings.Split(info.Settings[i].Value, ",")
	for _, w := range wanted {
		if !slices.Contains(built, string(w[1])) {
			t.Errorf("the setting %s of main.go did not come into the binary, which has %q", w[1], built)
		}
	}
}
