package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run can be held against an earlier one, and a fall beyond what is allowed fails.
func TestRetrievalAgainstBaseline(t *testing.T) {
	corpus, dir := t.TempDir(), t.TempDir()
	write := func(path, text string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(filepath.Join(corpus, "a.md"), "# Pneumonia\n\nPneumonia is treated with a beta-lactam.\n")
	good := write(filepath.Join(dir, "good.jsonl"), `{"id":"1","lang":"en","query":"pneumonia treated with what","relevant":[{"doc":"a.md","quote":"treated with a beta-lactam","grade":3}]}`)
	bad := write(filepath.Join(dir, "bad.jsonl"), `{"id":"1","lang":"en","query":"pneumonia treated with what","relevant":[{"doc":"a.md","quote":"words that stand nowhere","grade":3}]}`)
	none := write(filepath.Join(dir, "none.jsonl"), `{"id":"1","lang":"en","query":"pneumonia"}`)
	baseline, out := filepath.Join(dir, "baseline.json"), filepath.Join(dir, "run.jsonl")
	eval := func(queries string, more ...string) (string, int) {
		code, out, errs := ran(t, append([]string{"eval", "retrieval", "--corpus", corpus, "--queries", queries, "--run", out}, more...)...)
		return out + errs, code
	}
	if text, code := eval(good, "--write-baseline", baseline); code != 0 {
		t.Fatalf("%d %s", code, text)
	}
	if text, code := eval(good, "--baseline", baseline, "--max-drop", "0"); code != 0 || !strings.Contains(text, "1.000 -> 1.000") {
		t.Errorf("the same run: %d %s", code, text)
	}
	if text, code := eval(bad, "--baseline", baseline, "--max-drop", "0.02"); code != 1 || !strings.Contains(text, "1.000 -> 0.000") {
		t.Errorf("a worse run: %d %s", code, text)
	}
	if text, code := eval(bad, "--baseline", baseline); code != 0 {
		t.Errorf("a worse run that may be: %d %s", code, text)
	}
	tables := filepath.Join(dir, "tables.md")
	if text, code := eval(good, "--ablation", tables); code != 0 {
		t.Fatalf("tables: %d %s", code, text)
	}
	written, err := os.ReadFile(tables)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"| lang:en | 1 | 1.000", "| **whole** | 1.000", "| plain BM25", "| PostgreSQL full text: ts_rank, any word | 1.000", "| without concept leg | 1.000"} {
		if !strings.Contains(string(written), row) {
			t.Errorf("the tables lack %q:\n%s", row, written)
		}
	}
	for _, wrong := range [][]string{{"--max-drop", "0.1"}, {"--baseline", out + "x"}} {
		if text, code := eval(good, wrong...); code != 2 {
			t.Errorf("%v: %d %s", wrong, code, text)
		}
	}
	if text, code := eval(none, "--baseline", baseline); code != 2 {
		t.Errorf("nothing to compare: %d %s", code, text)
	}
}
