package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cdss/cds/store"
	"cdss/cds/translate"
	"cdss/migrations/dbtest"
)

// TestCodesAreCounted: by many at once, over several writings, and nothing is lost
// while there is no database.
func TestCodesAreCounted(t *testing.T) {
	pool := dbtest.New(t)
	c := store.NewCodes(nil)
	local := func(code string) translate.Seen {
		return translate.Seen{Kind: translate.Drug, System: "https://kis.example/drug", Code: code}
	}
	var counting sync.WaitGroup
	for range 4 {
		counting.Go(func() {
			for range 100 {
				c.See(local("1"))
				c.See(translate.Seen{Kind: translate.Drug, Known: true})
			}
			c.See(local("2"))
			c.See(translate.Seen{Kind: translate.Laboratory})
		})
	}
	counting.Wait()
	if err := c.Write(t.Context()); err != nil { // no database yet
		t.Fatal(err)
	}
	c.Attach(pool)
	for range 2 {
		if err := c.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.See(local("2"))
	}
	if err := c.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	shares, unknown, err := c.Coverage(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]store.Coverage{{Kind: translate.Drug, Count: 806, Known: 400}, {Kind: translate.Laboratory, Count: 4}}, shares); diff != "" {
		t.Error(diff)
	}
	want := []store.Unknown{
		{Kind: translate.Drug, System: "https://kis.example/drug", Code: "1", Count: 400},
		{Kind: translate.Drug, System: "https://kis.example/drug", Code: "2", Count: 6},
		{Kind: translate.Laboratory, Count: 4},
	}
	if diff := cmp.Diff(want, unknown, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		t.Error(diff)
	}
	if err := c.Forget(t.Context(), "https://kis.example/drug", []string{"1"}); err != nil {
		t.Fatal(err)
	}
	if _, unknown, err = c.Coverage(t.Context(), 1); err != nil || len(unknown) != 1 || unknown[0].Code != "2" {
		t.Errorf("%v %+v", err, unknown)
	}
}
