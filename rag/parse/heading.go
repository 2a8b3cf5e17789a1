package parse

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	numbering   = regexp.MustCompile(`^(\d{1,2}(?:\.\d{1,2})*)\.?\s+`)
	captionText = regexp.MustCompile(`^(?i:tabelle|tab\.|table|abbildung|abb\.|figure|fig\.|kasten|box)\s*\.?\s*[A-Z]?\d{1,3}(?:[.\-]\d{1,3})*`)
)

var (
	chapterWord  = regexp.MustCompile(`^(?:Kapitel|Chapter|Teil|Part|Anhang|Appendix|Abschnitt|Section)\s+[\dA-ZIVX]{1,4}\b`)
	deepNumber   = regexp.MustCompile(`^\d{1,2}(?:\.\d{1,2}){1,4}\.?\s+\p{Lu}`)
	captionStart = regexp.MustCompile(`^[^.:]{3,20}[.:|–—-]|^(?i:tabelle|tab\.|table|abbildung|abb\.|figure|fig\.)\s*\.?\s*[A-Z]?\d+(?:[.\-]\d+)*\s*$`)
	numberOnly   = regexp.MustCompile(`^\d{1,4}[.)]`)
)

// plainHeading tells whether line i of a text without marked headings is one: short,
// alone, no sentence, after a finished sentence and before running text.
func (l *light) plainHeading(lines []string, i int) bool {
	s := strings.TrimSpace(lines[i])
	n := utf8.RuneCountInString(s)
	limit := 90
	if l.width < 160 {
		limit = min(limit, l.width*3/4)
	}
	if n < 4 || n > limit || strings.ContainsAny(s[len(s)-1:], ".,;:!?-(/") || wideGap.MatchString(s) || captionText.MatchString(s) {
		return false
	}
	body := numbering.ReplaceAllString(s, "")
	if body == "" || !unicode.IsUpper(firstRune(body)) || len(strings.Fields(body)) > 10 {
		return false
	}
	if listMarker.MatchString(lines[i]) && body == s || names(body) {
		return false
	}
	if i > 0 && strings.TrimSpace(lines[i-1]) != "" || i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "" {
		return false
	}
	before := i - 1
	for before >= 0 && strings.TrimSpace(lines[before]) == "" {
		before--
	}
	if before >= 0 {
		p := strings.TrimSpace(lines[before])
		r, _ := utf8.DecodeLastRuneInString(p)
		if !strings.ContainsRune(".!?:)]“\"*", r) && utf8.RuneCountInString(p) > limit {
			return false
		}
		if !strings.ContainsRune(".!?:)]“\"*", r) && before >= 2 && strings.TrimSpace(lines[before-1]) != "" {
			return false // the end of a column or table
		}
	}
	after := i + 1
	for after < len(lines) && strings.TrimSpace(lines[after]) == "" {
		after++
	}
	if after == len(lines) {
		return false
	}
	next := strings.TrimSpace(lines[after])
	r := firstRune(next)
	if listMarker.MatchString(next) {
		return true
	}
	if !unicode.IsUpper(r) && !unicode.IsDigit(r) && !strings.ContainsRune("„\"“‚(", r) {
		return false
	}
	return utf8.RuneCountInString(next)*10 >= l.width*6 || numbering.MatchString(s) || l.width >= 160
}

// names tells whether a line lists people: capitalised words and commas only.
func names(s string) bool {
	if !strings.Contains(s, ",") {
		return false
	}
	for _, w := range strings.Fields(s) {
		if !unicode.IsUpper(firstRune(w)) {
			return false
		}
	}
	return true
}

func plainLevel(s string) int {
	if m := numbering.FindStringSubmatch(s); m != nil {
		return 1 + strings.Count(m[1], ".")
	}
	return 2
}

