package check

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

var nameMismatch = &Check{
	Name:     "name-mismatch",
	Question: "Is the certificate for other names than the one that clients look for?",
	Manual: `What it is
A client compares the name that it was told to connect to with the names in the certificate. None of them fits: the certificate is somebody else's, or the server's by another name.

Why it matters for mail
A mail program that checks will warn or refuse, and a warning that users learn to click away protects them from nothing. Of a mail exchanger (MX) the name in the MX record counts, not the mail domain; a sender that follows MTA-STS will not deliver if it does not fit. Most other senders do not look.

How it was seen
We compared as RFC 9525 and, for mail, RFC 7817 have it. What counts stands in the extension subjectAltName: a DNS name; an IP address if the target is one; and where the service belongs to a domain other than the host, that domain, also as a service name such as _imaps.example.org. A wildcard stands for exactly one label and is the whole left-most one. The common name in the subject does not count, although RFC 7817 permits clients to look there: see name-only-in-cn. In XMPP the name is the domain of the address, not the host. Where only an IP address was given and the certificate does not bear it, the answer is unknown: ask again with the name that clients use.

How to mend it
Get a certificate with all the names that clients use, and look at MX and SRV records for these (certbot: -d imap.example.org -d mail.example.org). If the server has the right certificate and sent another, let it choose by SNI: postfix, tls_server_sni_maps; Dovecot, local_name; Exim, a tls_certificate that depends on $tls_in_sni. nginx's mail proxy does not choose by SNI. Or let clients use the name that the certificate bears.`,
	Citations: []Citation{
		{"RFC 9525", "section 6.3"},
		{"RFC 9525", "section 6.4"},
		{"RFC 9525", "section 6.5"},
		{"RFC 7817", "section 3"},
		{"RFC 4985", "section 2"},
		{"RFC 6120", "section 13.7.1.2"},
		{"RFC 8461", "section 4.2"},
	},
	Run: func(f *Facts) []Finding { return f.eachChain(mismatch) },
}

func mismatch(c Conn, r pathResult) *view {
	e, leaf := c.Probe.Endpoint, r.sent[0]
	wanted, borne := referencesOf(e), presentedBy(leaf)
	for _, w := range wanted {
		if b, found := w.in(borne); found {
			return &view{answer: observe.No, detail: "it bears " + b.String() + w.by(b)}
		}
	}
	if !named(e) {
		return &view{detail: "no name was given to compare with; ask again with the name that clients use. It is for " + borne.list()}
	}
	return at(leaf, observe.Yes, "it is for %s, not for %s", borne.list(), wanted.list())
}

// identifier is a reference identifier (what a client looks for) or a
// presented identifier (what a certificate bears), RFC 9525.
type identifier struct {
	kind idKind
	text string // in lower case; of an IP address its bytes
}

type idKind string

const (
	dnsID    idKind = "DNS name"
	ipID     idKind = "IP address"
	srvID    idKind = "service name"
	xmppAddr idKind = "XMPP address"
)

type identifiers []identifier

// String writes an identifier for people.
func (i identifier) String() string {
	text := i.text
	if i.kind == ipID {
		a, _ := netip.AddrFromSlice([]byte(i.text))
		text = a.String()
	}
	if i.kind == dnsID {
		return quoted(observe.Text(text))
	}
	return fmt.Sprintf("the %s %s", i.kind, quoted(observe.Text(text)))
}

// by adds which reference was met, where it is not the same text.
func (i identifier) by(presented identifier) string {
	if i == presented {
		return ""
	}
	return ", which covers " + i.String()
}

// list writes the first identifiers for people.
func (list identifiers) list() string {
	if len(list) == 0 {
		return "no name at all"
	}
	var words []string
	for _, i := range list[:min(len(list), maxNamed)] {
		words = append(words, i.String())
	}
	if more := len(list) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words, ", "), more)
	}
	return strings.Join(words, ", ")
}

// in looks for a presented identifier that matches a reference.
func (i identifier) in(presented identifiers) (identifier, bool) {
	for _, p := range presented {
		if p.kind != i.kind {
			continue
		}
		if p.text == i.text || p.kind == dnsID && covers(p.text, i.text) {
			return p, true
		}
	}
	return identifier{}, false
}

