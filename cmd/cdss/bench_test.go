package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cdss/migrations/dbtest"
)

// asServer makes the test binary the program itself, so that memory and start are
// measured of a process of its own.
const asServer = "BENCH_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" || len(os.Args) > 1 && os.Args[1] == extractCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

// server is the program as a process.
type server struct {
	command *exec.Cmd
	base    string
	began   time.Time
}

func startServer(b *testing.B, vars ...string) *server {
	b.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	s := &server{command: exec.Command(os.Args[0]), base: "http://" + address, began: time.Now()}
	s.command.Args = []string{"cdss", "serve"}
	s.command.Env = append([]string{asServer + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"CDSS_ADDR=" + address, "CDSS_METRICS_ADDR=127.0.0.1:0", "CDSS_DEMO=1", "LOG_LEVEL=warn"}, vars...)
	s.command.Stderr = os.Stderr
	if err := s.command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	_ = s.command.Wait()
}

// until polls a path for a status; what it measures is counted in seconds, the
// poll in milliseconds.
func (s *server) until(b *testing.B, method, path string, body []byte) {
	b.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		req, err := http.NewRequestWithContext(b.Context(), method, s.base+path, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	b.Fatalf("%s never answered 200", path)
}

// peak gives the largest resident memory of the process so far, in MB.
func (s *server) peak(b *testing.B) float64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		b.Fatalf("memory is read from /proc: %v", err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb / 1024
		}
	}
	b.Fatal("no VmHWM")
	return 0
}

// call is a patient-view call whose prefetch has about size bytes: the example of
// a fresh start with further laboratory values, as a stay brings them.
func (s *server) call(b *testing.B, size int) []byte {
	b.Helper()
	res, err := http.Get(s.base + "/api/examples/cap-penicillin-anaphylaxis/hook")
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		b.Fatal(err)
	}
	observations := body["prefetch"].(map[string]any)["observations"].(map[string]any)
	entries := observations["entry"].([]any)
	for n := 0; ; n++ {
		raw, err := json.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		if len(raw) >= size {
			return raw
		}
		more := map[string]any{
			"resourceType": "Observation", "id": fmt.Sprintf("more-%d", n), "status": "final",
			"code":              map[string]any{"coding": []any{map[string]any{"system": "http://loinc.org", "code": "1988-5", "display": "C reactive protein"}}},
			"subject":           map[string]any{"reference": "Patient/example-cap-anaphylaxis"},
			"effectiveDateTime": time.Now().Add(-time.Duration(n+1) * time.Hour).Format(time.RFC3339),
			"valueQuantity":     map[string]any{"value": 80 + n, "unit": "mg/L", "system": "http://unitsofmeasure.org", "code": "mg/L"},
		}
		entries = append(entries, map[string]any{"resource": more, "search": map[string]any{"mode": "match"}})
		observations["entry"], observations["total"] = entries, len(entries)
	}
}

// load sends calls at a steady rate, whether or not the ones before are answered,
// and gives the latencies in order.
func (s *server) load(b *testing.B, body []byte, perSecond, count int) []time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	var took []time.Duration
	var running sync.WaitGroup
	start := time.Now()
	for i := range count {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		time.Sleep(time.Until(due))
		running.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/cds-services/abs-patient-view", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			answer, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"cards":[]`)) {
				b.Errorf("%d %v %s", res.StatusCode, err, answer)
			}
			mu.Lock()
			defer mu.Unlock()
			// From when it was due: a sender that is late must not look fast.
			took = append(took, time.Since(due))
		})
	}
	running.Wait()
	slices.Sort(took)
	return took
}

// cpu gives the time the process has spent on all processors.
func (s *server) cpu(b *testing.B) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		b.Fatalf("the time of a process is read from /proc: %v", err)
	}
	// Behind the name in brackets; utime and stime are fields 14 and 15 (proc(5)),
	// in ticks of a hundredth of a second.
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// floor is the time it takes to decode the body with encoding/json, and to do
// nothing with it.
func floor(b *testing.B, body []byte) time.Duration {
	b.Helper()
	const rounds = 200
	var usage syscall.Rusage
	spent := func() time.Duration {
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	before := spent()
	for range rounds {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			b.Fatal(err)
		}
	}
	return (spent() - before) / rounds
}

