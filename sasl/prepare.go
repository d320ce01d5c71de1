package sasl

import (
	"errors"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"
)

// saslPrep is SASLprep, RFC 4013, for strings that are asked with: code points
// that Unicode 3.2 did not know are allowed (section 2.5), as the passwords of
// today have them. The library's own profile is for strings that are stored.
var saslPrep = stringprep.Profile{
	Mappings:  stringprep.SASLprep.Mappings,
	Normalize: true,
	Prohibits: []stringprep.Set{
		stringprep.TableC1_2, stringprep.TableC2_1, stringprep.TableC2_2, stringprep.TableC3, stringprep.TableC4,
		stringprep.TableC5, stringprep.TableC6, stringprep.TableC7, stringprep.TableC8, stringprep.TableC9,
	},
	CheckBiDi: true,
}

// prepare makes one form of the several ways to type the same text. The error
// reads on from what the text is, and shows none of it.
func prepare(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", errors.New("is not UTF-8")
	}
	prepared, err := saslPrep.Prepare(text)
	if err != nil {
		return "", errors.New("has a character that SASLprep (RFC 4013) prohibits")
	}
	return prepared, nil
}
