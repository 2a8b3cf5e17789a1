package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pgvector/pgvector-go"

	"cdss/migrations/dbtest"
	"cdss/rag/embed"
	"cdss/rag/retrieve"
	"cdss/rag/store"
)

var wide = embed.Space{Kind: "test", Provider: "local", Model: "wide", Dimensions: 256, Version: "1"}

// cloud gives vectors as those of texts are spread: mixtures of forty directions,
// some of which are frequent.
func cloud(seed uint64, n int) [][]float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	base := rand.New(rand.NewPCG(1, 1)) // the same directions for every seed
	directions := make([][]float32, 40)
	for i := range directions {
		directions[i] = make([]float32, wide.Dimensions)
		for j := range directions[i] {
			directions[i][j] = float32(base.NormFloat64())
		}
	}
	out := make([][]float32, n)
	for i := range out {
		v := make([]float32, wide.Dimensions)
		for range 4 {
			d := directions[min(rng.IntN(40), rng.IntN(40))]
			w := float32(0.3 + rng.Float64())
			for j := range v {
				v[j] += w * d[j]
			}
		}
		for j := range v {
			v[j] += float32(rng.NormFloat64() * 0.3)
		}
		out[i] = v
	}
	return out
}

// fill keeps one active version with n passages and their vectors, by COPY.
func fill(t testing.TB, pool *pgxpool.Pool, s *store.Store, n int) {
	t.Helper()
	ctx := context.Background()
	if _, err := s.Covers(ctx, wide); err != nil { // makes the space known
		t.Fatal(err)
	}
	var space int
	if err := pool.QueryRow(ctx, `SELECT id FROM embedding_space WHERE model = 'wide'`).Scan(&space); err != nil {
		t.Fatal(err)
	}
	var guideline, version string
	err := pool.QueryRow(ctx, `INSERT INTO guideline (identifier) VALUES ('wide') RETURNING id::text`).Scan(&guideline)
	if err == nil {
		err = pool.QueryRow(ctx, `INSERT INTO guideline_version (guideline_id, title, language, status, sha256)
			VALUES ($1, 'W', 'de', 'active', $2) RETURNING id::text`, guideline, sum("w")).Scan(&version)
	}
	if err == nil {
		_, err = pool.Exec(ctx, `INSERT INTO passage (id, version_id, guideline_id, ord, lang, status, indexed, quoted, sha256)
			SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, $1, $2, i, 'de', 'active', 'x', 'x', $3
			FROM generate_series(0, $4::int - 1) i`, version, guideline, sum("x"), n)
	}
	if err != nil {
		t.Fatal(err)
	}
	const block = 5000
	for from := 0; from < n; from += block {
		vectors := cloud(uint64(from+1), min(block, n-from))
		batch := &pgx.Batch{}
		for i, v := range vectors {
			batch.Queue(`INSERT INTO passage_embedding (space_id, passage_id, guideline_id, lang, status, emb) VALUES ($1, $2::text::uuid, $3::text::uuid, 'de', 'active', $4::text::halfvec)`,
				space, fmt.Sprintf("00000000-0000-7000-8000-%012x", from+i), guideline, pgvector.NewHalfVector(v).String())
		}
		if err := pool.SendBatch(ctx, batch).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(ctx, `ANALYZE passage_embedding`); err != nil {
		t.Fatal(err)
	}
}

func nearestTo(t testing.TB, s *store.Store, queries [][]float32, k int) ([][]retrieve.Scored, time.Duration) {
	t.Helper()
	var out [][]retrieve.Scored
	start := time.Now()
	for _, q := range queries {
		list, err := s.Nearest(context.Background(), wide.ID(), q, k)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list)
	}
	return out, time.Since(start) / time.Duration(len(queries))
}

func recall(exact, found [][]retrieve.Scored) float64 {
	hit, all := 0, 0
	for i := range exact {
		for _, e := range exact[i] {
			all++
			if slices.ContainsFunc(found[i], func(f retrieve.Scored) bool { return f.PassageID == e.PassageID }) {
				hit++
			}
		}
	}
	return float64(hit) / float64(all)
}

func TestIndexOfNeighbours(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(pool, nil)
	fill(t, pool, s, 3000)
	queries := cloud(99, 30)
	exact, _ := nearestTo(t, s, queries, 100)

	if err := s.Tend(t.Context(), wide); err != nil {
		t.Fatal(err)
	}
	var indexes int
	count := func() int {
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%hnsw%'`).Scan(&indexes)
		if err != nil {
			t.Fatal(err)
		}
		return indexes
	}
	if n := count(); n != 0 {
		t.Fatalf("%d indexes for a space that an exact scan serves", n)
	}
	s.IndexAbove(2000)
	for range 2 { // the second time there is nothing to do
		if err := s.Tend(t.Context(), wide); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n != 1 {
		t.Fatalf("%d indexes", n)
	}
	found, _ := nearestTo(t, s, queries, 100)
	if r := recall(exact, found); r < 0.95 {
		t.Errorf("recall %.3f", r)
	}
	// A process that starts later finds the index that is there.
	later := store.New(pool, nil)
	later.IndexAbove(2000)
	if err := later.Tend(t.Context(), wide); err != nil {
		t.Fatal(err)
	}
	if again, _ := nearestTo(t, later, queries, 100); recall(found, again) != 1 {
		t.Error("another process finds something else")
	}
	// What a killed build leaves is no index.
	if _, err := pool.Exec(t.Context(), `UPDATE pg_index SET indisvalid = false WHERE indexrelid = (SELECT oid FROM pg_class WHERE relname LIKE 'passage_embedding_hnsw%')`); err != nil {
		t.Fatal(err)
	}
	if err := later.Tend(t.Context(), wide); err != nil {
		t.Fatal(err)
	}
	if again, _ := nearestTo(t, later, queries, 100); recall(exact, again) < 0.95 || count() != 1 {
		t.Error("an unfinished index was not built anew")
	}
}

// BenchmarkNearest compares the index with the exact scan, in one run.
func BenchmarkNearest(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			pool := dbtest.New(b)
			s := store.New(pool, nil)
			fill(b, pool, s, n)
			queries := cloud(99, 50)
			exact, slow := nearestTo(b, s, queries, 100)
			s.IndexAbove(0)
			start := time.Now()
			if err := s.Tend(b.Context(), wide); err != nil {
				b.Fatal(err)
			}
			built := time.Since(start)
			var found [][]retrieve.Scored
			var quick time.Duration
			for b.Loop() {
				found, quick = nearestTo(b, s, queries, 100)
			}
			b.ReportMetric(recall(exact, found), "recall@100")
			b.ReportMetric(float64(slow.Microseconds())/1000, "ms/exact")
			b.ReportMetric(float64(quick.Microseconds())/1000, "ms/indexed")
			b.ReportMetric(built.Seconds(), "s/build")
		})
	}
}
