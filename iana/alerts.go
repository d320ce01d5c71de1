package iana

import "fmt"

// alertNames holds the TLS Alerts registry: RFC 8446, section 6 (now RFC 9846), and the RFCs beside the lines. Names
// that TLS 1.3 has reserved are written as the older version that sends them wrote them.
var alertNames = map[uint8]string{
	0:   "close_notify",
	10:  "unexpected_message",
	20:  "bad_record_mac",
	21:  "decryption_failed", // RFC 2246
	22:  "record_overflow",
	30:  "decompression_failure", // RFC 5246
	40:  "handshake_failure",
	41:  "no_certificate", // SSL 3.0, RFC 6101
	42:  "bad_certificate",
	43:  "unsupported_certificate",
	44:  "certificate_revoked",
	45:  "certificate_expired",
	46:  "certificate_unknown",
	47:  "illegal_parameter",
	48:  "unknown_ca",
	49:  "access_denied",
	50:  "decode_error",
	51:  "decrypt_error",
	52:  "too_many_cids_requested", // RFC 9147
	60:  "export_restriction",      // RFC 2246
	70:  "protocol_version",
	71:  "insufficient_security",
	80:  "internal_error",
	86:  "inappropriate_fallback", // RFC 7507
	90:  "user_canceled",
	100: "no_renegotiation", // RFC 5246
	109: "missing_extension",
	110: "unsupported_extension",
	111: "certificate_unobtainable", // RFC 6066
	112: "unrecognized_name",        // RFC 6066
	113: "bad_certificate_status_response",
	114: "bad_certificate_hash_value", // RFC 6066
	115: "unknown_psk_identity",
	116: "certificate_required",
	117: "general_error", // RFC 9846
	120: "no_application_protocol",
	121: "ech_required", // Encrypted ClientHello
}

// AlertName is the name of an alert: "handshake_failure". An unknown one is its number: "alert 119".
func AlertName(code uint8) string {
	if s, ok := alertNames[code]; ok {
		return s
	}
	return fmt.Sprintf("alert %d", code)
}
