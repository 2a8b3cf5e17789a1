package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/task"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/ingest"
	"cdss/rag/parse"
	"cdss/rag/parse/child"
	"cdss/rag/parse/pdftest"
	"cdss/rag/store"
)

// hangOn and hangAt make this test binary a worker of a database that stops at a
// point of its work and waits to be killed.
const (
	hangOn = "INGEST_TEST_HANG_ON"
	hangAt = "INGEST_TEST_HANG_AT"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "extract" {
		if err := child.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	dsn := os.Getenv(hangOn)
	if dsn == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	tasks := task.New(pool, task.Config{Lease: 300 * time.Millisecond, Poll: 10 * time.Millisecond})
	ingest.New(ingest.Config{
		Store: &hanging{Store: store.New(pool, nil), at: os.Getenv(hangAt)}, Tasks: tasks, Embedder: letters{version: "1"},
		Reader: hangingReader{pdfReader(), os.Getenv(hangAt)},
	})
	_ = tasks.Run(ctx)
}

// hanging is a store that hangs before or after one of its writes.
type hanging struct {
	ingest.Store
	at      string
	vectors int
}

func (h *hanging) hang(point string) {
	if point == h.at {
		fmt.Println("here")
		select {}
	}
}

func (h *hanging) SaveContent(ctx context.Context, id string, pipeline int, pages []parse.Page, passages []rag.Passage) error {
	h.hang("before content")
	defer h.hang("after content")
	return h.Store.SaveContent(ctx, id, pipeline, pages, passages)
}

func (h *hanging) SaveVectors(ctx context.Context, id string, space embed.Space, vectors []ingest.Vector) error {
	h.vectors++
	h.hang(fmt.Sprint("before vectors ", h.vectors))
	defer h.hang(fmt.Sprint("after vectors ", h.vectors))
	return h.Store.SaveVectors(ctx, id, space, vectors)
}

func (h *hanging) Complete(ctx context.Context, id string, space embed.Space) error {
	h.hang("before completion")
	err := h.Store.Complete(ctx, id, space)
	h.hang("after completion")
	fmt.Println("past it, with", err)
	return err
}

func pdfReader() *child.Reader {
	return child.New(os.Args[0], []string{"extract"}, pdftest.Cache(), nil)
}

// hangingReader hangs when the first page was read, its child still at work.
type hangingReader struct {
	ingest.Reader
	at string
}

func (h hangingReader) Read(ctx context.Context, name string, data []byte, meta parse.Meta, of rag.Document, report func(done, total int) error) (parse.Content, error) {
	return h.Reader.Read(ctx, name, data, meta, of, func(done, total int) error {
		if h.at == "while reading" {
			fmt.Println("here")
			select {}
		}
		return report(done, total)
	})
}

// long is a document of several batches of passages.
func long() string {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "## Room %d\n\nIn room number %d the ward keeps gloves, gowns and disinfectant for %d beds.\n\n", i, i, i%7)
		if i%20 == 19 {
			fmt.Fprintf(&b, "Page %d of 15\n\n", i/20+1)
		}
	}
	return b.String()
}

