package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCounts(t *testing.T) {
	tests := []struct {
		name                    string
		events                  string
		passed, failed, skipped int
	}{
		{"nothing", ``, 0, 0, 0},
		{"one test passes", `
			{"Action":"run","Package":"p","Test":"A"}
			{"Action":"pass","Package":"p","Test":"A"}
			{"Action":"pass","Package":"p"}`, 1, 0, 0},
		{"subtests count, the test around them does not", `
			{"Action":"run","Package":"p","Test":"A"}
			{"Action":"run","Package":"p","Test":"A/x"}
			{"Action":"run","Package":"p","Test":"A/y"}
			{"Action":"pass","Package":"p","Test":"A/x"}
			{"Action":"skip","Package":"p","Test":"A/y"}
			{"Action":"pass","Package":"p","Test":"A"}
			{"Action":"pass","Package":"p"}`, 1, 0, 1},
		{"a failing subtest counts once", `
			{"Action":"run","Package":"p","Test":"A"}
			{"Action":"run","Package":"p","Test":"A/x"}
			{"Action":"fail","Package":"p","Test":"A/x"}
			{"Action":"fail","Package":"p","Test":"A"}
			{"Action":"fail","Package":"p"}`, 0, 1, 0},
		{"a name with a slash in it has no test around it", `
			{"Action":"run","Package":"p","Test":"A"}
			{"Action":"run","Package":"p","Test":"A/x/y"}
			{"Action":"pass","Package":"p","Test":"A/x/y"}
			{"Action":"pass","Package":"p","Test":"A"}
			{"Action":"pass","Package":"p"}`, 1, 0, 0},
		{"a test that fails beside its subtests counts", `
			{"Action":"run","Package":"p","Test":"A"}
			{"Action":"run","Package":"p","Test":"A/x"}
			{"Action":"pass","Package":"p","Test":"A/x"}
			{"Action":"fail","Package":"p","Test":"A"}
			{"Action":"fail","Package":"p"}`, 1, 1, 0},
		{"a package that does not build", `
			{"ImportPath":"p","Action":"build-output","Output":"p.go:1: no\n"}
			{"ImportPath":"p","Action":"build-fail"}
			{"Action":"start","Package":"p"}
			{"Action":"fail","Package":"p","FailedBuild":"p"}`, 0, 1, 0},
		{"a test that never ended", `
			{"Action":"run","Package":"p","Test":"A"}
			{"Action":"pass","Package":"p","Test":"A"}
			{"Action":"run","Package":"p","Test":"B"}
			{"Action":"fail","Package":"p"}`, 1, 1, 0},
		{"a package without tests", `
			{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}
			{"Action":"skip","Package":"p"}`, 0, 0, 0},
		{"lines that are no events", "go: downloading\nwarning\n", 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tally, err := read(strings.NewReader(tt.events), io.Discard)
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			c := tally.counts()
			if c.passed != tt.passed || c.failed != tt.failed || c.skipped != tt.skipped {
				t.Errorf("counts() = %d passed, %d failed, %d skipped, want %d, %d, %d",
					c.passed, c.failed, c.skipped, tt.passed, tt.failed, tt.skipped)
			}
		})
	}
}

func TestRunWritesCountsAndReasons(t *testing.T) {
	const events = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"=== RUN   A\n"}
{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:7: no server: not installed\n"}
{"Action":"output","Package":"p","Test":"A","Output":"--- SKIP: A (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"A"}
{"Action":"run","Package":"p","Test":"B"}
{"Action":"output","Package":"p","Test":"B","Output":"    b_test.go:8: B() = 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"B"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`
	file := filepath.Join(t.TempDir(), "results")
	var out strings.Builder
	if err := run("unit", file, strings.NewReader(events), &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = "unit\t0\t1\t1\nskip\tunit\tp A\tno server: not installed\n"
	if string(data) != want {
		t.Errorf("run wrote %q, want %q", data, want)
	}
	for _, line := range []string{"B() = 1, want 2", "FAIL\tp\t0.1s", "unit: 0 passed, 1 failed, 1 skipped"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("run printed %q, want it to contain %q", out.String(), line)
		}
	}
}
