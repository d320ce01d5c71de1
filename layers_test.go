package mailseal_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mailseal/mailseal"

// plan is the house: who may import whom. A room that is not named here does
// not exist; a new arrow is a line here, with its reason in the commit.
var plan = map[string][]string{
	// floor 1: data, knows nobody
	"observe": {},
	"iana":    {},

	// the left wing: seeing
	"wire":     {"observe"},
	"resolve":  {"observe"},
	"roots":    {"observe"},
	"hello":    {"iana"},
	"dialogue": {"wire", "observe"},
	"probe":    {"dialogue", "hello", "resolve", "wire", "observe", "iana"},

	// the right wing: judging
	"check":    {"observe", "iana"},
	"standard": {"check", "observe"},
	"report":   {"standard", "check", "observe", "iana"},

	// apart: who one is, and what of it is shown
	"sasl": {"observe"},

	// apart: a conversation by hand
	"talk": {"probe", "report", "dialogue", "wire", "sasl", "observe"},

	// apart: the second implementation
	"lab": {"wire", "observe", "iana"},

	"cmd/mailseal": {"probe", "report", "observe", "dialogue", "resolve", "roots", "check", "standard", "lab", "sasl", "talk"},
}

// judging is pure: no network, no files, no TLS stack.
var (
	judging   = []string{"check", "standard", "report"}
	forbidden = []string{"net", "net/http", "os", "os/exec", "crypto/tls", "syscall"}
)

// tools are programs beside the house; they may import what they like.
var tools = []string{"test/", "iana/generate"}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestLayers(t *testing.T) {
	for room, imports := range rooms(t) {
		allowed, planned := plan[room]
		if !planned {
			t.Errorf("room %q is not in the plan", room)
			continue
		}
		for _, i := range imports {
			if ours, ok := strings.CutPrefix(i, module+"/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which the plan does not allow", room, ours)
			}
			if slices.Contains(judging, room) && slices.Contains(forbidden, i) {
				t.Errorf("%s imports %s: judging needs no network and no machine", room, i)
			}
		}
	}
}

// A plan with rooms that nobody built would hide a typing error.
func TestPlanIsBuilt(t *testing.T) {
	built := rooms(t)
	for room := range plan {
		if _, ok := built[room]; !ok {
			t.Errorf("the plan has a room %q that does not exist", room)
		}
	}
}

func rooms(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := make(map[string][]string)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return found
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		room := strings.TrimPrefix(p.ImportPath, module+"/")
		isTool := func(prefix string) bool { return strings.HasPrefix(room, prefix) }
		if room != module && !slices.ContainsFunc(tools, isTool) {
			found[room] = p.Imports
		}
	}
}
