package hello

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
)

// clientHello is what the server's side cannot be read without.
type clientHello struct{ random, sessionID []byte }

// readClientHello reads the first message of a client (RFC 8446, section 4.1.2); its zero value if that is none.
func readClientHello(client []byte) (hello clientHello) {
	var pending []byte
	for len(pending) <= maxMessage {
		rec, rest, ok, _ := cutRecord(client)
		if !ok || rec.typ != typeHandshake {
			return hello
		}
		pending, client = append(pending, rec.body...), rest
		if typ, body, _, whole := cutMessage(pending); whole {
			return parseClientHello(typ, body)
		}
	}
	return hello
}

func parseClientHello(typ uint8, body []byte) (hello clientHello) {
	const messageClientHello = 1
	var (
		s         = cryptobyte.String(body)
		version   uint16
		random    []byte
		sessionID cryptobyte.String
	)
	if typ != messageClientHello || !s.ReadUint16(&version) || !s.ReadBytes(&random, 32) || !s.ReadUint8LengthPrefixed(&sessionID) {
		return hello
	}
	return clientHello{random: bytes.Clone(random), sessionID: bytes.Clone(sessionID)}
}

// ClientAlerts are the alerts that a client sent in clear, from the bytes it sent. Sealed ones are not among them: a
// sealed alert never has two bytes, because a MAC does not fit.
func ClientAlerts(client []byte) (alerts []Alert) {
	for len(alerts) < maxAlerts {
		rec, rest, ok, _ := cutRecord(client)
		if !ok {
			return alerts
		}
		if rec.typ == typeAlert && rec.whole && len(rec.body) == 2 {
			alerts = append(alerts, Alert{Level: rec.body[0], Code: rec.body[1]})
		}
		client = rest
	}
	return alerts
}
