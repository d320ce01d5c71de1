// Readme rewrites the outputs that README.md shows: it runs each command that
// a marker names and puts what it prints into the block behind it.
//
//	<!-- made by: go run ./cmd/mailseal explain starttls-residue -->
//	```
//	(replaced)
//	```
//
// usage, in the root of the tree: go run ./test/readme
//
// The commands run by `sh -c`. One that fails with an exit code above 1 stops
// everything; 1 is how mailseal says that it has found something.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

var block = regexp.MustCompile("(?m)^<!-- made by: (.*) -->\n```\n(?s:.*?)^```\n")

func main() {
	const name = "README.md"
	text, err := os.ReadFile(name)
	if err != nil {
		fatal(err)
	}
	if !block.Match(text) {
		fatal(errors.New("no block is marked in " + name))
	}
	made := block.ReplaceAllFunc(text, func(b []byte) []byte {
		command := string(block.FindSubmatch(b)[1])
		return []byte(fmt.Sprintf("<!-- made by: %s -->\n```\n%s\n```\n", command, output(command)))
	})
	if err := os.WriteFile(name, made, 0o644); err != nil {
		fatal(err)
	}
}

func output(command string) string {
	fmt.Fprintln(os.Stderr, "readme:", command)
	c := exec.Command("sh", "-c", command)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || e.ExitCode() > 1) {
		fatal(fmt.Errorf("%s: %w", command, err))
	}
	return strings.TrimRight(string(out), "\n")
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "readme:", err)
	os.Exit(1)
}
