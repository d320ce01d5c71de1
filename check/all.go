package check

// All are the checks, in the order in which a report shows them: what the
// line does before TLS, TLS itself, the certificate.
var All = []*Check{
	// Before TLS: does the server talk, and what does it offer?
	serverSilent, throttled, conversationBroken,
	starttlsMissing, starttlsRefused, starttlsMangled, starttlsHidden, starttlsResidue, tlsFailing,
	authInClear, loginNotDisabled, capabilitiesMoreInClear, preauthGreeting, implicitTLSMissing,
	escapeInText, lineEndsBare,

	// TLS: what was settled on, and what is said inside.
	tlsVersionOld, suiteWeak, suiteNotForwardSecret, groupWeak, keyExchangeNotPostQuantum,
	extendedMasterSecretMissing, renegotiationInsecure, compressionOn,
	earlyDataOffered, ticketLifeTooLong, certificateDemanded,
	starttlsInsideTLS, sealedConversationBroken,

	// The certificate: its path, its names, its time, its make, what comes with it.
	certSelfSigned, chainUntrusted, untrustedMozilla, untrustedSystem,
	chainIncomplete, chainDisordered, chainSuperfluous,
	nameMismatch, nameOnlyInCN,
	certExpired, certNotYetValid, certExpiresSoon, certLifeTooLong,
	certKeyWeak, certSignatureWeak, certKeyUsageUnfit, certEKUUnfit,
	ocspStapleUnfit, mustStapleUnmet, sctMissing,
}
