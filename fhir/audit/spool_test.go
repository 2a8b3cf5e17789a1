package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

func openSpool(t testing.TB, dir string, limit int64) *audit.Spool {
	t.Helper()
	s, err := audit.OpenSpool(dir, limit, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func add(t testing.TB, s *audit.Spool, records ...string) {
	t.Helper()
	for _, r := range records {
		if err := s.Add([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
}

// replay gives all that waits.
func replay(t testing.TB, s *audit.Spool) (got []string) {
	t.Helper()
	err := s.Replay(t.Context(), 3, func(records [][]byte) error {
		for _, r := range records {
			got = append(got, string(r))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSpoolGivesBackInOrder(t *testing.T) {
	s := openSpool(t, t.TempDir(), 0)
	add(t, s, "a", "b", "c", "d")
	if got := replay(t, s); !cmp.Equal(got, []string{"a", "b", "c", "d"}) || !s.Empty() {
		t.Errorf("%v, %d bytes left", got, s.Size())
	}
	if got := replay(t, s); got != nil {
		t.Errorf("given twice: %v", got)
	}
	add(t, s, "e")
	if got := replay(t, s); !cmp.Equal(got, []string{"e"}) {
		t.Errorf("%v", got)
	}
}

// copyDir copies a spool as it lies on disk at that moment: what a crash leaves.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestSpoolSurvivesACrash(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir, 0)
	add(t, s, "a", "b")
	crashed := copyDir(t, dir)
	after := openSpool(t, crashed, 0)
	if after.Size() != s.Size() {
		t.Errorf("%d bytes, want %d", after.Size(), s.Size())
	}
	add(t, after, "c")
	if got := replay(t, after); !cmp.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%v", got)
	}
	// A crash while the last record was written.
	torn := copyDir(t, dir)
	segment := filepath.Join(torn, "00000001.spool")
	raw, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(raw)/2; cut += 7 {
		again := copyDir(t, torn)
		if err := os.WriteFile(filepath.Join(again, "00000001.spool"), raw[:len(raw)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := openSpool(t, again, 0)
		add(t, s, "c")
		if got := replay(t, s); !cmp.Equal(got, []string{"a", "c"}) {
			t.Errorf("cut by %d: %v", cut, got)
		}
	}
}

func TestSpoolKeepsWhatWasNotTaken(t *testing.T) {
	s := openSpool(t, t.TempDir(), 0)
	add(t, s, "a", "b", "c", "d")
	failed := errors.New("the database is away")
	took := 0
	err := s.Replay(t.Context(), 2, func([][]byte) error {
		if took++; took == 2 {
			return failed
		}
		return nil
	})
	if !errors.Is(err, failed) {
		t.Errorf("ended with %v", err)
	}
	add(t, s, "e")
	// The first two come again: whoever takes them must not mind.
	if got := replay(t, s); !cmp.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("%v", got)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	add(t, s, "f")
	if err := s.Replay(ended, 2, func([][]byte) error { t.Error("taken after the end"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestSpoolIsBounded(t *testing.T) {
	dir := t.TempDir()
	const limit = 3 << 20
	s := openSpool(t, dir, limit)
	record := bytes.Repeat([]byte("x"), 100_000)
	n := 0
	var err error
	for ; err == nil; n++ {
		err = s.Add(record)
	}
	if !issue.Is(err, issue.NoStore) || n < 25 || s.Size() > limit {
		t.Errorf("%v after %d records, %d bytes", err, n, s.Size())
	}
	if err := s.Add([]byte("small"), record); err == nil {
		t.Error("half of what was asked for may have been kept")
	}
	if got := len(replay(t, s)); got != n-1 {
		t.Errorf("%d records come back, want %d", got, n-1)
	}
	if err := s.Add(record); err != nil {
		t.Errorf("after it was emptied: %v", err)
	}
	if err := s.Add(bytes.Repeat([]byte("x"), 2<<20)); !issue.Is(err, issue.TooLong) {
		t.Errorf("too long a record: %v", err)
	}
}

func TestSpoolTellsNothingToWhoReadsTheFiles(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir, 0)
	add(t, s, "canary-4711", "canary-4711")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "canary") {
			t.Errorf("%s tells", e.Name())
		}
		info, err := e.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	key, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	replay(t, s)
	if after, err := os.ReadFile(filepath.Join(dir, "key")); err != nil || bytes.Equal(key, after) {
		t.Errorf("the key outlives what it sealed (%v)", err)
	}
	// Without the key the records are worthless, and nobody may think they were none.
	add(t, s, "x")
	lost := copyDir(t, dir)
	if err := os.Remove(filepath.Join(lost, "key")); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenSpool(lost, 0, nil); err == nil {
		t.Error("opened without the key")
	}
}

func TestSpoolBelongsToOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir, 0)
	if _, err := audit.OpenSpool(dir, 0, nil); err == nil {
		t.Error("opened twice")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openSpool(t, dir, 0)
}

func TestSpoolTakesWhileItGives(t *testing.T) {
	s := openSpool(t, t.TempDir(), 0)
	const writers, each = 4, 25
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				add(t, s, fmt.Sprint(w, "-", i))
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	seen := map[string]int{}
	for going := true; going; {
		select {
		case <-done:
			going = false
		default:
		}
		for _, r := range replay(t, s) {
			seen[r]++
		}
	}
	if len(seen) != writers*each {
		t.Errorf("%d of %d records came back", len(seen), writers*each)
	}
	for r, n := range seen {
		if n != 1 {
			t.Errorf("%s came back %d times", r, n)
		}
	}
}
