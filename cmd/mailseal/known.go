package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailseal/mailseal/observe"
	"github.com/mailseal/mailseal/talk"
)

const knownManual = `Usage:
  mailseal known                         list the servers whose keys are known
  mailseal known remove HOST[:PORT]...   forget them

A conversation with --tofu remembers the key of a server at first sight, as
ssh does, and stops when the server shows another one. A key that has changed
is never learned by itself: remove the old one, and the next meeting is a
first one again.

The file is $MAILSEAL_KNOWN, or mailseal/known_servers among your
configuration files. A line of it is

  imap.example.org:993 sha256:HEX 2026-11-23T12:00:00Z a comment

where HEX is the SHA-256 of the server's public key (its SubjectPublicKeyInfo
in DER form). Lines that begin with # are comments.

Examples:
  mailseal known
  mailseal known --json
  mailseal known remove imap.example.org
  mailseal known remove imap.example.org:993

Exit codes:
  0  done
  2  usage: the command line is wrong, the file is broken, or nothing is known
     of the server to remove
  4  mailseal itself failed, for example because the disk is full`

func knownServersCommand() *cobra.Command {
	var file string
	asJSON := false
	c := &cobra.Command{
		Use:   "known",
		Short: "List or forget the servers whose keys are known",
		Long:  knownManual,
		Args:  knownCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			known, err := openKnown(file)
			if err != nil {
				return err
			}
			return listKnown(c.OutOrStdout(), c.ErrOrStderr(), known, asJSON)
		},
	}
	c.PersistentFlags().StringVar(&file, "known", "", "the `file` of known servers")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.AddCommand(forgetCommand(&file))
	return c
}

const forgetManual = `Usage:
  mailseal known remove HOST[:PORT]...

Forget the key of a server, or of all servers of a host. The lines that are
gone are printed. The other lines of the file stay as they are.

Examples:
  mailseal known remove imap.example.org:993
  mailseal known remove mx1.example.org mx2.example.org`

func forgetCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "remove HOST[:PORT]...",
		Short: "Forget the keys of servers",
		Long:  forgetManual,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("known remove needs a server, such as imap.example.org:993")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			known, err := openKnown(*file)
			if err != nil {
				return err
			}
			for _, typed := range args {
				if err := forget(c.OutOrStdout(), known, typed); err != nil {
					return err
				}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			known, err := openKnown(*file)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return serverNames(known), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func openKnown(file string) (*talk.Known, error) {
	path, err := talk.KnownPath(file)
	if err != nil {
		return nil, err
	}
	return talk.OpenKnown(path)
}

func forget(out io.Writer, known *talk.Known, typed string) error {
	gone, err := known.Remove(typed)
	if err != nil {
		return ofTheMachine(err)
	}
	if len(gone) == 0 {
		return fmt.Errorf("no server %q is known%s", typed, didYouMean(typed, serverNames(known)))
	}
	for _, s := range gone {
		if _, err := fmt.Fprintf(out, "removed %s %s\n", observe.Escape(s.Server), s.Key); err != nil {
			return ownFailure{err}
		}
	}
	return nil
}

// ofTheMachine tells what the file system refused from what was typed.
func ofTheMachine(err error) error {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	if path || link {
		return ownFailure{err}
	}
	return err
}

func serverNames(known *talk.Known) []string {
	var names []string
	for _, s := range known.List() {
		names = append(names, s.Server)
	}
	return names
}

func listKnown(out, tell io.Writer, known *talk.Known, asJSON bool) error {
	list := known.List()
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(append([]talk.KnownServer{}, list...)); err != nil { // a list, never null
			return ownFailure{err}
		}
		return nil
	}
	if len(list) == 0 {
		fmt.Fprintf(tell, "no server is known in %s\n", oneLine(known.Path()))
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVER\tSINCE\tKEY\tCOMMENT")
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", observe.Escape(s.Server), s.Since.Format(time.DateOnly), s.Key, s.Comment)
	}
	if err := w.Flush(); err != nil {
		return ownFailure{err}
	}
	return nil
}
