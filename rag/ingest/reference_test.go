package ingest_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"cdss/fhir/task"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/ingest"
	"cdss/rag/store"
)

// corpus is the folder of real guideline files, which is not part of the project.
func corpus(t testing.TB) string {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "guideline-s2k")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	return dir
}

func TestReferenceCorpus(t *testing.T) {
	dir := corpus(t)
	pool := dbtest.New(t)
	s, outcomes, err := ingest.Load(t.Context(), ingest.Config{
		Store: store.New(pool, nil), Tasks: task.New(pool, quick()), Embedder: letters{version: "1"},
	}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) < 7 {
		t.Errorf("%d files, want 7", len(outcomes))
	}
	for _, o := range outcomes {
		v := o.Version
		if o.Err != nil || v.Status != rag.Active || v.Passages == 0 || v.Identifier == "" {
			t.Errorf("%s: %v, %+v", o.File, o.Err, v)
			continue
		}
		_, pages, err := s.SourcePages(t.Context(), v.ID)
		if err != nil {
			t.Fatal(err)
		}
		text := map[int]string{}
		for _, p := range pages {
			text[p.Number] += p.Text + "\n"
		}
		lost := 0
		for offset := 0; offset < v.Passages; offset += 200 {
			_, passages, err := s.Passages(t.Context(), v.ID, ingest.Filter{Offset: offset, Limit: 200})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range passages {
				if !strings.Contains(text[p.Page], p.Quoted) {
					lost++
				}
			}
		}
		if lost > 0 {
			t.Errorf("%s: %d of %d passages are not verbatim on their page", o.File, lost, v.Passages)
		}
		t.Logf("%-32s %4d pages %5d passages", o.File, v.Pages, v.Passages)
	}
}

// BenchmarkLoad is the way of seven real files from the folder to the index:
// upload, reading, embedding by letters, approval, one index.
func BenchmarkLoad(b *testing.B) {
	dir := corpus(b)
	for b.Loop() {
		pool := dbtest.New(b)
		_, outcomes, err := ingest.Load(b.Context(), ingest.Config{
			Store: store.New(pool, nil), Tasks: task.New(pool, quick()), Embedder: letters{version: "1"},
		}, dir)
		if err != nil {
			b.Fatal(err)
		}
		passages := 0
		for _, o := range outcomes {
			passages += o.Version.Passages
		}
		b.ReportMetric(float64(passages), "passages")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
}
