package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

const manManual = `Usage:
  mailseal man DIRECTORY

Write a man page for each command into a directory that exists.

Examples:
  mailseal man /usr/local/share/man/man1
  mailseal man .`

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the man pages into a directory",
		Long:  manManual,
		Args:  needsDirectory,
		RunE: func(c *cobra.Command, args []string) error {
			setForMan(c.Root())
			header := &doc.GenManHeader{Section: "1", Source: "mailseal " + version(), Manual: "mailseal"}
			if err := doc.GenManTree(c.Root(), header, args[0]); err != nil {
				return fmt.Errorf("man: %w", err)
			}
			return nil
		},
	}
}

func needsDirectory(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("man needs one directory to write into, such as /usr/local/share/man/man1")
	}
	return nil
}

// setForMan turns the manuals into the markup that cobra makes man pages of:
// what is indented stays as it is, and the usage stands in the synopsis.
func setForMan(c *cobra.Command) {
	c.DisableAutoGenTag = true
	text := manual(c)
	if _, rest, found := strings.Cut(text, "\n\n"); found && !c.HasSubCommands() {
		text = rest
	}
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text + "\n") {
		if indented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t"); indented != inside && strings.TrimSpace(line) != "" {
			inside = indented
			b.WriteString("\n```\n")
		}
		b.WriteString(line)
	}
	if inside {
		b.WriteString("```\n")
	}
	c.Long = b.String()
	for _, sub := range c.Commands() {
		setForMan(sub)
	}
}
