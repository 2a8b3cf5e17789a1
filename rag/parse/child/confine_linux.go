package child

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine gives up what a reader of files does not need: processor time beyond its
// share, the right of way over the server, files of any size, and the system calls
// that open connections or start programs.
func confine(seconds, nice int) error {
	if seconds > 0 {
		limit := unix.Rlimit{Cur: uint64(seconds), Max: uint64(seconds)}
		if err := unix.Setrlimit(unix.RLIMIT_CPU, &limit); err != nil {
			return fmt.Errorf("limit processor time: %w", err)
		}
	}
	for resource, most := range map[int]uint64{
		unix.RLIMIT_CORE:  0,
		unix.RLIMIT_FSIZE: 64 << 20, // the compiled module is the one thing it writes
		unix.RLIMIT_DATA:  2 << 30,  // a last wall behind the parent's watch
	} {
		limit := unix.Rlimit{Cur: most, Max: most}
		if err := unix.Setrlimit(resource, &limit); err != nil {
			return fmt.Errorf("limit resource %d: %w", resource, err)
		}
	}
	// Of the group, which is this child alone: by its own number Linux takes one thread
	// only, and the Go that reads may run on another.
	_ = unix.Setpriority(unix.PRIO_PGRP, 0, nice)
	return filter()
}

// Architectures of audit(7), by which a filter knows whose numbers it sees.
var auditArch = map[string]uint32{"amd64": 0xc000003e, "arm64": 0xc00000b7}

// denied are the system calls that are answered with "not permitted".
var denied = []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_EXECVE,
	unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_MOUNT, unix.SYS_BPF}

// filter installs a seccomp filter over all threads (seccomp(2)). On another
// architecture there is none: the WebAssembly module has no such calls anyway.
func filter() error {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return nil
	}
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
		refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	)
	program := []unix.SockFilter{
		{Code: load, K: 4}, // seccomp_data.arch
		{Code: equal, K: arch, Jt: 1},
		{Code: answer, K: refuse},
		{Code: load, K: 0}, // seccomp_data.nr
	}
	for i, call := range denied {
		program = append(program, unix.SockFilter{Code: equal, K: call, Jt: uint8(len(denied) - i)})
	}
	program = append(program, unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW}, unix.SockFilter{Code: answer, K: refuse})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// no_new_privs is a thread's own; with TSYNC the kernel sets it for all.
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno == unix.ENOSYS || errno == unix.EINVAL {
		return nil // a kernel without filters
	}
	if errno != 0 {
		return fmt.Errorf("filter system calls: %w", errno)
	}
	return nil
}
