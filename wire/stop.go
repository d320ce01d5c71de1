package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/mailseal/mailseal/observe"
)

// Stop is why a conversation could not go on: one of the ways to end, and the
// words for it. It is an error only so that straight-line code can return it;
// the caller turns it into a record.
type Stop struct {
	End   observe.End
	Cause string
}

func (s *Stop) Error() string { return fmt.Sprintf("%s: %s", s.End, s.Cause) }

// Garbled is the Stop of an answer that is not the protocol.
func Garbled(format string, args ...any) *Stop {
	return &Stop{observe.Garbled, fmt.Sprintf(format, args...)}
}

// Ending returns how err ended a conversation, and in which words. A nil
// error is done.
func Ending(ctx context.Context, err error) (observe.End, string) {
	if err == nil {
		return observe.Done, ""
	}
	if s, ok := errors.AsType[*Stop](err); ok {
		return s.End, s.Cause
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return observe.Cancelled, "stopped"
	}
	if ctx.Err() != nil {
		return observe.Cancelled, "the time for the whole survey is over"
	}
	return classify(err), words(err)
}

func (w *Conn) stop(err error) error {
	if err == nil {
		return nil
	}
	end, cause := Ending(w.ctx, err)
	return &Stop{end, cause}
}

func classify(err error) observe.End {
	var timeout interface{ Timeout() bool }
	op, _ := errors.AsType[*net.OpError](err)
	switch {
	case op != nil && op.Op == "remote error": // as crypto/tls calls an alert of the other side
		return observe.Alerted
	case errors.Is(err, syscall.ECONNREFUSED):
		return observe.Refused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, os.ErrNotExist):
		return observe.Unreachable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, syscall.EPIPE):
		return observe.Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return observe.Closed
	case errors.As(err, &timeout) && timeout.Timeout():
		return observe.Timeout
	}
	return observe.Garbled
}

func words(err error) string {
	switch classify(err) {
	case observe.Closed:
		return "the server closed the connection"
	case observe.Reset:
		return "the server reset the connection"
	case observe.Timeout:
		return "no answer in time"
	}
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Err == nil {
		return err.Error()
	}
	if classify(err) == observe.Alerted {
		return "the server sent a TLS alert: " + strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return op.Err.Error()
}
