package lab

import (
	"encoding/base64"
	"strings"
)

// plain judges a response of the mechanism PLAIN, RFC 4616, section 2:
// authorization identity, NUL, authentication identity, NUL, password. ok is
// false when it is not that.
func (r *Running) plain(response string) (good, ok bool) {
	text, ok := decode(response)
	if !ok {
		return false, false
	}
	parts := strings.Split(text, "\x00")
	if len(parts) != 3 {
		return false, false
	}
	if parts[0] != "" && parts[0] != parts[1] {
		return false, true
	}
	return r.login(parts[1], parts[2]), true
}

// login tells whether user and password are those of the only account.
func (r *Running) login(user, password string) bool { return user == User && password == r.secret }

// decode reads base64. A single "=" is the empty response (RFC 4954, section
// 4), and "*" cancels.
func decode(s string) (string, bool) {
	if s == "=" {
		return "", true
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return string(b), err == nil
}
