// Package cds is the vocabulary of decision support: what a client asks, what is
// computed for one patient, and the cards that say it.
//
// It owns plain types and their JSON form as CDS Hooks 2.0.1 and the project's
// API fix them. It refuses I/O, clocks and reasoning, which live in the rooms
// below it.
package cds

// Lang is a language of people: German or English.
type Lang string

// The two languages everything is written in.
const (
	DE Lang = "de"
	EN Lang = "en"
)

// ParseLang reads a BCP 47 tag or an Accept-Language value and gives the best of
// the two languages, German when neither is named.
func ParseLang(tag string) Lang {
	for i := 0; i+1 < len(tag); i++ {
		switch tag[i : i+2] {
		case "de", "DE":
			if boundary(tag, i) {
				return DE
			}
		case "en", "EN":
			if boundary(tag, i) {
				return EN
			}
		}
	}
	return DE
}

func boundary(s string, i int) bool {
	letter := func(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
	if i > 0 && (letter(s[i-1]) || s[i-1] == '-') {
		return false
	}
	return i+2 >= len(s) || !letter(s[i+2])
}

// Text is something people read, in both languages.
type Text struct {
	DE string `json:"de"`
	EN string `json:"en"`
}

// In gives the text in one language.
func (t Text) In(l Lang) string {
	if l == EN {
		return t.EN
	}
	return t.DE
}

// IsZero tells whether there is no text at all.
func (t Text) IsZero() bool { return t.DE == "" && t.EN == "" }

// Indication is a clinical indication the content knows.
type Indication struct {
	Code     string // ours, kebab case, for example "community-acquired-pneumonia"
	Alias    string // the prototype's value, for example "AMBULANT_ERWORBENE_PNEUMONIE"
	Name     Text
	Category string   // code of the category
	Codes    []Code   // codings of a Condition that mean this indication; a trailing "*" stands for any continuation
	Words    []string // words of a Condition, in lower case, that mean it where no code does
}

// Code is a code in a system.
type Code struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

// Category groups indications for display.
type Category struct {
	Code string
	Name Text
}
