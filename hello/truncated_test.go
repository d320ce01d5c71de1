package hello

import (
	"path/filepath"
	"reflect"
	"testing"
)

// recordings are all recordings of testdata, and a fresh one of crypto/tls with all that it can send.
func recordings(t testing.TB) map[string]recording {
	files, err := filepath.Glob(filepath.Join("testdata", "openssl", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("recordings in testdata/openssl: %d, %v", len(files), err)
	}
	all := map[string]recording{}
	for _, file := range files {
		all[filepath.Base(file)] = load(t, file)
	}
	return all
}

// Cut anywhere, a recording never says anything that the longer one takes back.
func TestReadTruncated(t *testing.T) {
	all := recordings(t)
	client, server := fullConfigs(t)
	rec, _, err := converse(t, client, server)
	if err != nil {
		t.Fatal(err)
	}
	all["crypto/tls"] = rec
	for name, rec := range all {
		var before Flight
		for n := range len(rec.server) + 1 {
			f := Read(rec.server[:n], rec.client, rec.keyLog)
			if f.Garbled != "" {
				t.Errorf("Read of %d bytes of %s: Garbled = %q, want it empty", n, name, f.Garbled)
				break
			}
			if field := takenBack(before, f); field != "" {
				t.Errorf("Read of %d bytes of %s: %s was more with one byte less\n%+v\n%+v", n, name, field, before, f)
				break
			}
			before = f
		}
		for n := range len(rec.client) {
			Read(rec.server, rec.client[:n], rec.keyLog)
			ClientAlerts(rec.client[:n])
		}
	}
}

// takenBack names a field of a that is not kept or continued in b.
func takenBack(a, b Flight) string {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if !continues(va.Field(i), vb.Field(i)) {
			return va.Type().Field(i).Name
		}
	}
	return ""
}

func continues(a, b reflect.Value) bool {
	switch {
	case a.IsZero():
		return true
	case a.Kind() == reflect.Slice:
		return a.Len() <= b.Len() && reflect.DeepEqual(a.Interface(), b.Slice(0, a.Len()).Interface())
	case a.Kind() == reflect.Int: // Unopened counts
		return a.Int() <= b.Int()
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// One wrong byte anywhere must neither panic nor hang.
func TestReadDamaged(t *testing.T) {
	for _, rec := range recordings(t) {
		for n := 0; n < len(rec.server); n += 3 {
			damaged := append([]byte(nil), rec.server...)
			damaged[n] ^= 0x55
			Read(damaged, rec.client, rec.keyLog)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, rec := range recordings(f) {
		f.Add(rec.server, rec.client, rec.keyLog)
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n"), []byte(nil), []byte(nil))
	f.Add(hs(messageServerHello, serverHelloBody(0x0300, 0x0003, someRandom)), []byte("\x16\x03\x01"), []byte("CLIENT_RANDOM 00 00\n"))
	f.Fuzz(func(t *testing.T, server, client, keyLog []byte) {
		flight := Read(server, client, keyLog)
		if len(flight.Chain) > maxCertificates || len(flight.Alerts) > maxAlerts || len(flight.Tickets) > maxTickets ||
			len(flight.SCTs) > 2*maxSCTs || len(flight.CertificateAuthorities) > maxAuthorities {
			t.Errorf("Read: a list is beyond its limit: %+v", flight)
		}
		if len(flight.Garbled) > 400 {
			t.Errorf("Read: Garbled has %d bytes", len(flight.Garbled))
		}
		if flight.Garbled != "" || len(server) == 0 || flight.HelloRetry {
			return // a ServerHello may contradict the HelloRetryRequest before it
		}
		if field := takenBack(Read(server[:len(server)-1], client, keyLog), flight); field != "" {
			t.Errorf("Read: with one byte less, %s is more", field)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	rec := load(b, filepath.Join("testdata", "openssl", "tls13_aes256_p521.txt"))
	for b.Loop() {
		rec.read()
	}
}
