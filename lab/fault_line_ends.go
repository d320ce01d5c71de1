package lab

var bareLineEnds = Fault{
	Name:   "line-ends-bare",
	Manual: "The server ends its lines with a line feed alone: the mark of a script, or of a box that rewrites lines.",
	Checks: []string{"line-ends-bare"},
	Edit:   func(s *Server) { s.BareLF = true },
}
