package parse_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/parse"
)

func read(t *testing.T, text string) (*parse.Document, []rag.Passage) {
	t.Helper()
	doc, err := parse.Parse(context.Background(), "test", []byte(text), parse.Meta{})
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	passages := parse.Segment(doc, rag.Document{ID: "d1"})
	verbatim(t, doc, passages)
	return doc, passages
}

// verbatim holds the promise of the package: each passage stands in its page.
func verbatim(t *testing.T, doc *parse.Document, passages []rag.Passage) {
	t.Helper()
	pages := map[int]string{}
	for _, p := range doc.Pages {
		pages[p.Number] += p.Text + "\n\n"
	}
	for _, p := range passages {
		if !strings.Contains(pages[p.Page], p.Quoted) {
			t.Errorf("passage %d is not verbatim on page %d: %q", p.Ord, p.Page, p.Quoted)
		}
	}
}

func sections(passages []rag.Passage) []string {
	var out []string
	for _, p := range passages {
		out = append(out, fmt.Sprintf("%d %s %s", p.Page, p.Kind, strings.Join(p.Section, " > ")))
	}
	return out
}

func TestMarkdownHeadingsAndPages(t *testing.T) {
	doc, passages := read(t, `# Urinary infections

Treatment rests on the result of the culture, taken before the first dose.

## Cystitis

Short courses suffice.

Page 11 of 40

---

## Pyelonephritis

Start at once when the patient is febrile.

---

### Duration

Seven days are usual.

Page 13 of 40
`)
	want := []string{"11 text Urinary infections", "11 text Urinary infections > Cystitis", "12 text Urinary infections > Pyelonephritis", "13 text Urinary infections > Pyelonephritis > Duration"}
	if diff := cmp.Diff(want, sections(passages)); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
	if doc.Title != "Urinary infections" || doc.Language != "en" || doc.Format != parse.Markdown {
		t.Errorf("title %q, language %q, format %q", doc.Title, doc.Language, doc.Format)
	}
	if got := passages[2].Quoted; !strings.HasPrefix(got, "Pyelonephritis\n\nStart at once") {
		t.Errorf("passage does not open with its heading: %q", got)
	}
}