// covers tells whether a wildcard covers a name: it is the complete left-most
// label, the only one, and stands for one label. Names are in lower case. RFC
// 9525, section 6.3.
func covers(pattern, name string) bool {
	rest, wild := strings.CutPrefix(pattern, "*.")
	label, above, dotted := strings.Cut(name, ".")
	return wild && dotted && label != "" && rest != "" && !strings.Contains(pattern[1:], "*") && rest == above
}

// named tells whether the endpoint has a name to compare with, and not just
// an address.
func named(e observe.Endpoint) bool {
	_, err := netip.ParseAddr(e.Host)
	return e.Domain != "" || e.Host != "" && err != nil
}

// referencesOf lists what clients of an endpoint look for in a certificate.
func referencesOf(e observe.Endpoint) identifiers {
	host, domain := canonical(e.Host), canonical(e.Domain)
	service := services[e.Protocol]
	if strings.HasPrefix(e.Protocol, "xmpp-") { // RFC 6120, section 13.7.1.2: the domain of the address alone
		if domain == "" {
			domain = host
		}
		host = ""
	}
	var all identifiers
	if a, err := netip.ParseAddr(host); err == nil {
		all = append(all, identifier{ipID, string(a.WithZone("").Unmap().AsSlice())})
	} else if host != "" {
		all = append(all, identifier{dnsID, host})
	}
	if domain == "" {
		return all
	}
	if domain != host {
		all = append(all, identifier{dnsID, domain})
	}
	for _, s := range service {
		all = append(all, identifier{srvID, s + "." + domain})
	}
	if strings.HasPrefix(e.Protocol, "xmpp-") {
		all = append(all, identifier{xmppAddr, domain})
	}
	return all
}

// services are the names of services in SRV records and in the SRV-ID of a
// certificate: RFC 6186, RFC 8314, RFC 5804, RFC 6120.
var services = map[string][]string{
	"imap":        {"_imap", "_imaps"},
	"pop3":        {"_pop3", "_pop3s"},
	"submission":  {"_submission", "_submissions"},
	"sieve":       {"_sieve"},
	"xmpp-client": {"_xmpp-client"},
	"xmpp-server": {"_xmpp-server"},
}

// canonical brings a host or domain to the form in which names are compared.
func canonical(host string) string { return lower(strings.TrimSuffix(host, ".")) }

// lower is for ASCII alone, byte by byte: what lies outside must match as it
// is, and bytes that are no UTF-8 must not become equal to each other.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

// presentedBy lists what a certificate bears in its subjectAltName.
func presentedBy(c *x509.Certificate) identifiers {
	var all identifiers
	for _, n := range c.DNSNames {
		all = append(all, identifier{dnsID, lower(n)})
	}
	for _, ip := range c.IPAddresses {
		all = append(all, identifier{ipID, string(ip)})
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSubjectAltName) {
			all = append(all, otherNames(e.Value)...)
		}
	}
	return all
}

var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidOnDNSSRV       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 7} // RFC 4985, section 2
	oidOnXMPPAddr     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5} // RFC 6120, section 13.7.1.4
)

// otherNames reads the names that crypto/x509 leaves out.
func otherNames(der []byte) identifiers {
	var names []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &names); err != nil || len(rest) > 0 {
		return nil
	}
	var all identifiers
	for _, n := range names {
		if n.Class != asn1.ClassContextSpecific || n.Tag != 0 {
			continue
		}
		var id asn1.ObjectIdentifier
		var explicit, value asn1.RawValue
		rest, err := asn1.Unmarshal(n.Bytes, &id)
		if err != nil {
			continue
		}
		if _, err := asn1.Unmarshal(rest, &explicit); err != nil || explicit.Class != asn1.ClassContextSpecific {
			continue
		}
		if _, err := asn1.Unmarshal(explicit.Bytes, &value); err != nil || bytes.IndexByte(value.Bytes, 0) >= 0 {
			continue
		}
		switch {
		case id.Equal(oidOnDNSSRV) && value.Tag == asn1.TagIA5String:
			all = append(all, identifier{srvID, lower(string(value.Bytes))})
		case id.Equal(oidOnXMPPAddr) && value.Tag == asn1.TagUTF8String:
			all = append(all, identifier{xmppAddr, lower(string(value.Bytes))})
		}
	}
	return all
}
