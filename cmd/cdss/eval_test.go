package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cdss/cds/conformance"
	"cdss/migrations/dbtest"
)

// guideline is a short text of our own for measurements.
const guideline = `# Musterleitlinie Pneumonie

## Therapie

Bei ambulant erworbener Pneumonie mittleren Schweregrades wird Ampicillin/Sulbactam empfohlen.

## Isolierung

Patienten mit MRSA werden in einem Einzelzimmer untergebracht, das Personal trägt Handschuhe.
`

// files writes files into a folder of the test's own.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func corpus(t *testing.T) string {
	return files(t, map[string]string{
		"muster.md":      guideline,
		"documents.json": `{"muster.md":{"identifier":"muster-1","title":"Musterleitlinie","version":"1","language":"de"}}`,
	})
}

// ran runs a subcommand and gives its exit code and what it printed.
func ran(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	err := run(t.Context(), args, environment{vars: []string{"DATABASE_URL=" + dbtest.DSN(t), "LOG_LEVEL=error"}, out: &out, err: &errs})
	return exitCode(err, &errs), out.String(), errs.String()
}

func TestEvalRetrieval(t *testing.T) {
	dir := files(t, map[string]string{"queries.jsonl": `{"id":"q1","query":"Ampicillin/Sulbactam bei Pneumonie","lang":"de","relevant":[{"doc":"muster.md","quote":"wird Ampicillin/Sulbactam empfohlen","grade":3}]}
{"id":"q2","query":"Einzelzimmer MRSA","lang":"de"}
`})
	run := filepath.Join(dir, "run.jsonl")
	code, out, errs := ran(t, "eval", "retrieval", "--corpus", corpus(t), "--queries", filepath.Join(dir, "queries.jsonl"), "--run", run)
	if code != 0 {
		t.Fatalf("%d %s", code, errs)
	}
	raw, err := os.ReadFile(run)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), raw)
	}
	var first struct {
		ID        string
		Abstained *bool
		Results   []struct {
			Doc, Heading, Text string
			Page               *int
			Score              float64
		}
	}
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	if first.ID != "q1" || first.Abstained == nil || len(first.Results) == 0 || first.Results[0].Doc != "muster.md" ||
		!strings.Contains(first.Results[0].Text, "wird Ampicillin/Sulbactam empfohlen") {
		t.Errorf("got %s", lines[0])
	}
	if !strings.Contains(strings.ToLower(out), "ndcg") {
		t.Errorf("no scores are printed: %s", out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("something is left behind: %v %v", entries, err)
	}
}

func TestEvalCases(t *testing.T) {
	raw, err := os.ReadFile("../../cds/api/example/cap-penicillin-anaphylaxis.json")
	if err != nil {
		t.Fatal(err)
	}
	var example struct{ Bundle, DraftOrders json.RawMessage }
	if err := json.Unmarshal(raw, &example); err != nil {
		t.Fatal(err)
	}
	with := func(id, hook, context, more string) string {
		return `{"id":"` + id + `","asOf":"2026-01-15T08:00:00+01:00","hook":"` + hook + `","context":` + context + `,"bundle":` + string(example.Bundle) + more + `}`
	}
	dir := files(t, map[string]string{
		"a.json": with("a", "patient-view", `{"patientId":"example-cap-anaphylaxis"}`, `,"request":{"indication":"AMBULANT_ERWORBENE_PNEUMONIE","severity":"MITTELSCHWER","infectionSite":"LUNGE","riskFactors":[],"suspectedPathogens":[],"freeText":null}`),
		"b.json": with("b", "order-sign", `{"patientId":"example-cap-anaphylaxis"}`, `,"draftOrders":`+string(example.DraftOrders)),
		"c.json": with("c", "patient-view", `{"patientId":"example-cap-anaphylaxis"}`, `,"request":{"indication":"NOBODY_KNOWS"}`),
	})
	ask := func(args ...string) (lines []map[string]json.RawMessage, text string) {
		path := filepath.Join(t.TempDir(), "out.jsonl")
		code, _, errs := ran(t, append([]string{"eval", "cases", "--dir", dir, "--out", path}, args...)...)
		if code != 0 {
			t.Fatalf("%d %s", code, errs)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			var l map[string]json.RawMessage
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			delete(l, "ms")
			lines = append(lines, l)
		}
		return lines, string(raw)
	}
	lines, _ := ask("--corpus", corpus(t), "--language", "en")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines[:2] {
		var rec struct {
			Language, CreatedAt string
			Facts               []struct{ Name string }
		}
		if err := json.Unmarshal(line["recommendation"], &rec); err != nil || rec.Language != "en" || !strings.HasPrefix(rec.CreatedAt, "2026-01-15T") {
			t.Errorf("case %d: %v %s", i, err, line["recommendation"])
		}
		for _, v := range conformance.Response(line["hook"], []string{"MedicationRequest/example-draft-1"}) {
			t.Errorf("case %d: %v", i, v)
		}
	}
	if string(lines[2]["recommendation"]) != "null" || !strings.Contains(string(lines[2]["errors"]), "422") {
		t.Errorf("a request that nobody knows: %s", lines[2])
	}
	// The same question again, the same bytes; without the request, the third case
	// is a question like another.
	again, _ := ask("--corpus", corpus(t), "--language", "en")
	for i := range lines {
		if string(lines[i]["recommendation"]) != string(again[i]["recommendation"]) || string(lines[i]["hook"]) != string(again[i]["hook"]) {
			t.Errorf("case %d is answered otherwise the second time", i)
		}
	}
	if alone, _ := ask("--bundle-only"); string(alone[2]["recommendation"]) == "null" {
		t.Errorf("--bundle-only sends the request: %s", alone[2])
	}
}

func TestIngest(t *testing.T) {
	dsn := dbtest.DSN(t)
	dir := corpus(t)
	command := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		err := run(t.Context(), args, environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: &out, err: &errs})
		return exitCode(err, &errs), out.String()
	}
	if code, out := command("ingest", "--draft", dir); code != 0 || !strings.Contains(out, "muster.md: muster-1 1, draft") {
		t.Fatalf("%d %s", code, out)
	}
	if code, out := command("ingest", filepath.Join(dir, "muster.md")); code != 0 || !strings.Contains(out, "active") || !strings.Contains(out, "unchanged") {
		t.Fatalf("%d %s", code, out)
	}
	bad := files(t, map[string]string{"picture.bin": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00"})
	if code, out := command("ingest", bad); code != 1 || !strings.Contains(out, "picture.bin") {
		t.Errorf("what is no text: %d %s", code, out)
	}
}
