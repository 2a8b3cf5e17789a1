package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// errNoAPT is given where sources cannot be had through the package manager.
var errNoAPT = errors.New("this works on Debian and Ubuntu only")

// distribution is what decides where its pgvector source package is.
type distribution struct {
	id, codename string
	origin       string   // as its package indexes state it
	keyring      string   // what the package manager verifies their signatures with
	component    string   // of the archive
	suites       []string // releases whose source package is pgvectorVersion
}

func thisDistribution() (distribution, error) {
	content, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return distribution{}, errNoAPT
	}
	release := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			release[key] = strings.Trim(value, `"'`)
		}
	}
	d := distribution{id: release["ID"], codename: release["VERSION_CODENAME"]}
	switch d.id {
	case "debian":
		d.origin, d.component, d.suites = "Debian", "main", []string{"trixie"}
		d.keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	case "ubuntu":
		d.origin, d.component, d.suites = "Ubuntu", "universe", []string{"questing", "plucky"}
		d.keyring = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
	default:
		return distribution{}, errNoAPT
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return distribution{}, errNoAPT
	}
	return d, nil
}

// apt runs the package manager with state and cache directories of its own below dir,
// so that it needs no privileges and changes nothing of the machine's. Signatures are
// verified as the machine is set up to.
type apt struct {
	dir     string
	options []string
}

func newAPT(dir string, options ...string) (apt, error) {
	for _, sub := range []string{"lists/partial", "cache/archives/partial", "download"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return apt{}, err
		}
	}
	base := []string{
		"-qq",
		"-o", "Dir::Cache=" + filepath.Join(dir, "cache"),
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::Retries=2",
		"-o", "Acquire::http::Timeout=20",
	}
	if os.Geteuid() == 0 {
		// The user it would change to may not reach dir.
		base = append(base, "-o", "APT::Sandbox::User=root")
	}
	return apt{filepath.Join(dir, "download"), append(base, options...)}, nil
}

// privateLists makes the package manager read indexes of its own, not the machine's,
// which are absent in slim images and stale elsewhere.
func privateLists(dir string) []string {
	options := []string{"-o", "Dir::State::lists=" + filepath.Join(dir, "lists")}
	for _, target := range []string{"deb::DEP-11", "deb::DEP-11-icons-small", "deb::DEP-11-icons", "deb::CNF", "deb::Contents-deb"} {
		options = append(options, "-o", "Acquire::IndexTargets::"+target+"::DefaultEnabled=false")
	}
	return options
}

func (a apt) get(ctx context.Context, args ...string) (string, error) {
	return capture(ctx, a.dir, "apt-get", slices.Concat(a.options, args)...)
}

// fetchSource downloads pgvector's source package from the mirror that this machine
// installs from, below dir, and gives the path of the archive. The machine's own release
// need not have the package, so a release that does is asked for.
func fetchSource(ctx context.Context, dir string) (string, error) {
	d, err := thisDistribution()
	if err != nil {
		return "", err
	}
	mirrors, err := mirrors(ctx, dir, d)
	if err != nil {
		return "", err
	}
	err = fmt.Errorf("no package source of %s is configured", d.origin)
	for i, mirror := range mirrors {
		for j, suite := range d.suites {
			var archive string
			archive, err = fetchSourceFrom(ctx, filepath.Join(dir, strconv.Itoa(i)+"."+strconv.Itoa(j)), d, mirror, suite)
			if err == nil || ctx.Err() != nil {
				return archive, err
			}
		}
	}
	return "", err
}

func fetchSourceFrom(ctx context.Context, dir string, d distribution, mirror, suite string) (string, error) {
	list := filepath.Join(dir, "pgvector.list")
	a, err := newAPT(dir, append(privateLists(dir), "-o", "Dir::Etc::SourceList="+list, "-o", "Dir::Etc::SourceParts=/dev/null",
		"-o", "APT::Update::Error-Mode=any")...) // an unreachable mirror is only a warning otherwise
	if err != nil {
		return "", err
	}
	signed := ""
	if _, err := os.Stat(d.keyring); err == nil {
		signed = "[signed-by=" + d.keyring + "] "
	}
	if err := os.WriteFile(list, []byte("deb-src "+signed+mirror+" "+suite+" "+d.component+"\n"), 0o644); err != nil {
		return "", err
	}
	if _, err := a.get(ctx, "update"); err != nil {
		return "", err
	}
	if _, err := a.get(ctx, "source", "--download-only", "--only-source", "pgvector"); err != nil {
		return "", err
	}
	archive := filepath.Join(a.dir, sourceArchive)
	if _, err := os.Stat(archive); err != nil {
		return "", fmt.Errorf("%s %s has another version than %s", d.origin, suite, pgvectorVersion)
	}
	return archive, nil
}

// mirrors lists the base addresses of the distribution's archive that this machine is
// configured with: those whose index says so first, then those that look like it, since
// an image without package lists cannot say.
func mirrors(ctx context.Context, dir string, d distribution) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	ask := func(options ...string) (string, error) {
		args := append([]string{"indextargets", "--format", "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)"}, options...)
		return capture(ctx, dir, "apt-get", append(args, "Created-By: Packages")...)
	}
	indexed, err := ask()
	if err != nil {
		return nil, err
	}
	configured, err := ask("--no-release-info")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(indexed + configured) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 || strings.Contains(f[1], "-") { // -security, -updates, -backports, and third parties' names
			continue
		}
		unknown := strings.HasPrefix(f[0], "$") && f[1] == d.codename && f[2] == "main"
		if (f[0] == d.origin || unknown) && !slices.Contains(found, f[3]) {
			found = append(found, f[3])
		}
	}
	return found, nil
}

// fetchHeaders downloads the server's development package and unpacks it below work.
// Installing it would pull a compiler tool chain of several hundred megabytes. The
// machine's own package lists are tried first, then fresh private ones: after a security
// release the version in an old list can no longer be had.
func fetchHeaders(ctx context.Context, work string, inst installation) (string, error) {
	name := fmt.Sprintf("postgresql-server-dev-%d", inst.major)
	explain := func(err error) error {
		return fmt.Errorf("fetch the headers of PostgreSQL: %w (or install the package %s)", err, name)
	}
	if _, err := thisDistribution(); err != nil {
		return "", explain(err)
	}
	dir := filepath.Join(work, "headers")
	a, err := newAPT(dir)
	if err != nil {
		return "", err
	}
	if _, err = a.get(ctx, "download", name+"="+inst.version); err != nil {
		if a, err = newAPT(dir, privateLists(dir)...); err != nil {
			return "", err
		}
		if _, err = a.get(ctx, "update"); err != nil {
			return "", explain(err)
		}
		// Another minor version's headers serve as well: within a major version the
		// interface is stable.
		if _, err = a.get(ctx, "download", name+"="+inst.version); err != nil {
			if _, err = a.get(ctx, "download", name); err != nil {
				return "", explain(err)
			}
		}
	}
	packages, err := filepath.Glob(filepath.Join(a.dir, name+"_*.deb"))
	if err != nil || len(packages) == 0 {
		return "", explain(cmp.Or(err, errors.New("nothing was downloaded")))
	}
	unpacked := filepath.Join(dir, "unpacked")
	if err := run(ctx, dir, "dpkg-deb", "-x", packages[0], unpacked); err != nil {
		return "", err
	}
	include := filepath.Join(unpacked, inst.include)
	if _, err := os.Stat(filepath.Join(include, "postgres.h")); err != nil {
		return "", fmt.Errorf("package %s has no postgres.h in %s", filepath.Base(packages[0]), inst.include)
	}
	return include, nil
}
