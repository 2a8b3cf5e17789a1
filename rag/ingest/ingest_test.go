package ingest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/ingest"
	"cdss/rag/parse"
	"cdss/rag/store"
)

// letters is an embedder of this test: how often each letter stands in a text.
type letters struct {
	version string
	before  func(context.Context) error // nil: nothing
}

func (l letters) Space() embed.Space {
	return embed.Space{Kind: "letters", Provider: "local", Model: "latin", Dimensions: 26, Version: l.version}
}

func (l letters) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if l.before != nil {
		if err := l.before(ctx); err != nil {
			return nil, err
		}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, 26)
		norm := 0.0
		for _, r := range strings.ToLower(text) {
			if r >= 'a' && r <= 'z' {
				v[r-'a']++
			}
		}
		for _, x := range v {
			norm += float64(x * x)
		}
		for j := range v {
			if norm > 0 {
				v[j] /= float32(math.Sqrt(norm))
			}
		}
		vectors[i] = v
	}
	return vectors, nil
}

// fixture is a service on a database of its own.
type fixture struct {
	*ingest.Service
	pool  *pgxpool.Pool
	tasks *task.Queue
}

func quick() task.Config {
	return task.Config{Lease: 2 * time.Second, Poll: 20 * time.Millisecond, Backoff: time.Millisecond}
}

// service makes a service whose queue nobody works at yet.
func service(pool *pgxpool.Pool, change ...func(*ingest.Config)) fixture {
	cfg := ingest.Config{Store: store.New(pool, nil), Tasks: task.New(pool, quick()), Embedder: letters{version: "1"}}
	for _, c := range change {
		c(&cfg)
	}
	return fixture{ingest.New(cfg), pool, cfg.Tasks}
}

// work runs the queue until the test ends or stop is called.
func (f fixture) work(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = f.tasks.Run(ctx) })
	stop = func() { cancel(); run.Wait() }
	t.Cleanup(stop)
	return stop
}

func (f fixture) upload(t *testing.T, name, text string, meta parse.Meta) ingest.Version {
	t.Helper()
	v, _, err := f.Upload(t.Context(), ingest.Upload{FileName: name, Data: []byte(text), Meta: meta})
	if err != nil {
		t.Fatalf("upload %s: %v", name, err)
	}
	return v
}

