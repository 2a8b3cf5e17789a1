package ordeal

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the binary that all tests try, built once.
var program = sync.OnceValues(func() (string, error) {
	if made := os.Getenv("CDSS_ORDEAL_PROGRAM"); made != "" {
		return made, nil
	}
	return Build(context.Background(), built)
})

var built string

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "ordeal"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

func theProgram(t *testing.T) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChaos is a short run of what "make chaos" does at length.
func TestChaos(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), theProgram(t), t.TempDir(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tally, faults, err := s.Chaos(t.Context(), 1, 4*time.Second, 20)
	t.Logf("faults %v, answers %v", faults, tally.Verdicts)
	if err != nil {
		t.Fatal(err)
	}
	if tally.Verdicts[Exact] == 0 {
		t.Error("no answer was exact")
	}
}

// TestOracle: what the oracle must not let pass, it does not.
func TestOracle(t *testing.T) {
	healthy := `{"cards":[{"summary":"Penicillin allergy","indicator":"critical","source":{"topic":{"code":"allergy"}}},{"summary":"Options","indicator":"info","source":{"topic":{"code":"options"}}}]}`
	c := &Call{Name: "a call", checked: true}
	var err error
	if c.want, c.safety, _, err = cards([]byte(healthy)); err != nil {
		t.Fatal(err)
	}
	notChecked := `{"summary":"Not checked: allergies","indicator":"warning","source":{"topic":{"code":"cds-not-checked"}}}`
	// What a healthy server leaves out as well is no excuse for a warning that lacks.
	lacking := &Call{Name: "a call with data that lack", safety: c.safety, want: append([]string{unchecked + "Not checked: allergies "}, c.want...)}
	if got, _ := lacking.Judge(200, []byte(`{"cards":[`+notChecked+`]}`)); got != Missed {
		t.Errorf("the usual lack and no warning: %s, want %s", got, Missed)
	}
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   Verdict
	}{
		{"the same", 200, healthy, Exact},
		{"nothing at all", 200, `{"cards":[]}`, Missed},
		{"the warning is lacking", 200, `{"cards":[{"summary":"Options","indicator":"info","source":{"topic":{"code":"options"}}}]}`, Missed},
		{"the warning is softer", 200, strings.Replace(healthy, "critical", "info", 1), Missed},
		{"one card too many", 200, strings.Replace(healthy, `{"cards":[`, `{"cards":[{"summary":"x","indicator":"info"},`, 1), Wrong},
		{"it is said that it was not checked", 200, `{"cards":[` + notChecked + `]}`, NotChecked},
		{"no cards member", 200, `{}`, Wrong},
		{"no JSON", 200, `<html>`, Wrong},
		{"a fault", 500, `{}`, Wrong},
		{"refused", 400, `{}`, Wrong},
		{"blocked", 412, `{}`, Blocked},
		{"shed", 503, `{}`, Shed},
		{"no answer", 0, ``, NoAnswer},
	} {
		if got, _ := c.Judge(tc.status, []byte(tc.body)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestKills is a short series of what "make chaos" does at length.
func TestKills(t *testing.T) {
	t.Parallel()
	report, err := Kills(t.Context(), theProgram(t), t.TempDir(), 1, 4)
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
}

// TestRollingRestarts: a proxy, three replicas, and a deployment while calls are made.
func TestRollingRestarts(t *testing.T) {
	t.Parallel()
	report, err := Roll(t.Context(), theProgram(t), t.TempDir(), 3, 1, 10)
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplicasStartAtOnce, on a database in which nothing is; "make chaos" starts ten.
func TestReplicasStartAtOnce(t *testing.T) {
	t.Parallel()
	took, err := Race(t.Context(), theProgram(t), t.TempDir(), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("all were ready after %s", took)
}

// TestRestoreDrill: a backup gives back what was lost.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	report, err := Drill(t.Context(), theProgram(t), t.TempDir())
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
}