// content is what a reading leaves, without the ids and times that differ between
// databases.
func content(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	const query = `
SELECT concat_ws('|', p.ord, p.kind, p.lang, p.status, p.page, p.page_end, p.section, p.sha256, md5(p.indexed), p.anchor, e.status, e.lang, e.emb,
                 v.pipeline, v.indexed_at IS NOT NULL, v.embedded_in = e.space_id)
FROM guideline_version v
LEFT JOIN passage p ON p.version_id = v.id LEFT JOIN passage_embedding e ON e.passage_id = p.id
UNION ALL
SELECT concat_ws('|', 'page', ord, label, md5(text), width, height, md5(words), flags) FROM guideline_page
ORDER BY 1`
	rows, err := pool.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestKilledReadingLeavesTheSame(t *testing.T) {
	for _, document := range []struct {
		name, text string
		points     []string
	}{
		{"a.md", long(), []string{"before content", "after content", "before vectors 1", "after vectors 1", "before vectors 2", "after vectors 2",
			"before completion", "after completion"}},
		{"a.pdf", printed(), []string{"while reading", "before content", "after vectors 1", "before completion"}},
	} {
		t.Run(document.name, func(t *testing.T) { killed(t, document.name, document.text, document.points) })
	}
}

// printed is a PDF of several batches of passages.
func printed() string {
	d := &pdftest.Document{Title: "Rooms"}
	for i := range 75 {
		p := d.Page()
		for k := range 4 {
			y := 80 + float64(k)*150
			p.Text(60, y, pdftest.Bold, 13, fmt.Sprintf("%d.%d Room of the ward", i+1, k+1))
			p.Paragraph(60, y+20, fmt.Sprintf("In room number %d the ward keeps gloves, gowns and disinfectant for %d beds, and", i*4+k, k),
				"a list of those who were there on each day of the week.")
		}
	}
	return string(d.Bytes())
}

func withReader(c *ingest.Config) { c.Reader = pdfReader() }

func killed(t *testing.T, name, text string, points []string) {
	undisturbed := service(dbtest.New(t), withReader)
	undisturbed.work(t)
	undisturbed.read(t, undisturbed.upload(t, name, text, parse.Meta{Identifier: "rooms"}).ID)
	want := content(t, undisturbed.pool)
	if len(want) < 270 {
		t.Fatalf("the document has %d rows, too few for several batches", len(want))
	}

	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dsn := dbtest.DSN(t)
			pool, err := pgxpool.New(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			f := service(pool, withReader)
			v := f.upload(t, name, text, parse.Meta{Identifier: "rooms"})

			worker := exec.Command(os.Args[0])
			worker.Env = append(os.Environ(), hangOn+"="+dsn, hangAt+"="+point)
			out, err := worker.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := worker.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = worker.Process.Kill() })
			line, err := bufio.NewReader(out).ReadString('\n')
			if killed := worker.Process.Kill(); killed != nil { // SIGKILL: no last word
				t.Fatal(killed)
			}
			_ = worker.Wait()
			if line != "here\n" {
				t.Fatalf("the worker said %q, %v", line, err)
			}
			// Its lease runs out, and another worker goes on.
			f.work(t)
			got := f.read(t, v.ID)
			if !got.Complete || got.Task.Attempts != 2 {
				t.Errorf("the successor left %+v, task %+v", got, got.Task)
			}
			if diff := cmp.Diff(want, content(t, pool)); diff != "" {
				t.Errorf("not what an undisturbed reading leaves:\n%s", diff)
			}
		})
	}
}

// A worker that was taken for dead comes back while its successor works.
func TestLateWorkerChangesNothing(t *testing.T) {
	undisturbed := service(dbtest.New(t))
	undisturbed.work(t)
	undisturbed.read(t, undisturbed.upload(t, "a.md", long(), parse.Meta{Identifier: "rooms"}).ID)
	want := content(t, undisturbed.pool)

	pool := dbtest.New(t)
	began, resume, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	first := service(pool, func(c *ingest.Config) {
		c.Tasks = task.New(pool, task.Config{Lease: time.Hour, Poll: 20 * time.Millisecond})
		c.Store = &late{Store: c.Store, began: began, resume: resume, ended: ended}
	})
	v := first.upload(t, "a.md", long(), parse.Meta{Identifier: "rooms"})
	first.work(t)
	<-began
	if _, err := pool.Exec(t.Context(), `UPDATE task SET locked_until = now() - interval '1 s'`); err != nil {
		t.Fatal(err)
	}
	second := service(pool)
	stop := second.work(t)
	second.read(t, v.ID)
	stop()
	second.approve(t, v.ID)
	close(resume)
	<-ended
	for i := range want { // approved meanwhile
		want[i] = strings.ReplaceAll(want[i], "|draft|", "|active|")
	}
	if diff := cmp.Diff(want, content(t, pool)); diff != "" {
		t.Errorf("the late worker changed the passages:\n%s", diff)
	}
}

// late is a store whose first write of passages waits.
type late struct {
	ingest.Store
	began, resume, ended chan struct{}
}

func (l *late) SaveContent(ctx context.Context, id string, pipeline int, pages []parse.Page, passages []rag.Passage) error {
	close(l.began)
	<-l.resume
	defer close(l.ended)
	return l.Store.SaveContent(ctx, id, pipeline, pages, passages)
}
