package hello

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Content types, RFC 8446, section 5.1 and RFC 6520, section 6.
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeApplicationData  = 23
	typeHeartbeat        = 24
)

const (
	headerLength = 5
	// maxBody is what TLS 1.2 allows for a sealed record (RFC 5246, section 6.2.3); TLS 1.3 allows less.
	maxBody = 1<<14 + 2048
	// maxHead is how much of something strange we quote.
	maxHead = 60
)

// record is one record, or the beginning of one at the end of the input.
type record struct {
	typ    uint8
	header []byte
	body   []byte
	whole  bool
}

// cutRecord cuts the first record off the input. The header of a partial record may be missing: then ok is false, as it
// is at the end. A problem tells why these bytes are no record.
func cutRecord(in []byte) (rec record, rest []byte, ok bool, problem string) {
	if len(in) > 0 && (in[0] < typeChangeCipherSpec || in[0] > typeHeartbeat) ||
		len(in) > 1 && in[1] != 3 { // SSL 3.0 to TLS 1.3 all write 3 here
		return record{}, nil, false, fmt.Sprintf("bytes %+q are not a TLS record", head(in))
	}
	if len(in) < headerLength {
		return record{}, nil, false, ""
	}
	n := int(binary.BigEndian.Uint16(in[3:]))
	if n > maxBody {
		return record{}, nil, false, fmt.Sprintf("record of %d bytes is longer than TLS allows", n)
	}
	rec = record{typ: in[0], header: in[:headerLength], whole: true}
	in = in[headerLength:]
	if len(in) < n {
		rec.body, rec.whole = in, false
		return rec, nil, true, ""
	}
	rec.body = in[:n]
	return rec, in[n:], true, ""
}

// head is what one shows of bytes that are something else: the first line, if it is text, and never much.
func head(in []byte) []byte {
	in = in[:min(len(in), maxHead)]
	if i := bytes.IndexAny(in, "\r\n"); i > 0 {
		return in[:i]
	}
	return in
}
