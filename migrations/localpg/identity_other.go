//go:build !linux

package localpg

import (
	"os"
	"syscall"
)

// endWithParent does nothing here: only Linux tells a child of its parent's death. A
// cluster that outlives a killed parent is stopped by the next start.
func endWithParent(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func identities(string) []identity {
	return []identity{{name: "this user", uid: os.Geteuid(), gid: os.Getegid()}}
}
