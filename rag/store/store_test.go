package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/ingest"
	"cdss/rag/parse"
	"cdss/rag/store"
)

var flat = embed.Space{Kind: "test", Provider: "local", Model: "flat", Dimensions: 3, Version: "1"}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// passageID gives a valid id for the nth passage of a version.
func passageID(version string, n int) string { return version[:24] + fmt.Sprintf("%012x", n) }

// add keeps a version of n passages, complete in flat, passage i pointing to
// direction i.
func add(t *testing.T, s *store.Store, identifier, version string, n int) string {
	t.Helper()
	text := identifier + version
	id, created, err := s.Add(t.Context(), ingest.Addition{
		Document: rag.Document{Identifier: identifier, Version: version, Title: "T", Language: "de", FileName: "a.md", SHA256: sum(text)},
		Format:   parse.Markdown, Content: []byte(text),
	})
	if err != nil || !created {
		t.Fatalf("add %s: created %v, %v", text, created, err)
	}
	var passages []rag.Passage
	var vectors []ingest.Vector
	for i := range n {
		quoted := fmt.Sprintf("passage %d of %s", i, text)
		passages = append(passages, rag.Passage{ID: passageID(id, i), Document: id, Ord: i, Kind: rag.Text, Language: "de",
			Page: i + 1, PageEnd: i + 1, Section: []string{"A", "B"}, Quoted: quoted, Indexed: "A B " + quoted, SHA256: sum(quoted)})
		v := make([]float32, 3)
		v[i%3] = 1
		vectors = append(vectors, ingest.Vector{PassageID: passageID(id, i), Values: v})
	}
	err = errors.Join(
		s.SaveContent(t.Context(), id, 1, []parse.Page{{Number: 1, Text: text}, {Text: "no label"}}, passages),
		s.SaveVectors(t.Context(), id, flat, vectors),
		s.Complete(t.Context(), id, flat))
	if err != nil {
		t.Fatalf("fill %s: %v", text, err)
	}
	return id
}

func nearest(t *testing.T, s *store.Store, space embed.Space, vec []float32, k int) []string {
	t.Helper()
	list, err := s.Nearest(t.Context(), space.ID(), vec, k)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, x := range list {
		out = append(out, fmt.Sprintf("%s %.2f", x.PassageID, x.Score))
	}
	return out
}

