package ingest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/parse"
	"cdss/rag/retrieve"
)

// Pages gives the pages of a version from position from, counted from 1; limit 0
// means all.
func (s *Service) Pages(ctx context.Context, id string, from, limit int) ([]parse.Page, error) {
	return s.store.Pages(ctx, id, max(0, from-1), limit)
}

// widths are the sizes page images are made in, in pixels: few, so that they are
// kept and found again.
var widths = []int{400, 900, 1400, 2000}

// PageImage shows a page of a PDF, by its position from 1, as PNG of about the width
// asked for. Other formats have no images: an error of kind not-found.
func (s *Service) PageImage(ctx context.Context, id string, page, width int) ([]byte, error) {
	v, err := s.Version(ctx, id)
	if err != nil {
		return nil, err
	}
	if v.Format != parse.PDF || page < 1 || v.Pages > 0 && page > v.Pages {
		return nil, parse.Refuse(parse.NoImage)
	}
	at, _ := slices.BinarySearch(widths, width)
	width = widths[min(at, len(widths)-1)]
	image, err := s.store.Image(ctx, id, page-1, width)
	if err != nil || image != nil {
		return image, err
	}
	data, err := s.store.Source(ctx, id)
	if err != nil {
		return nil, err
	}
	if image, err = s.reader.Image(ctx, data, page-1, width); err != nil {
		return nil, err
	}
	if err := s.store.SaveImage(ctx, id, page-1, width, image); err != nil {
		s.log.Warn("a page image was not kept", "error", err) // it is made again next time
	}
	return image, nil
}

// Original gives the bytes as they were uploaded.
func (s *Service) Original(ctx context.Context, id string) (Version, []byte, error) {
	v, err := s.Version(ctx, id)
	if err != nil {
		return v, nil, err
	}
	data, err := s.store.Source(ctx, id)
	return v, data, err
}

// maxNote is the longest note, in characters.
const maxNote = 2000

// Mark keeps what a curator says of a passage, and gives it as it then is. A passage
// that is disabled feeds no answer and is not cited.
func (s *Service) Mark(ctx context.Context, id, passage string, m Mark) (Passage, error) {
	if m.Note = strings.TrimSpace(m.Note); utf8.RuneCountInString(m.Note) > maxNote {
		return Passage{}, issue.New(issue.Value, "the note has more than %d characters", maxNote).At("note")
	}
	m.Note = strings.ToValidUTF8(strings.ReplaceAll(m.Note, "\x00", ""), "")
	m.By = personID(ctx)
	if err := s.store.Mark(ctx, id, passage, m); err != nil {
		return Passage{}, err
	}
	s.follow(ctx)
	_, list, err := s.store.Passages(ctx, id, Filter{ID: passage})
	if err != nil {
		return Passage{}, err
	}
	if len(list) == 0 {
		return Passage{}, issue.New(issue.NotFound, "there is no passage %q in this version", cut(clean(passage), 60))
	}
	return list[0], nil
}

// all is more passages than a version has.
const all = 1_000_000

// whole gives all passages of a version.
func (s *Service) whole(ctx context.Context, id string) ([]Passage, error) {
	_, list, err := s.store.Passages(ctx, id, Filter{Limit: all})
	return list, err
}

func bare(list []Passage) []rag.Passage {
	out := make([]rag.Passage, 0, len(list))
	for _, p := range list {
		if !p.Disabled { // what is disabled is not cited
			out = append(out, p.Passage)
		}
	}
	return out
}

// Siblings gives the versions of the same guideline, the latest first. The guideline
// is named by its identifier or by the id of one of its versions.
func (s *Service) Siblings(ctx context.Context, guideline string) ([]Version, error) {
	list, err := s.Versions(ctx)
	if err != nil {
		return nil, err
	}
	identifier := guideline
	for _, v := range list {
		if v.ID == guideline {
			identifier = v.Identifier
		}
	}
	list = slices.DeleteFunc(list, func(v Version) bool { return v.Identifier != identifier })
	if len(list) == 0 {
		return nil, issue.New(issue.NotFound, "there is no guideline %q", cut(clean(guideline), 60))
	}
	return list, nil
}

