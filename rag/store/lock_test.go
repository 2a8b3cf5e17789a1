package store_test

import (
	"errors"
	"testing"

	"cdss/fhir/issue"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/parse"
	"cdss/rag/store"
)

// A curator may retire or approve while a worker saves what it read of the same
// version: the worker holds the version and refers to the guideline, the curator
// the other way round, and PostgreSQL would stop one of them.
func TestCuratorAndWorkerDoNotStopEachOther(t *testing.T) {
	s := store.New(dbtest.New(t), nil)
	id := add(t, s, "g", "1", 1)
	read := func(pipeline int) error {
		var list []rag.Passage
		for i := range 300 {
			list = append(list, rag.Passage{ID: passageID(id, i), Document: id, Ord: i, Kind: rag.Text, Language: "de",
				Page: 1, PageEnd: 1, Quoted: "q", Indexed: "q", SHA256: sum("q")})
		}
		return s.SaveContent(t.Context(), id, pipeline, []parse.Page{{Number: 1, Text: "q"}}, list)
	}
	const rounds = 60
	done := make(chan error, 1)
	go func() {
		var err error
		for i := range rounds {
			err = errors.Join(err, read(i+2))
		}
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("saving: %v", err)
			}
			return
		default:
			if err := s.Retire(t.Context(), id); !issue.Is(err, issue.Conflict) {
				t.Errorf("retiring a draft: %v", err)
			}
		}
	}
}
