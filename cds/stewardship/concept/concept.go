// Package concept is the domain's vocabulary for search: diseases, pathogens,
// substances, classes, situations, in German and English, with abbreviations,
// lay words and trade names. It owns the table and its matching; it refuses
// clinical statements, which have no place in a dictionary: that a name is known
// here says nothing about what is recommended.
package concept

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"cdss/fhir/issue"
	"cdss/rag"
)

//go:embed concepts.csv
var shipped string

// Default is the table that ships with the program.
var Default = sync.OnceValue(func() *Table {
	t, err := Read(strings.NewReader(shipped))
	if err != nil {
		panic(err) // the table is part of the program
	}
	return t
})

// DefaultWith is the shipped table with the rows of a site: a row with an id that
// ships adds its names, parents and codes to that concept, whose kind and names stay
// as they are; every other row is a concept of the site's own.
func DefaultWith(site io.Reader) (*Table, error) {
	own, err := io.ReadAll(site)
	if err != nil {
		return nil, fmt.Errorf("read table of concepts: %w", err)
	}
	return Read(strings.NewReader(shipped), bytes.NewReader(own))
}

// Concept is a row of the table.
type Concept struct {
	ID      string
	Kind    string
	DE, EN  string
	Names   []string // further names in either language
	Parents []string // IDs of wider concepts: a class, a group, a wider disease
	Codes   []string // "ATC:J01DD04", "ICD10:J18", "LOINC:2160-0"; a code stands for those below it
}

// Table is a table of concepts, immutable and safe for concurrent use.
type Table struct {
	concepts []Concept
	byID     map[string]int
	related  map[string][]rag.Mention
	names    map[string]int // folded name, words joined by blanks -> concept
	exact    map[string]int // names that count only in their own case
	parts    map[string]int // folded single words that may be part of a compound
	codes    map[string]int // system and code -> concept
	begins   map[string]int // folded first word of names of several words -> words of the longest
	version  string
}

// Read reads a table: CSV with the columns id, kind, de, en, names, parents and
// codes, lists separated by semicolons. A name that begins with "=" counts only in
// its own case, for abbreviations that are also words. Further tables add to the
// concepts of those before them.
func Read(tables ...io.Reader) (*Table, error) {
	sum := sha256.New()
	t := &Table{byID: map[string]int{}, related: map[string][]rag.Mention{}, names: map[string]int{},
		exact: map[string]int{}, parts: map[string]int{}, codes: map[string]int{}, begins: map[string]int{}}
	for _, r := range tables {
		records, err := csv.NewReader(io.TeeReader(r, sum)).ReadAll()
		if err != nil {
			return nil, issue.Wrap(issue.Invalid, err, "read table of concepts")
		}
		if err := t.add(records); err != nil {
			return nil, err
		}
	}
	t.version = hex.EncodeToString(sum.Sum(nil))[:12]
	var faults []error // all at once: whoever edits the table wants the list
	for i, c := range t.concepts {
		for _, name := range append([]string{c.DE, c.EN}, c.Names...) {
			if err := t.addName(i, name); err != nil {
				faults = append(faults, err)
			}
		}
		for _, p := range c.Parents {
			if _, ok := t.byID[p]; !ok {
				return nil, issue.New(issue.NotFound, "parent %s of concept %s", p, c.ID)
			}
		}
		for _, code := range c.Codes {
			if j, ok := t.codes[code]; ok {
				faults = append(faults, issue.New(issue.Duplicate, "code %s belongs to %s and %s", code, t.concepts[j].ID, c.ID))
			}
			t.codes[code] = i
		}
	}
	if err := t.relate(); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, issue.Wrap(issue.Invalid, err, "read table of concepts")
	}
	return t, nil
}

// add takes the rows of one table in.
func (t *Table) add(records [][]string) error {
	if len(records) == 0 || strings.Join(records[0], ",") != "id,kind,de,en,names,parents,codes" {
		return issue.New(issue.Structure, "table of concepts has unexpected columns")
	}
	before := len(t.concepts)
	for n, rec := range records[1:] {
		c := Concept{ID: rec[0], Kind: rec[1], DE: rec[2], EN: rec[3], Names: list(rec[4]), Parents: list(rec[5]), Codes: list(rec[6])}
		at, known := t.byID[c.ID]
		switch {
		case known && at >= before:
			return issue.New(issue.Duplicate, "concept %s stands twice", c.ID)
		case known:
			old := &t.concepts[at]
			old.Names = append(old.Names[:len(old.Names):len(old.Names)], c.Names...)
			old.Parents = append(old.Parents[:len(old.Parents):len(old.Parents)], c.Parents...)
			old.Codes = append(old.Codes[:len(old.Codes):len(old.Codes)], c.Codes...)
			continue
		case c.ID == "" || c.DE == "" || c.EN == "":
			return issue.New(issue.Required, "concept in row %d lacks id or a name", n+2)
		}
		if _, ok := kindWeights[c.Kind]; !ok {
			return issue.New(issue.Value, "concept %s has unknown kind %q", c.ID, c.Kind)
		}
		t.byID[c.ID] = len(t.concepts)
		t.concepts = append(t.concepts, c)
	}
	return nil
}

