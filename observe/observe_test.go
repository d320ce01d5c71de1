package observe

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "add new fields to testdata/fields-1.txt; none is ever taken away")

// Every field that is there comes back from JSON as it was. The observation is
// filled by reflection, so that a new field is tested without a line here.
func TestObservationRoundTrip(t *testing.T) {
	var o Observation
	fill(reflect.ValueOf(&o).Elem(), new(int))
	stored, err := json.Marshal(&o)
	if err != nil {
		t.Fatalf("json.Marshal: %v", err)
	}
	var back Observation
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatalf("json.Unmarshal: %v", err)
	}
	if diff := cmp.Diff(o, back); diff != "" {
		t.Errorf("json.Unmarshal(json.Marshal(observation)): -want +got\n%s", diff)
	}
	if zero := zeroes(reflect.ValueOf(o), "Observation"); len(zero) > 0 {
		t.Errorf("this test left fields empty, so they prove nothing: %v", zero)
	}
}

// fill gives every field a value of its own that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 23, 0, 0, *n, 0, time.UTC)))
		return
	case Answer:
		v.Set(reflect.ValueOf(Answer(1 + *n%2)))
		return
	case Text:
		v.SetString(fmt.Sprintf("%d \x1b[31m \xff \u202e \\x41 \r\n", *n))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(fmt.Sprintf("word %d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(1 + *n%255))
	default:
		panic(fmt.Sprintf("fill does not know %v", v.Type()))
	}
}

