package localpg

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The release that is built: the one of Debian's source package, by its checksum.
const (
	pgvectorVersion = "0.8.0"
	sourceArchive   = "pgvector_0.8.0.orig.tar.gz"
	sourceSHA256    = "867a2c328d4928a5a9d6f052cd3bc78c7d60228a9b914ad32aa3db88e9de27b0"
	sourceLimit     = 1 << 20  // bytes of the archive; it has 122 kB
	unpackedLimit   = 16 << 20 // bytes of its content; it has 0.6 MB
	buildLimit      = 5 * time.Minute
)

// tree is a set of server binaries that find pgvector.
type tree struct {
	bin      string
	pgvector string
}

// withPgvector gives the installation itself when pgvector lies beside it. Otherwise it
// gives a relocated copy of the installation with a pgvector built for it, and builds
// that once.
func withPgvector(ctx context.Context, cfg Config, inst installation) (tree, error) {
	if inst.pgvector != "" {
		return tree{inst.bin, inst.pgvector}, nil
	}
	// The binaries are copies: a security update, which changes the distribution's
	// revision, must make a new tree.
	key := strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' {
			return '_'
		}
		return r
	}, fmt.Sprintf("postgresql-%s-pgvector-%s-%s", inst.version, pgvectorVersion, runtime.GOARCH))
	caches := cacheDirs(cfg)
	for _, cache := range caches {
		t := tree{filepath.Join(cache, key, inst.bin), pgvectorVersion}
		if _, err := os.Stat(filepath.Join(cache, key, marker)); err == nil {
			return t, nil
		}
	}
	var err error
	for _, cache := range caches {
		if err = os.MkdirAll(cache, 0o755); err != nil {
			continue
		}
		var lock *fileLock
		if lock, err = waitLock(ctx, filepath.Join(cache, "build.lock")); err != nil {
			continue
		}
		defer lock.release()
		final := filepath.Join(cache, key)
		if _, err := os.Stat(filepath.Join(final, marker)); err != nil { // else another process was faster
			began := time.Now()
			cfg.Log.Info("building pgvector for the installed PostgreSQL, once", "postgresql", inst.version, "pgvector", pgvectorVersion, "cache", cache)
			if err := build(ctx, cache, final, inst); err != nil {
				return tree{}, fmt.Errorf("PostgreSQL %s has no recent pgvector, and building it did not work: %w; install the package postgresql-%d-pgvector if your distribution has it, or set DATABASE_URL",
					inst.version, err, inst.major)
			}
			cfg.Log.Info("pgvector built", "ms", time.Since(began).Milliseconds())
		}
		return tree{filepath.Join(final, inst.bin), pgvectorVersion}, nil
	}
	return tree{}, fmt.Errorf("no writable directory to build pgvector in: %w", err)
}

// marker is the file written last into a finished tree.
const marker = "complete"

// cacheDirs lists where built trees may lie, the shared place first. Root's own cache
// directory is closed to the user that root runs the server as, hence the system's.
func cacheDirs(cfg Config) []string {
	if cfg.CacheDir != "" {
		return []string{filepath.Join(cfg.CacheDir, "pgvector")}
	}
	own := filepath.Join(cfg.DataDir, "cache", "pgvector")
	if os.Geteuid() == 0 {
		return []string{"/var/cache/cdss/pgvector", own}
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return []string{filepath.Join(dir, "cdss", "pgvector"), own}
	}
	return []string{own}
}

// build makes a tree at final. The caller holds the lock of the cache.
func build(ctx context.Context, cache, final string, inst installation) error {
	ctx, cancel := context.WithTimeoutCause(ctx, buildLimit, fmt.Errorf("not done within %s", buildLimit))
	defer cancel()
	for _, tool := range []string{"gcc", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed (packages gcc, libc6-dev and make)", tool)
		}
	}
	// What killed builds left: nobody else builds while we hold the lock.
	if left, err := filepath.Glob(filepath.Join(cache, "build-*")); err == nil {
		for _, dir := range left {
			os.RemoveAll(dir)
		}
	}
	work, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	archive, err := sourceOf(ctx, cache, work)
	if err != nil {
		return err
	}
	source := filepath.Join(work, "source")
	if err := unpack(archive, source); err != nil {
		return fmt.Errorf("unpack %s: %w", sourceArchive, err)
	}
	include := inst.include
	if _, err := os.Stat(filepath.Join(include, "postgres.h")); err != nil {
		if include, err = fetchHeaders(ctx, work, inst); err != nil {
			return err
		}
	}
	// No OPTFLAGS, or the library is made for the processor it was built on and dies on
	// another. PG_CPPFLAGS is pgvector's own. No debug symbols: 0.2 instead of 1 MB.
	if err := run(ctx, source, "make", "-j"+strconv.Itoa(runtime.NumCPU()), "with_llvm=no", "OPTFLAGS=", "COPT=-g0",
		"CPPFLAGS=-I"+include, "PG_CONFIG="+filepath.Join(inst.bin, "pg_config")); err != nil {
		return err
	}
	made := filepath.Join(work, "tree")
	if err := relocate(inst, source, made); err != nil {
		return fmt.Errorf("assemble %s: %w", final, err)
	}
	if err := os.WriteFile(filepath.Join(made, marker), nil, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(final); err != nil {
		return err
	}
	return os.Rename(made, final)
}

