package localpg

import (
	"os"
	osuser "os/user"
	"strconv"
	"syscall"
)

// capDACOverride is CAP_DAC_OVERRIDE of linux/capability.h: reach files whatever their mode.
const capDACOverride = 1

// endWithParent makes the kernel send a signal to the child when the thread that
// started it ends. The caller must therefore lock its goroutine to the thread until
// the child has ended.
func endWithParent(s syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: s}
}

// identities lists who may run the cluster whose data are at data, best first.
func identities(data string) []identity {
	if os.Geteuid() != 0 {
		return []identity{self()}
	}
	if info, err := os.Stat(data); err == nil {
		stat := info.Sys().(*syscall.Stat_t)
		if stat.Uid == 0 {
			return []identity{namespaced()}
		}
		name := strconv.Itoa(int(stat.Uid))
		if u, err := osuser.LookupId(name); err == nil {
			name = u.Username
		}
		owner := ordinary(name, int(stat.Uid), int(stat.Gid))
		return []identity{owner, reaching(owner)}
	}
	var dropped []identity
	for _, name := range []string{"postgres", "nobody"} {
		u, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			dropped = append(dropped, ordinary(name, uid, gid))
		}
	}
	all := append(dropped, namespaced())
	if len(dropped) > 0 {
		all = append(all, reaching(dropped[0]))
	}
	return all
}

func self() identity {
	return identity{name: "this user", uid: os.Geteuid(), gid: os.Getegid()}
}

// ordinary drops root's rights for those of a user.
func ordinary(name string, uid, gid int) identity {
	return identity{name: name, uid: uid, gid: gid, become: func(attr *syscall.SysProcAttr) {
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}}
}

// namespaced is root outside and an ordinary user inside a user namespace: it reaches
// what only root can, such as a clone in root's home. Container engines commonly forbid
// such namespaces.
func namespaced() identity {
	const inside = 1000
	return identity{name: "root in a user namespace", become: func(attr *syscall.SysProcAttr) {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: inside, HostID: 0, Size: 1}}
		attr.GidMappings = attr.UidMappings
		attr.Credential = &syscall.Credential{Uid: inside, Gid: inside, NoSetGroups: true}
	}}
}

// reaching is a user who may also pass through directories that are closed to all but
// root: the way out where the clone lies in root's home and namespaces are forbidden.
func reaching(who identity) identity {
	drop := who.become
	who.name += " with access to root's directories"
	who.become = func(attr *syscall.SysProcAttr) {
		drop(attr)
		attr.AmbientCaps = []uintptr{capDACOverride}
	}
	return who
}