// zeroes names the fields that have the zero value.
func zeroes(v reflect.Value, path string) []string {
	if v.IsZero() {
		return []string{path}
	}
	var all []string
	switch v.Kind() {
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			return nil
		}
		for i := range v.NumField() {
			all = append(all, zeroes(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	case reflect.Pointer:
		return zeroes(v.Elem(), path)
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, zeroes(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	}
	return all
}

const storedFile = "testdata/observation-1.json"

// A stored observation is a promise. This one was written by the first release
// that could; it must load for good, with nothing lost and nothing unknown.
func TestStoredObservationLoads(t *testing.T) {
	stored, err := os.ReadFile(storedFile)
	if err != nil {
		t.Fatal(err)
	}
	var o Observation
	d := json.NewDecoder(bytes.NewReader(stored))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		t.Fatalf("loading %s: %v", storedFile, err)
	}
	again, err := json.Marshal(&o)
	if err != nil {
		t.Fatalf("storing %s again: %v", storedFile, err)
	}
	for _, lost := range missing(parsed(t, stored), parsed(t, again), "observation") {
		t.Errorf("%s was loaded and stored again: %s", storedFile, lost)
	}
}

// What it says must still mean the same.
func TestStoredObservationMeansTheSame(t *testing.T) {
	stored, err := os.ReadFile(storedFile)
	if err != nil {
		t.Fatal(err)
	}
	var o Observation
	if err := json.Unmarshal(stored, &o); err != nil {
		t.Fatalf("loading %s: %v", storedFile, err)
	}
	if len(o.Conns) != 3 {
		t.Fatalf("%s has %d connections, want 3", storedFile, len(o.Conns))
	}
	upgraded, implicit, refused := o.Conns[0], o.Conns[1], o.Conns[2]
	for _, test := range []struct {
		what      string
		got, want any
	}{
		{"the schema", o.Schema, 1},
		{"the side", o.Side, Client},
		{"the clock", o.Began.Format(time.DateOnly), "2026-11-23"},
		{"the target's mode", o.Target.Mode, StartTLS},
		{"the look-up's state", o.Lookups[0].State, Indeterminate},
		{"the anchor's last day", o.Anchors[0].DistrustAfter.Format(time.DateOnly), "2031-01-01"},
		{"the greeting", upgraded.Lines[0].Text, Text("* OK [CAPABILITY IMAP4rev1 STARTTLS] \x1b[31mhello\x1b[0m \u202e\xff \\")},
		{"who greeted", upgraded.Lines[0].From, Server},
		{"the greeting's line end", upgraded.Lines[0].Break, CRLF},
		{"the offer of TLS", upgraded.Upgrade.Offered, Yes},
		{"the go-ahead", upgraded.Upgrade.GoAhead, Yes},
		{"the residue", upgraded.Residue.Bytes, Text("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")},
		{"the version", upgraded.TLS.Version, uint16(0x0303)},
		{"the extended master secret", upgraded.TLS.ExtendedMasterSecret, Yes},
		{"the reached stage", upgraded.Reached, After},
		{"the tape's sides", []Side{upgraded.Tape[0].From, upgraded.Tape[1].From}, []Side{Client, Server}},
		{"a TLS record on the tape", upgraded.Tape[1].Data[0], byte(22)},
		{"the version of implicit TLS", implicit.TLS.Version, uint16(0x0304)},
		{"what TLS 1.3 has built in", implicit.TLS.ExtendedMasterSecret, Unknown},
		{"the staple", implicit.TLS.OCSP, []byte{0x30, 3, 0x0a, 1, 6}},
		{"the refusal", refused.End, Refused},
		{"what was refused", refused.Reached, Nothing},
		{"TLS where none was", refused.TLS, (*TLS)(nil)},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s: %s is %#v, want %#v", storedFile, test.what, test.got, test.want)
		}
	}
	for fingerprint, der := range o.Certificates {
		if got := FingerprintOf(der); got != fingerprint {
			t.Errorf("%s: the certificate %s has the fingerprint %s", storedFile, fingerprint, got)
		}
	}
	for _, f := range append(slices.Clone(upgraded.TLS.Chain), o.Anchors[0].Certificate) {
		if o.Certificates[f] == nil {
			t.Errorf("%s: the certificate %s is named and not there", storedFile, f)
		}
	}
}

// A file of a later schema has fields that we do not know, and loads.
func TestLaterSchemaLoads(t *testing.T) {
	const later = `{"schema": 99, "side": "client", "new": {"a": [1]}, "conns": [{"reached": "dial", "end": "done", "newer": 1}]}`
	var o Observation
	if err := json.Unmarshal([]byte(later), &o); err != nil {
		t.Fatalf("json.Unmarshal(%s): %v", later, err)
	}
	if o.Schema != 99 || len(o.Conns) != 1 || o.Conns[0].Reached != Dial {
		t.Errorf("json.Unmarshal(%s) = %+v, want what is known of it", later, o)
	}
}

// missing tells what of want is not in got. What got has beside it may be.
func missing(want, got any, path string) []string {
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		var all []string
		for name, value := range want {
			all = append(all, missing(value, have[name], path+"."+name)...)
		}
		return all
	case []any:
		have, _ := got.([]any)
		if len(have) != len(want) {
			return []string{fmt.Sprintf("%s has %d entries, want %d", path, len(have), len(want))}
		}
		var all []string
		for i, value := range want {
			all = append(all, missing(value, have[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
		return all
	}
	if !reflect.DeepEqual(want, got) {
		return []string{fmt.Sprintf("%s is %v, want %v", path, got, want)}
	}
	return nil
}

func parsed(t *testing.T, stored []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(stored))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("reading JSON: %v", err)
	}
	return v
}

const fieldsFile = "testdata/fields-1.txt"

// The names and the kinds of the stored fields are kept in a file to which
// lines are added, and from which none goes.
func TestFieldsOnlyGrow(t *testing.T) {
	stored, err := os.ReadFile(fieldsFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	promised := strings.Split(strings.TrimSuffix(string(stored), "\n"), "\n")
	have := fields(reflect.TypeFor[Observation](), "")
	for _, f := range promised {
		if !slices.Contains(have, f) && f != "" {
			t.Errorf("the field %q is promised in %s and gone, or of another kind: fields are added, never changed", f, fieldsFile)
		}
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(fieldsFile, []byte(strings.Join(have, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, f := range have {
		if !slices.Contains(promised, f) {
			t.Errorf("the field %q is new: it is a promise from now on; raise Schema if it is the first since a release, and add it with -update", f)
		}
	}
}

// fields lists what is stored, one "path kind" a line.
func fields(typ reflect.Type, path string) []string {
	switch {
	case typ == reflect.TypeFor[time.Time]():
		return []string{path + " time"}
	case typ == reflect.TypeFor[[]byte]():
		return []string{path + " base64"}
	case typ == reflect.TypeFor[Answer]():
		return []string{path + " answer"}
	case typ == reflect.TypeFor[Text]():
		return []string{path + " escaped text"}
	}
	switch typ.Kind() {
	case reflect.Struct:
		var all []string
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			all = append(all, fields(typ.Field(i).Type, path+"."+name)...)
		}
		return all
	case reflect.Pointer:
		return fields(typ.Elem(), path)
	case reflect.Slice:
		return fields(typ.Elem(), path+"[]")
	case reflect.Map:
		return fields(typ.Elem(), path+"{"+typ.Key().Kind().String()+"}")
	case reflect.String:
		return []string{path + " string"}
	case reflect.Bool:
		return []string{path + " bool"}
	}
	return []string{path + " number"}
}

// Every stored field has a name of its own, in lower case.
func TestFieldsAreNamed(t *testing.T) {
	for _, f := range fields(reflect.TypeFor[Observation](), "") {
		path, _, _ := strings.Cut(f, " ")
		if strings.Contains(path, "..") || strings.HasSuffix(path, ".") || strings.ToLower(path) != path {
			t.Errorf("the field %q has no name of its own in lower case", f)
		}
	}
}

// The stored words are a promise as well.
func TestWords(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{words(Client, Server), "client server"},
		{words(Indeterminate, Secure, Insecure, Bogus), "indeterminate secure insecure bogus"},
		{words(Nothing, Dial, Greeting, Capability, Upgraded, Handshake, After), " dial greeting capability upgrade handshake after"},
		{words(Unended, Done, Refused, Unreachable, Timeout, Reset, Closed, Alerted, Throttled, Garbled, Excess, Cancelled),
			" done refused unreachable timeout reset closed alert throttled garbled excess cancelled"},
		{words(CRLF, LF, Cut, Binary), " lf cut binary"},
		{words(Implicit, StartTLS, Clear), "implicit starttls clear"},
		{words(MX, Submission, Access, Delivery, Other), "mx submission access delivery other"},
	} {
		if test.got != test.want {
			t.Errorf("the stored words are %q, want %q for good", test.got, test.want)
		}
	}
}

func words[T ~string](all ...T) string {
	var s []string
	for _, w := range all {
		s = append(s, string(w))
	}
	return strings.Join(s, " ")
}

func TestKeep(t *testing.T) {
	var o Observation
	first := o.Keep([]byte("a certificate"))
	if again := o.Keep([]byte("a certificate")); again != first || len(o.Certificates) != 1 {
		t.Errorf("Keep of one certificate twice: fingerprints %s and %s, %d kept; want the same, once", first, again, len(o.Certificates))
	}
	if other := o.Keep([]byte("another")); other == first || string(o.Certificates[other]) != "another" {
		t.Errorf("Keep of another: fingerprint %s, kept %q", other, o.Certificates[other])
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // SHA-256 of "abc", FIPS 180-2, appendix B.1
	if got := FingerprintOf([]byte("abc")); got != abc {
		t.Errorf("FingerprintOf(abc) = %s, want %s", got, abc)
	}
}

func TestMicros(t *testing.T) {
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if got := Since(began, began.Add(1500*time.Microsecond+999)); got != 1500 {
		t.Errorf("Since over 1.500999 ms = %d, want 1500", got)
	}
	if got := Micros(1500).Duration(); got != 1500*time.Microsecond {
		t.Errorf("Micros(1500).Duration() = %v, want 1.5ms", got)
	}
}
