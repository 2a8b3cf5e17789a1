package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cdss/cds"
	"cdss/cds/facts"
)

// What a card says around the recommendation.
var (
	wordExample      = cds.Text{DE: "BEISPIEL", EN: "EXAMPLE"}
	wordSeverity     = cds.Text{DE: "Schweregrad", EN: "Severity"}
	wordRecommended  = cds.Text{DE: "empfohlen", EN: "recommended"}
	wordSpecialist   = cds.Text{DE: "nur nach fachärztlicher Entscheidung (Infektiologie, Allergologie)", EN: "only as a specialist decision (infectious diseases, allergology)"}
	wordWhy          = cds.Text{DE: "Begründung", EN: "Why"}
	wordGrade        = cds.Text{DE: "Empfehlungsgrad", EN: "Grade"}
	wordNote         = cds.Text{DE: "Hinweis", EN: "Note"}
	wordPregnancy    = cds.Text{DE: "Schwangerschaft", EN: "Pregnancy"}
	wordInteraction  = cds.Text{DE: "Wechselwirkung", EN: "Interaction"}
	wordMonitoring   = cds.Text{DE: "Überwachung", EN: "Monitoring"}
	wordDeescalation = cds.Text{DE: "Deeskalation", EN: "De-escalation"}
	wordInfusion     = cds.Text{DE: "Infusion", EN: "Infusion"}
	wordLoading      = cds.Text{DE: "Aufsättigung", EN: "Loading dose"}
	wordAdjusted     = cds.Text{DE: "Anpassung", EN: "Adjustment"}
	wordSource       = cds.Text{DE: "Quelle", EN: "Source"}
	wordSources      = cds.Text{DE: "Quellen", EN: "Sources"}
	wordPage         = cds.Text{DE: "S.", EN: "p."}
	wordNoQuote      = cds.Text{
		DE: "ohne Wortlaut: das Dokument ist nicht geladen, oder die Stelle darin ist nicht eindeutig",
		EN: "without its wording: the document is not loaded, or the place in it is not certain",
	}
	wordAlso       = cds.Text{DE: "Außerdem", EN: "Also"}
	wordForAll     = cds.Text{DE: "Für alle Optionen", EN: "For all options"}
	wordExcluded   = cds.Text{DE: "Nicht angeboten", EN: "Not offered"}
	wordValues     = cds.Text{DE: "Zugrunde gelegt", EN: "Based on"}
	wordFrom       = cds.Text{DE: "vom", EN: "of"}
	wordNotChecked = cds.Text{DE: "Nicht geprüft", EN: "Not checked"}
	wordStill      = cds.Text{DE: "Weiterhin nicht geprüft", EN: "Still not checked"}
	wordToldBefore = cds.Text{
		DE: "Gründe und Hinweise wurden in diesem Aufenthalt bereits angezeigt und sind unverändert.",
		EN: "Reasons and advice were shown in this encounter already and have not changed.",
	}
	wordSuggestion = cds.Text{DE: "Vorschlag", EN: "Suggestion"}
	wordFurther    = cds.Text{DE: "%d weitere Hinweise", EN: "%d more notices"}
	wordMore       = cds.Text{DE: "und %d weitere", EN: "and %d more"}
	wordMissing    = cds.Text{DE: "fehlt", EN: "missing"}
	wordWhatToDo   = cds.Text{
		DE: "Diese Prüfungen bitte selbst vornehmen oder die fehlenden Angaben ergänzen und erneut aufrufen. Keine Warnung bedeutet hier nicht, dass kein Risiko besteht.",
		EN: "Please make these checks yourself, or add what is missing and call again. No warning here does not mean that there is no risk.",
	}
	wordOption             = cds.Text{DE: "Therapieoption", EN: "therapy option"}
	wordOptions            = cds.Text{DE: "%d Therapieoptionen", EN: "%d therapy options"}
	wordFirst              = cds.Text{DE: "zuerst", EN: "first"}
	wordOnlyBy             = cds.Text{DE: "nur nach fachärztlicher Entscheidung", EN: "specialist decision only"}
	wordNoOption           = cds.Text{DE: "keine Therapieoption", EN: "no therapy option"}
	wordDaysOld            = cds.Text{DE: "%d Tage alt", EN: "%d days old"}
	wordReserved           = cds.Text{DE: "Hinweis zur Antibiotikatherapie, mit vertraulichen Angaben: siehe Karte", EN: "Advice on antibiotic therapy, with confidential data: see the card"}
	wordReservedCritical   = cds.Text{DE: "Wichtige Warnung zur Antibiotikatherapie, mit vertraulichen Angaben: siehe Karte", EN: "Important warning on antibiotic therapy, with confidential data: see the card"}
	wordReservedNotChecked = cds.Text{DE: "Nicht alles wurde geprüft (vertrauliche Angaben): siehe Karte", EN: "Not everything was checked (confidential data): see the card"}

	wordOurSource = cds.Text{DE: "Antibiotic-Stewardship-Regeln", EN: "Antibiotic stewardship rules"}
	wordYes       = cds.Text{DE: "ja", EN: "yes"}
	wordNo        = cds.Text{DE: "nein", EN: "no"}
	wordNoDecide  = cds.Text{DE: "Entscheidungsunterstützung, keine Verordnung.", EN: "Decision support, not an order."}
)

