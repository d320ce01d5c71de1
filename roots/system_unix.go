//go:build !windows && !darwin && !ios

package roots

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Where systems keep their certificates; the names are those that crypto/x509
// documents.
var (
	bundleFiles = []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Gentoo, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/tls/cacert.pem",                           // OpenELEC
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS, RHEL 7
		"/etc/ssl/cert.pem",                                 // Alpine, OpenBSD
		"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
		"/usr/local/share/certs/ca-root-nss.crt",            // DragonFly
		"/etc/openssl/certs/ca-certificates.crt",            // NetBSD
	}
	bundleDirectories = []string{
		"/etc/ssl/certs",
		"/etc/pki/tls/certs",
		"/usr/local/share/certs",
		"/etc/openssl/certs",
	}
)

const systemLimit = 16 << 20 // bytes of a file that is read

// System returns the trust store of this machine, named "system". The
// variables SSL_CERT_FILE and SSL_CERT_DIR say where else it may be. It is read
// in the background, while the network is being waited for.
func System() (*Store, error) {
	files, directories := bundleFiles, bundleDirectories
	if f := os.Getenv("SSL_CERT_FILE"); f != "" {
		files = []string{f}
	}
	d := os.Getenv("SSL_CERT_DIR")
	if d != "" {
		directories = strings.Split(d, ":")
	}
	file := firstThatExists(files)
	if file != "" && d == "" {
		directories = nil // the first file that is there is the whole store
	}
	if file == "" && firstThatExists(directories) == "" {
		return nil, errors.New("this machine has no trust store that can be found")
	}
	s := FromCertificates("system")
	s.load = sync.OnceFunc(func() {
		for _, der := range unique(append(readBounded(file), readDirectories(directories)...)) {
			if a, ok := anchorOf(der); ok {
				s.add(a)
			}
		}
	})
	go s.load() // it ends by itself: the files are there, and bounded
	return s, nil
}

func firstThatExists(paths []string) string {
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return ""
}

func readDirectories(directories []string) [][]byte {
	var ders [][]byte
	for _, d := range directories {
		entries, _ := os.ReadDir(d) // a directory that is not there holds nothing
		for _, e := range entries {
			ders = append(ders, readBounded(filepath.Join(d, e.Name()))...)
		}
	}
	return ders
}

func readBounded(path string) [][]byte {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > systemLimit {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return certificatesIn(text)
}

// unique drops what stands twice: directories hold links beside the files.
func unique(ders [][]byte) [][]byte {
	seen := make(map[string]bool)
	var all [][]byte
	for _, d := range ders {
		if !seen[string(d)] {
			seen[string(d)] = true
			all = append(all, d)
		}
	}
	return all
}
