package ordeal

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// RollReport is what rolling restarts under load came to.
type RollReport struct {
	Restarts    int
	Tally       *Tally
	Again       int64 // requests that the balancer had to send twice
	LongestStop time.Duration
}

// String says it in words.
func (r RollReport) String() string {
	return fmt.Sprintf("%d rolling restarts under load: %d answers (%s), %d sent again by the balancer, longest stop %s",
		r.Restarts, r.Tally.Total(), verdicts(r.Tally.Verdicts), r.Again, r.LongestStop.Round(10*time.Millisecond))
}

// Roll restarts one replica after the other behind the balancer, as a deployment does,
// while calls are made. Every one of them has to be answered with 200.
func Roll(ctx context.Context, program, dir string, replicas, rounds int, perSecond float64) (RollReport, error) {
	report := RollReport{Tally: newTally()}
	s, err := Open(ctx, program, dir, replicas, "ENVIRONMENT=production")
	if err != nil {
		return report, err
	}
	defer s.Close()
	firing, cease := context.WithCancel(ctx)
	var load sync.WaitGroup
	load.Go(func() { Fire(firing, s.Balancer.Base, s.Calls, perSecond, 10*time.Second, report.Tally) })
	err = func() error {
		for range rounds {
			for _, r := range s.Replicas {
				took, err := r.Stop(40 * time.Second)
				report.LongestStop = max(report.LongestStop, took)
				if err != nil {
					return err
				}
				if err := r.Start(); err != nil {
					return err
				}
				if err := r.Ready(ctx, 2*time.Minute); err != nil {
					return err
				}
				report.Restarts++
				pause(ctx, 500*time.Millisecond) // until the balancer has noticed
			}
		}
		return nil
	}()
	cease()
	load.Wait()
	report.Again = s.Balancer.Again.Load()
	if err != nil {
		return report, err
	}
	if bad := report.Tally.Total() - report.Tally.Verdicts[Exact] - report.Tally.Verdicts[NotChecked]; bad > 0 {
		return report, fmt.Errorf("%d requests failed: %s %v", bad, verdicts(report.Tally.Verdicts), report.Tally.Bad)
	}
	return report, nil
}

// Race starts replicas at once on an empty database. All have to be ready, each migration
// has to be there once, and all have to offer the same services.
func Race(ctx context.Context, program, dir string, replicas int) (time.Duration, error) {
	database, err := StartDatabase(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer database.Stop()
	var all []*Replica
	defer func() {
		for _, r := range all {
			r.Kill()
		}
	}()
	began := time.Now()
	for i := range replicas {
		r, err := NewReplica(program, dir, fmt.Sprintf("starter-%d", i+1), "DATABASE_URL="+database.Direct(), "CDSS_DEMO=1", "GOMAXPROCS=1")
		if err != nil {
			return 0, err
		}
		if err := r.Start(); err != nil {
			return 0, err
		}
		all = append(all, r)
	}
	var first []byte
	for _, r := range all {
		if err := r.Ready(ctx, 3*time.Minute); err != nil {
			return 0, err
		}
		_, _, offered := Get(ctx, r.Base+"/cds-services", 10*time.Second)
		if first == nil {
			first = offered
		}
		if string(first) != string(offered) || len(offered) == 0 {
			return 0, fmt.Errorf("%s offers other services", r.Name)
		}
	}
	took := time.Since(began)
	twice, err := query(ctx, database.Direct(), `SELECT version_id::text FROM goose_db_version GROUP BY version_id HAVING count(*) > 1
	 UNION ALL SELECT 'guideline ' || identifier FROM guideline g JOIN guideline_version v ON v.guideline_id = g.id GROUP BY identifier, v.version HAVING count(*) > 1`)
	if err == nil && len(twice) > 0 {
		err = fmt.Errorf("made twice: %v", twice)
	}
	return took, err
}
