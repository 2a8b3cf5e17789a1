package ordeal

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Scene is two replicas behind a balancer, on a database and beside a FHIR server of their
// own, in good health, with the answers they give then.
type Scene struct {
	Replicas []*Replica
	Balancer *Balancer
	Database *Database
	FHIR     *FHIRServer
	Calls    []*Call
}

// Open makes a scene of so many replicas below dir.
func Open(ctx context.Context, program, dir string, replicas int, vars ...string) (*Scene, error) {
	s := &Scene{FHIR: NewFHIRServer()}
	var err error
	if s.Database, err = StartDatabase(ctx, dir); err != nil {
		s.FHIR.Close()
		return nil, err
	}
	fail := func(err error) (*Scene, error) {
		s.Close()
		return nil, err
	}
	for i := range replicas {
		r, err := NewReplica(program, dir, fmt.Sprintf("replica-%d", i+1), append([]string{"DATABASE_URL=" + s.Database.DSN(), "CDSS_DEMO=1"}, vars...)...)
		if err != nil {
			return fail(err)
		}
		if err := r.Start(); err != nil {
			return fail(err)
		}
		s.Replicas = append(s.Replicas, r)
	}
	for _, r := range s.Replicas {
		if err := r.Ready(ctx, 2*time.Minute); err != nil {
			return fail(err)
		}
	}
	if err := s.Replicas[0].Command(ctx, "server", "add", "ehr", s.FHIR.URL+"/fhir", "--plain-http", "--allow", "127.0.0.1/32"); err != nil {
		return fail(err)
	}
	if s.Calls, err = Golden(ctx, s.Replicas[0].Base, s.FHIR); err != nil {
		return fail(err)
	}
	if s.Balancer, err = NewBalancer(s.Replicas...); err != nil {
		return fail(err)
	}
	return s, nil
}

// Close ends all of it.
func (s *Scene) Close() {
	if s.Balancer != nil {
		s.Balancer.Close()
	}
	for _, r := range s.Replicas {
		r.Kill()
	}
	if s.Database != nil {
		s.Database.Stop()
	}
	s.FHIR.Close()
}

// Tally counts verdicts.
type Tally struct {
	mu       sync.Mutex
	Verdicts map[Verdict]int
	Bad      []string        // what the oracle does not let pass, the first few
	Took     []time.Duration // of answers with status 200
}

func newTally() *Tally { return &Tally{Verdicts: map[Verdict]int{}} }

func (t *Tally) add(v Verdict, why string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Verdicts[v]++
	if why != "" && len(t.Bad) < 5 {
		t.Bad = append(t.Bad, why)
	}
	if v == Exact || v == NotChecked {
		t.Took = append(t.Took, took)
	}
}

// Total gives how many answers were judged.
func (t *Tally) Total() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.Verdicts {
		n += k
	}
	return n
}

// Fire makes calls at a rate until ctx ends, in turn, and judges each answer. No call
// waits for another, as with an EHR's users, and none longer than patience.
func Fire(ctx context.Context, base string, calls []*Call, perSecond float64, patience time.Duration, into *Tally) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	var running sync.WaitGroup
	for i := 0; ctx.Err() == nil; i++ {
		select {
		case <-ctx.Done():
		case <-tick.C:
			call := calls[i%len(calls)]
			running.Go(func() {
				began := time.Now()
				// An answer that is under way is waited for.
				status, _, body := Post(context.WithoutCancel(ctx), base+call.Path, call.Body, patience)
				verdict, why := call.Judge(status, body)
				into.add(verdict, why, time.Since(began))
			})
		}
	}
	running.Wait()
}

// Fault is one thing that goes wrong and is mended.
type Fault struct {
	Name string
	For  time.Duration
}

// faultNames are what can go wrong in a scene.
var faultNames = []string{
	"database killed", "database away", "database connections reset", "database stalls", "database slow", "sessions terminated",
	"replica killed", "replica paused", "replica restarted", "FHIR server ill",
}

// Seeded gives faults that together take about so long. The same seed gives the same.
func Seeded(seed uint64, length time.Duration) []Fault {
	r := rand.New(rand.NewPCG(seed, 7))
	var list []Fault
	for total := time.Duration(0); total < length; {
		f := Fault{faultNames[r.IntN(len(faultNames))], time.Duration(200+r.IntN(1000)) * time.Millisecond}
		if f.Name == "FHIR server ill" {
			f.Name += ": " + Ills[r.IntN(len(Ills))]
		}
		list = append(list, f)
		total += f.For
	}
	return list
}

