package report

import "io"

// Format is a way to write a report.
type Format struct {
	Name  string // "text"
	Write func(w io.Writer, r *Report, opt Options) error
}

// Options are what the person who reads can choose. The zero value is plain
// text at 80 columns.
type Options struct {
	Width   int    // columns; 0: 80
	Color   bool   // colour the seals; the words carry everything without it
	Verbose bool   // transcripts, rules that are met, all evidence
	Tool    string // name and version of the program that judges
}

// Formats are all formats, the default first.
var Formats = []Format{
	{"text", writeText}, // for people: the seal first, then what to mend, then what was seen
	{"json", writeJSON}, // for programs: everything, with stable names
}

// FormatByName returns the format of that name, or nil.
func FormatByName(name string) *Format {
	for i := range Formats {
		if Formats[i].Name == name {
			return &Formats[i]
		}
	}
	return nil
}