// Sibling gives a version of a guideline.
func (s *Service) Sibling(ctx context.Context, guideline, version string) (Version, error) {
	list, err := s.Siblings(ctx, guideline)
	if err != nil {
		return Version{}, err
	}
	for _, v := range list {
		if v.ID == version {
			return v, nil
		}
	}
	return Version{}, issue.New(issue.NotFound, "the guideline has no version %q", cut(clean(version), 60))
}

// Citing is a rule that cites a place in a guideline.
type Citing struct {
	Rule    string // canonical URL
	Version string
	Title   string
	At      rag.Locator
}

// Binding is a citation and what it finds in a version.
type Binding struct {
	Citing
	Found   bool
	Passage rag.Passage // when found
}

// UsedBy gives the citations that name the guideline of a version, and what each
// finds in it.
func (s *Service) UsedBy(ctx context.Context, id string, citing []Citing) ([]Binding, error) {
	v, err := s.Version(ctx, id)
	if err != nil {
		return nil, err
	}
	list, err := s.whole(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.bind(v, bare(list), citing), nil
}

func (s *Service) bind(v Version, passages []rag.Passage, citing []Citing) []Binding {
	places := retrieve.Places(v.Document, passages, s.expander)
	var out []Binding
	for _, c := range citing {
		d := c.At.Document
		if d == "" || d != v.Identifier && d != v.PartOf && d != v.SameAs {
			continue
		}
		b := Binding{Citing: c}
		b.Passage, _, b.Found = places.Resolve(c.At)
		out = append(out, b)
	}
	return out
}

// Difference is what changed from one version to another.
type Difference struct {
	From, To Version
	Same     int // passages whose words stand in both
	Added    []rag.Passage
	Removed  []rag.Passage
	Changed  []Change
	Bindings []Rebinding
}

// Change is a passage whose words were changed.
type Change struct{ From, To rag.Passage }

// Rebinding is a citation in both versions.
type Rebinding struct {
	Citing
	From, To *rag.Passage // nil: it finds nothing there
}

// Differ compares two versions of one guideline, and tells what becomes of the
// citations that name it.
func (s *Service) Differ(ctx context.Context, from, to string, citing []Citing) (Difference, error) {
	var d Difference
	var lists [2][]Passage
	for i, id := range []string{from, to} {
		v, err := s.Version(ctx, id)
		if err != nil {
			return d, err
		}
		if lists[i], err = s.whole(ctx, id); err != nil {
			return d, err
		}
		if i == 0 {
			d.From = v
		} else {
			d.To = v
		}
	}
	if d.From.Identifier != d.To.Identifier {
		return d, issue.New(issue.Invalid, "the two are versions of different guidelines").At("from")
	}
	older, newer := bare(lists[0]), bare(lists[1])
	d.compare(older, newer)
	earlier := Rebind(older, newer, d.From.Version)
	for i := range newer {
		if e, ok := earlier[newer[i].ID]; ok {
			newer[i].Earlier = e
		}
	}
	before, after := s.bind(d.From, older, citing), s.bind(d.To, newer, citing)
	for i := range before {
		r := Rebinding{Citing: before[i].Citing}
		if before[i].Found {
			r.From = &before[i].Passage
		}
		if after[i].Found {
			r.To = &after[i].Passage
		}
		d.Bindings = append(d.Bindings, r)
	}
	return d, nil
}

// alike is the share of words from which two passages are one that was changed.
const alike = 0.4

// compare sorts passages into same, changed, added and removed.
func (d *Difference) compare(older, newer []rag.Passage) {
	counts := map[string]int{}
	for _, p := range older {
		counts[fold(p.Quoted)]++
	}
	for _, p := range newer {
		if k := fold(p.Quoted); counts[k] > 0 {
			counts[k]--
			d.Same++
		} else {
			d.Added = append(d.Added, p)
		}
	}
	for _, p := range older {
		if k := fold(p.Quoted); counts[k] > 0 {
			counts[k]--
			d.Removed = append(d.Removed, p)
		}
	}
	const most = 1000 // beyond it everything is new
	if len(d.Added) > most || len(d.Removed) > most {
		return
	}
	type pair struct {
		from, to int
		share    float64
	}
	var pairs []pair
	bags := make([]map[string]int, len(d.Added))
	for j, p := range d.Added {
		bags[j] = bag(p)
	}
	for i, p := range d.Removed {
		words := bag(p)
		for j := range d.Added {
			if share := common(words, bags[j]); share >= alike {
				pairs = append(pairs, pair{i, j, share})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.share, a.share) })
	gone, come := map[int]bool{}, map[int]bool{}
	for _, p := range pairs {
		if !gone[p.from] && !come[p.to] {
			gone[p.from], come[p.to] = true, true
			d.Changed = append(d.Changed, Change{d.Removed[p.from], d.Added[p.to]})
		}
	}
	slices.SortFunc(d.Changed, func(a, b Change) int { return cmp.Compare(a.To.Ord, b.To.Ord) })
	keep := func(list []rag.Passage, paired map[int]bool) []rag.Passage {
		var out []rag.Passage
		for i, p := range list {
			if !paired[i] {
				out = append(out, p)
			}
		}
		return out
	}
	d.Added, d.Removed = keep(d.Added, come), keep(d.Removed, gone)
}

func bag(p rag.Passage) map[string]int {
	words := map[string]int{}
	for _, w := range strings.Fields(strings.ToLower(p.Quoted)) {
		words[w]++
	}
	return words
}

// common is the share of words two texts have in common, of the longer one.
func common(a, b map[string]int) float64 {
	n, all, other := 0, 0, 0
	for w, k := range a {
		all += k
		n += min(k, b[w])
	}
	for _, k := range b {
		other += k
	}
	return float64(n) / float64(max(all, other, 1))
}

// Place is where a quotation is printed.
type Place struct {
	Version Version
	Passage rag.Passage
	Page    parse.Page
	Sheet   int // position of the page from 1
	Start   int // of the quotation in Page.Text, in bytes
	End     int
	Boxes   []parse.Rect // empty when the format does not tell
}

// Locate finds a quotation in the active version of a document, or in a version
// named by id. Only words that stand there are found.
func (s *Service) Locate(ctx context.Context, document, version, quote string) (Place, error) {
	var place Place
	if version == "" {
		for _, d := range s.Snapshot().Documents() {
			if d.Identifier == document {
				version = d.ID
			}
		}
		if version == "" {
			return place, issue.New(issue.NotFound, "there is no active guideline %q", cut(clean(document), 60))
		}
	}
	v, err := s.Version(ctx, version)
	if err != nil {
		return place, err
	}
	list, err := s.whole(ctx, version)
	if err != nil {
		return place, err
	}
	place.Version = v
	quote = strings.TrimSpace(quote)
	at := -1
	for i, p := range list {
		if k := strings.Index(p.Quoted, quote); k >= 0 {
			at = i
			place.Start, place.End = p.Anchor.Start+k, p.Anchor.Start+k+len(quote)
			break
		}
	}
	if at < 0 { // broken into lines otherwise: then the passage as a whole
		folded := fold(quote)
		for i, p := range list {
			if strings.Contains(fold(p.Quoted), folded) {
				at = i
				place.Start, place.End = p.Anchor.Start, p.Anchor.End
				break
			}
		}
	}
	if at < 0 {
		return place, issue.New(issue.NotFound, "these words do not stand in the document")
	}
	place.Passage, place.Sheet = list[at].Passage, list[at].Anchor.Sheet+1
	pages, err := s.store.Pages(ctx, version, place.Sheet-1, 1)
	if err != nil {
		return place, err
	}
	if len(pages) == 1 {
		place.Page = pages[0]
		place.Boxes = pages[0].Boxes(place.Start, place.End)
	}
	return place, nil
}