// record serves the prefetch of a call as the FHIR server of its client does, at
// once and without a database, so that what is measured is our side.
func record(b *testing.B, body []byte) (address string, call []byte) {
	b.Helper()
	var members map[string]json.RawMessage
	var prefetch map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(members["prefetch"], &prefetch); err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(records{prefetch: byType(b, prefetch)})
	b.Cleanup(s.Close)
	delete(members, "prefetch")
	members["fhirServer"] = json.RawMessage(strconv.Quote(s.URL + "/fhir"))
	call, err := json.Marshal(members)
	if err != nil {
		b.Fatal(err)
	}
	return s.URL + "/fhir", call
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkHook sends patient-view calls at a steady rate for ten seconds, with
// prefetch of 20 and 250 KB, given with the call or fetched from the client's FHIR
// server: latency, the processor time of the server per call, and its ratio to
// decoding the same data with encoding/json in the same run. The database is on the
// same machine, and the reference guideline is loaded where there is one, so that
// citations have words.
func BenchmarkHook(b *testing.B) {
	dsn := dbtest.DSN(b)
	env := environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: io.Discard, err: os.Stderr}
	if dir, ok := guidelineFolder(); ok {
		if err := run(b.Context(), []string{"ingest", dir}, env); err != nil {
			b.Fatal(err)
		}
	}
	s := startServer(b, "DATABASE_URL="+dsn)
	s.until(b, http.MethodGet, "/readyz", nil)
	for _, tc := range []struct {
		name            string
		size, perSecond int
		fetched         bool
	}{
		{"20KB", 20 << 10, 100, false},
		{"250KB", 250 << 10, 20, false},
		{"20KB-fetched", 20 << 10, 50, true},
		{"250KB-fetched", 250 << 10, 10, true},
	} {
		b.Run(tc.name, func(b *testing.B) {
			data := s.call(b, tc.size)
			body := data
			if tc.fetched {
				var address string
				address, body = record(b, data)
				name := strings.ToLower(tc.name)
				if err := run(b.Context(), []string{"server", "add", name, address, "--plain-http", "--allow", "127.0.0.1", "--replace"}, env); err != nil {
					b.Fatal(err)
				}
				s.until(b, http.MethodPost, "/cds-services/abs-patient-view", body)
			}
			s.load(b, body, tc.perSecond, tc.perSecond) // the first second is that of caches
			before := s.cpu(b)
			took := s.load(b, body, tc.perSecond, max(b.N, 10*tc.perSecond))
			spent := (s.cpu(b) - before) / time.Duration(len(took))
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
			b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
			b.ReportMetric(milliseconds(spent), "cpu-ms")
			b.ReportMetric(float64(spent)/float64(floor(b, data)), "x-encoding/json")
			b.ReportMetric(s.peak(b), "peak-MB")
		})
	}
}

// BenchmarkDeadline has the client's FHIR server answer nothing at all: every call
// is answered within the deadline all the same.
func BenchmarkDeadline(b *testing.B) {
	dsn := dbtest.DSN(b)
	env := environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: io.Discard, err: os.Stderr}
	s := startServer(b, "DATABASE_URL="+dsn)
	s.until(b, http.MethodGet, "/readyz", nil)
	released := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-released:
		}
	}))
	b.Cleanup(silent.Close)
	b.Cleanup(func() { close(released) })
	if err := run(b.Context(), []string{"server", "add", "silent", silent.URL + "/fhir", "--plain-http", "--allow", "127.0.0.1"}, env); err != nil {
		b.Fatal(err)
	}
	var members, prefetch map[string]json.RawMessage
	if err := json.Unmarshal(s.call(b, 20<<10), &members); err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(members["prefetch"], &prefetch); err != nil {
		b.Fatal(err)
	}
	delete(prefetch, "allergies") // the rest is given, so that there is something to say
	given, err := json.Marshal(prefetch)
	if err != nil {
		b.Fatal(err)
	}
	members["prefetch"], members["fhirServer"] = given, json.RawMessage(strconv.Quote(silent.URL+"/fhir"))
	body, err := json.Marshal(members)
	if err != nil {
		b.Fatal(err)
	}
	took := s.load(b, body, 20, max(b.N, 100))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
	b.ReportMetric(milliseconds(took[len(took)-1]), "max-ms")
}

// BenchmarkSecondStart starts the program a second time on its own private
// database: until the first card, and until everything works.
func BenchmarkSecondStart(b *testing.B) {
	dir, err := os.MkdirTemp("", "cdss-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	first := startServer(b, "CDSS_DATA_DIR="+dir)
	first.until(b, http.MethodGet, "/readyz", nil)
	body := first.call(b, 20<<10)
	first.stop()
	second := startServer(b, "CDSS_DATA_DIR="+dir)
	second.until(b, http.MethodPost, "/cds-services/abs-patient-view", body)
	card := time.Since(second.began)
	second.until(b, http.MethodGet, "/readyz", nil)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(card), "first-card-ms")
	b.ReportMetric(milliseconds(time.Since(second.began)), "ready-ms")
}
