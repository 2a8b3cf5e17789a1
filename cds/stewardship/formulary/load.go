package formulary

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// Formulary holds the substances; it never changes once loaded.
type Formulary struct {
	byATC   map[string]*Substance
	order   []*Substance
	drugs   map[string]Drug
	sources map[string]stewardship.Source
	version string
	names   *names
}

func load(fsys fs.FS) (*Formulary, error) {
	sources, err := stewardship.LoadSources(fsys)
	if err != nil {
		return nil, err
	}
	f := &Formulary{
		byATC: map[string]*Substance{}, drugs: map[string]Drug{}, sources: sources,
		names: newNames(),
	}
	head, err := stewardship.TableHead(fsys, "formulary.csv")
	if err != nil {
		return nil, err
	}
	if f.version = head["version"]; f.version == "" {
		return nil, fmt.Errorf("formulary.csv names no version")
	}
	for _, step := range []func(fs.FS) error{f.loadSubstances, f.loadDrugs, f.loadRenal, f.loadLiver, f.loadPregnancy, f.loadLactation, f.loadNotes, f.loadAmounts} {
		if err := step(fsys); err != nil {
			return nil, err
		}
	}
	for prefix, spellings := range groups {
		for _, s := range spellings {
			f.names.addGroup(s, strings.Split(prefix, "|"))
		}
	}
	return f, nil
}

func (f *Formulary) loadSubstances(fsys fs.FS) error {
	err := stewardship.ReadTable(fsys, "formulary.csv", f.sources, func(r *stewardship.Row) {
		s := &Substance{
			Drug:         Drug{ATC: atc(r), Name: cds.Text{DE: r.Need("name_de"), EN: r.Need("name_en")}},
			Class:        Class(r.Need("class")),
			SideChain:    r.Text("sidechain"),
			Routes:       r.List("routes"),
			Bioavailable: r.Number("bioavailability"),
			WeightBased:  r.Text("weight") == "yes",
			AWaReList:    f.sources["who-aware-2023"].Version,
			aware:        map[string]string{}, ddd: map[string]float64{},
		}
		for _, part := range r.List("ddd") {
			route, grams, _ := strings.Cut(part, ":")
			v, err := strconv.ParseFloat(grams, 64)
			if err != nil || v <= 0 || !slices.Contains(s.Routes, route) {
				r.Fail("defined daily dose %q is none of a route of the substance", part)
			}
			s.ddd[route] = v
		}
		if !known[s.Class] {
			r.Fail("class %q is not known", s.Class)
		}
		for _, part := range r.List("aware") {
			route, group, split := strings.Cut(part, ":")
			if !split {
				route, group = "", part
			}
			if group != "access" && group != "watch" && group != "reserve" {
				r.Fail("AWaRe group %q is not known", group)
			}
			s.aware[route] = group
		}
		s.AWaRe = s.AWaReBy("")
		f.add(r, s.Drug, r.List("synonyms"))
		f.byATC[s.ATC] = s
		f.order = append(f.order, s)
	})
	sort.Slice(f.order, func(i, j int) bool { return f.order[i].ATC < f.order[j].ATC })
	return err
}

func (f *Formulary) loadDrugs(fsys fs.FS) error {
	return stewardship.ReadTable(fsys, "drugs.csv", f.sources, func(r *stewardship.Row) {
		d := Drug{ATC: atc(r), Name: cds.Text{DE: r.Need("name_de"), EN: r.Need("name_en")}}
		f.add(r, d, r.List("synonyms"))
	})
}

func (f *Formulary) add(r *stewardship.Row, d Drug, synonyms []string) {
	if _, twice := f.drugs[d.ATC]; twice {
		r.Fail("ATC %s stands twice", d.ATC)
	}
	f.drugs[d.ATC] = d
	for _, name := range append([]string{d.Name.DE, d.Name.EN}, synonyms...) {
		if err := f.names.addDrug(name, d); err != nil {
			r.Fail("%v", err)
		}
	}
}

func atc(r *stewardship.Row) string {
	code := r.Need("atc")
	if len(code) != 7 {
		r.Fail("ATC %q has not 7 characters", code)
	}
	return code
}

