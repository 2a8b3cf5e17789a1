package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
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
	if os.Getenv(asServer) != "" {
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

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkHook sends 50 calls a second with 20 KB of prefetch for ten seconds, the
// database on the same machine, and the reference guideline loaded where there is
// one, so that citations have words.
func BenchmarkHook(b *testing.B) {
	dsn := dbtest.DSN(b)
	if dir, ok := guidelineFolder(); ok {
		env := environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: io.Discard, err: os.Stderr}
		if err := run(b.Context(), []string{"ingest", dir}, env); err != nil {
			b.Fatal(err)
		}
	}
	s := startServer(b, "DATABASE_URL="+dsn)
	s.until(b, http.MethodGet, "/readyz", nil)
	body := s.call(b, 20<<10)
	s.load(b, body, 50, 50) // the first second is that of caches
	took := s.load(b, body, 50, max(b.N, 500))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
	b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(s.peak(b), "peak-MB")
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
