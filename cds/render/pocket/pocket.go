// Package pocket writes the house guideline that is in force as a small PDF, to be
// printed or kept on a phone.
//
// It owns the form of that booklet: which part of a plan stands where, and the hashes
// that tie each page to the rules of the same moment. It refuses to adjust anything:
// a booklet knows no patient, so doses are those of the plan, and the first page says
// what was not checked. It has no clock; the time is an argument.
package pocket

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
)

// Hash names what a booklet is made of: the SHA-256, in lower-case hex, of the
// canonicals and content hashes of the plans in it, in the order of the indications,
// and of the site's overlay.
func Hash(s *knowledge.Snapshot) string {
	sum := sha256.New()
	for _, p := range plans(s) {
		fmt.Fprintf(sum, "%s %s\n", p.Canonical(), p.Hash)
	}
	for _, o := range s.Overlay() {
		fmt.Fprintf(sum, "%+v\n", o)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// plans gives the plans that answer for an indication.
func plans(s *knowledge.Snapshot) []*knowledge.Plan {
	var list []*knowledge.Plan
	for _, i := range s.Indications() {
		if p, ok := s.PlanFor(i.Code); ok {
			list = append(list, p)
		}
	}
	return list
}

// Write gives the booklet in a language as a PDF of A6 pages, with the state of the
// time at.
func Write(s *knowledge.Snapshot, lang cds.Lang, at time.Time) ([]byte, error) {
	first := layOut(s, lang, at, nil)
	// The list of contents needs the pages, which stand after it: twice, then.
	second := layOut(s, lang, at, first.pages)
	var out bytes.Buffer
	if err := second.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("write the pocket guideline: %w", err)
	}
	return out.Bytes(), nil
}

// Sizes in millimetres and points; A6 is 105 by 148 mm.
const (
	margin = 7.0
	foot   = 10.0
	body   = 7.2
	small  = 6.0
	tiny   = 5.5
	lead   = 3.3 // of a line of the body
)

type booklet struct {
	pdf    *fpdf.Fpdf
	s      *knowledge.Snapshot
	lang   cds.Lang
	known  map[string]int // pages of the run before
	pages  map[string]int
	banner string
}

func (b *booklet) t(de, en string) string { return cds.Text{DE: de, EN: en}.In(b.lang) }

func layOut(s *knowledge.Snapshot, lang cds.Lang, at time.Time, known map[string]int) *booklet {
	pdf := fpdf.NewCustom(&fpdf.InitType{UnitStr: "mm", Size: fpdf.SizeType{Wd: 105, Ht: 148}})
	b := &booklet{pdf: pdf, s: s, lang: lang, known: known, pages: map[string]int{}}
	pdf.AddUTF8FontFromBytes("go", "", goregular.TTF)
	pdf.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	pdf.SetMargins(margin, margin, margin)
	pdf.SetAutoPageBreak(true, foot)
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(at)
	pdf.SetModificationDate(at)
	pdf.SetLang(string(lang))
	title := b.t("Antibiotika-Hausleitlinie", "Antibiotic house guideline")
	pdf.SetTitle(title, true)
	if slices.ContainsFunc(plans(s), (*knowledge.Plan).Example) {
		b.banner = b.t(content.BannerDE, content.BannerEN)
	}
	hash := Hash(s)
	state := stamp(at, lang)
	pdf.SetHeaderFunc(func() {
		if b.banner != "" {
			b.font("B", small)
			pdf.SetTextColor(170, 0, 0)
			pdf.MultiCell(0, 2.8, b.banner, "", "C", false)
			pdf.SetTextColor(0, 0, 0)
			pdf.Ln(1)
		}
	})
	pdf.SetFooterFunc(func() {
		pdf.SetY(-foot + 2)
		b.font("", tiny)
		pdf.CellFormat(0, 3, fmt.Sprintf("%s · %s %s · %d", state, b.t("Regelstand", "rules"), hash[:12], pdf.PageNo()), "", 0, "C", false, 0, "")
	})
	b.cover(title, state, hash)
	b.contents()
	b.chapters()
	return b
}

// stamp writes a time as it is read.
func stamp(at time.Time, lang cds.Lang) string {
	if lang == cds.DE {
		return at.Format("02.01.2006 15:04")
	}
	return at.Format("2 Jan 2006 15:04")
}

func (b *booklet) font(style string, size float64) { b.pdf.SetFont("go", style, size) }

// text writes a paragraph, indented by x millimetres.
func (b *booklet) text(style string, size, x float64, words string) {
	if words = strings.TrimSpace(words); words == "" {
		return
	}
	b.font(style, size)
	b.pdf.SetX(margin + x)
	b.pdf.MultiCell(0, lead*size/body, words, "", "L", false)
}

// height gives the millimetres that a line takes.
func (b *booklet) height(l line) float64 {
	b.font(l.style, l.size)
	n := 0
	for _, paragraph := range strings.Split(strings.TrimSpace(l.words), "\n") {
		n += len(b.pdf.SplitText(paragraph, 105-2*margin-l.indent))
	}
	return float64(n) * lead * l.size / body
}

func (b *booklet) cover(title, state, hash string) {
	b.pdf.AddPage()
	b.text("B", 13, 0, title)
	b.pdf.Ln(2)
	b.text("", body, 0, b.t("Stand: ", "State: ")+state)
	b.text("", body, 0, b.t("Regelstand (SHA-256): ", "State of the rules (SHA-256): ")+hash)
	b.text("", small, 0, b.t("Aus denselben Regeln, nach denen der Server antwortet. Bei jeder Indikation steht der Hash ihrer Regel.",
		"Made of the rules that the server answers by. Each indication shows the hash of its rule."))
	b.pdf.Ln(2)
	b.text("B", body, 0, b.t("Nicht geprüft: Nierenfunktion, Allergien, Schwangerschaft, Alter, Wechselwirkungen, Vorbefunde.",
		"Not checked: renal function, allergies, pregnancy, age, interactions, earlier findings."))
	b.text("", body, 0, b.t("Die Dosen sind die der Regel vor jeder Anpassung. Für eine einzelne Person gilt, was die Prüfung mit ihren Daten ergibt.",
		"The doses are those of the rule before any adjustment. For a person, what a check with that person's data gives is what counts."))
	b.text("", body, 0, b.t("In einer Indikation gilt die erste Gruppe, deren Bedingung zutrifft. Bedingungen stehen so da, wie der Server sie auswertet.",
		"Within an indication the first group whose condition holds counts. Conditions are written as the server evaluates them."))
	b.pdf.Ln(3)
}

// of gives the indications of a category that have a plan, and those that have none.
func (b *booklet) of(category string) (with []*knowledge.Plan, without []cds.Indication) {
	for _, i := range b.s.Indications() {
		if i.Category != category {
			continue
		}
		if p, ok := b.s.PlanFor(i.Code); ok {
			with = append(with, p)
		} else {
			without = append(without, i)
		}
	}
	return with, without
}

func (b *booklet) name(p *knowledge.Plan) string {
	if i, ok := b.s.Indication(p.Indication); ok {
		return i.Name.In(b.lang)
	}
	return p.Title.In(b.lang)
}

func (b *booklet) contents() {
	for _, c := range b.s.Categories() {
		with, without := b.of(c.Code)
		if len(with)+len(without) == 0 {
			continue
		}
		if b.pdf.GetY() > 148-foot-3*lead {
			b.pdf.AddPage()
		}
		b.pdf.Ln(1)
		b.text("B", body, 0, c.Name.In(b.lang))
		for _, p := range with {
			b.font("", body)
			b.pdf.SetX(margin + 2)
			page := ""
			if n := b.known[p.URL]; n > 0 {
				page = fmt.Sprint(n)
			}
			name := b.fitted(b.name(p), 105-2*margin-2-8)
			b.pdf.CellFormat(105-2*margin-2-8, lead, name, "", 0, "L", false, 0, "")
			b.pdf.CellFormat(8, lead, page, "", 1, "R", false, 0, "")
		}
		for _, i := range without {
			why := b.t("keine Regel in Kraft", "no rule in force")
			if reason, ok := b.s.WithheldFor(i.Code); ok {
				why = reason.In(b.lang)
			}
			b.text("", small, 2, i.Name.In(b.lang)+": "+why)
		}
	}
}

// fitted cuts a name that is wider than its line, and says so by an ellipsis.
func (b *booklet) fitted(name string, width float64) string {
	runes := []rune(name)
	for cut := len(runes); cut > 0; cut-- {
		candidate := string(runes[:cut])
		if cut < len(runes) {
			candidate = strings.TrimSpace(candidate) + "…"
		}
		if b.pdf.GetStringWidth(candidate) < width-2 {
			return candidate
		}
	}
	return ""
}

func (b *booklet) chapters() {
	for _, c := range b.s.Categories() {
		with, _ := b.of(c.Code)
		if len(with) == 0 {
			continue
		}
		b.pdf.AddPage()
		b.text("B", 10, 0, c.Name.In(b.lang))
		for _, p := range with {
			b.plan(p)
		}
	}
}

func (b *booklet) plan(p *knowledge.Plan) {
	// A heading keeps its first lines with it.
	if b.pdf.GetY() > 148-foot-22 {
		b.pdf.AddPage()
	}
	b.pdf.Ln(2)
	b.pages[p.URL] = b.pdf.PageNo()
	b.text("B", 8.5, 0, b.name(p))
	b.text("", tiny, 0, fmt.Sprintf("%s %s · SHA-256 %s", b.t("Regel", "rule"), p.Version, p.Hash[:min(12, len(p.Hash))]))
	lines := b.lines(p)
	for i, l := range lines {
		if !l.keep {
			// Half a combination, or a dose without its condition, is not to be read alone.
			height := 0.0
			for k := i; k < len(lines) && (k == i || lines[k].keep); k++ {
				height += lines[k].above + b.height(lines[k])
			}
			if b.pdf.GetY()+height > 148-foot {
				b.pdf.AddPage()
			}
		}
		b.pdf.Ln(l.above)
		if l.grey {
			b.pdf.SetTextColor(80, 80, 80)
		}
		b.text(l.style, l.size, l.indent, l.words)
		b.pdf.SetTextColor(0, 0, 0)
	}
}

// Line writes the regimen of a plan as one line, a range of doses as a range.
func Line(r *knowledge.Regimen, lang cds.Lang) string {
	i := cds.Ingredient{
		Name: r.Name.In(lang), Route: r.Route, Dose: cds.Dose{Value: r.Dose, Unit: r.Unit},
		Frequency: cds.Frequency{Count: r.Count, Period: r.Period, PeriodUnit: r.PeriodUnit},
		Schedule:  worded(r.Schedule, lang), Infusion: worded(r.Infusion, lang), LoadingDose: worded(r.LoadingDose, lang),
	}
	if r.CountHigh > r.Count {
		i.Frequency.CountMax = r.CountHigh
	}
	if r.DoseHigh > r.Dose {
		i.Name += " " + stewardship.Decimal(r.Dose, 3, lang) + "–" + dose.Amount(r.DoseHigh, r.Unit, lang)
		i.Dose.Value = 0
	}
	if r.DurationLow > 0 {
		i.Duration = &cds.Duration{Low: r.DurationLow, Unit: r.DurationUnit}
		if r.DurationHigh > 0 {
			i.Duration.High = &r.DurationHigh
		}
	}
	return dose.Line(i, lang)
}

func worded(text cds.Text, lang cds.Lang) *string {
	words := text.In(lang)
	if words == "" {
		return nil
	}
	return &words
}