func (f *Formulary) loadRenal(fsys fs.FS) error {
	err := stewardship.ReadTable(fsys, "renal.csv", f.sources, func(r *stewardship.Row) {
		s, ok := f.byATC[r.Need("atc")]
		if !ok {
			r.Fail("substance %q is not in formulary.csv", r.Text("atc"))
			return
		}
		b := Band{
			Routes: r.List("routes"), Equation: Equation(r.Need("equation")), Dialysis: dialysis[r.Text("dialysis")],
			Severity: r.Text("severity"), Action: Action(r.Need("action")),
			DoseLow: r.Number("dose_low"), DoseHigh: r.Number("dose_high"), Unit: r.Text("unit"),
			CountLow: r.Number("count_low"), Count: r.Number("count"), Period: r.Number("period"), PeriodUnit: r.Text("period_unit"),
			Note: cds.Text{DE: r.Text("note_de"), EN: r.Text("note_en")}, Source: r.Source(),
		}
		var err error
		if _, ok := dialysis[r.Text("dialysis")]; !ok {
			r.Fail("dialysis %q is not known", r.Text("dialysis"))
		}
		if b.Dialysis == "" {
			if b.Range, err = ParseRange(r.Need("range")); err != nil {
				r.Fail("%v", err)
			}
		}
		b.check(r)
		s.Renal = append(s.Renal, b)
	})
	for _, s := range f.order {
		// The lowest range first, so that a value on a shared border meets the stricter band.
		sort.SliceStable(s.Renal, func(i, j int) bool { return s.Renal[i].Range.High < s.Renal[j].Range.High })
	}
	return err
}

func (b Band) check(r *stewardship.Row) {
	switch b.Equation {
	case GFR, CockcroftGault, EGFR:
	default:
		r.Fail("equation %q is not known", b.Equation)
	}
	switch b.Action {
	case NoChange, ByLevel, DoNotUse:
	case GiveDose:
		if b.DoseHigh <= 0 || b.DoseLow > b.DoseHigh || b.Unit == "" || b.Count <= 0 || b.Period <= 0 || b.PeriodUnit == "" {
			r.Fail("a dose row needs dose, unit and frequency")
		}
	default:
		r.Fail("action %q is not known", b.Action)
	}
	if (b.Note.DE == "") != (b.Note.EN == "") {
		r.Fail("a note stands in one language only")
	}
}

// ParseRange reads an interval such as "[10,30)" or "[0,inf)".
func ParseRange(s string) (Range, error) {
	low, high, ok := strings.Cut(s, ",")
	if !ok || len(low) < 2 || len(high) < 2 {
		return Range{}, fmt.Errorf("range %q is no interval", s)
	}
	open, end := low[0], high[len(high)-1]
	a, errA := strconv.ParseFloat(strings.TrimSpace(low[1:]), 64)
	b, errB := strconv.ParseFloat(strings.TrimSpace(high[:len(high)-1]), 64)
	if errA != nil || errB != nil || !strings.ContainsRune("[(", rune(open)) || !strings.ContainsRune("])", rune(end)) || a > b || math.IsNaN(a) || math.IsNaN(b) {
		return Range{}, fmt.Errorf("range %q is no interval", s)
	}
	return Range{Low: a, High: b, LowOpen: open == '(', HighOpen: end == ')'}, nil
}

func (f *Formulary) loadPregnancy(fsys fs.FS) error {
	return f.loadAdvice(fsys, "pregnancy.csv", func(s *Substance, a Advice) { s.Pregnancy = a })
}

func (f *Formulary) loadLactation(fsys fs.FS) error {
	return f.loadAdvice(fsys, "lactation.csv", func(s *Substance, a Advice) { s.Lactation = a })
}

// loadAdvice reads a table of advice by ATC prefix; the longest that fits counts.
func (f *Formulary) loadAdvice(fsys fs.FS, table string, set func(*Substance, Advice)) error {
	longest := map[string]int{}
	return stewardship.ReadTable(fsys, table, f.sources, func(r *stewardship.Row) {
		a := Advice{Verdict: verdict(r), Note: f.note(r)}
		r.Need("atc")
		for _, prefix := range r.List("atc") {
			f.each(r, prefix, func(s *Substance) {
				if len(prefix) > longest[s.ATC] {
					longest[s.ATC] = len(prefix)
					set(s, a)
				}
			})
		}
	})
}

