package retrieve

import (
	"strings"

	"cdss/rag"
)

// maxMatches bounds what is told about one hit.
const maxMatches = 24

// matched tells which parts of a question stand in which field of a passage.
func (s *Snapshot) matched(qu question, i int) []rag.Match {
	p := s.passages[i]
	body := "text"
	if p.Kind == rag.Table {
		body = "table"
	}
	fields := []struct{ name, text string }{{"heading", strings.Join(p.Section, "\n")}, {body, p.Quoted}}
	var out []rag.Match
	for _, f := range fields {
		found := map[string]bool{}
		if s.expander != nil {
			for _, m := range s.expander.Annotate(f.text) {
				found[m.Concept] = true
			}
		}
		low := strings.ToLower(f.text)
		for _, u := range qu.units {
			hit := u.concept != "" && found[u.concept]
			for _, stem := range u.stems {
				hit = hit || len(stem) >= 3 && strings.Contains(low, stem)
			}
			if hit && len(out) < maxMatches {
				out = append(out, rag.Match{Term: u.text, Field: f.name})
			}
		}
	}
	return out
}
