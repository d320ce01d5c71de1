package check

import "github.com/mailseal/mailseal/observe"

var lineEndsBare = &Check{
	Name:     "line-ends-bare",
	Question: "Does the server end its lines with a bare line feed?",
	Manual: `What it is
The lines of these protocols end in CR LF, two bytes. This server sent lines that end in LF alone.

Why it matters for mail
Strict clients wait for the CR and see no end of the line. Where two programs do not agree on where a line ends, one can hide a command in what the other takes for text; that is how SMTP smuggling works. A server that answers so probably reads so too. It is also the mark of a server made from a script, or of a box that rewrites lines.

How it was seen
In the lines that are shown as evidence. How the server treats a bare LF from a client was not tried.

How to mend it
The usual mail servers never send it, so look for what stands between: a proxy, a filter, a script in a socket unit. In a program of your own write \r\n. For what comes in, postfix has smtpd_forbid_bare_newline (since 3.9, and in 3.8.4, 3.7.9, 3.6.13 and 3.5.23).`,
	Citations: []Citation{
		{"RFC 5321", "section 2.3.8"},
	},
	Run: func(f *Facts) []Finding { return f.eachEndpoint(bareEnds) },
}

func bareEnds(c Conn) *view {
	if !c.reachable() || !isLines(c.Probe.Endpoint.Protocol) {
		return nil
	}
	if bare := c.serverLines(func(l observe.Line) bool { return l.Break == observe.LF }); len(bare) > 0 {
		return &view{answer: observe.Yes, detail: "lines end in LF without CR", lines: bare}
	}
	if len(c.serverLines(func(l observe.Line) bool { return l.Break == observe.CRLF })) > 0 {
		return &view{answer: observe.No, detail: "the lines end in CR LF"}
	}
	return c.cutShort("no whole line was seen")
}
