package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// measured wraps a program so that its memory is measured; most returns the
// KiB that it had at most, once it has ended.
func measured(t *testing.T, programs string, words ...string) (wrapped []string, most func() int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rss")
	return append([]string{filepath.Join(programs, "rss"), file}, words...), func() int {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("its memory was not measured: %v", err)
			return 0
		}
		n, err := strconv.Atoi(string(text))
		if err != nil || n == 0 {
			t.Errorf("its memory was measured as %q", text)
		}
		return n
	}
}

// buildMeasure builds what measured wraps with.
func buildMeasure(programs string) ([]byte, error) {
	return exec.Command("go", "build", "-o", filepath.Join(programs, "rss"), "./testdata/rss").CombinedOutput()
}
