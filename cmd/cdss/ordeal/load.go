package ordeal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Stage is what one stretch of load came to.
type Stage struct {
	Name                string
	Rate                float64 // calls in a second that were made
	For                 time.Duration
	Verdicts            map[Verdict]int
	P50, P95, P99       time.Duration // of answers with status 200, at the client
	Goodput             float64       // exact answers in a second
	Resident, Processor float64       // MB at the most; cores in use
	OpenFiles           int           // at its end
}

// String is a line of a table.
func (s Stage) String() string {
	return fmt.Sprintf("%-12s %6.0f/s for %-6s %s; p50 %s p95 %s p99 %s; %.1f exact/s; RSS at most %.0f MB; %.2f cores; %d fds",
		s.Name, s.Rate, s.For, verdicts(s.Verdicts), ms(s.P50), ms(s.P95), ms(s.P99), s.Goodput, s.Resident, s.Processor, s.OpenFiles)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000) }

func verdicts(of map[Verdict]int) string {
	var list []string
	for _, v := range []Verdict{Exact, NotChecked, Blocked, Shed, Late, NoAnswer, Missed, Wrong} {
		if of[v] > 0 {
			list = append(list, fmt.Sprintf("%s %d", v, of[v]))
		}
	}
	return strings.Join(list, ", ")
}

// LoadReport is what Load measured.
type LoadReport struct {
	Bytes    int
	Start    time.Duration // of the process, until it is ready on a migrated database
	Stages   []Stage
	Recovery time.Duration // after the overload, until answers are exact and as fast as before
}

// String is a table.
func (l LoadReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "calls of %d bytes, GOMAXPROCS=1, GOMEMLIMIT=400MiB, start to ready %s\n", l.Bytes, l.Start.Round(10*time.Millisecond))
	for _, s := range l.Stages {
		fmt.Fprintln(&b, s)
	}
	if len(l.Stages) > 1 {
		fmt.Fprintf(&b, "recovery after the overload: %s", l.Recovery.Round(10*time.Millisecond))
	}
	return b.String()
}

// patience is how long an EHR waits for an answer before it shows nothing.
const patience = 3 * time.Second

// Load measures one process with one core and the memory of a small container: steadily
// at the rate, then at ten times of it, then how long it takes to be well again.
func Load(ctx context.Context, program, dir string, rate float64, size int, length time.Duration) (LoadReport, error) {
	report := LoadReport{Bytes: size}
	database, err := StartDatabase(ctx, dir)
	if err != nil {
		return report, err
	}
	defer database.Stop()
	replica, err := NewReplica(program, dir, "loaded", "DATABASE_URL="+database.Direct(), "CDSS_DEMO=1", "GOMAXPROCS=1", "GOMEMLIMIT=400MiB", "LOG_LEVEL=warn")
	if err != nil {
		return report, err
	}
	defer replica.Kill()
	for range 2 { // the first start migrates
		began := time.Now()
		if err := replica.Start(); err != nil {
			return report, err
		}
		if err := replica.Ready(ctx, 2*time.Minute); err != nil {
			return report, err
		}
		if report.Start != 0 {
			report.Start = time.Since(began)
			break
		}
		report.Start = time.Since(began)
		if _, err := replica.Stop(time.Minute); err != nil {
			return report, err
		}
	}
	calls, err := Golden(ctx, replica.Base, nil)
	if err != nil {
		return report, err
	}
	for _, c := range calls {
		if err := c.grow(ctx, replica.Base, size); err != nil {
			return report, err
		}
	}
	warm, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	Fire(warm, replica.Base, calls, rate/4, patience, newTally())
	steady, err := stage(ctx, "steady", replica, calls, rate, length)
	report.Stages = append(report.Stages, steady)
	if err != nil {
		return report, err
	}
	over, err := stage(ctx, "10 x", replica, calls, 10*rate, length)
	report.Stages = append(report.Stages, over)
	if err != nil {
		return report, err
	}
	began := time.Now()
	err = until(ctx, time.Minute, func() (bool, error) {
		asked := time.Now()
		status, _, body := Post(ctx, replica.Base+calls[0].Path, calls[0].Body, 5*time.Second)
		v, _ := calls[0].Judge(status, body)
		return v == Exact && time.Since(asked) < max(2*steady.P95, 50*time.Millisecond), fmt.Errorf("%s after %s", v, time.Since(asked))
	})
	report.Recovery = time.Since(began)
	if err != nil {
		return report, fmt.Errorf("recovery: %w", err)
	}
	after, err := stage(ctx, "afterwards", replica, calls, rate, length/2)
	report.Stages = append(report.Stages, after)
	return report, err
}

