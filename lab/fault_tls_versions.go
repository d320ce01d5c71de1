package lab

import "github.com/mailseal/mailseal/iana"

var tls10Only = Fault{
	Name:   "tls-1.0-only",
	Manual: "The server knows nothing newer than TLS 1.0, which RFC 8996 has forbidden since 2021. Many clients of today find no version in common.",
	Checks: []string{"tls-version-old", "key-exchange-not-post-quantum"},
	Edit:   func(s *Server) { s.TLS.MinVersion, s.TLS.MaxVersion = iana.TLS10, iana.TLS10 },
}

var tls11Only = Fault{
	Name:   "tls-1.1-only",
	Manual: "The server knows nothing newer than TLS 1.1, which RFC 8996 has forbidden since 2021.",
	Checks: []string{"tls-version-old", "key-exchange-not-post-quantum"},
	Edit:   func(s *Server) { s.TLS.MinVersion, s.TLS.MaxVersion = iana.TLS11, iana.TLS11 },
}
