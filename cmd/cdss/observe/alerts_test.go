package observe_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	metricName = regexp.MustCompile(`\b(?:cds|cdss|audit|http|fhir)_[a-z0-9_]*[a-z0-9]\b`)
	madeName   = regexp.MustCompile(`"((?:cds|cdss|audit|http|fhir)_[a-z0-9_]+)"`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// TestAlertsAndDashboard: what they ask for is what the program tells, and each alert has
// its place in the runbook.
func TestAlertsAndDashboard(t *testing.T) {
	var made []string
	for _, pattern := range []string{"*.go", "../*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			for _, m := range madeName.FindAllStringSubmatch(read(t, f), -1) {
				made = append(made, m[1])
			}
		}
	}
	alerts := read(t, "../../../docs/deploy/alerts.yaml")
	asked := 0
	for _, text := range []string{alerts, read(t, "../../../docs/deploy/dashboard.json")} {
		for _, name := range metricName.FindAllString(text, -1) {
			asked++
			base := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
			if !slices.Contains(made, name) && !slices.Contains(made, base) {
				t.Errorf("nobody makes the metric %s", name)
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d metrics are asked for", asked)
	}
	var places []string
	for _, m := range heading.FindAllStringSubmatch(read(t, "../../../docs/deploy/RUNBOOK.md"), -1) {
		places = append(places, strings.ReplaceAll(strings.ToLower(m[1]), " ", "-"))
	}
	links := regexp.MustCompile(`RUNBOOK\.md#([a-z0-9-]+)`).FindAllStringSubmatch(alerts, -1)
	if len(links) != strings.Count(alerts, "- alert:") {
		t.Error("an alert has no runbook")
	}
	for _, m := range links {
		if !slices.Contains(places, m[1]) {
			t.Errorf("the runbook has no %q", m[1])
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
