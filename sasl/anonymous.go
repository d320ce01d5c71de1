package sasl

import (
	"errors"
	"unicode/utf8"
)

// Anonymous asks to be let in without a name, RFC 4505.
var Anonymous = &Mechanism{
	Name: "ANONYMOUS",
	Manual: `The message is a trace: an address or any text, for the server's log. It
proves nothing. The user name is sent as the trace, and may be empty.`,
	References: []string{"RFC 4505"},
	Start:      startAnonymous,
}

// startAnonymous keeps the trace to the 255 characters of RFC 4505, section 2.
func startAnonymous(c Credentials, _ Channel) (Exchange, error) {
	if utf8.RuneCountInString(c.User) > 255 {
		return nil, errors.New("ANONYMOUS: the trace has more than 255 characters")
	}
	if err := free("ANONYMOUS: the trace", c.User, controls); err != nil {
		return nil, err
	}
	return &single{name: "ANONYMOUS", response: NewSecret(c.User)}, nil
}

const controls = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"