var severities = map[string]cds.Text{
	"mild":     {DE: "leicht", EN: "mild"},
	"moderate": {DE: "mittelschwer", EN: "moderate"},
	"severe":   {DE: "schwer", EN: "severe"},
	"septic":   {DE: "septisch", EN: "septic"},
}

var reasons = map[string]cds.Text{
	"allergy":     {DE: "Allergie", EN: "allergy"},
	"renal":       {DE: "Nierenfunktion", EN: "renal function"},
	"hepatic":     {DE: "Leberfunktion", EN: "hepatic function"},
	"pregnancy":   {DE: "Schwangerschaft", EN: "pregnancy"},
	"age":         {DE: "Alter", EN: "age"},
	"interaction": {DE: "Wechselwirkung", EN: "interaction"},
	"resistance":  {DE: "Resistenz", EN: "resistance"},
	"duplicate":   {DE: "Doppelverordnung", EN: "duplicate therapy"},
	"restricted":  {DE: "Anwendungsbeschränkung", EN: "restricted use"},
	"other":       {DE: "anderer Grund", EN: "other reason"},
}

var adjustments = map[string]cds.Text{
	"renal":       {DE: "Niere", EN: "Renal"},
	"weight":      {DE: "Gewicht", EN: "Weight"},
	"hepatic":     {DE: "Leber", EN: "Hepatic"},
	"age":         {DE: "Alter", EN: "Age"},
	"interaction": {DE: "Wechselwirkung", EN: "Interaction"},
}

// lacking names what a check lacked as it is read, leaving out what the reason
// names already.
func (w *writer) lacking(n cds.NotChecked) string {
	var list []string
	for _, name := range n.Missing {
		word := facts.Display(name).In(w.lang)
		if !says(n.Check+" "+n.Reason, word) {
			list = append(list, word)
		}
	}
	return strings.Join(list, ", ")
}

// says tells whether a text holds a word as a whole, in whatever case.
func says(text, word string) bool {
	text, word = strings.ToLower(text), strings.ToLower(word)
	for at := 0; word != ""; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at+i])
		after, _ := utf8.DecodeRuneInString(text[at+i+len(word):])
		if !unicode.IsLetter(before) && !unicode.IsLetter(after) {
			return true
		}
		at += i + len(word)
	}
	return true
}

// nonAdherence is the code system whose codes CDS Hooks names for override
// reasons (value set non-adherence-reason-clinical).
const nonAdherence = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"

