// Package observe holds the facts: what was asked of a server, what came back,
// when, in which words and bytes, how far we got and how it ended.
//
// It is the only thing that the two wings of mailseal share. The left wing
// (dialogue, hello, probe …) fills an [Observation] and has no opinion; the
// right wing (check, standard, report) reads it and touches no network. So:
//
//  1. A failing network is a fact. Nothing here is an error.
//  2. The zero value of every answer is [Unknown]. What was not looked at
//     reads unknown, never secure and never missing.
//  3. The clock and the trust anchors are stored beside the facts, so that
//     judging again tomorrow gives the same.
//  4. Replies, certificates and staples are stored as served. Parsing them is
//     judgement, and can be done again when the parser is better.
//
// A stored observation is a promise: fields are added, never changed, and old
// files keep loading. [Schema] counts the additions.
package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Schema is the version of the stored form. A reader accepts every version up
// to its own; a higher one only has fields that it does not know.
const Schema = 1

// Observation is a survey of one target: everything that was seen, and from
// where.
type Observation struct {
	Schema       int                    `json:"schema"`
	Tool         string                 `json:"tool"` // name and version of the program that looked
	Side         Side                   `json:"side"`
	Began        time.Time              `json:"began"` // the clock that judgement uses
	Ended        time.Time              `json:"ended"`
	Interrupted  bool                   `json:"interrupted,omitempty"` // a person or the total time limit stopped the survey
	Vantage      Vantage                `json:"vantage"`
	Target       Target                 `json:"target"`
	Lookups      []Lookup               `json:"lookups,omitempty"`
	Conns        []Conn                 `json:"conns,omitempty"`
	Certificates map[Fingerprint][]byte `json:"certificates,omitempty"` // every certificate named above or below, DER
	Anchors      []Anchor               `json:"anchors,omitempty"`      // trust anchors that could end a chain that was sent
}

// Side tells which end of the wire kept the record.
type Side string

// The two ends of a wire.
const (
	Client Side = "client" // we called, the record is about a server
	Server Side = "server" // we were called (the lab), the record is about a client
)

// Vantage is the place from which was looked.
type Vantage struct {
	Helo     string      `json:"helo,omitempty"`     // the name for EHLO and LHLO that was asked for; the lines have what was said
	Resolver string      `json:"resolver,omitempty"` // who answered name look-ups
	Proxy    string      `json:"proxy,omitempty"`    // the proxy in between, without its password
	Bind     string      `json:"bind,omitempty"`     // the local address that was asked for
	Stores   []RootStore `json:"stores,omitempty"`   // the sets of trust anchors at hand
	Timeout  string      `json:"timeout,omitempty"`  // the limit for the whole survey, as a Go duration
}

// RootStore describes a set of trust anchors without listing it.
type RootStore struct {
	Name  string `json:"name"`           // "mozilla", "system" or "file"
	Date  string `json:"date,omitempty"` // of the set where it has one, YYYY-MM-DD
	Count int    `json:"count"`          // number of anchors; 0 where the platform does not tell
}

// Anchor is a trust anchor of a store whose subject is the issuer of a
// certificate that was sent (or which was sent itself). Only these can end a
// chain, so they are all that judging the chain again needs.
type Anchor struct {
	Store         string      `json:"store"`
	Certificate   Fingerprint `json:"certificate"`
	DistrustAfter *time.Time  `json:"distrust_after,omitempty"` // the store trusts it only for certificates issued up to then
}

// Lookup is one answer of the name system, as served.
type Lookup struct {
	Name     string    `json:"name"`
	Type     string    `json:"type"` // "A", "AAAA", …; "HOST" for the system's own resolver, which asks for both
	At       time.Time `json:"at"`
	Took     Micros    `json:"took_us"`
	Resolver string    `json:"resolver"`
	Answers  []string  `json:"answers,omitempty"`
	State    DNSSEC    `json:"dnssec"`
	End      End       `json:"end"`
	Cause    string    `json:"cause,omitempty"` // the resolver's words when there is no answer
}

// DNSSEC is the security state of a look-up, RFC 4035, section 4.3.
type DNSSEC string

// The four states; what nobody validated is indeterminate.
const (
	Indeterminate DNSSEC = "indeterminate"
	Secure        DNSSEC = "secure"
	Insecure      DNSSEC = "insecure"
	Bogus         DNSSEC = "bogus"
)

// Micros is a span of time in microseconds.
type Micros int64

// Since returns the span from began to now, in microseconds.
func Since(began, now time.Time) Micros { return Micros(now.Sub(began).Microseconds()) }

// Duration returns m as a time.Duration.
func (m Micros) Duration() time.Duration { return time.Duration(m) * time.Microsecond }

// Fingerprint is the SHA-256 of a certificate's DER form in lower-case hex.
type Fingerprint string

// FingerprintOf returns the fingerprint of a certificate in DER form.
func FingerprintOf(der []byte) Fingerprint {
	sum := sha256.Sum256(der)
	return Fingerprint(hex.EncodeToString(sum[:]))
}

// Keep stores a certificate once and returns its fingerprint.
func (o *Observation) Keep(der []byte) Fingerprint {
	if o.Certificates == nil {
		o.Certificates = make(map[Fingerprint][]byte)
	}
	f := FingerprintOf(der)
	o.Certificates[f] = der
	return f
}
