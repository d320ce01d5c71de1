package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailseal/mailseal/dialogue"
	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/report"
)

// The hint to ask a port in the other mode names a scheme that exists, of
// every protocol that has one.
func TestHintsNameTheSchemes(t *testing.T) {
	for _, p := range dialogue.All {
		for _, s := range p.Schemes {
			if p.Name == "tls" || p.Name == "http" {
				continue // there is no other way
			}
			c := observe.Conn{Reached: observe.Dial, End: observe.Timeout}
			c.Probe.Endpoint = observe.Endpoint{Protocol: p.Name, Mode: observe.StartTLS, Role: p.Role, Host: "h.example", Network: "tcp", Address: "192.0.2.1:7", Via: "given"}
			if s.Mode == observe.StartTLS {
				c.Probe.Endpoint.Mode, c.End = observe.Implicit, observe.Garbled
				c.Lines = []observe.Line{{From: observe.Server, Text: "hello"}}
			}
			o := &observe.Observation{Schema: observe.Schema, Side: observe.Client, Target: observe.Target{Typed: "h.example", Host: "h.example"}, Conns: []observe.Conn{c}}
			var b bytes.Buffer
			if err := report.FormatByName("text").Write(&b, report.New(o, nil), report.Options{}); err != nil {
				t.Fatal(err)
			}
			if want := "try " + s.Name + "://h.example:7."; !strings.Contains(strings.Join(strings.Fields(b.String()), " "), want) {
				t.Errorf("%s, asked in the mode %s: text is\n%s\nwant %q in it", p.Name, c.Probe.Endpoint.Mode, b.String(), want)
			}
		}
	}
}
