package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// anywhere is the current directory of children. It is not their own, which they may
// not be able to enter before the rights given to them take effect.
const anywhere = "/"

// identity is an operating system user to run the server as. PostgreSQL refuses to
// run as root.
type identity struct {
	name     string
	uid, gid int                        // owner of the files, as this process sees it
	become   func(*syscall.SysProcAttr) // nil: as this process is
}

// chooseIdentity finds a user who can run the binaries and write the cluster's
// directories, and hands these to that user. An ordinary user is that user. For root the
// owner of an existing cluster decides; a new one goes to the distribution's user for
// PostgreSQL, or to one without rights, if that user gets through to the directories.
func chooseIdentity(ctx context.Context, home, socketDir, bin string) (identity, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return identity{}, fmt.Errorf("create directory of the private database: %w", err)
	}
	var tried []string
	for _, who := range identities(filepath.Join(home, "data")) {
		err := who.take(home)
		if err == nil {
			err = who.probe(ctx, home, bin)
		}
		if err == nil && socketDir != home {
			if err = makeOwn(socketDir, who.uid); err == nil {
				err = who.take(socketDir)
			}
		}
		if err == nil {
			return who, nil
		}
		if ctx.Err() != nil {
			return identity{}, fmt.Errorf("start the private database: %w", context.Cause(ctx))
		}
		tried = append(tried, fmt.Sprintf("as %s: %v", who.name, err))
	}
	return identity{}, fmt.Errorf("no user can run PostgreSQL in %s (%s): set CDSS_DATA_DIR to a directory that an ordinary user can reach, or DATABASE_URL",
		home, strings.Join(tried, "; "))
}

// take hands a directory to the identity and closes it to all others.
func (who identity) take(dir string) error {
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, who.uid, who.gid); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o700)
}

// probe does what the server will do: write the directory and run the binary.
func (who identity) probe(ctx context.Context, home, bin string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `cd "$1" && : > .probe && rm .probe && exec "$2" --version`,
		"sh", home, filepath.Join(bin, "postgres"))
	cmd.Dir = anywhere
	cmd.Env = who.environment(home)
	cmd.SysProcAttr = who.attributes(syscall.SIGKILL)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if out, err := cmd.CombinedOutput(); err != nil {
		if line := lastLine(string(out)); line != "" {
			return errors.New(line)
		}
		return err
	}
	return nil
}

// attributes makes a child this identity, in a process group of its own so that an
// interrupt at the terminal reaches only us, who stop the server in order.
func (who identity) attributes(onParentDeath syscall.Signal) *syscall.SysProcAttr {
	attr := endWithParent(onParentDeath)
	attr.Setpgid = true
	if who.become != nil {
		who.become(attr)
	}
	return attr
}

// environment is all that the server sees of ours.
func (who identity) environment(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// socketDirectory is where the socket of the cluster at home is: home itself, or a short
// directory when the path would not fit an address (107 bytes, of which the name of the
// socket takes 18).
func socketDirectory(home string) string {
	if len(home) <= 88 {
		return home
	}
	return filepath.Join("/tmp", "cdss-"+shortHash(home))
}

// makeOwn creates dir. Its name can be guessed and /tmp is everybody's: a directory that
// somebody else has made there is refused.
func makeOwn(dir string, uid int) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil || !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != uid && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user", dir)
	}
	return nil
}
