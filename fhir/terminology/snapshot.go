package terminology

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Snapshot holds compiled CodeSystems, ValueSets and ConceptMaps. It never
// changes; a nil Snapshot knows nothing.
type Snapshot struct {
	systems map[string][]*codeSystem // by url, the newest version last
	sets    map[string][]*valueSet
	maps    map[string][]*conceptMap
	faults  map[string]*issue.Error // why the value set of a url is left out
}

// Load compiles the CodeSystems, ValueSets and ConceptMaps among resources and
// passes over the others. What cannot be compiled, such as value sets that
// include each other in a circle, is left out and reported with its id; the
// rest is usable.
func Load(resources []*fhir.Resource) (*Snapshot, []issue.Issue) {
	return (*Snapshot)(nil).With(resources)
}

// With gives a Snapshot that holds these resources too; s stays as it is. A
// value set that s holds is not compiled again.
func (s *Snapshot) With(resources []*fhir.Resource) (*Snapshot, []issue.Issue) {
	out := &Snapshot{systems: map[string][]*codeSystem{}, sets: map[string][]*valueSet{}, maps: map[string][]*conceptMap{}, faults: map[string]*issue.Error{}}
	if s != nil {
		maps.Copy(out.faults, s.faults)
		copyLists(out.systems, s.systems)
		copyLists(out.sets, s.sets)
		copyLists(out.maps, s.maps)
	}
	return out, out.add(resources)
}

func copyLists[T any](to, from map[string][]T) {
	for url, list := range from {
		to[url] = slices.Clone(list)
	}
}

func (s *Snapshot) add(resources []*fhir.Resource) []issue.Issue {
	l := loader{s: s}
	for _, r := range resources {
		url := r.Root().Child("url").String()
		switch r.Type() {
		case "CodeSystem", "ValueSet", "ConceptMap":
			if url == "" {
				l.report(issue.Required, r, "it has no url")
				continue
			}
		}
		switch r.Type() {
		case "CodeSystem":
			s.systems[url] = append(s.systems[url], readCodeSystem(r))
		case "ValueSet":
			s.sets[url] = append(s.sets[url], &valueSet{resource: r, url: url, version: r.Root().Child("version").String()})
		case "ConceptMap":
			s.maps[url] = append(s.maps[url], readConceptMap(r))
		}
	}
	for _, list := range s.systems {
		slices.SortStableFunc(list, func(a, b *codeSystem) int { return compareVersions(a.version, b.version) })
	}
	for _, list := range s.sets {
		slices.SortStableFunc(list, func(a, b *valueSet) int { return compareVersions(a.version, b.version) })
	}
	for _, list := range s.maps {
		slices.SortStableFunc(list, func(a, b *conceptMap) int { return compareVersions(a.version, b.version) })
	}
	for _, url := range sortedKeys(s.sets) {
		for _, v := range s.sets[url] {
			l.compile(v)
			if v.fault != nil {
				s.faults[url] = v.fault
			}
		}
	}
	for url, list := range s.sets {
		s.sets[url] = slices.DeleteFunc(list, func(v *valueSet) bool { return v.fault != nil })
	}
	slices.SortFunc(l.issues, func(a, b issue.Issue) int { return strings.Compare(a.Diagnostics, b.Diagnostics) })
	return l.issues
}

type loader struct {
	s      *Snapshot
	way    []*valueSet // being compiled, each included by the one before
	issues []issue.Issue
}

func (l *loader) report(k issue.Kind, r *fhir.Resource, format string, a ...any) {
	l.issues = append(l.issues, issue.Issue{
		Severity: issue.SeverityError, Code: string(k),
		Diagnostics: fmt.Sprintf("load %s/%s: ", r.Type(), r.ID()) + fmt.Sprintf(format, a...),
	})
}

// compareVersions orders "1.9" before "1.10", and texts as texts.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		x, restA, _ := strings.Cut(a, ".")
		y, restB, _ := strings.Cut(b, ".")
		if x != y {
			if numeric(x) && numeric(y) {
				x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
				if len(x) != len(y) {
					return len(x) - len(y)
				}
			}
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
		}
		a, b = restA, restB
	}
	return 0
}

func numeric(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// system finds a code system, the newest where no version is asked for.
func (s *Snapshot) system(url, version string) *codeSystem {
	if s == nil {
		return nil
	}
	list := s.systems[url]
	for i := len(list) - 1; i >= 0; i-- {
		if version == "" || list[i].version == version {
			return list[i]
		}
	}
	return nil
}

// set finds a value set by canonical.
func (s *Snapshot) set(canonical string) *valueSet {
	if s == nil {
		return nil
	}
	c := fhir.ParseCanonical(canonical)
	list := s.sets[c.URL]
	for i := len(list) - 1; i >= 0; i-- {
		if c.Version == "" || list[i].version == c.Version {
			return list[i]
		}
	}
	return nil
}

// Fault gives why the value set of that url cannot be used though it was loaded:
// an error of kind issue.BusinessRule when it is wrong in itself, for example
// includes itself, and of kind issue.Incomplete when it rests on what is not
// loaded. Nil means that nothing is wrong, or that it is not known at all.
func (s *Snapshot) Fault(canonical string) error {
	if s == nil || s.set(canonical) != nil {
		return nil
	}
	if fault := s.faults[fhir.ParseCanonical(canonical).URL]; fault != nil {
		return fault
	}
	return nil
}

// missing says why a value set is not there: nobody loaded it, or it cannot be
// used.
func (s *Snapshot) missing(what, canonical string) error {
	if s != nil {
		if fault := s.faults[fhir.ParseCanonical(canonical).URL]; fault != nil {
			return issue.New(issue.KindOf(fault), "%s: %s cannot be used: %s", what, clip(canonical), fault.Diagnostics)
		}
	}
	return issue.New(issue.NotFound, "%s: the value set %q is not loaded", what, clip(canonical))
}

// Lookup gives a concept. Errors are of kind issue.NotFound, or
// issue.CodeInvalid where the code system is loaded and lacks the code.
func (s *Snapshot) Lookup(coding fhir.Coding) (*Concept, error) {
	system := s.system(coding.System, coding.Version)
	if system == nil {
		return nil, issue.New(issue.NotFound, "look up a code: the code system %q is not loaded", clip(coding.System))
	}
	c := system.find(coding.Code)
	if c == nil {
		return nil, issue.New(issue.CodeInvalid, "look up a code: %q is not in %s", clip(coding.Code), system.url)
	}
	return c, nil
}

// Subsumption tells how a stands to b in their code system's hierarchy:
// "equivalent", "subsumes", "subsumed-by" or "not-subsumed".
func (s *Snapshot) Subsumption(a, b fhir.Coding) (string, error) {
	if a.System != b.System {
		return "", issue.New(issue.Invalid, "compare codes: they are of two code systems")
	}
	x, err := s.Lookup(a)
	if err != nil {
		return "", err
	}
	y, err := s.Lookup(b)
	if err != nil {
		return "", err
	}
	switch {
	case x == y:
		return "equivalent", nil
	case subsumes(x, y):
		return "subsumes", nil
	case subsumes(y, x):
		return "subsumed-by", nil
	}
	return "not-subsumed", nil
}

func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
