package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/roots"
)

const versionManual = `Usage:
  mailseal version

Print the versions of the program, of Go, of the set of roots that it carries,
and of the stored form of an observation. Put them into every report of a bug.`

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the program, of Go, of the root set and of the schema",
		Long:  versionManual,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "mailseal %s\ngo       %s %s/%s\nroots    mozilla %s\nschema   %d\n",
				version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, roots.MozillaDate, observe.Schema)
			return err
		},
	}
}

// version is the module's, as the build recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}

// tool is how the program names itself in what it stores.
func tool() string { return "mailseal " + version() }