func (f fixture) read(t *testing.T, id string) ingest.Version {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := f.Wait(ctx, id); err != nil {
		t.Fatalf("wait for %s: %v", id, err)
	}
	v, err := f.Version(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (f fixture) approve(t *testing.T, id string) ingest.Version {
	t.Helper()
	v, err := f.Approve(t.Context(), id)
	if err != nil {
		t.Fatalf("approve %s: %v", id, err)
	}
	return v
}

// rows counts everything a guideline leaves in the database.
func rows(t *testing.T, pool *pgxpool.Pool) int {
	t.Helper()
	total := 0
	for _, table := range []string{"guideline", "guideline_version", "guideline_source", "guideline_page", "passage", "passage_embedding", "task"} {
		var n int
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

// identifiers of the documents that searches run on.
func identifiers(f fixture) []string {
	list := []string{}
	for _, d := range f.Snapshot().Documents() {
		list = append(list, d.Identifier+" "+d.Version)
	}
	return list
}

const hygiene = `# Hand hygiene on the ward

Hands are disinfected before and after contact with each patient, and after contact
with their surroundings. Gloves do not replace disinfection.

## When

| Moment | Why |
| --- | --- |
| before contact | protects the patient |
| after contact | protects everybody else |

Page 1 of 2

## How

Both hands stay wet with disinfectant for the whole time that its label states.
Rings and watches are taken off before.

Page 2 of 2
`

func TestLifeOfAGuideline(t *testing.T) {
	f := service(dbtest.New(t))
	f.work(t)
	v := f.upload(t, `C:\files\hygiene.md`, hygiene, parse.Meta{Identifier: "hyg-1", Version: "2", ValidUntil: "2031-12-31", Indications: []string{"sepsis"}})
	if v.Status != rag.Draft || v.Task == nil || v.FileName != "hygiene.md" || v.Language != "en" || v.Title != "Hand hygiene on the ward" || v.Format != parse.Markdown {
		t.Errorf("after the upload: %+v", v)
	}
	v = f.read(t, v.ID)
	if !v.Complete || v.Status != rag.Draft || v.Pages != 2 || v.Passages < 2 || v.Task.State != task.Done || v.Task.Stage != ingest.StageIndex {
		t.Errorf("after the reading: %+v, task %+v", v, v.Task)
	}
	if n := f.Snapshot().Len(); n != 0 {
		t.Errorf("a draft feeds searches: %d passages", n)
	}

	v = f.approve(t, v.ID)
	if v.Status != rag.Active || v.ApprovedAt == nil || v.Expired {
		t.Errorf("after the approval: %+v", v)
	}
	if n := f.Snapshot().Len(); n != v.Passages {
		t.Errorf("searches run on %d passages, want %d", n, v.Passages)
	}
	format, pages, err := f.SourcePages(t.Context(), v.ID)
	if err != nil || format != parse.Markdown || len(pages) != 2 || pages[1].Number != 2 {
		t.Fatalf("source: %s, %+v, %v", format, pages, err)
	}
	total, passages, err := f.Passages(t.Context(), v.ID, ingest.Filter{})
	if err != nil || total != v.Passages || len(passages) != total {
		t.Fatalf("passages: %d of %d, %v", len(passages), total, err)
	}
	for _, p := range passages {
		if !strings.Contains(pages[p.Page-1].Text, p.Quoted) {
			t.Errorf("passage %d is not verbatim on page %d:\n%s", p.Ord, p.Page, p.Quoted)
		}
	}
	if total, found, err := f.Passages(t.Context(), v.ID, ingest.Filter{Page: 2, Text: "RINGS and"}); err != nil || total != 1 || found[0].Page != 2 {
		t.Errorf("filtered passages: %d %+v %v", total, found, err)
	}
	if total, _, err := f.Passages(t.Context(), v.ID, ingest.Filter{Text: "%"}); err != nil || total != 0 {
		t.Errorf("a percent sign found %d passages, %v", total, err)
	}

	if v, err = f.Retire(t.Context(), v.ID); err != nil || v.Status != rag.Retired || f.Snapshot().Len() != 0 {
		t.Errorf("after retiring: %+v, %v, %d passages", v, err, f.Snapshot().Len())
	}
	f.approve(t, v.ID) // an earlier version can come back
	if n := f.Snapshot().Len(); n != v.Passages {
		t.Errorf("after coming back searches run on %d passages", n)
	}
	if err := f.Delete(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, f.pool); n != 0 || f.Snapshot().Len() != 0 {
		t.Errorf("after deleting: %d rows and %d passages are left", n, f.Snapshot().Len())
	}
	if _, err := f.Version(t.Context(), v.ID); !issue.Is(err, issue.NotFound) {
		t.Errorf("reading what was deleted: %v", err)
	}
}

func utf16Bytes(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

func TestUnusableUploadsLeaveNothing(t *testing.T) {
	f := service(dbtest.New(t))
	f.work(t)
	tests := []struct {
		name, file, data string
		meta             parse.Meta
		want             issue.Kind
	}{
		{"empty", "a.md", "", parse.Meta{}, issue.Invalid},
		{"blank", "a.md", " \n\t\n", parse.Meta{}, issue.Invalid},
		{"picture named md", "a.md", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", parse.Meta{}, issue.NotSupported},
		{"NUL inside", "a.txt", "some words and then a \x00 in the middle of it", parse.Meta{}, issue.NotSupported},
		{"PDF named txt", "a.txt", "%PDF-1.7\n1 0 obj\n<<>>\nendobj", parse.Meta{}, issue.NotSupported},
		{"half of a UTF-16 character", "a.txt", utf16Bytes(hygiene) + "x", parse.Meta{}, issue.Invalid},
		{"markup without text", "a.html", "<html><body><script>alert('some words to count here')</script></body></html>", parse.Meta{}, issue.Invalid},
		{"too large", "a.md", strings.Repeat("a ", ingest.MaxBytes/2+1), parse.Meta{}, issue.TooLong},
		{"no file name", "/", hygiene, parse.Meta{}, issue.Required},
		{"unknown language", "a.md", hygiene, parse.Meta{Language: "fr"}, issue.Value},
		{"no date", "a.md", hygiene, parse.Meta{ValidUntil: "2031-02-30"}, issue.Value},
		{"endless title", "a.md", hygiene, parse.Meta{Title: strings.Repeat("x", 501)}, issue.Value},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := f.Upload(t.Context(), ingest.Upload{FileName: tt.file, Data: []byte(tt.data), Meta: tt.meta})
			if got := issue.KindOf(err); got != tt.want {
				t.Errorf("error %v has kind %q, want %q", err, got, tt.want)
			}
			if n := rows(t, f.pool); n != 0 {
				t.Errorf("%d rows were left", n)
			}
		})
	}
}

func TestOddButUsableUploads(t *testing.T) {
	f := service(dbtest.New(t))
	f.work(t)
	evil := "evil\u202egnp.md\x00\n"
	tests := []struct {
		name, file, data string
		meta             parse.Meta
		want             parse.Format
		without          []string
	}{
		{"UTF-16", "a.txt", utf16Bytes(hygiene), parse.Meta{}, parse.Markdown, nil},
		{"scripts and styles", "a.html", `<!doctype html><html><head><title>T</title><style>p{color:red}</style></head><body>
			<h1>Isolation</h1><p onclick="steal()">Contact isolation ends after the last negative swab.</p>
			<script>document.cookie = "stolen"</script><noscript>no script here</noscript></body></html>`,
			parse.Meta{}, parse.HTML, []string{"stolen", "steal", "color:red"}},
		{"names with control characters", evil, hygiene, parse.Meta{Title: "A\x00\u202eB\nC", Identifier: " x\x07y ", Publisher: "\xff\xfe"}, parse.Markdown, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := f.upload(t, tt.file, tt.data, tt.meta)
			v = f.read(t, v.ID)
			if v.Format != tt.want || !v.Complete || v.Passages == 0 {
				t.Errorf("became %+v", v)
			}
			_, passages, err := f.Passages(t.Context(), v.ID, ingest.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			_, pages, err := f.SourcePages(t.Context(), v.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range tt.without {
				for _, p := range passages {
					if strings.Contains(p.Quoted+p.Indexed, word) {
						t.Errorf("passage %d has %q", p.Ord, word)
					}
				}
				for _, p := range pages {
					if strings.Contains(p.Text, word) {
						t.Errorf("page %d has %q", p.Number, word)
					}
				}
			}
			for _, s := range []string{v.FileName, v.Title, v.Identifier, v.Publisher} {
				if strings.ContainsAny(s, "\x00\n\x07\u202e\ufffd") {
					t.Errorf("control characters are kept in %q", s)
				}
			}
		})
	}
}

func TestSameFileAgain(t *testing.T) {
	f := service(dbtest.New(t))
	f.work(t)
	meta := parse.Meta{Identifier: "hyg-1", Version: "1"}
	var (
		uploads sync.WaitGroup
		mu      sync.Mutex
		ids     = map[string]int{}
		created int
	)
	for range 8 {
		uploads.Go(func() {
			v, fresh, err := f.Upload(t.Context(), ingest.Upload{FileName: "a.md", Data: []byte(hygiene), Meta: meta})
			if err != nil {
				t.Errorf("upload: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[v.ID]++
			if fresh {
				created++
			}
		})
	}
	uploads.Wait()
	if len(ids) != 1 || created != 1 {
		t.Fatalf("8 uploads of one file made %d versions and said so %d times", len(ids), created)
	}
	for id := range ids {
		v := f.read(t, id)
		all, _, err := f.Passages(t.Context(), id, ingest.Filter{Limit: 200})
		if err != nil || all != v.Passages {
			t.Errorf("%d passages, want %d, %v", all, v.Passages, err)
		}
		// Once complete, another upload asks for nothing.
		again := f.upload(t, "renamed.md", hygiene, meta)
		if again.ID != id || again.Task.State != task.Done || again.Task.Attempts != v.Task.Attempts {
			t.Errorf("the same file again: %+v, task %+v", again, again.Task)
		}
	}
	if other := f.upload(t, "a.md", hygiene, parse.Meta{Identifier: "hyg-1", Version: "2"}); ids[other.ID] != 0 {
		t.Error("another version is the same one")
	}
	if other := f.upload(t, "a.md", hygiene, parse.Meta{}); ids[other.ID] != 0 || other.Identifier != "a-md" {
		t.Errorf("another guideline is the same one: %+v", other)
	}
}

func TestOldVersionServesUntilTheNewIsApproved(t *testing.T) {
	var hold chan struct{}
	gate := letters{version: "1", before: func(context.Context) error {
		if hold != nil {
			<-hold
		}
		return nil
	}}
	f := service(dbtest.New(t), func(c *ingest.Config) { c.Embedder = gate })
	stop := f.work(t)
	first := f.upload(t, "a.md", hygiene, parse.Meta{Identifier: "hyg-1", Version: "1"})
	f.approve(t, f.read(t, first.ID).ID)
	stop()

	hold = make(chan struct{})
	second := f.upload(t, "a.md", hygiene+"\nNails are short.\n", parse.Meta{Identifier: "hyg-1", Version: "2"})
	g := service(f.pool, func(c *ingest.Config) { c.Embedder = gate })
	g.work(t)
	if _, err := g.Approve(t.Context(), second.ID); !issue.Is(err, issue.Conflict) {
		t.Errorf("approving what is not read: %v", err)
	}
	if err := g.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := identifiers(g); !cmp.Equal(got, []string{"hyg-1 1"}) {
		t.Errorf("while the second is read, searches run on %v", got)
	}
	close(hold)
	g.read(t, second.ID)
	if got := identifiers(g); !cmp.Equal(got, []string{"hyg-1 1"}) {
		t.Errorf("before the second is approved, searches run on %v", got)
	}
	g.approve(t, second.ID)
	if got := identifiers(g); !cmp.Equal(got, []string{"hyg-1 2"}) {
		t.Errorf("after the approval, searches run on %v", got)
	}
	if v, err := g.Version(t.Context(), first.ID); err != nil || v.Status != rag.Retired || v.RetiredAt == nil {
		t.Errorf("the predecessor is %+v, %v", v, err)
	}
	if _, err := g.Retire(t.Context(), g.upload(t, "b.md", hygiene, parse.Meta{}).ID); !issue.Is(err, issue.Conflict) {
		t.Errorf("retiring a draft: %v", err)
	}
}

func TestApprovalIsSeenByOtherReplicas(t *testing.T) {
	f := service(dbtest.New(t))
	f.work(t)
	other := service(f.pool)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = other.Run(ctx) })
	defer run.Wait()
	defer cancel()
	v := f.upload(t, "a.md", hygiene, parse.Meta{})
	f.approve(t, f.read(t, v.ID).ID)
	eventually(t, "the other replica searches the new version", func() bool { return len(identifiers(other)) == 1 })
	if err := f.Delete(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other replica forgets it", func() bool { return len(identifiers(other)) == 0 })
}

// eventually looks until it holds; well before recheck would help.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-limit:
			t.Fatalf("not within 10 s: %s", what)
		case <-tick.C:
		}
	}
}

func TestExpiryIsAFlag(t *testing.T) {
	day := time.Date(2031, 12, 31, 23, 59, 0, 0, time.UTC)
	f := service(dbtest.New(t), func(c *ingest.Config) { c.Now = func() time.Time { return day } })
	f.work(t)
	v := f.upload(t, "a.md", hygiene, parse.Meta{ValidUntil: "2031-12-31"})
	f.approve(t, f.read(t, v.ID).ID)
	stated := f.upload(t, "b.md", hygiene, parse.Meta{Status: "expired"})
	if got := f.approve(t, f.read(t, stated.ID).ID); !got.Expired || got.Status != rag.Active {
		t.Errorf("the publisher's word: %+v", got)
	}
	expired := func() map[string]bool {
		if err := f.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		m := map[string]bool{}
		for _, d := range f.Snapshot().Documents() {
			m[d.Identifier] = d.Expired
		}
		return m
	}
	if got := expired(); !cmp.Equal(got, map[string]bool{"a-md": false, "b-md": true}) {
		t.Errorf("on the last day: %v", got)
	}
	day = day.Add(time.Hour)
	if got := expired(); !cmp.Equal(got, map[string]bool{"a-md": true, "b-md": true}) {
		t.Errorf("on the day after: %v", got)
	}
	if got, err := f.Version(t.Context(), v.ID); err != nil || !got.Expired || got.Status != rag.Active {
		t.Errorf("on the day after: %+v, %v", got, err)
	}
}

func TestANewSpaceTakesOver(t *testing.T) {
	f := service(dbtest.New(t))
	stop := f.work(t)
	v := f.upload(t, "a.md", hygiene, parse.Meta{})
	v = f.approve(t, f.read(t, v.ID).ID)
	stop()
	if v.Space != (letters{version: "1"}).Space().ID() {
		t.Errorf("embedded in %q", v.Space)
	}

	renewed := service(f.pool, func(c *ingest.Config) { c.Embedder = letters{version: "2"} })
	if err := renewed.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := renewed.Search(t.Context(), rag.Query{Text: "rings", Language: "en"})
	if err != nil || !contains(found.Degraded, "vector") {
		t.Errorf("without vectors of its space a search does not say so: %v, %v", found.Degraded, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = renewed.tasks.Run(ctx) })
	run.Go(func() { _ = renewed.Run(ctx) })
	defer run.Wait()
	defer cancel()
	eventually(t, "all passages are in the new space", func() bool {
		got, err := renewed.Version(t.Context(), v.ID)
		return err == nil && got.Space == (letters{version: "2"}).Space().ID()
	})
	eventually(t, "searches use it", func() bool {
		found, err := renewed.Search(t.Context(), rag.Query{Text: "rings", Language: "en"})
		return err == nil && !contains(found.Degraded, "vector")
	})
	var active string
	if err := f.pool.QueryRow(t.Context(), `SELECT version FROM embedding_space WHERE state = 'active'`).Scan(&active); err != nil || active != "2" {
		t.Errorf("the active space is %q, %v", active, err)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestEmbedderDown(t *testing.T) {
	var (
		mu    sync.Mutex
		fails = 3
	)
	f := service(dbtest.New(t), func(c *ingest.Config) {
		c.Embedder = letters{version: "1", before: func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			if fails--; fails >= 0 {
				return issue.New(issue.Throttled, "the embedder says 429")
			}
			return nil
		}}
	})
	f.work(t)
	v := f.upload(t, "a.md", hygiene, parse.Meta{})
	if v = f.read(t, v.ID); !v.Complete || v.Task.Attempts != 4 {
		t.Errorf("after three refusals: %+v, task %+v", v, v.Task)
	}
	for name, answer := range map[string]func([]string) [][]float32{
		"too few":         func(texts []string) [][]float32 { return make([][]float32, len(texts)-1) },
		"wrong dimension": func(texts []string) [][]float32 { return each(texts, make([]float32, 25)) },
		"not a number":    func(texts []string) [][]float32 { return each(texts, append(make([]float32, 25), float32(math.NaN()))) },
	} {
		t.Run(name, func(t *testing.T) {
			f := service(dbtest.New(t), func(c *ingest.Config) { c.Embedder = fixed{answer} })
			f.work(t)
			v := f.upload(t, "a.md", hygiene, parse.Meta{})
			if err := f.Wait(t.Context(), v.ID); err == nil {
				t.Fatal("an unusable vector was accepted")
			}
			v, err := f.Version(t.Context(), v.ID)
			if err != nil || v.Complete || v.Task.State != task.Failed || v.Task.Reason == "" {
				t.Errorf("ended as %+v, task %+v, %v", v, v.Task, err)
			}
			if _, err := f.Approve(t.Context(), v.ID); !issue.Is(err, issue.Conflict) {
				t.Errorf("approving it: %v", err)
			}
		})
	}
}

func each(texts []string, v []float32) [][]float32 {
	list := make([][]float32, len(texts))
	for i := range list {
		list[i] = v
	}
	return list
}

// fixed is an embedder that answers what a test wants.
type fixed struct{ answer func([]string) [][]float32 }

func (fixed) Space() embed.Space { return letters{version: "1"}.Space() }
func (f fixed) Embed(_ context.Context, texts []string) ([][]float32, error) {
	return f.answer(texts), nil
}

func TestDeletingStopsTheReading(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	f := service(dbtest.New(t), func(c *ingest.Config) {
		c.Embedder = letters{version: "1", before: func(ctx context.Context) error {
			close(began)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		}}
	})
	stop := f.work(t)
	v := f.upload(t, "a.md", hygiene, parse.Meta{})
	<-began
	if err := f.Delete(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	if cause := <-ended; !errors.Is(cause, task.ErrLost) {
		t.Errorf("the reading was stopped by %v", cause)
	}
	stop()
	var left int
	err := f.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM passage) + (SELECT count(*) FROM task)`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}
