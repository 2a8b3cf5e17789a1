package terminology

import (
	"cdss/fhir"
	"cdss/fhir/issue"
)

// conceptMap is a ConceptMap, compiled.
type conceptMap struct {
	url, version   string
	source, target string // value sets, where the map names them
	groups         []mapGroup
}

type mapGroup struct {
	source, target fhir.Canonical
	elements       map[string][]Match
	// unmapped tells what becomes of codes without an element.
	mode, other string
	fixed       fhir.Coding
}

// Match is one translation of a code.
type Match struct {
	fhir.Coding
	Equivalence string // http://hl7.org/fhir/concept-map-equivalence
	Comment     string
	Map         string // canonical url of the ConceptMap
}

func readConceptMap(r *fhir.Resource) *conceptMap {
	root := r.Root()
	m := &conceptMap{url: root.Child("url").String(), version: root.Child("version").String()}
	source, _ := root.Choice("source")
	target, _ := root.Choice("target")
	m.source, m.target = source.String(), target.String()
	for _, g := range root.Children("group") {
		group := mapGroup{
			source:   fhir.Canonical{URL: g.Child("source").String(), Version: g.Child("sourceVersion").String()},
			target:   fhir.Canonical{URL: g.Child("target").String(), Version: g.Child("targetVersion").String()},
			elements: map[string][]Match{},
		}
		for _, e := range g.Children("element") {
			code := e.Child("code").String()
			list := group.elements[code]
			for _, t := range e.Children("target") {
				list = append(list, Match{
					Coding:      fhir.Coding{System: group.target.URL, Version: group.target.Version, Code: t.Child("code").String(), Display: t.Child("display").String()},
					Equivalence: t.Child("equivalence").String(), Comment: t.Child("comment").String(), Map: m.url,
				})
			}
			group.elements[code] = list
		}
		if u := g.Child("unmapped"); u != nil {
			group.mode, group.other = u.Child("mode").String(), u.Child("url").String()
			group.fixed = fhir.Coding{System: group.target.URL, Code: u.Child("code").String(), Display: u.Child("display").String()}
		}
		m.groups = append(m.groups, group)
	}
	return m
}

// Translation asks for a code in other words.
type Translation struct {
	Map          string // canonical of a ConceptMap; else the maps that fit are used
	TargetSystem string // keep only targets of this code system
	Target       string // keep only maps into this value set
	Reverse      bool   // from the target's side to the source's
}

// Translate gives the translations of a coding; found is true when one of them
// says more than that there is none (unmatched, disjoint). A map that is not
// loaded is an error of kind issue.NotFound.
func (s *Snapshot) Translate(coding fhir.Coding, t Translation) (matches []Match, found bool, err error) {
	maps, err := s.mapsFor(t)
	if err != nil {
		return nil, false, err
	}
	for _, m := range maps {
		matches = append(matches, s.through(m, coding, t.Reverse, map[string]bool{})...)
	}
	kept := matches[:0]
	for _, m := range matches {
		if t.TargetSystem != "" && m.System != t.TargetSystem {
			continue
		}
		kept = append(kept, m)
		found = found || m.Equivalence != "unmatched" && m.Equivalence != "disjoint"
	}
	return kept, found, nil
}

func (s *Snapshot) mapsFor(t Translation) ([]*conceptMap, error) {
	if t.Map != "" {
		m := s.conceptMap(t.Map)
		if m == nil {
			return nil, issue.New(issue.NotFound, "translate a code: the concept map %q is not loaded", clip(t.Map))
		}
		return []*conceptMap{m}, nil
	}
	if s == nil {
		return nil, nil
	}
	var maps []*conceptMap
	for _, url := range sortedKeys(s.maps) {
		list := s.maps[url]
		m := list[len(list)-1]
		side := m.target
		if t.Reverse {
			side = m.source
		}
		if t.Target == "" || fhir.ParseCanonical(side).URL == fhir.ParseCanonical(t.Target).URL {
			maps = append(maps, m)
		}
	}
	return maps, nil
}

func (s *Snapshot) conceptMap(canonical string) *conceptMap {
	if s == nil {
		return nil
	}
	c := fhir.ParseCanonical(canonical)
	list := s.maps[c.URL]
	for i := len(list) - 1; i >= 0; i-- {
		if c.Version == "" || list[i].version == c.Version {
			return list[i]
		}
	}
	return nil
}

// through translates by one map. Seen stops maps that refer to each other.
func (s *Snapshot) through(m *conceptMap, coding fhir.Coding, reverse bool, seen map[string]bool) []Match {
	if seen[m.url] {
		return nil
	}
	seen[m.url] = true
	var matches []Match
	for _, g := range m.groups {
		if reverse {
			matches = append(matches, g.backwards(coding, m.url)...)
			continue
		}
		if g.source.URL != coding.System {
			continue
		}
		list, mapped := g.elements[coding.Code]
		matches = append(matches, list...)
		if mapped {
			continue
		}
		switch g.mode {
		case "provided":
			matches = append(matches, Match{Coding: fhir.Coding{System: g.target.URL, Code: coding.Code, Display: coding.Display}, Equivalence: "equal", Map: m.url})
		case "fixed":
			matches = append(matches, Match{Coding: g.fixed, Equivalence: "inexact", Map: m.url})
		case "other-map":
			if other := s.conceptMap(g.other); other != nil {
				matches = append(matches, s.through(other, coding, false, seen)...)
			}
		}
	}
	return matches
}

// opposite gives the equivalence seen from the other side.
var opposite = map[string]string{"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}

func (g mapGroup) backwards(coding fhir.Coding, url string) []Match {
	if g.target.URL != coding.System {
		return nil
	}
	var matches []Match
	for _, code := range sortedKeys(g.elements) {
		for _, t := range g.elements[code] {
			if t.Code != coding.Code {
				continue
			}
			equivalence := t.Equivalence
			if o, ok := opposite[equivalence]; ok {
				equivalence = o
			}
			matches = append(matches, Match{Coding: fhir.Coding{System: g.source.URL, Version: g.source.Version, Code: code}, Equivalence: equivalence, Comment: t.Comment, Map: url})
		}
	}
	return matches
}
