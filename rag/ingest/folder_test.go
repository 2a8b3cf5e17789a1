package ingest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/ingest"
	"cdss/rag/store"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const described = `{
 "a.md": {"identifier": "hyg-1", "title": "Hygiene", "version": null, "language": "en", "status": "expired", "pages": "1-2", "partOf": "hyg"},
 "copy.txt": {"identifier": "hyg-copy", "sameAs": "hyg-1", "title": "Copy", "version": "7", "language": "de", "status": "unknown", "pages": null}
}`

func TestIngestDir(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.md": hygiene, "copy.txt": hygiene, "picture.md": "\x89PNG\r\n\x1a\n\x00", "plain.md": hygiene, ".hidden": hygiene,
		"documents.json": described,
	})
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := service(dbtest.New(t))
	f.work(t)
	outcomes, err := f.IngestDir(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		File, Identifier, Version, Title, Language, PartOf, SameAs string
		Expired, Created                                           bool
		Status                                                     rag.Status
		Err                                                        issue.Kind
	}
	var got []seen
	for _, o := range outcomes {
		v := o.Version
		got = append(got, seen{o.File, v.Identifier, v.Version, v.Title, v.Language, v.PartOf, v.SameAs, v.Expired, o.Created, v.Status, issue.KindOf(o.Err)})
	}
	want := []seen{
		{File: "a.md", Identifier: "hyg-1", Title: "Hygiene", Language: "en", PartOf: "hyg", Expired: true, Created: true, Status: rag.Active},
		{File: "copy.txt", Identifier: "hyg-copy", Version: "7", Title: "Copy", Language: "de", SameAs: "hyg-1", Created: true, Status: rag.Active},
		{File: "picture.md", Err: issue.NotSupported},
		{File: "plain.md", Identifier: "plain-md", Title: "Hand hygiene on the ward", Language: "en", Created: true, Status: rag.Active},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := identifiers(f); !cmp.Equal(got, []string{"hyg-1 ", "hyg-copy 7", "plain-md "}) {
		t.Errorf("searches run on %q", got)
	}

	again, err := f.IngestDir(t.Context(), filepath.Join(dir, "a.md"), false)
	if err != nil || len(again) != 1 || again[0].Created || again[0].Err != nil || again[0].Version.ID != outcomes[0].Version.ID {
		t.Errorf("one of its files again: %+v, %v", again, err)
	}
	if _, err := f.IngestDir(t.Context(), filepath.Join(dir, "absent"), false); !issue.Is(err, issue.NotFound) {
		t.Errorf("an absent file: %v", err)
	}
	broken := folder(t, map[string]string{"a.md": hygiene, "documents.json": "{"})
	if _, err := f.IngestDir(t.Context(), broken, false); !issue.Is(err, issue.Invalid) {
		t.Errorf("a broken documents.json: %v", err)
	}
}

func TestLoad(t *testing.T) {
	pool := dbtest.New(t)
	dir := folder(t, map[string]string{"a.md": hygiene, "documents.json": described})
	s, outcomes, err := ingest.Load(t.Context(), ingest.Config{Store: store.New(pool, nil), Tasks: task.New(pool, quick())}, dir)
	if err != nil || len(outcomes) != 1 || outcomes[0].Err != nil {
		t.Fatalf("%+v, %v", outcomes, err)
	}
	if docs := s.Snapshot().Documents(); len(docs) != 1 || docs[0].FileName != "a.md" || docs[0].Identifier != "hyg-1" {
		t.Errorf("searches run on %+v", docs)
	}
}

func TestLoadDemo(t *testing.T) {
	f := service(dbtest.New(t))
	f.work(t)
	for range 2 {
		if err := f.LoadDemo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := f.Versions(t.Context())
	if err != nil || len(versions) != 2 {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	languages := map[string]string{}
	for _, v := range versions {
		languages[v.Language] = v.Identifier
		if v.Status != rag.Active || v.Pages < 3 || v.Pages > 5 || !strings.Contains(v.Title, "Demo") {
			t.Errorf("is %+v", v)
		}
		_, passages, err := f.Passages(t.Context(), v.ID, ingest.Filter{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		tables, paged := 0, 0
		for _, p := range passages {
			if p.Kind == rag.Table {
				tables++
			}
			if p.Page > 0 {
				paged++
			}
		}
		if tables == 0 || paged != len(passages) {
			t.Errorf("%s: %d tables, %d of %d passages with a page", v.Identifier, tables, paged, len(passages))
		}
		if !strings.Contains(passages[0].Quoted, "ohne klinische Geltung") && !strings.Contains(passages[0].Quoted, "without clinical authority") {
			t.Errorf("%s does not open with what it is: %s", v.Identifier, passages[0].Quoted)
		}
	}
	if len(languages) != 2 || f.Snapshot().Len() == 0 {
		t.Errorf("languages %v, %d passages", languages, f.Snapshot().Len())
	}
	if _, err := f.Retire(t.Context(), versions[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := f.LoadDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Version(t.Context(), versions[0].ID); err != nil || v.Status != rag.Retired {
		t.Errorf("what an administrator retired came back: %+v, %v", v, err)
	}
}