// generic are the words of headings that say a part of a topic and not the topic.
var generic = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
		allgemeines anmerkung anmerkungen antibiotika antibiotikagabe antibiotikatherapie antibiotikum antimikrobielle
		auswahl behandlung bewertung bildgebung bemerkungen definition definitionen dauer diagnose diagnosen diagnostik
		dosierung dosierungen einführung einleitung eg empfehlung empfehlungen empfehlungsgrad epidemiologie erreger
		erregernachweis erregerspektrum evidenz hintergrund häufige hinweise indikation indikationen initialtherapie
		kalkulierte klassifikation klinik klinische klinisches kommentar komplikationen maßnahmen mikrobiologie
		management nachsorge pathogenese prophylaxe prävention risikofaktoren substanzen symptomatik symptome tagesdosis
		therapie therapiedauer therapieempfehlung therapieempfehlungen tagesdosen überblick vorbemerkungen wahl
		zusammenfassung zusätzliche adjuvante chirurgische ätiologie alternative alternativen unmittelbare
		gezielte empirische orale parenterale initiale initialen parenteralen kriterien allgemeine
		background causes choice classification complications criteria definition definitions diagnosis diagnostics
		dosage dosing dose duration empirical empiric epidemiology etiology aetiology evidence follow-up general imaging
		indications introduction initial management microbiology notes overview pathogens prevention principles
		prophylaxis rationale recommendation recommendations remarks risk factors summary surgical symptoms therapy
		treatment alternatives targeted clinical features presentation adjunctive
		zur der die das bei für und von des the of for and in with to first second line 1. 2. 3.`) {
		m[w] = true
	}
	return m
}()

// subordinate tells whether a heading of a document with a single level of headings
// belongs under the one before it.
func subordinate(text string) bool {
	if strings.HasSuffix(text, ":") {
		return true
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(",;/()–—-", r)
	})
	if len(words) == 0 || len(words) > 8 {
		return false
	}
	for _, w := range words {
		if !generic[strings.TrimSuffix(w, ":")] {
			return false
		}
	}
	return true
}

// outline keeps the heading path while a document is read.
type outline struct {
	flat    bool // all headings are of one level
	chapter string
	stack   []block // headings above the current point, outermost first
	topic   string  // of a flat document: the last heading that names a topic
	current string
	caption bool // current names a table and ends with it
}

func newOutline(blocks []block) *outline {
	levels := map[int]bool{}
	for _, b := range blocks {
		if b.kind == heading && b.level > 0 {
			levels[b.level] = true
		}
	}
	return &outline{flat: len(levels) <= 1}
}

func (o *outline) enter(b block) {
	text := strings.TrimSpace(oneLine(b.text))
	if b.level == 0 {
		if text != o.chapter {
			o.chapter, o.stack, o.topic, o.current, o.caption = text, nil, "", "", false
		}
		return
	}
	if o.flat {
		if text == o.chapter {
			return
		}
		o.current, o.caption = "", false
		if captionText.MatchString(text) {
			o.current, o.caption = text, true
		} else if o.topic != "" && subordinate(text) {
			o.current = text
		} else {
			o.topic = text
		}
		return
	}
	for len(o.stack) > 0 && o.stack[len(o.stack)-1].level >= b.level {
		o.stack = o.stack[:len(o.stack)-1]
	}
	b.text = text
	o.stack = append(o.stack, b)
}

// leaveTable ends a caption that stood as heading: what follows the table belongs to
// the topic again.
func (o *outline) leaveTable() {
	if o.caption {
		o.current, o.caption = "", false
	}
}

// path gives the headings above, outermost first.
func (o *outline) path() []string {
	var path []string
	add := func(s string) {
		if s != "" && (len(path) == 0 || path[len(path)-1] != s) {
			path = append(path, s)
		}
	}
	add(o.chapter)
	if o.flat {
		if !o.caption {
			add(o.topic)
		}
		add(o.current)
		return path
	}
	for _, b := range o.stack {
		add(b.text)
	}
	return path
}
