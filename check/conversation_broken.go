package check

import "github.com/mailseal/mailseal/observe"

var conversationBroken = &Check{
	Name:     "conversation-broken",
	Question: "Did the server break off or spoil the conversation before TLS could begin?",
	Manual: `What it is
The server greeted, or was about to, and then the conversation ended without a verdict on TLS: it closed or reset the connection, fell silent in the middle, said something that is not the protocol, or talked past every bound. A refusal in words is not meant here, nor a request to come later; these have checks of their own.

Why it matters for mail
A sender that meets this cannot go on, in clear or sealed. It tries again, and some senders try again without TLS, which is what somebody in the middle would want.

How it was seen
The detail says how far the conversation came and how it ended; the last words of the server are the evidence. The cause may lie between us and the server: a firewall that inspects mail often resets what it does not understand.

How to mend it
Read the server's log for the minute of the connection. Servers end conversations with clients that they count as ill-behaved: postfix after smtpd_hard_error_limit errors, Exim after smtp_max_unknown_commands or smtp_max_synprot_errors. A worker that crashes on STARTTLS, often over a key file that it may not read, leaves a line in the log of the master process. If something else than a mail server answers, the port is mapped wrongly. Then try from another network, to tell the server from what stands in front of it.`,
	Citations: []Citation{
		{"RFC 5321", "section 3.8"},
		{"RFC 3207", "section 4"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(brokenOff) },
}

func brokenOff(c Conn) *view {
	switch {
	case !c.upgrades():
		return nil
	case c.Upgrade.GoAhead != observe.Unknown || c.sealed():
		return &view{answer: observe.No, detail: "the server gave its answer to " + command(c.Probe.Endpoint.Protocol)}
	case c.inTheWay():
		return c.cutShort("the conversation was not finished")
	case silent(c) != nil && silent(c).answer == observe.Yes:
		return &view{detail: "the server said nothing at all"} // a check of its own
	case spoiled(c.End):
		return &view{answer: observe.Yes, detail: "the conversation broke " + c.where() + ": " + c.cause(), lines: c.lastWords()}
	case c.End == observe.Refused:
		return &view{answer: observe.No, detail: "the server ended the conversation in words: " + c.cause(), lines: c.lastWords()}
	}
	return c.cutShort("the conversation did not come to the question of TLS")
}

// spoiled tells whether an end is one that breaks a conversation.
func spoiled(e observe.End) bool {
	switch e {
	case observe.Timeout, observe.Reset, observe.Closed, observe.Garbled, observe.Excess:
		return true
	}
	return false
}

// where says how far a clear conversation came.
func (c Conn) where() string {
	if c.Upgrade.Sent != "" {
		return "after " + command(c.Probe.Endpoint.Protocol)
	}
	switch c.Reached {
	case observe.Greeting:
		return "after the greeting"
	case observe.Capability:
		return "after the capabilities"
	}
	return "before the greeting was whole"
}