func TestNearest(t *testing.T) {
	s := store.New(dbtest.New(t), nil)
	id := add(t, s, "g", "1", 3)
	draft := add(t, s, "h", "1", 3)
	if got := nearest(t, s, flat, []float32{1, 0, 0}, 10); len(got) != 0 {
		t.Errorf("drafts are found: %v", got)
	}
	if err := s.Approve(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	want := []string{passageID(id, 1) + " 0.80", passageID(id, 0) + " 0.60"}
	if diff := cmp.Diff(want, nearest(t, s, flat, []float32{0.6, 0.8, 0}, 2)); diff != "" {
		t.Error(diff)
	}
	if got := nearest(t, s, flat, []float32{0, 0, 0}, 2); len(got) != 0 {
		t.Errorf("a vector that says nothing found %v", got)
	}
	other := flat
	other.Version = "2"
	if got := nearest(t, s, other, []float32{1, 0, 0}, 2); len(got) != 0 {
		t.Errorf("another space found %v", got)
	}
	if err := s.SaveVectors(t.Context(), draft, other, []ingest.Vector{{PassageID: passageID(draft, 0), Values: []float32{1, 0, 0}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(t.Context(), draft, ""); err != nil {
		t.Fatal(err)
	}
	if got := nearest(t, s, other, []float32{1, 0, 0}, 9); !cmp.Equal(got, []string{passageID(draft, 0) + " 1.00"}) {
		t.Errorf("the other space found %v", got)
	}
	if err := s.Retire(t.Context(), draft); err != nil {
		t.Fatal(err)
	}
	if got := nearest(t, s, other, []float32{1, 0, 0}, 9); len(got) != 0 {
		t.Errorf("what is retired is found: %v", got)
	}
}

func TestVectorsThatAreRefused(t *testing.T) {
	s := store.New(dbtest.New(t), nil)
	id := add(t, s, "g", "1", 1)
	space := flat
	space.Version = "2"
	for name, v := range map[string][]float32{
		"too short":    {1, 0},
		"too long":     {1, 0, 0, 0},
		"not a number": {1, float32(math.NaN()), 0},
		"infinite":     {1, float32(math.Inf(-1)), 0},
	} {
		if err := s.SaveVectors(t.Context(), id, space, []ingest.Vector{{PassageID: passageID(id, 0), Values: v}}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, v := range [][]float32{{0, 0, 0}, {1e-9, 0, 0}} {
		if err := s.SaveVectors(t.Context(), id, space, []ingest.Vector{{PassageID: passageID(id, 0), Values: v}}); err != nil {
			t.Errorf("a vector that says nothing stops the work: %v", err)
		}
	}
	if list, err := s.Unembedded(t.Context(), id, space, 0, 9); err != nil || len(list) != 1 {
		t.Errorf("%d passages are without vector, %v", len(list), err)
	}
	if err := s.SaveVectors(t.Context(), passageID(id, 77), space, []ingest.Vector{{PassageID: passageID(id, 0), Values: []float32{1, 0, 0}}}); !issue.Is(err, issue.NotFound) {
		t.Errorf("vectors of an unknown version: %v", err)
	}
}

func TestContentIsReplacedOnlyByALaterProcedure(t *testing.T) {
	s := store.New(dbtest.New(t), nil)
	id := add(t, s, "g", "1", 3)
	quoted := "one passage"
	fewer := []rag.Passage{{ID: passageID(id, 9), Document: id, Kind: rag.Text, Language: "de", Quoted: quoted, Indexed: quoted, SHA256: sum(quoted)}}
	if err := s.SaveContent(t.Context(), id, 1, nil, fewer); err != nil {
		t.Fatal(err)
	}
	if total, _, err := s.Passages(t.Context(), id, ingest.Filter{}); err != nil || total != 3 {
		t.Errorf("the same procedure again left %d passages, %v", total, err)
	}
	stale := func(pipeline int) []string {
		list, err := s.Stale(t.Context(), pipeline, flat)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if got := append(stale(1), stale(2)...); !cmp.Equal(got, []string{id}) {
		t.Errorf("stale for a later procedure: %v", got)
	}
	if err := s.SaveContent(t.Context(), id, 2, nil, fewer); err != nil {
		t.Fatal(err)
	}
	total, list, err := s.Passages(t.Context(), id, ingest.Filter{})
	if err != nil || total != 1 || list[0].Quoted != quoted || list[0].Document != id {
		t.Errorf("a later procedure left %d passages %+v, %v", total, list, err)
	}
	if got := stale(2); !cmp.Equal(got, []string{id}) {
		t.Errorf("passages without vectors are not stale: %v", got)
	}
}

func TestOneVersionIsActiveHoweverManyApprove(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(pool, nil)
	var ids []string
	for i := range 6 {
		ids = append(ids, add(t, s, "g", fmt.Sprint(i), 4))
	}
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			for range 3 {
				if err := s.Approve(t.Context(), id, ""); err != nil {
					t.Errorf("approve: %v", err)
				}
			}
		})
	}
	all.Wait()
	const query = `
SELECT (SELECT count(*) FROM guideline_version WHERE status = 'active') AS active,
       (SELECT count(*) FROM passage WHERE status = 'active') AS passages,
       (SELECT count(*) FROM passage p JOIN guideline_version v ON v.id = p.version_id WHERE p.status <> v.status) AS passages_astray,
       (SELECT count(*) FROM passage_embedding e JOIN passage p ON p.id = e.passage_id WHERE p.status <> e.status) AS vectors_astray`
	var active, passages, passagesAstray, vectorsAstray int
	if err := pool.QueryRow(t.Context(), query).Scan(&active, &passages, &passagesAstray, &vectorsAstray); err != nil {
		t.Fatal(err)
	}
	if active != 1 || passages != 4 || passagesAstray != 0 || vectorsAstray != 0 {
		t.Errorf("%d active versions, %d active passages; %d passages and %d vectors have another status than their version",
			active, passages, passagesAstray, vectorsAstray)
	}
}

func TestDeleteAndAddAtOnce(t *testing.T) {
	s := store.New(dbtest.New(t), nil)
	id := add(t, s, "g", "0", 1)
	for i := range 10 {
		var both sync.WaitGroup
		gone := id
		both.Go(func() {
			if err := s.Delete(t.Context(), gone); err != nil {
				t.Errorf("delete: %v", err)
			}
		})
		next := ""
		both.Go(func() { next = add(t, s, "g", fmt.Sprint(i+1), 1) })
		both.Wait()
		id = next
	}
	if list, err := s.Versions(t.Context()); err != nil || len(list) != 1 || list[0].ID != id {
		t.Errorf("%d versions are left, %v", len(list), err)
	}
}

func TestUnknownIDs(t *testing.T) {
	s := store.New(dbtest.New(t), nil)
	ctx := t.Context()
	for _, id := range []string{"", "x", "00000000-0000-0000-0000-000000000000", "0000000000000000000000000000000000000", "'; DROP TABLE task; --", strings.Repeat("a", 5000)} {
		calls := map[string]error{
			"Delete": s.Delete(ctx, id), "Approve": s.Approve(ctx, id, ""), "Retire": s.Retire(ctx, id),
			"SaveContent": s.SaveContent(ctx, id, 1, nil, nil), "Complete": s.Complete(ctx, id, flat),
		}
		_, calls["Versions"] = s.Versions(ctx, id)
		_, calls["Source"] = s.Source(ctx, id)
		_, calls["Pages"] = s.Pages(ctx, id, 0, 0)
		_, _, calls["Passages"] = s.Passages(ctx, id, ingest.Filter{})
		for call, err := range calls {
			if !issue.Is(err, issue.NotFound) {
				t.Errorf("%s(%.20q) = %v", call, id, err)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("%s repeats %d characters", call, len(err.Error()))
			}
		}
	}
}

func TestCorpus(t *testing.T) {
	s := store.New(dbtest.New(t), nil)
	today := time.Date(2031, 12, 31, 12, 0, 0, 0, time.UTC)
	revision := func() string {
		r, err := s.Revision(t.Context(), flat, today)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	empty := revision()
	id := add(t, s, "g", "1", 2)
	if revision() != empty {
		t.Error("a draft changes the active corpus")
	}
	if err := s.Approve(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	c, err := s.Corpus(t.Context(), flat, today)
	if err != nil {
		t.Fatal(err)
	}
	if c.Revision != revision() || c.Revision == empty || !c.Embedded || len(c.Documents) != 1 || len(c.Passages) != 2 {
		t.Errorf("the corpus is %+v", c)
	}
	want := rag.Passage{ID: passageID(id, 1), Document: id, Ord: 1, Kind: rag.Text, Language: "de", Page: 2, PageEnd: 2,
		Section: []string{"A", "B"}, Quoted: "passage 1 of g1", Indexed: "A B passage 1 of g1", SHA256: sum("passage 1 of g1")}
	if diff := cmp.Diff(want, c.Passages[1]); diff != "" {
		t.Error(diff)
	}
	other := flat
	other.Version = "2"
	if c, err := s.Corpus(t.Context(), other, today); err != nil || c.Embedded {
		t.Errorf("in a space without vectors: %v, %v", c.Embedded, err)
	}
}
