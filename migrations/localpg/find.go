package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cdss/migrations"
)

// minMajor is the oldest PostgreSQL the schema is written for.
const minMajor = 14

// errMissing is all that a person needs to know when there is no PostgreSQL.
var errMissing = errors.New("PostgreSQL is not installed: install the package postgresql (Debian, Ubuntu: apt-get install postgresql), or set DATABASE_URL to a PostgreSQL with pgvector")

// installation is a PostgreSQL on this machine and the directories compiled into it.
type installation struct {
	bin, share, lib, include string
	major                    int
	version                  string // "15.18", or the distribution's "15.18-0+deb12u1"
	pgvector                 string // version of the extension beside it; "" when absent or too old
}

// find chooses among the installations: the major version that made the data, where
// there is data; else one that has pgvector; else the newest.
func find(dirs []string, major int) (installation, error) {
	var found []installation
	var incomplete error
	for _, dir := range dirs {
		inst, err := inspect(dir)
		if err != nil {
			incomplete = cmp.Or(incomplete, err)
			continue
		}
		found = append(found, inst)
	}
	if len(found) == 0 {
		if incomplete != nil {
			return installation{}, fmt.Errorf("no usable PostgreSQL: %w; install the package postgresql (%d or newer), or set DATABASE_URL", incomplete, minMajor)
		}
		return installation{}, errMissing
	}
	if major != 0 {
		found = slices.DeleteFunc(found, func(i installation) bool { return i.major != major })
		if len(found) == 0 {
			return installation{}, fmt.Errorf("the private database was made by PostgreSQL %d, which is not installed: install postgresql-%[1]d, or set CDSS_DATA_DIR to another directory", major)
		}
	}
	return slices.MaxFunc(found, func(a, b installation) int {
		return cmp.Or(boolCompare(a.pgvector != "", b.pgvector != ""), cmp.Compare(a.major, b.major))
	}), nil
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// binDirs lists the places where distributions put server binaries, which are not in
// PATH on Debian, and the one in PATH; or only the configured one.
func binDirs(configured string) []string {
	if configured != "" {
		return []string{configured}
	}
	var dirs []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/postgres", "/usr/pgsql-*/bin/postgres"} {
		matches, _ := filepath.Glob(pattern) // fails on a malformed pattern only
		dirs = append(dirs, matches...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, path)
	}
	for i, path := range dirs {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		dirs[i] = filepath.Dir(path)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.\d+)*\S*(?: \(\w+ ([^)]+)\))?`)

// inspect asks the binaries in dir what they are. pg_config must be the server's own:
// the one in PATH may belong to a client library of another version.
func inspect(dir string) (installation, error) {
	for _, name := range []string{"postgres", "initdb", "pg_config"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return installation{}, fmt.Errorf("%s has no %s", dir, name)
		}
	}
	out, err := output(filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return installation{}, err
	}
	m := versionPattern.FindStringSubmatch(out)
	if m == nil {
		return installation{}, fmt.Errorf("%s states no version", filepath.Join(dir, "postgres"))
	}
	inst := installation{version: m[2]}
	inst.major, _ = strconv.Atoi(m[1])
	if inst.version == "" {
		inst.version = strings.TrimPrefix(m[0], "(PostgreSQL) ")
	}
	if inst.major < minMajor {
		return installation{}, fmt.Errorf("PostgreSQL %s in %s is too old", inst.version, dir)
	}
	out, err = output(filepath.Join(dir, "pg_config"), "--bindir", "--sharedir", "--pkglibdir", "--includedir-server")
	if err != nil {
		return installation{}, err
	}
	lines := strings.Split(out, "\n")
	if len(lines) != 4 {
		return installation{}, fmt.Errorf("%s states no directories", filepath.Join(dir, "pg_config"))
	}
	inst.bin, inst.share, inst.lib, inst.include = lines[0], lines[1], lines[2], lines[3]
	inst.pgvector = pgvectorIn(inst.share)
	return inst, nil
}

var defaultVersion = regexp.MustCompile(`(?m)^\s*default_version\s*=\s*'([^']+)'`)

// pgvectorIn gives the version of the extension under share, "" when it is absent or
// older than what the schema needs.
func pgvectorIn(share string) string {
	control, err := os.ReadFile(filepath.Join(share, "extension", "vector.control"))
	if err != nil {
		return ""
	}
	m := defaultVersion.FindSubmatch(control)
	if m == nil || migrations.TooOld(string(m[1])) {
		return ""
	}
	return string(m[1])
}

// madeBy gives the major version that made the data, 0 when there is none.
func madeBy(data string) (int, error) {
	content, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if errors.Is(err, os.ErrPermission) {
		return 0, fmt.Errorf("the private database in %s belongs to another user: run as that user, or set CDSS_DATA_DIR or DATABASE_URL", data)
	}
	if err != nil {
		return 0, fmt.Errorf("read version of the private database: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, fmt.Errorf("read version of the private database in %s: %w", data, err)
	}
	return major, nil
}

func output(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("run %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
