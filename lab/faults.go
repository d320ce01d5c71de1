package lab

import (
	"slices"

	"github.com/mailseal/mailseal/observe"
)

// Fault is a small edit to an honest server, which names the checks that must
// notice it.
type Fault struct {
	Name      string
	Manual    string         // what the server does, and where one meets it
	Protocols []string       // empty: all
	Modes     []observe.Mode // empty: StartTLS and Implicit
	Checks    []string       // exactly these answer yes, and no other
	Hangs     bool           // a client notices only by waiting in vain
	Edit      func(*Server)
}

// Fits tells whether the fault can be put into a server of that protocol and
// mode.
func (f Fault) Fits(protocol string, mode observe.Mode) bool {
	if len(f.Modes) == 0 && mode == observe.Clear {
		return false
	}
	return (len(f.Protocols) == 0 || slices.Contains(f.Protocols, protocol)) &&
		(len(f.Modes) == 0 || slices.Contains(f.Modes, mode))
}

// Faults are all faults, in the order in which a connection meets them.
var Faults = slices.Concat(
	[]Fault{
		// Before TLS.
		silent,
		slow,
		endlessGreeting,
		endlessGreetingImplicit,
		greetingGarbled,
		comeLater,
		escapeInText,
		greetingMasked,
		bareLineEnds,
		preauth,
		preauthImplicit,
		endlessReply,
		endlessReplyImplicit,
		starttlsStripped,
		starttlsMaskedX,
		starttlsPrefixed,
		starttlsHidden,
		authInClear,
		loginNotDisabled,
		moreInClear,
		starttlsRefusedForNow,
		starttlsRefused,
		starttlsPutOff,
		residueSameSegment,
		residueLate,

		// TLS.
		helloUnanswered,
		helloGarbage,
		helloClearText,
		slowHandshake,
		tls10Only,
		tls11Only,
		suite3DES,
		suiteRC4,
		suiteStaticRSA,
		extendedMasterSecretMissing,
		renegotiationInsecure,
		certificateDemanded,
		certificateHuge,
		groupClassical,

		// The certificate.
		chainIncomplete,
		chainDisordered,
		chainSuperfluous,
		chainWithRoot,
		chainHundred,
		certSelfSigned,
		certUnknownCA,
		certUnknownCAWithRoot,
		certWrongName,
		certNameOnlyInCN,
		certExpired,
		certNotYetValid,
		certExpiresSoon,
		certLifeTooLong,
		certRSA1024,
		certSHA1,
		certForClients,
		certKeyUsageUnfit,
		mustStapleUnmet,
		stapleGarbled,
		sctMissing,

		// Inside TLS.
		starttlsInsideTLS,
	},
	breaks(), // a connection that ends too early, stage by stage
)

// FaultByName returns a fault, and false where there is none of that name.
func FaultByName(name string) (Fault, bool) {
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return Faults[i], true
}

// Groups of protocols and modes that faults name.
var (
	smtpFamily   = []string{"smtp", "submission", "lmtp"}
	starttlsOnly = []observe.Mode{observe.StartTLS}
	implicitOnly = []observe.Mode{observe.Implicit}
)

// remove takes items out of a list of capabilities.
func remove(list []string, items ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(items, s) })
}
