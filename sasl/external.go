package sasl

import "fmt"

// External points to what the server knows already: in mail, the client's
// certificate. RFC 4422, appendix A.
var External = &Mechanism{
	Name: "EXTERNAL",
	Manual: `The server takes who we are from elsewhere: from the certificate that we have
shown in TLS. The message is the authorization identity, mostly empty. It has no
secret; the secret was the certificate's key.`,
	References:       []string{"RFC 4422, appendix A"},
	NeedsCertificate: true,
	Start:            startExternal,
}

func startExternal(c Credentials, _ Channel) (Exchange, error) {
	if err := c.identities("\x00"); err != nil {
		return nil, fmt.Errorf("EXTERNAL: %w", err)
	}
	return &single{name: "EXTERNAL", response: NewSecret(c.Authz)}, nil
}
