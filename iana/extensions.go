package iana

// Extension types that other rooms read or write.
const (
	ExtServerName             uint16 = 0
	ExtStatusRequest          uint16 = 5
	ExtSupportedGroups        uint16 = 10
	ExtECPointFormats         uint16 = 11
	ExtSignatureAlgorithms    uint16 = 13
	ExtHeartbeat              uint16 = 15
	ExtALPN                   uint16 = 16
	ExtSCT                    uint16 = 18
	ExtEncryptThenMAC         uint16 = 22
	ExtExtendedMasterSecret   uint16 = 23
	ExtSessionTicket          uint16 = 35
	ExtPreSharedKey           uint16 = 41
	ExtEarlyData              uint16 = 42
	ExtSupportedVersions      uint16 = 43
	ExtCookie                 uint16 = 44
	ExtCertificateAuthorities uint16 = 47
	ExtKeyShare               uint16 = 51
	ExtRenegotiationInfo      uint16 = 65281
)

// extensionNames holds the TLS ExtensionType Values registry, without the entries of protocols that never travel with
// mail.
var extensionNames = map[uint16]string{
	ExtServerName:             "server_name",
	1:                         "max_fragment_length",
	2:                         "client_certificate_url",
	3:                         "trusted_ca_keys",
	4:                         "truncated_hmac",
	ExtStatusRequest:          "status_request",
	6:                         "user_mapping",
	7:                         "client_authz",
	8:                         "server_authz",
	9:                         "cert_type",
	ExtSupportedGroups:        "supported_groups",
	ExtECPointFormats:         "ec_point_formats",
	12:                        "srp",
	ExtSignatureAlgorithms:    "signature_algorithms",
	14:                        "use_srtp",
	ExtHeartbeat:              "heartbeat",
	ExtALPN:                   "application_layer_protocol_negotiation",
	17:                        "status_request_v2",
	ExtSCT:                    "signed_certificate_timestamp",
	19:                        "client_certificate_type",
	20:                        "server_certificate_type",
	21:                        "padding",
	ExtEncryptThenMAC:         "encrypt_then_mac",
	ExtExtendedMasterSecret:   "extended_master_secret",
	24:                        "token_binding",
	25:                        "cached_info",
	27:                        "compress_certificate",
	28:                        "record_size_limit",
	34:                        "delegated_credential",
	ExtSessionTicket:          "session_ticket",
	ExtPreSharedKey:           "pre_shared_key",
	ExtEarlyData:              "early_data",
	ExtSupportedVersions:      "supported_versions",
	ExtCookie:                 "cookie",
	45:                        "psk_key_exchange_modes",
	ExtCertificateAuthorities: "certificate_authorities",
	48:                        "oid_filters",
	49:                        "post_handshake_auth",
	50:                        "signature_algorithms_cert",
	ExtKeyShare:               "key_share",
	52:                        "transparency_info",
	54:                        "connection_id",
	55:                        "external_id_hash",
	56:                        "external_session_id",
	57:                        "quic_transport_parameters",
	58:                        "ticket_request",
	59:                        "dnssec_chain",
	62:                        "tls_flags",
	64768:                     "ech_outer_extensions",
	65037:                     "encrypted_client_hello",
	ExtRenegotiationInfo:      "renegotiation_info",
}

// ExtensionName is the name of an extension type: "key_share". An unknown one is its number.
func ExtensionName(extension uint16) string { return name(extensionNames, extension) }
