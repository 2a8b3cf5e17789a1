package ordeal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DrillReport is what a restore drill came to.
type DrillReport struct {
	Backup, Restore, Ready time.Duration
	Bytes                  int64
	Rows, Golden           int
}

// String says it in words.
func (d DrillReport) String() string {
	return fmt.Sprintf("backup of %d bytes in %s, restored in %s, ready again after %s; %d rows and %d golden hooks identical",
		d.Bytes, d.Backup.Round(10*time.Millisecond), d.Restore.Round(10*time.Millisecond), d.Ready.Round(10*time.Millisecond), d.Rows, d.Golden)
}

// Drill does what an operator does after losing the database: work is done, a backup is
// written, the database is gone, and the backup is restored into a fresh cluster. What is
// in there and at least twenty hook answers have to be the same.
func Drill(ctx context.Context, program, dir string) (DrillReport, error) {
	var report DrillReport
	first, err := StartDatabase(ctx, filepath.Join(dir, "first"))
	if err != nil {
		return report, err
	}
	old, err := NewReplica(program, dir, "before", "DATABASE_URL="+first.Direct(), "CDSS_DEMO=1")
	if err != nil {
		return report, err
	}
	defer old.Kill()
	if err := old.Start(); err != nil {
		return report, err
	}
	if err := old.Ready(ctx, 2*time.Minute); err != nil {
		return report, err
	}
	p := &person{replica: old, lease: func() error { return nil }}
	for i := range 2 {
		if err := p.round(ctx, i); err != nil {
			return report, err
		}
	}
	calls, err := Golden(ctx, old.Base, nil)
	if err != nil {
		return report, err
	}
	if _, err := old.Stop(40 * time.Second); err != nil {
		return report, err
	}
	var before []string
	for _, q := range states {
		rows, err := query(ctx, first.Direct(), q)
		if err != nil {
			return report, err
		}
		before = append(before, rows...)
	}
	file := filepath.Join(dir, "backup")
	began := time.Now()
	if err := old.Command(ctx, "backup", file); err != nil {
		return report, err
	}
	report.Backup = time.Since(began)
	info, err := os.Stat(file)
	if err != nil {
		return report, err
	}
	report.Bytes = info.Size()
	first.Stop()
	if err := os.RemoveAll(filepath.Join(dir, "first")); err != nil {
		return report, err
	}

	second, err := StartDatabase(ctx, filepath.Join(dir, "second"))
	if err != nil {
		return report, err
	}
	defer second.Stop()
	fresh, err := NewReplica(program, dir, "after", "DATABASE_URL="+second.Direct(), "CDSS_DEMO=1")
	if err != nil {
		return report, err
	}
	defer fresh.Kill()
	began = time.Now()
	if err := fresh.Command(ctx, "restore", file); err != nil {
		return report, err
	}
	report.Restore = time.Since(began)
	if err := fresh.Command(ctx, "restore", file); err == nil {
		return report, fmt.Errorf("a backup is restored over a database that is not empty")
	}
	if err := fresh.Command(ctx, "audit", "verify"); err != nil {
		return report, err
	}
	if err := fresh.Start(); err != nil {
		return report, err
	}
	if err := fresh.Ready(ctx, 2*time.Minute); err != nil {
		return report, err
	}
	report.Ready = time.Since(began)
	for report.Golden < 20 {
		for _, c := range calls {
			var verdict Verdict
			var why string
			if err := until(ctx, time.Minute, func() (bool, error) {
				status, _, body := Post(ctx, fresh.Base+c.Path, c.Body, 5*time.Second)
				verdict, why = c.Judge(status, body)
				return verdict == Exact, fmt.Errorf("%s: %s %s", c.Name, verdict, why)
			}); err != nil {
				return report, err
			}
			report.Golden++
		}
	}
	var after []string
	for _, q := range states {
		rows, err := query(ctx, second.Direct(), q)
		if err != nil {
			return report, err
		}
		after = append(after, rows...)
	}
	slices.Sort(before)
	slices.Sort(after)
	report.Rows = len(before)
	if !slices.Equal(before, after) {
		return report, fmt.Errorf("the restored database differs: %d rows, before %d: %.500s", len(after), len(before), strings.Join(after, "; "))
	}
	return report, nil
}
