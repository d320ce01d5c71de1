package check

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"sync"
)

// The caches below are the only memory between two observations. They hold
// results of pure functions of bytes, so that judging ten thousand
// observations does not parse the same root, and search the same path, ten
// thousand times. What is looked up is the hash of the bytes themselves, never
// a name that an observation gives them.

// maxCached bounds each cache; a full one starts anew.
const maxCached = 1024

// maxCachedSize is the largest certificate, and the largest chain with its
// anchors, that is kept.
const maxCachedSize = 16 << 10

type cache[V any] struct {
	sync.Mutex
	held map[[sha256.Size]byte]V
}

func (c *cache[V]) get(key [sha256.Size]byte) (V, bool) {
	c.Lock()
	defer c.Unlock()
	v, known := c.held[key]
	return v, known
}

func (c *cache[V]) put(key [sha256.Size]byte, v V) {
	c.Lock()
	defer c.Unlock()
	if c.held == nil || len(c.held) >= maxCached {
		c.held = make(map[[sha256.Size]byte]V)
	}
	c.held[key] = v
}

// searched is the outcome of one search for paths.
type searched struct {
	paths [][]*x509.Certificate
	err   error
}

var (
	searches       cache[searched]
	authorities    cache[*x509.Certificate]
	selfSignatures cache[bool] // does a certificate sign itself; many checks ask
)

// keep remembers a search, unless a stranger made it large.
func (s searched) keep(key [sha256.Size]byte, sent, anchors []*x509.Certificate) {
	size := 0
	for _, c := range append(slices.Clip(sent), anchors...) {
		size += len(c.Raw)
	}
	if size <= maxCachedSize {
		searches.put(key, s)
	}
}

// searchKey names a search by the bytes that go into it.
func searchKey(sent, anchors []*x509.Certificate) [sha256.Size]byte {
	h := sha256.New()
	for i, list := range [][]*x509.Certificate{sent, anchors} {
		h.Write([]byte{byte(i)})
		for _, c := range list {
			sum := sha256.Sum256(c.Raw)
			h.Write(sum[:])
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// parseCertificate parses a certificate. Those of authorities come back in
// one observation after the other and are parsed once.
func parseCertificate(der []byte) (*x509.Certificate, error) {
	key := sha256.Sum256(der)
	if c, known := authorities.get(key); known {
		return c, nil
	}
	c, err := x509.ParseCertificate(der)
	if err == nil && c.IsCA && len(der) <= maxCachedSize {
		authorities.put(key, c)
	}
	return c, err
}
