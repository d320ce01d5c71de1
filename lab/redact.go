package lab

import (
	"fmt"
	"strings"
)

// secretVerbs are the commands of all mail protocols behind which a secret
// stands.
var secretVerbs = map[string]bool{"AUTH": true, "AUTHENTICATE": true, "LOGIN": true, "PASS": true, "APOP": true}

// mechanisms are the names that may follow AUTH in a record. Any other word
// there could be a secret.
var mechanisms = map[string]bool{
	"PLAIN": true, "LOGIN": true, "CRAM-MD5": true, "DIGEST-MD5": true, "NTLM": true, "GSSAPI": true, "EXTERNAL": true,
	"ANONYMOUS": true, "OAUTHBEARER": true, "XOAUTH2": true, "SCRAM-SHA-1": true, "SCRAM-SHA-256": true,
	"SCRAM-SHA-1-PLUS": true, "SCRAM-SHA-256-PLUS": true,
}

// redact takes the secrets out of a client's line: everything behind a verb
// that carries one, and the known secrets wherever they stand. It errs on the
// side of hiding too much, since the client under test may use a real
// password, and may be wrong about the protocol.
func redact(line string, secrets []string) (string, bool) {
	if at, ok := secretAt(line); ok {
		return line[:at] + hide(line[at:]), true
	}
	for _, s := range secrets {
		if strings.Contains(line, s) {
			return hide(line), true
		}
	}
	return line, false
}

// hide stands for a secret.
func hide(secret string) string { return fmt.Sprintf("[%d bytes hidden]", len(secret)) }

// secretAt finds where the secret part of a line begins. The verb is the first
// word, or in IMAP the second, behind the tag.
func secretAt(line string) (int, bool) {
	next, ok := secretVerb(line)
	if !ok {
		return 0, false
	}
	for next < len(line) && isSpace(line[next]) {
		next++
	}
	return next, next < len(line)
}

// secretVerb finds the end of a verb that carries a secret, and of the
// mechanism behind it.
func secretVerb(line string) (int, bool) {
	at := 0
	for range 2 {
		word, next := nextWord(line, at)
		if secretVerbs[strings.ToUpper(word)] {
			if second, after := nextWord(line, next); isMechanism(word, second) {
				next = after
			}
			return next, true
		}
		at = next
	}
	return 0, false
}

func isMechanism(verb, word string) bool {
	return strings.HasPrefix(strings.ToUpper(verb), "AUTH") && mechanisms[strings.ToUpper(strings.Trim(word, `"`))]
}

// nextWord returns the word at or after at, and where it ends.
func nextWord(line string, at int) (string, int) {
	for at < len(line) && isSpace(line[at]) {
		at++
	}
	from := at
	for at < len(line) && !isSpace(line[at]) {
		at++
	}
	return line[from:at], at
}

// isSpace counts control characters as space, so that they cannot hide a verb.
func isSpace(b byte) bool { return b <= ' ' }
