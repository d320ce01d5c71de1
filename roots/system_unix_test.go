//go:build !windows && !darwin && !ios

package roots

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

func TestSystem(t *testing.T) {
	a, _ := issue(t, "a", nil, nil)
	b, _ := issue(t, "b", nil, nil)
	dir := t.TempDir()
	write := func(name string, ders ...[]byte) string {
		path := filepath.Join(dir, name)
		var text []byte
		for _, der := range ders {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("a.pem", a.Raw)
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("d/b.pem", b.Raw, a.Raw) // a stands in the file too
	write("d/empty")
	for _, test := range []struct {
		name, file, dirs string
		count            int
	}{
		{"a file", file, "", 1},
		{"a directory", filepath.Join(dir, "none"), filepath.Join(dir, "d"), 2},
		{"both, without what stands twice", file, filepath.Join(dir, "none") + ":" + filepath.Join(dir, "d"), 2},
		{"neither", filepath.Join(dir, "none"), filepath.Join(dir, "none"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("SSL_CERT_FILE", test.file)
			t.Setenv("SSL_CERT_DIR", test.dirs)
			s, err := System()
			if test.count == 0 {
				if err == nil {
					t.Errorf("System() = %+v, want an error", s.Describe())
				}
				return
			}
			if err != nil {
				t.Fatalf("System(): %v", err)
			}
			if d := s.Describe(); d.Name != "system" || d.Count != test.count {
				t.Errorf("Describe() = %+v, want %d", d, test.count)
			}
		})
	}
}