// loadLiver reads hepatic.csv: of several prefixes that fit a substance the longest
// counts for each class.
func (f *Formulary) loadLiver(fsys fs.FS) error {
	longest := map[string]int{}
	err := stewardship.ReadTable(fsys, "hepatic.csv", f.sources, func(r *stewardship.Row) {
		a := LiverAdvice{Class: r.Need("class"), Verdict: verdict(r), Note: f.note(r)}
		a.Dose = Amount{Dose: r.Number("dose"), Unit: r.Text("unit"), Count: r.Number("count"), Note: a.Note}
		if a.Class != "A" && a.Class != "B" && a.Class != "C" {
			r.Fail("class %q is not known", a.Class)
		}
		if a.Dose.Dose > 0 && (a.Dose.Unit == "" || a.Dose.Count <= 0) {
			r.Fail("a dose needs unit and count")
		}
		r.Need("atc")
		for _, prefix := range r.List("atc") {
			f.each(r, prefix, func(s *Substance) {
				key := s.ATC + a.Class
				if len(prefix) <= longest[key] {
					return
				}
				longest[key] = len(prefix)
				s.Liver = slices.DeleteFunc(s.Liver, func(old LiverAdvice) bool { return old.Class == a.Class })
				s.Liver = append(s.Liver, a)
			})
		}
	})
	for _, s := range f.order {
		sort.SliceStable(s.Liver, func(i, j int) bool { return s.Liver[i].Class < s.Liver[j].Class })
	}
	return err
}

func (f *Formulary) loadNotes(fsys fs.FS) error {
	return stewardship.ReadTable(fsys, "notes.csv", f.sources, func(r *stewardship.Row) {
		n := f.note(r)
		for _, prefix := range r.List("atc") {
			f.each(r, prefix, func(s *Substance) {
				switch kind := r.Need("kind"); kind {
				case "monitoring":
					s.Monitoring = append(s.Monitoring, n)
				case "side-effect":
					s.SideEffects = append(s.SideEffects, n)
				case "hepatic":
					s.Hepatic = append(s.Hepatic, n)
				case "restriction":
					s.Restrictions = append(s.Restrictions, n)
				case "administration":
					s.Administration = append(s.Administration, n)
				case "age":
					s.Age = append(s.Age, AgeLimit{Years: r.Number("years"), Verdict: verdict(r), Note: n})
				default:
					r.Fail("kind %q is not known", kind)
				}
			})
		}
	})
}

func (f *Formulary) loadAmounts(fsys fs.FS) error {
	return stewardship.ReadTable(fsys, "amounts.csv", f.sources, func(r *stewardship.Row) {
		a := Amount{
			Routes: r.List("routes"), Dose: r.Number("dose"), Unit: r.Need("unit"), Count: r.Number("count"),
			Note: Note{Text: cds.Text{DE: r.Text("note_de"), EN: r.Text("note_en")}, Source: r.Source()},
		}
		if a.Dose <= 0 || a.Count <= 0 || (a.Text.DE == "") != (a.Text.EN == "") {
			r.Fail("an amount needs dose and count, and its note both languages or none")
		}
		f.each(r, r.Need("atc"), func(s *Substance) {
			switch kind := r.Need("kind"); kind {
			case "increased-exposure":
				s.HighDoses = append(s.HighDoses, a)
			case "label-maximum":
				s.Maximum = append(s.Maximum, a)
			case "label-single":
				s.Largest = append(s.Largest, a)
			default:
				r.Fail("kind %q is not known", kind)
			}
		})
	})
}

func (f *Formulary) note(r *stewardship.Row) Note {
	return Note{Text: cds.Text{DE: r.Need("text_de"), EN: r.Need("text_en")}, Source: r.Source()}
}

func (f *Formulary) each(r *stewardship.Row, prefix string, do func(*Substance)) {
	found := false
	for _, s := range f.order {
		if strings.HasPrefix(s.ATC, prefix) {
			found = true
			do(s)
		}
	}
	if !found {
		r.Fail("ATC %q fits no substance", prefix)
	}
}

func verdict(r *stewardship.Row) Verdict {
	v := Verdict(r.Need("verdict"))
	switch v {
	case Usable, Caution, Avoid, Contraindicated:
	default:
		r.Fail("verdict %q is not known", v)
	}
	return v
}

var known = map[Class]bool{
	Penicillin: true, Cephalosporin: true, Carbapenem: true, Monobactam: true, Fluoroquinolone: true, Macrolide: true,
	Lincosamide: true, Aminoglycoside: true, Glycopeptide: true, Oxazolidinone: true, Lipopeptide: true, Tetracycline: true,
	Sulfonamide: true, Nitroimidazole: true, Rifamycin: true, Polymyxin: true, Echinocandin: true, Azole: true, OtherClass: true,
}