func list(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ";") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func (t *Table) addName(i int, name string) error {
	if rest, ok := strings.CutPrefix(name, "="); ok {
		t.exact[rest] = i
		return nil
	}
	words := foldWords(name)
	if len(words) == 0 {
		return issue.New(issue.Value, "name %q of concept %s has no letters", name, t.concepts[i].ID)
	}
	key := strings.Join(words, " ")
	if j, ok := t.names[key]; ok && j != i {
		return issue.New(issue.Duplicate, "name %q belongs to %s and %s", name, t.concepts[j].ID, t.concepts[i].ID)
	}
	t.names[key] = i
	if len(words) > 1 {
		t.begins[words[0]] = max(t.begins[words[0]], len(words))
	}
	if len(words) == 1 && len([]rune(words[0])) >= minPart {
		t.parts[words[0]] = i
	}
	return nil
}

// kindWeights says how much a concept of a kind tells what a question is about: the
// disease and the drug most, what is asked of them less, manner and place least.
var kindWeights = map[string]float64{
	"disease": 1, "pathogen": 1, "resistance": 1, "drug": 1, "class": 0.9, "score": 1, "allergy": 0.9, "adverse": 0.8,
	"organ": 0.9, "device": 0.9, "procedure": 0.8, "population": 0.8, "lab": 0.7, "finding": 0.7, "situation": 0.8,
	"risk": 0.6, "setting": 0.6, "severity": 0.5, "course": 0.5, "site": 0.5, "route": 0.5, "measure": 0.5, "aspect": 0.5,
}

// How near the wider and the narrower concepts are to a concept.
const (
	parentWeight      = 0.3
	childWeight       = 0.5
	grandParentWeight = 0.1
	grandChildWeight  = 0.3
)

// relate precomputes the neighbours of every concept.
func (t *Table) relate() error {
	children := map[string][]string{}
	for _, c := range t.concepts {
		for _, p := range c.Parents {
			children[p] = append(children[p], c.ID)
		}
	}
	for _, c := range t.concepts {
		near := map[string]float64{}
		var order []string
		add := func(id string, w float64) {
			if id == c.ID {
				return
			}
			if _, ok := near[id]; !ok {
				order = append(order, id)
			}
			near[id] = max(near[id], w)
		}
		for _, p := range c.Parents {
			add(p, parentWeight)
			for _, g := range t.concepts[t.byID[p]].Parents {
				if g == c.ID {
					return issue.New(issue.Invariant, "concepts %s and %s are each other's parent", c.ID, p)
				}
				add(g, grandParentWeight)
			}
		}
		for _, ch := range children[c.ID] {
			add(ch, childWeight)
			for _, g := range children[ch] {
				add(g, grandChildWeight)
			}
		}
		for _, id := range order {
			t.related[c.ID] = append(t.related[c.ID], rag.Mention{Concept: id, Weight: near[id]})
		}
	}
	return nil
}

// Related gives the concepts next to one, wider and narrower, with weights in (0, 1).
func (t *Table) Related(id string) []rag.Mention { return t.related[id] }

// Kind gives the kind of a concept, "" for one that is not in the table.
func (t *Table) Kind(id string) string {
	c, _ := t.Lookup(id)
	return c.Kind
}

// Version names the content of the table; it changes with any row.
func (t *Table) Version() string { return t.version }

// Len is the number of concepts.
func (t *Table) Len() int { return len(t.concepts) }

// All gives the concepts in the order of the table.
func (t *Table) All() []Concept { return t.concepts }

// Lookup gives a concept by ID.
func (t *Table) Lookup(id string) (Concept, bool) {
	i, ok := t.byID[id]
	if !ok {
		return Concept{}, false
	}
	return t.concepts[i], true
}

// Code gives the concept of a code: its own, or that of the nearest wider code.
// Systems are "ATC", "ICD10" and "LOINC".
func (t *Table) Code(system, code string) (Concept, bool) {
	for n := len(code); n >= 3; n-- {
		if i, ok := t.codes[system+":"+strings.TrimRight(code[:n], ".-")]; ok {
			return t.concepts[i], true
		}
		if system == "LOINC" {
			break
		}
	}
	return Concept{}, false
}

func (c Concept) String() string { return fmt.Sprintf("%s (%s / %s)", c.ID, c.DE, c.EN) }
