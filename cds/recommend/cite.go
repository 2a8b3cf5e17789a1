package recommend

import (
	"cdss/cds/stewardship"
	"cdss/rag"
)

// guideline is the document of the example regimens.
const guideline = "awmf-082-006"

// cites gives the citations of places, each once; a page alone is left out beside a
// section of it.
func (s *session) cites(places ...rag.Locator) []rag.Citation {
	out := []rag.Citation{}
	seen := map[string]bool{}
	sections := map[string]bool{}
	for _, l := range places {
		if l.Section != "" {
			sections[l.Document+"\x00"+number(&l.Page)] = true
		}
	}
	for _, l := range places {
		if l.Document == "" || l.Section == "" && l.Page > 0 && sections[l.Document+"\x00"+number(&l.Page)] {
			continue
		}
		c := s.cite(l)
		key := c.Document + "\x00" + c.Section + "\x00" + number(c.Page)
		if c.Quote != nil {
			key += *c.Quote
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, c)
		}
	}
	return out
}

func (s *session) cite(l rag.Locator) rag.Citation {
	c := rag.Citation{Document: l.Document, Version: l.Version, Section: l.Section}
	if l.Page > 0 {
		page := l.Page
		c.Page = &page
	}
	if s.Cite != nil {
		c = s.Cite(l)
	}
	if (c.Title == "" || c.Title == c.Document) && s.Tables.Formulary != nil {
		if known, ok := s.Tables.Formulary.Source(l.Document); ok {
			c.Title = known.Title
			if c.Version == "" {
				c.Version = known.Version
			}
		}
	}
	return c
}

// sources turns sources of the tables into places.
func places(sources []stewardship.Source, terms ...string) []rag.Locator {
	var out []rag.Locator
	for _, s := range sources {
		if !s.IsZero() {
			out = append(out, s.Locator(terms...))
		}
	}
	return out
}

func number(p *int) string {
	if p == nil {
		return ""
	}
	return string(rune(*p))
}
