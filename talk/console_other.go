//go:build !unix

package talk

// watchSize does nothing: there is no signal that would tell.
func watchSize(func()) (stop func()) { return func() {} }