// Do makes a fault and mends it.
func (s *Scene) Do(ctx context.Context, r *rand.Rand, f Fault) error {
	replica := s.Replicas[r.IntN(len(s.Replicas))]
	switch f.Name {
	case "database killed":
		if err := s.Database.Kill(); err != nil {
			return err
		}
		pause(ctx, f.For)
		return s.Database.Revive(context.WithoutCancel(ctx))
	case "database away":
		s.Database.Cut()
	case "database connections reset":
		s.Database.Reset()
	case "database stalls":
		s.Database.Hold()
	case "database slow":
		s.Database.Slow(300 * time.Millisecond)
	case "sessions terminated":
		return s.terminate(ctx)
	case "replica killed":
		replica.Kill()
		pause(ctx, f.For)
		return replica.Start()
	case "replica paused":
		replica.Signal(syscall.SIGSTOP)
		pause(ctx, f.For)
		replica.Signal(syscall.SIGCONT)
		return nil
	case "replica restarted":
		// It may have started a moment ago, and then ends by the signal itself.
		if _, err := replica.Stop(30 * time.Second); err != nil && replica.Running() {
			return err
		}
		return replica.Start()
	default:
		s.FHIR.Ail(f.Name[len("FHIR server ill: "):])
		pause(ctx, f.For)
		s.FHIR.Ail("")
		return nil
	}
	pause(ctx, f.For)
	s.Database.Heal()
	return nil
}

// terminate ends the sessions of the program as an administrator does.
func (s *Scene) terminate(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.Database.Direct())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'cdss%' AND pid <> pg_backend_pid()`)
	return err
}

// Chaos lets the faults of a seed happen under load, and then waits until everything is
// well again: ready, with exact answers, and with every decision that was shown in the
// database. The error names the seed.
func (s *Scene) Chaos(ctx context.Context, seed uint64, length time.Duration, perSecond float64) (*Tally, []Fault, error) {
	tally := newTally()
	firing, cease := context.WithCancel(ctx)
	var load sync.WaitGroup
	load.Go(func() { Fire(firing, s.Balancer.Base, s.Calls, perSecond, 10*time.Second, tally) })
	faults := Seeded(seed, length)
	r := rand.New(rand.NewPCG(seed, 8))
	var failed error
	for _, f := range faults {
		if failed = s.Do(ctx, r, f); failed != nil {
			failed = fmt.Errorf("%s: %w", f.Name, failed)
			break
		}
		pause(ctx, time.Duration(r.IntN(300))*time.Millisecond)
	}
	cease()
	load.Wait()
	if failed == nil {
		failed = s.Recovered(ctx)
	}
	switch {
	case failed != nil:
		return tally, faults, fmt.Errorf("seed %d: %w", seed, failed)
	case len(tally.Bad) > 0:
		return tally, faults, fmt.Errorf("seed %d: %d answers that must not be: %s", seed, tally.Verdicts[Missed]+tally.Verdicts[Wrong], tally.Bad[0])
	}
	return tally, faults, nil
}

// Recovered waits until every replica answers every call exactly and no decision waits.
func (s *Scene) Recovered(ctx context.Context) error {
	for _, r := range s.Replicas {
		if err := r.Ready(ctx, time.Minute); err != nil {
			return err
		}
		for _, c := range s.Calls {
			// The breaker of a FHIR server that was ill lets a first query through after a while.
			if err := until(ctx, time.Minute, func() (bool, error) {
				status, _, body := Post(ctx, r.Base+c.Path, c.Body, 5*time.Second)
				verdict, _ := c.Judge(status, body)
				return verdict == Exact, fmt.Errorf("%s at %s: %s", c.Name, r.Name, verdict)
			}); err != nil {
				return err
			}
		}
		if err := until(ctx, time.Minute, func() (bool, error) {
			_, _, body := Get(ctx, r.Base+"/readyz", 2*time.Second)
			var state struct{ Status string }
			err := json.Unmarshal(body, &state)
			return state.Status == "ready", err
		}); err != nil {
			return fmt.Errorf("%s is not ready again: %w", r.Name, err)
		}
	}
	return nil
}