// overrideReasons are the codes of that set that fit an antibiotic, each with a
// display of ours, since clients show nothing else.
var overrideReasons = []struct {
	code    string
	display cds.Text
}{
	{"cds-not-applicable", cds.Text{DE: "Hinweis trifft auf diesen Fall nicht zu", EN: "Advice does not apply to this case"}},
	{"cds-suboptimal-context", cds.Text{DE: "Daten unvollständig oder veraltet", EN: "Data incomplete or out of date"}},
	{"patient-contraindication", cds.Text{DE: "Gegenanzeige beim Patienten", EN: "Patient has a contraindication"}},
	{"recipient-disagrees-evidence", cds.Text{DE: "Andere fachliche Einschätzung", EN: "Disagrees with the evidence"}},
	{"patient-refuses", cds.Text{DE: "Patient lehnt ab", EN: "Patient refuses"}},
	{"service-not-available", cds.Text{DE: "Mittel nicht verfügbar", EN: "Not available"}},
	{"action-completed", cds.Text{DE: "Bereits erledigt", EN: "Already done"}},
}

func (w *writer) overrideReasons() []cds.Coding {
	list := make([]cds.Coding, len(overrideReasons))
	for i, r := range overrideReasons {
		list[i] = cds.Coding{Code: r.code, System: nonAdherence, Display: r.display.In(w.lang)}
	}
	return list
}

// ReasonDisplay gives the display of an override reason that our cards offer, for
// feedback that names the code alone, as some clients do.
func ReasonDisplay(system, code string) (cds.Text, bool) {
	for _, r := range overrideReasons {
		if system == nonAdherence && code == r.code {
			return r.display, true
		}
	}
	return cds.Text{}, false
}

// number writes a number as the language does, with at most three decimals.
func number(lang cds.Lang, v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if i := strings.IndexByte(s, '.'); i >= 0 && len(s)-i > 4 {
		s = strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 3, 64), "0"), ".")
	}
	if lang == cds.DE {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// value writes the value of a fact.
func value(lang cds.Lang, v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case bool:
		if x {
			return wordYes.In(lang)
		}
		return wordNo.In(lang)
	case float64:
		return number(lang, x)
	case int:
		return strconv.Itoa(x)
	case string:
		return x
	default:
		return fmt.Sprint(x)
	}
}

// units are UCUM codes that read better otherwise.
var units = strings.NewReplacer("{1.73_m2}", "1,73 m²", "umol", "µmol", "ug", "µg", "10*6.[iU]", "Mio. I.E.")
var unitsEN = strings.NewReplacer("{1.73_m2}", "1.73 m²", "umol", "µmol", "ug", "µg", "10*6.[iU]", "million IU")

func unit(lang cds.Lang, code string) string {
	switch code {
	case "a":
		return cds.Text{DE: "Jahre", EN: "years"}.In(lang)
	case "{score}", "{INR}", "1":
		return ""
	}
	if lang == cds.DE {
		return units.Replace(code)
	}
	return unitsEN.Replace(code)
}

// date writes a FHIR date or dateTime as the language does, to the day.
func date(lang cds.Lang, s string) string {
	if len(s) < 10 {
		return s
	}
	t, err := time.Parse(time.DateOnly, s[:10])
	if err != nil {
		return s
	}
	if lang == cds.DE {
		return t.Format("02.01.2006")
	}
	return t.Format("2 Jan 2006")
}

// daysBetween counts calendar days from one FHIR dateTime to another; ok is false
// when one of them has no day.
func daysBetween(from, to string) (days int, ok bool) {
	if len(from) < 10 || len(to) < 10 {
		return 0, false
	}
	a, errA := time.Parse(time.DateOnly, from[:10])
	b, errB := time.Parse(time.DateOnly, to[:10])
	if errA != nil || errB != nil {
		return 0, false
	}
	return int(b.Sub(a).Hours() / 24), true
}
