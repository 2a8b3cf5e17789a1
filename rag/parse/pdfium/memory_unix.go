//go:build unix

package pdfium

import (
	"context"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// outside gives the module memory outside Go's. In Go's, growing would copy it and
// keep the old one until the next collection, and all of it would count against the
// limit that keeps the collector at its work. Only what the module has touched is
// resident.
func outside(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(_, most uint64) experimental.LinearMemory {
		room, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			return &moduleMemory{} // which refuses the module its first page
		}
		return &moduleMemory{room}
	}))
}

type moduleMemory struct{ room []byte }

// Reallocate implements experimental.LinearMemory; nil is a refusal.
func (m *moduleMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.room)) {
		return nil
	}
	return m.room[:size]
}

// Free implements experimental.LinearMemory.
func (m *moduleMemory) Free() {
	_ = syscall.Munmap(m.room)
	m.room = nil
}
