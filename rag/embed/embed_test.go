package embed_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/stewardship/concept"
	"cdss/rag/embed"
)

func vectors(t *testing.T, texts ...string) [][]float32 {
	t.Helper()
	e := embed.NewConcept(concept.Default(), concept.Default().Version())
	out, err := e.Embed(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(out), len(texts))
	}
	return out
}

func cosine(a, b []float32) float64 {
	dot := 0.0
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
	}
	return dot
}

func TestConceptVectors(t *testing.T) {
	v := vectors(t,
		"Therapie der Harnwegsinfektion mit Ceftriaxon",
		"treatment of urinary tract infection with ceftriaxone",
		"Behandlung mit einem Cephalosporin der Gruppe 3",
		"Schlaganfall und Vorhofflimmern",
		"words that no concept stands for",
	)
	for i, x := range v[:4] {
		if n := cosine(x, x); math.Abs(n-1) > 1e-5 {
			t.Errorf("vector %d has length %v", i, n)
		}
		if len(x) != embed.ConceptDimensions {
			t.Errorf("vector %d has %d dimensions", i, len(x))
		}
	}
	if c := cosine(v[0], v[1]); c < 0.95 {
		t.Errorf("the same in German and English: cosine %v", c)
	}
	if near, far := cosine(v[0], v[2]), cosine(v[0], v[3]); near <= far+0.1 {
		t.Errorf("a drug is no nearer to its class (%v) than to another field (%v)", near, far)
	}
	if !embed.Zero(v[4]) {
		t.Error("a text without concepts says something")
	}
}

func TestConceptVectorsAreRepeatable(t *testing.T) {
	text := "Meropenem bei Sepsis und Niereninsuffizienz; Meropenem bei Dialyse"
	if diff := cmp.Diff(vectors(t, text), vectors(t, text)); diff != "" {
		t.Errorf("the same text gave another vector:\n%s", diff)
	}
}

func TestSpacesDiffer(t *testing.T) {
	a := embed.NewConcept(concept.Default(), "1").Space()
	b := embed.NewConcept(concept.Default(), "2").Space()
	if a.ID() == b.ID() {
		t.Error("another table is the same space")
	}
}

func TestEmbedEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := embed.NewConcept(concept.Default(), "1").Embed(ctx, []string{"Sepsis"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
