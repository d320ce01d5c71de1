package check

// All are the checks, in the order in which a report shows them: what the
// line does before TLS, TLS itself, the certificate.
var All = []*Check{}
