//go:build !unix

package pdfium

import "context"

// outside leaves the module's memory with Go where the system offers no other.
func outside(ctx context.Context) context.Context { return ctx }
