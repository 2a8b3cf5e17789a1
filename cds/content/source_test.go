package content_test

import (
	"encoding/csv"
	"fmt"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cdss/cds/content"
)

// guidelinePages gives the text of the guideline by printed page, without blanks,
// dashes unified and footnote marks removed.
func guidelinePages(t *testing.T) map[int]string {
	t.Helper()
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	main, err := os.ReadFile(filepath.Join(dir, "guideline-s2k", "s2k_parenterale_antibiotika.md"))
	if err != nil {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	pages := map[int]string{}
	const first = 91 // the file begins on this page, one block per page
	for i, block := range regexp.MustCompile(`\n---\s*\n`).Split(string(main), -1) {
		pages[first+i] = plain(block)
	}
	chapter, err := os.ReadFile(filepath.Join(dir, "guideline-s2k", "sicherheit.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.SplitAfter(string(chapter), "von 341") {
		if m := regexp.MustCompile(`Seite (\d+) von 341$`).FindStringSubmatch(block); m != nil {
			n, _ := strconv.Atoi(m[1])
			pages[n] = plain(block)
		}
	}
	return pages
}

var (
	tags  = regexp.MustCompile(`<[^>]+>`)
	blank = regexp.MustCompile(`\s+`)
	marks = strings.NewReplacer("–", "-", "─", "-", "−", "-", "‑", "-", "¹", "", "²", "", "³", "", "⁴", "", "⁵", "", "⁶", "",
		"*", "", "(", "", ")", "", "×", "x")
)

func plain(s string) string {
	s = html.UnescapeString(tags.ReplaceAllString(s, " "))
	return strings.ToLower(blank.ReplaceAllString(marks.Replace(s), ""))
}

// rows reads a source table.
func rows(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := content.Tables().Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func(f fs.File) { _ = f.Close() }(f)
	r := csv.NewReader(f)
	r.Comment = '#'
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, rec := range all[1:] {
		row := map[string]string{}
		for i, c := range all[0] {
			row[c] = rec[i]
		}
		out = append(out, row)
	}
	return out
}

// TestCitedPagesHoldTheWords lays every row beside the page it cites.
func TestCitedPagesHoldTheWords(t *testing.T) {
	pages := guidelinePages(t)
	for _, file := range []string{"populations.csv", "regimens.csv", "advice.csv", "safety.csv", "statements.csv"} {
		for _, r := range rows(t, file) {
			if src, ok := r["source"]; ok && src != "awmf-082-006" {
				continue
			}
			name := strings.Join([]string{file, r["plan"], r["population"], r["option"], r["code"], r["rule"]}, " ")
			page, err := strconv.Atoi(r["page"])
			if err != nil {
				t.Errorf("%s: page %q", name, r["page"])
				continue
			}
			holds(t, pages, name, page, r["terms"])
			for _, also := range strings.Split(r["also"], ";") {
				if n, terms, ok := strings.Cut(also, ":"); ok {
					page, _ := strconv.Atoi(n)
					holds(t, pages, name, page, terms)
				}
			}
		}
	}
}

func holds(t *testing.T, pages map[int]string, name string, page int, terms string) {
	t.Helper()
	for _, term := range strings.Split(terms, "|") {
		if term != "" && !strings.Contains(pages[page], plain(term)) {
			t.Errorf("%s: page %d does not hold %q", name, page, term)
		}
	}
}

// TestCitedPagesHoldTheDose finds dose and frequency of every regimen on its page,
// in one of the ways the guideline writes them.
func TestCitedPagesHoldTheDose(t *testing.T) {
	pages := guidelinePages(t)
	for _, r := range rows(t, "regimens.csv") {
		page, _ := strconv.Atoi(r["page"])
		if !doseOn(pages[page], r) {
			t.Errorf("%s %s option %s: page %d does not hold %s %s%s %s, %s%s per day", r["plan"], r["population"], r["option"], page,
				r["substance"], r["dose"], r["dose_high"], r["unit"], r["count"], r["count_high"])
		}
	}
}

// doseOn tells whether a page writes the dose: "3-4x4,5", "2gq8", "15-20mg/kg",
// "12g/tag", the upper end of a range, or "1,5gantag1".
func doseOn(page string, r map[string]string) bool {
	comma := func(v string) string { return strings.ReplaceAll(v, ".", ",") }
	thousand := func(v string) string {
		if n, err := strconv.Atoi(v); err == nil && n >= 1000 {
			return fmt.Sprintf("%d.%03d", n/1000, n%1000)
		}
		return comma(v)
	}
	low, high := r["dose"], r["dose_high"]
	count := r["count"]
	if r["count_high"] != "" {
		count += "-" + r["count_high"]
	}
	span := comma(low)
	if high != "" {
		span += "-" + thousand(high)
	}
	forms := []string{count + "x" + span}
	if high == "" {
		forms = append(forms, count+"x"+thousand(low))
	}
	per, _ := strconv.Atoi(r["count"])
	if per > 0 && 24%per == 0 && r["count_high"] == "" {
		forms = append(forms, fmt.Sprintf("%sgq%d", span, 24/per), fmt.Sprintf("%smg/kgq%d", span, 24/per))
	}
	if strings.HasPrefix(r["unit"], "mg/kg") {
		forms = append(forms, span+"mg/kg")
	}
	if r["schedule_de"] != "" {
		forms = append(forms, span+"gantag1", span+"ged")
	}
	if v, err := strconv.ParseFloat(low, 64); err == nil && high == "" {
		total := comma(strconv.FormatFloat(v*float64(per), 'f', -1, 64))
		forms = append(forms, total+"g/tag", total+"mg/tag", total+"mio.ie/tag")
	}
	for _, f := range forms {
		if strings.Contains(page, f) {
			return true
		}
	}
	if high != "" && strings.Contains(page, count+"x"+comma(low)+"mg/kgbis"+count+"x"+thousand(high)) {
		return true
	}
	upper := regexp.MustCompile(regexp.QuoteMeta(count) + `x[\d,]+-` + regexp.QuoteMeta(comma(low)) + `g`)
	return high == "" && upper.MatchString(page)
}

// TestRegimensHaveTwoLanguages insists on both languages in everything people
// read.
func TestRegimensHaveTwoLanguages(t *testing.T) {
	for _, file := range []string{"populations.csv", "regimens.csv", "advice.csv", "safety.csv", "statements.csv", "findings.csv", "indications.csv", "categories.csv"} {
		for _, r := range rows(t, file) {
			for column, de := range r {
				base, isDE := strings.CutSuffix(column, "_de")
				if column == "de" {
					base, isDE = "", true
				}
				if !isDE {
					continue
				}
				other := base + "_en"
				if column == "de" {
					other = "en"
				}
				if (de == "") != (r[other] == "") {
					t.Errorf("%s: %s and %s are not both there: %q, %q", file, column, other, de, r[other])
				}
			}
		}
	}
}