// grow adds old laboratory values until the call has the size. They change no answer that
// a healthy server gave; it is asked again.
func (c *Call) grow(ctx context.Context, base string, size int) error {
	var body map[string]json.RawMessage
	var prefetch map[string]json.RawMessage
	if err := json.Unmarshal(c.Body, &body); err != nil {
		return err
	}
	if err := json.Unmarshal(body["prefetch"], &prefetch); err != nil {
		return err
	}
	var of struct{ PatientID string }
	if err := json.Unmarshal(body["context"], &of); err != nil {
		return err
	}
	var bundle map[string]json.RawMessage
	var entries []json.RawMessage
	if err := json.Unmarshal(prefetch["observations"], &bundle); err != nil || bundle == nil {
		return fmt.Errorf("%s brings no observations: %w", c.Name, err)
	}
	if bundle["entry"] != nil {
		if err := json.Unmarshal(bundle["entry"], &entries); err != nil {
			return err
		}
	}
	total := len(c.Body)
	for n := 0; total < size; n++ {
		at := time.Now().UTC().Add(-time.Duration(n+48) * time.Hour).Format(time.RFC3339)
		one := fmt.Sprintf(`{"resource":{"resourceType":"Observation","id":"more-%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1988-5","display":"C reactive protein"}]},`+
			`"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"valueQuantity":{"value":%d,"unit":"mg/L","system":"http://unitsofmeasure.org","code":"mg/L"}}}`, n, of.PatientID, at, 20+n%90)
		entries = append(entries, json.RawMessage(one))
		total += len(one) + 1
	}
	var err error
	set := func(into map[string]json.RawMessage, name string, v any) {
		raw, e := json.Marshal(v)
		into[name] = raw
		if e != nil {
			err = e
		}
	}
	delete(bundle, "total")
	set(bundle, "entry", entries)
	set(prefetch, "observations", bundle)
	set(body, "prefetch", prefetch)
	if err != nil {
		return err
	}
	if c.Body, err = json.Marshal(body); err != nil {
		return err
	}
	return c.settle(ctx, base)
}

func stage(ctx context.Context, name string, replica *Replica, calls []*Call, rate float64, length time.Duration) (Stage, error) {
	s := Stage{Name: name, Rate: rate, For: length}
	tally := newTally()
	run, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	before, began := processor(replica.PID()), time.Now()
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for run.Err() == nil {
			s.Resident = max(s.Resident, resident(replica.PID()))
			pause(run, 200*time.Millisecond)
		}
	})
	Fire(run, replica.Base, calls, rate, patience, tally)
	sampling.Wait()
	took := time.Since(began)
	s.Processor = (processor(replica.PID()) - before) / took.Seconds()
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", replica.PID()))
	s.OpenFiles = len(open)
	s.Verdicts, s.Goodput = tally.Verdicts, float64(tally.Verdicts[Exact])/took.Seconds()
	s.Rate = float64(tally.Total()) / length.Seconds()
	slices.Sort(tally.Took)
	if n := len(tally.Took); n > 0 {
		s.P50, s.P95, s.P99 = tally.Took[n/2], tally.Took[n*95/100], tally.Took[n*99/100]
	}
	if len(tally.Bad) > 0 {
		return s, fmt.Errorf("%s: %s", name, tally.Bad[0])
	}
	return s, nil
}

// resident gives the memory of a process in MB, from /proc.
func resident(pid int) float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// processor gives the seconds of processor time that a process has used.
func processor(pid int) float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100 // USER_HZ
}
