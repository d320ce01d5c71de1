package talk

import (
	"strconv"
	"strings"

	"github.com/mailseal/mailseal/observe"
)

// httpTurns are those of HTTP/1.1, RFC 9112: a request ends with an empty
// line and the body that its head announces; a response with what section 6.3
// says about the length of its body.
type httpTurns struct {
	head     []string // lines of the request that we are saying
	body     int      // bytes of its body that we still have to say
	methods  []string // of the requests that have no response
	part     httpPart
	response []string // lines of the head of the response that is coming
	left     int      // bytes of its body, or of a chunk of it
}

// httpPart is the part of a response that comes next.
type httpPart int

const (
	httpHead    httpPart = iota
	httpCounted          // a body of so many bytes
	httpSize             // the size of a chunk
	httpChunk            // a chunk and the end of its line
	httpTrailer
	httpToTheEnd // a body that the end of the connection ends
)

func (t *httpTurns) say(line string) {
	if t.body > 0 {
		t.body = max(0, t.body-len(line)-2)
		return
	}
	if line != "" {
		t.head = append(t.head, line)
		return
	}
	if len(t.head) > 0 {
		method, _ := verb(t.head[0])
		t.methods = append(t.methods, method)
		t.body, _ = strconv.Atoi(field(t.head, "Content-Length"))
		t.body = max(t.body, 0)
	}
	t.head = nil
}

func (t *httpTurns) hear(line string, end observe.Break) bool {
	switch t.part {
	case httpHead:
		if line != "" {
			t.response = append(t.response, line)
			return false
		}
		return len(t.response) > 0 && t.beginBody()
	case httpCounted:
		t.left -= size(line, end)
		return t.left <= 0 && t.done()
	case httpSize:
		digits, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 16, 32)
		if err != nil || n < 0 {
			t.part = httpToTheEnd
			return false
		}
		t.part, t.left = httpChunk, int(n)+2
		if n == 0 {
			t.part = httpTrailer
		}
	case httpChunk:
		if t.left -= size(line, end); t.left <= 0 {
			t.part = httpSize
		}
	case httpTrailer:
		return line == "" && t.done()
	}
	return false
}

// beginBody decides about the body of the response whose head is complete. It
// tells whether there is none.
func (t *httpTurns) beginBody() bool {
	code := 0
	if words := strings.Fields(t.response[0]); len(words) > 1 {
		code, _ = strconv.Atoi(words[1])
	}
	method := ""
	if len(t.methods) > 0 {
		method = t.methods[0]
	}
	length, err := strconv.Atoi(field(t.response, "Content-Length"))
	chunked := strings.EqualFold(field(t.response, "Transfer-Encoding"), "chunked")
	t.response = nil
	switch {
	case code/100 == 1:
		return false // another response follows
	case method == "HEAD" || code == 204 || code == 304:
		return t.done()
	case chunked:
		t.part = httpSize
	case err != nil:
		t.part = httpToTheEnd
	case length <= 0:
		return t.done()
	default:
		t.part, t.left = httpCounted, length
	}
	return false
}

func (t *httpTurns) done() bool {
	t.part = httpHead
	if len(t.methods) > 0 {
		t.methods = t.methods[1:]
	}
	return true
}

func (t *httpTurns) waits() bool { return len(t.head) == 0 && t.body == 0 && len(t.methods) > 0 }

func (t *httpTurns) closed() bool {
	if t.part == httpToTheEnd {
		return t.done()
	}
	return !t.waits()
}

// field is the value of a field of a head, RFC 9112, section 5; empty where
// there is none.
func field(head []string, name string) string {
	for _, line := range head[1:] {
		if n, value, found := strings.Cut(line, ":"); found && strings.EqualFold(n, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
