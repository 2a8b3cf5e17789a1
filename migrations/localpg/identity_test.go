package localpg

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Every way of running the server must work wherever it is offered, not only the one
// that happens to be chosen on this machine. An ordinary user has one, root several.
func TestEveryIdentityRunsAServer(t *testing.T) {
	t.Parallel()
	for _, who := range identities(filepath.Join(t.TempDir(), "none")) {
		t.Run(strings.ReplaceAll(who.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			open := !strings.Contains(who.name, "root")
			if open { // to those who cannot pass root's directories
				for _, d := range []string{dir, filepath.Dir(dir)} {
					if err := os.Chmod(d, 0o755); err != nil {
						t.Fatal(err)
					}
				}
			}
			home := filepath.Join(dir, "postgres")
			inst, err := find(binDirs(""), 0)
			if err != nil {
				t.Fatal(err)
			}
			built, err := withPgvector(t.Context(), Config{DataDir: dir, Log: slog.New(slog.DiscardHandler)}, inst)
			if err != nil {
				t.Fatal(err)
			}
			socketDir := socketDirectory(home)
			if socketDir != home {
				defer os.Remove(socketDir)
			}
			for _, d := range []string{home, socketDir} {
				if err := makeOwn(d, who.uid); err != nil {
					t.Fatal(err)
				}
				if err := who.take(d); err != nil {
					t.Fatal(err)
				}
			}
			if err := who.probe(t.Context(), home, built.bin); errors.Is(err, syscall.EPERM) {
				t.Logf("this system forbids it, so it is passed over: %v", err)
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if err := initialise(t.Context(), built.bin, home, who, true); err != nil {
				t.Fatal(err)
			}
			s, err := launch(t.Context(), built.bin, home, socketDir, who, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A user who cannot reach the directory is passed over, not chosen and then failing.
func TestUnreachableDirectoryIsNoticed(t *testing.T) {
	all := identities(filepath.Join(t.TempDir(), "none"))
	home := filepath.Join(t.TempDir(), "closed", "postgres")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	chosen, err := chooseIdentity(t.Context(), home, home, "/bin/no-such-directory")
	if err == nil {
		t.Fatalf("chose %s for binaries that are not there", chosen.name)
	}
	for _, who := range all {
		if !strings.Contains(err.Error(), who.name) {
			t.Errorf("%q does not tell that %s was tried", err, who.name)
		}
	}
}

func TestMissingPostgreSQLSaysWhatToInstall(t *testing.T) {
	_, err := find(nil, 0)
	if err == nil {
		t.Fatal("found PostgreSQL nowhere")
	}
	for _, part := range []string{"apt-get install postgresql", "DATABASE_URL"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
}