func TestPrintedPages(t *testing.T) {
	body := "Some text that is long enough to count as content of a page.\n\n"
	for _, tc := range []struct {
		name, text string
		want       []int
	}{
		{"none", body + body, []int{0}},
		{"feet", body + "Seite 4 von 9\n\n" + body + "Seite 5 von 9\n\n", []int{4, 5}},
		{"heads", "Page 4\n\n" + body + "Page 5\n\n" + body, []int{4, 5}},
		{"comments", "<!-- page 7 -->\n" + body + "<!-- page 8 -->\n" + body, []int{7, 8}},
		{"form feeds with bare numbers", body + "21\n\f" + body + "22\n\f" + body + "23\n", []int{21, 22, 23}},
		{"form feeds without numbers", body + "\f" + body, []int{0, 0}},
		{"gap filled where both sides agree", body + "Seite 1\n\f" + body + "\f" + body + "Seite 3\n", []int{1, 2, 3}},
		{"gap left where they do not", body + "Seite 1\n\f" + body + "\f" + body + "Seite 9\n", []int{1, 0, 9}},
		{"rules that are no pages", body + "---\n\n" + body + "Seite 1 von 2\n\n" + body + "Seite 2 von 2\n", []int{1, 2}},
		{"numbers that fall are no pages", body + "Seite 9\n\n" + body + "Seite 3\n\n" + body + "Seite 1\n", []int{0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := parse.Parse(context.Background(), "test", []byte(tc.text), parse.Meta{})
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, p := range doc.Pages {
				got = append(got, p.Number)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTables(t *testing.T) {
	for _, tc := range []struct {
		name, text   string
		quoted       string
		indexed      []string
		section, not string
	}{
		{
			name:    "pipe table",
			text:    "# Doses\n\n| Drug | Dose |\n| --- | --- |\n| Alphacillin | 3x 1 g |\n| Betamycin | 2x 500 mg |\n",
			quoted:  "Drug\tDose\nAlphacillin\t3x 1 g\nBetamycin\t2x 500 mg",
			indexed: []string{"Drug: Alphacillin | Dose: 3x 1 g"}, section: "Doses",
		},
		{
			name:    "HTML table in Markdown with caption inside and sign in a cell",
			text:    "# Doses\n\n<table>\nTable 4.2: First choice\n<tbody><tr><th>Drug</th><th>GFR</th></tr><tr><td>Alphacillin</td><td><10 ml/min: 1x 1 g &#x26; more</td></tr></tbody></table>\n",
			quoted:  "Drug\tGFR\nAlphacillin\t<10 ml/min: 1x 1 g & more",
			indexed: []string{"GFR: <10 ml/min"}, section: "Table 4.2: First choice",
		},
		{
			name:    "row span is carried in the index and not in the quotation",
			text:    "# Doses\n\n<table><tr><th>Disease</th><th>Drug</th></tr><tr><td rowspan=2>Cystitis</td><td>Alphacillin</td></tr><tr><td>Betamycin</td></tr></table>\n",
			quoted:  "Disease\tDrug\nCystitis\tAlphacillin\nBetamycin",
			indexed: []string{"Disease: Cystitis | Drug: Betamycin"}, section: "Doses",
		},
		{
			name:   "footnote stars stay",
			text:   "# Doses\n\n<table><tr><th>Drug</th><th>Note</th></tr><tr><td>Alphacillin**</td><td>first</td></tr></table>\n",
			quoted: "Alphacillin**\tfirst", section: "Doses", not: "<td>",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, passages := read(t, tc.text)
			if len(passages) != 1 {
				t.Fatalf("%d passages, want 1: %v", len(passages), sections(passages))
			}
			p := passages[0]
			if !strings.Contains(p.Quoted, tc.quoted) || p.Kind != rag.Table {
				t.Errorf("kind %s, quoted %q, want %q in it", p.Kind, p.Quoted, tc.quoted)
			}
			for _, w := range tc.indexed {
				if !strings.Contains(p.Indexed, w) {
					t.Errorf("indexed %q lacks %q", p.Indexed, w)
				}
			}
			if got := p.Section[len(p.Section)-1]; got != tc.section {
				t.Errorf("section %q, want %q", got, tc.section)
			}
			if tc.not != "" && strings.Contains(p.Quoted, tc.not) {
				t.Errorf("quoted %q holds %q", p.Quoted, tc.not)
			}
		})
	}
}

func TestLongTableKeepsRowsWhole(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Doses\n\n| Drug | Dose |\n| --- | --- |\n")
	for i := range 80 {
		fmt.Fprintf(&b, "| Substance number %d | %d mg every eight hours |\n", i, 100+i)
	}
	_, passages := read(t, b.String())
	if len(passages) < 3 {
		t.Fatalf("%d passages, want several", len(passages))
	}
	for _, p := range passages {
		for _, line := range strings.Split(p.Quoted, "\n") {
			if strings.HasPrefix(line, "Substance") && !strings.HasSuffix(line, "hours") {
				t.Errorf("row cut: %q", line)
			}
		}
		if !strings.Contains(p.Indexed, "Dose: ") {
			t.Errorf("passage %d lacks its column names in the index", p.Ord)
		}
	}
}

func TestLabelsReachDown(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Table 1: Choice\n\n<table><tr><th>Disease</th><th>Drug</th><th>Dose</th></tr><tr><td>Cystitis in pregnancy</td><td>Alphacillin</td><td>3x 1 g</td></tr>")
	for i := range 60 {
		fmt.Fprintf(&b, "<tr><td>Alternative number %d with a long name</td><td>%d mg</td></tr>", i, i)
	}
	b.WriteString("</table>")
	_, passages := read(t, b.String())
	last := passages[len(passages)-1]
	if !strings.Contains(last.Indexed, "Cystitis in pregnancy") || strings.Contains(last.Quoted, "Cystitis") {
		t.Errorf("label: indexed %q, quoted %q", last.Indexed[:120], last.Quoted[:60])
	}
}

func TestBibliographyIsLeftOut(t *testing.T) {
	doc, passages := read(t, `# Pneumonia

Treat early [1], [2].

# References

1. Smith AB, Jones CD, Miller E, et al. A study of pneumonia. Lancet. 2015 Mar;12(3):45-9. DOI: 10.1000/xyz
2. Brown F, Green G, White H. Treatment of pneumonia. N Engl J Med. 2016;375:100-9.

# Sepsis

Sepsis is an emergency and is treated at once.
`)
	for _, p := range passages {
		if strings.Contains(p.Quoted, "Lancet") || strings.Contains(p.Quoted, "Engl") {
			t.Errorf("reference in the index: %q", p.Quoted)
		}
	}
	if got := sections(passages); len(got) != 2 || got[1] != "0 text Sepsis" {
		t.Errorf("passages %v", got)
	}
	if !strings.Contains(doc.Source(), "Lancet") {
		t.Error("the page lost its references")
	}
}

func TestRunningLinesAreDropped(t *testing.T) {
	var b strings.Builder
	for i := 1; i <= 8; i++ {
		if i%2 == 0 {
			b.WriteString("Guideline on infections\nRegister 000-111\n\n")
		} else {
			fmt.Fprintf(&b, "%d. Chapter on topic %d\n\n", (i+3)/4, (i+3)/4)
		}
		fmt.Fprintf(&b, "Sentence that only page %d has, and that is long enough to stand as a paragraph of its own here.\n\nPage %d of 8\n\f", i, i)
	}
	_, passages := read(t, b.String())
	for _, p := range passages {
		if strings.Contains(p.Quoted, "Register 000-111") || strings.Contains(p.Quoted, "Page ") {
			t.Errorf("running line in passage: %q", p.Quoted)
		}
	}
	if len(passages) != 8 {
		t.Fatalf("%d passages, want 8", len(passages))
	}
}

func TestDoubleSpacedText(t *testing.T) {
	var b strings.Builder
	line := "Dies ist eine Zeile in voller Breite, wie sie aus der Umwandlung eines gesetzten Textes ent-"
	for range 12 {
		b.WriteString(line + "\n\nsteht und auf der nächsten Zeile weitergeht, bis sie wieder an den Rand des Satzspiegels gelangt\n\n")
	}
	b.WriteString("und hier endet.\n\nNiereninsuffizienz\n\n")
	for range 12 {
		b.WriteString("Bei eingeschränkter Nierenfunktion wird die Dosis der meisten Wirkstoffe vermindert, siehe unten.\n\n")
	}
	_, passages := read(t, b.String())
	last := passages[len(passages)-1]
	if got := strings.Join(last.Section, ">"); got != "Niereninsuffizienz" {
		t.Errorf("section %q", got)
	}
	if !strings.Contains(passages[0].Indexed, "entsteht") {
		t.Errorf("hyphen at the line end was not joined: %q", passages[0].Indexed[:200])
	}
	if strings.Contains(passages[0].Quoted, "entsteht") {
		t.Error("the quotation was rewritten")
	}
}

func TestHTML(t *testing.T) {
	doc, passages := read(t, `<!doctype html><html><head><title>Renal dosing</title><style>p{}</style><script>var x="hidden"</script></head><body>
<nav>Menu</nav><h1>Renal dosing</h1><p>Give the <b>full</b> first dose.</p><p hidden>secret</p><div style="display: none">also secret <div>inner</div></div>
<h2>Doses</h2><ul><li>First item of a list</li><li>Second item</li></ul>
<table><caption>Table 1: Doses</caption><thead><tr><th>Drug</th><th>Dose</th></tr></thead><tbody><tr><td>Alphacillin</td><td>1&nbsp;g</td></tr></tbody></table></body></html>`)
	if doc.Format != parse.HTML || doc.Title != "Renal dosing" {
		t.Errorf("format %s, title %q", doc.Format, doc.Title)
	}
	text := doc.Source()
	for _, no := range []string{"secret", "inner", "Menu", "var x", "p{}"} {
		if strings.Contains(text, no) {
			t.Errorf("text holds %q", no)
		}
	}
	if !strings.Contains(text, "Give the full first dose.") {
		t.Errorf("text %q", text)
	}
	want := []string{"0 text Renal dosing", "0 table Renal dosing > Doses > Table 1: Doses"}
	if diff := cmp.Diff(want, sections(passages)); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
}

func TestInlineMarks(t *testing.T) {
	_, passages := read(t, "# Doses\n\nGive **alphacillin** *early*, see [the label](https://example.org/a_b), not snake_case_word.\n\n* a footnote, and levofloxacin**, moxifloxacin** stay\n")
	got := passages[0].Quoted
	want := "Doses\n\nGive alphacillin early, see the label, not snake_case_word.\n\n* a footnote, and levofloxacin**, moxifloxacin** stay"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("a", parse.MaxSize+1)
	for _, tc := range []struct {
		name, data string
		want       issue.Kind
	}{
		{"PDF", "%PDF-1.7\nsome text", issue.NotSupported},
		{"ZIP", "PK\x03\x04rest", issue.NotSupported},
		{"image under a text name", "\x89PNG\r\n\x1a\n\x00\x00", issue.NotSupported},
		{"NUL bytes", "This looks like text\x00\x01\x02 but is not", issue.NotSupported},
		{"empty", "", issue.Invalid},
		{"white space", " \n\t\n", issue.Invalid},
		{"markup without words", "<html><body><p></p></body></html>", issue.Invalid},
		{"neither UTF-8 nor Windows-1252", strings.Repeat("\xc3\x28\xff\xfe", 100), issue.Invalid},
		{"too large", long, issue.TooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := parse.Parse(context.Background(), "upload.md", []byte(tc.data), parse.Meta{})
			if doc != nil || issue.KindOf(err) != tc.want {
				t.Errorf("got document %v, error %v of kind %q; want kind %q", doc != nil, err, issue.KindOf(err), tc.want)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	for _, tc := range []struct{ name, data string }{
		{"UTF-8 with mark", "\ufeffMaßnahmen bei Übelkeit und Erbrechen"},
		{"Windows-1252", "Ma\xdfnahmen bei \xdcbelkeit und Erbrechen"},
		{"decomposed umlaut", "Maßnahmen bei U\u0308belkeit und Erbrechen"},
		{"UTF-16", "\xff\xfe" + utf16le("Maßnahmen bei Übelkeit und Erbrechen")},
		{"soft hyphen and zero width space", "Maß\u00adnahmen bei Übel\u200bkeit und Erbrechen"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := parse.Parse(context.Background(), "x", []byte(tc.data), parse.Meta{})
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Source(); got != "Maßnahmen bei Übelkeit und Erbrechen" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func utf16le(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

func TestIDsAreStable(t *testing.T) {
	text := "# A\n\nFirst paragraph of the text.\n\n# B\n\nSecond paragraph of the text.\n"
	_, one := read(t, text)
	_, two := read(t, text)
	if diff := cmp.Diff(one, two); diff != "" {
		t.Errorf("the same bytes gave other passages:\n%s", diff)
	}
	doc, err := parse.Parse(context.Background(), "test", []byte(text), parse.Meta{})
	if err != nil {
		t.Fatal(err)
	}
	if other := parse.Segment(doc, rag.Document{ID: "d2"}); other[0].ID == one[0].ID {
		t.Error("passages of two documents share an id")
	}
}

func TestReadCatalogue(t *testing.T) {
	got, err := parse.ReadCatalogue([]byte(`{"a.md":{"identifier":"g-1","title":"T","version":null,"language":"de","partOf":"g-0","pages":"1-4"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]parse.Meta{"a.md": {Identifier: "g-1", Title: "T", Language: "de", PartOf: "g-0"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("catalogue (-want +got):\n%s", diff)
	}
	if _, err := parse.ReadCatalogue([]byte(`[1]`)); issue.KindOf(err) != issue.Invalid {
		t.Errorf("error %v", err)
	}
}

// Adversarial input must cost no more than its size.
func TestHostileInputIsBounded(t *testing.T) {
	const n = 1 << 20
	repeat := func(s string) string { return strings.Repeat(s, n/len(s)) }
	for _, tc := range []struct{ name, text string }{
		{"open tables", "# Title of it all\n" + repeat("<table><tr><td>")},
		{"nested lists", "<html><body>" + repeat("<ul><li>a")},
		{"emphasis", "# Title of it all\n\n" + repeat("*a **b _c ")},
		{"brackets", "# Title of it all\n\n" + repeat("[a](")},
		{"one long word", repeat("abcdefgh")},
		{"headings", repeat("# a heading\n")},
		{"pages", repeat("Seite 1\n\n")},
		{"pipes", "| a | b |\n|---|---|\n" + repeat("|")},
		{"columns", "<html><body><table>" + repeat("<td colspan=1000 rowspan=1000>x</td>") + "</table>"},
		{"rows without header", "<html><body><table>" + repeat("<tr><td>word</td><td>1</td></tr>") + "</table>"},
		{"hyphens", repeat("a-\nb")},
		{"form feeds", repeat("word\n\f")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			done := make(chan int, 1)
			go func() {
				doc, err := parse.Parse(ctx, "hostile", []byte(tc.text), parse.Meta{})
				if err != nil {
					done <- 0
					return
				}
				done <- len(parse.Segment(doc, rag.Document{ID: "d"}))
			}()
			select {
			case <-done:
			case <-ctx.Done():
				t.Fatal("a megabyte took more than 30 seconds")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"# A\n\ntext of a paragraph that is long enough\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nPage 3 of 4\n\n---\n\n# B\n\nmore text",
		"<html><body><h1>A</h1><table><tr><td rowspan=2>x</td><td>y</td></tr><tr><td>z</td></tr></table><p>some words to read here</p></body></html>",
		"Ein Text\n\nmit Zeilen-\n\numbruch und vielen Wörtern darin\n\nSeite 1\n\f\nSeite 2\n",
		"# Doses\n<table>\nTabelle 1: x\n<tr><th>a</th></tr><tr><td>**b** <10 ml</td></tr></table>\n* Fußnote\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parse.Parse(context.Background(), "fuzz", data, parse.Meta{})
		if err != nil {
			return
		}
		passages := parse.Segment(doc, rag.Document{ID: "d"})
		verbatim(t, doc, passages)
		for _, p := range passages {
			if len(p.Quoted) > 5000 || p.Quoted == "" {
				t.Fatalf("passage of %d bytes", len(p.Quoted))
			}
		}
	})
}