// sourceOf gives the verified source archive: the one in the cache, which an
// administrator of a machine without network may also put there, or a fetched one.
func sourceOf(ctx context.Context, cache, work string) (string, error) {
	kept := filepath.Join(cache, sourceArchive)
	if err := verify(kept); err == nil {
		return kept, nil
	}
	fetched, err := fetchSource(ctx, filepath.Join(work, "apt"))
	if err != nil {
		return "", fmt.Errorf("fetch the source package of pgvector: %w (its %s may also be put into %s)", err, sourceArchive, cache)
	}
	if err := verify(fetched); err != nil {
		return "", err
	}
	return kept, os.Rename(fetched, kept)
}

func verify(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, io.LimitReader(f, sourceLimit+1)); err != nil {
		return err
	} else if n > sourceLimit {
		return fmt.Errorf("%s is larger than %d bytes", archive, sourceLimit)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sourceSHA256 {
		return fmt.Errorf("%s has SHA-256 %s instead of %s", archive, got, sourceSHA256)
	}
	return nil
}

// unpack writes the archive's regular files into dir, without its top directory. An
// os.Root keeps every name inside.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	content := tar.NewReader(io.LimitReader(zipped, unpackedLimit))
	for {
		head, err := content.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, ok := strings.Cut(head.Name, "/")
		if !ok || name == "" || head.Typeflag != tar.TypeReg {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		if err := cmp.Or(err, out.Close()); err != nil {
			return err
		}
	}
}

// relocate copies the layout of an installation under root and adds pgvector. Up to
// version 17, PostgreSQL finds its library and share directories relative to its
// executable and has no setting for another extension directory. The path below root
// must therefore be the compiled-in one, and the executables real copies: a symbolic
// link would be followed back to the original.
func relocate(inst installation, source, root string) error {
	extension := filepath.Join(inst.share, "extension")
	for _, dir := range []string{inst.lib, inst.share, extension} {
		if err := mirror(dir, filepath.Join(root, dir)); err != nil {
			return err
		}
	}
	bin := filepath.Join(root, inst.bin)
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		if err := copyFile(filepath.Join(inst.bin, name), filepath.Join(bin, name), 0o755); err != nil && name != "pg_ctl" {
			return err
		}
	}
	if err := copyFile(filepath.Join(source, "vector.so"), filepath.Join(root, inst.lib, "vector.so"), 0o755); err != nil {
		return err
	}
	scripts, err := filepath.Glob(filepath.Join(source, "sql", "vector--*.sql"))
	if err != nil {
		return err
	}
	for _, path := range append(scripts, filepath.Join(source, "vector.control")) {
		if err := copyFile(path, filepath.Join(root, extension, filepath.Base(path)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// mirror makes dir a directory of links to the entries of original, without an older
// pgvector that may lie there and without what is mirrored or added itself.
func mirror(original, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(original)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if name == "extension" || name == "vector.so" || name == "vector.control" || strings.HasPrefix(name, "vector--") {
			continue
		}
		if err := os.Symlink(filepath.Join(original, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func copyFile(from, to string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return cmp.Or(err, out.Close())
}

// run runs a tool in dir and, when it fails, gives the line that says why.
func run(ctx context.Context, dir, name string, args ...string) error {
	_, err := capture(ctx, dir, name, args...)
	return err
}

func capture(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = toolEnvironment(dir)
	cmd.WaitDelay = time.Second // children of a killed tool may hold its output open
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.SysProcAttr = endWithParent(syscall.SIGTERM)
	runtime.LockOSThread() // see endWithParent
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("run %s: %w", filepath.Base(name), context.Cause(ctx))
	}
	return "", fmt.Errorf("run %s: %w: %s", filepath.Base(name), err, cmp.Or(reason(said.String()), lastLine(out.String())))
}

// toolEnvironment is what package manager and compiler get: proxies, and nothing that
// would change a build (above all not the MAKEFLAGS of a make that started us).
func toolEnvironment(home string) []string {
	env := []string{"HOME=" + home, "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	for _, name := range []string{"PATH", "TMPDIR", "APT_CONFIG", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// reason is the first error that the package manager reports, which causes the others, or
// the last line of another tool.
func reason(said string) string {
	for line := range strings.Lines(said) {
		if text, ok := strings.CutPrefix(line, "E: "); ok {
			return strings.TrimSpace(text)
		}
	}
	return lastLine(said)
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}
