package lexical

import (
	"strings"
	"unicode"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/german"
)

// gramLength is the length of character grams in runes. Four runes find the parts
// of German compounds and the stems that German and English share.
const gramLength = 4

// maxWord bounds a word in runes: longer runs are sequences or rubbish.
const maxWord = 60

// Analyzer turns text into tokens. It caches stems and is not safe for concurrent
// use; make one per goroutine.
type Analyzer struct {
	without Without
	stems   map[string]string
}

// Without names what an analyzer leaves out, to measure what that is worth. The zero
// value leaves out nothing.
type Without struct {
	Stems bool // words stand as they are written
	Grams bool
}

// NewAnalyzer makes an analyzer.
func NewAnalyzer(without Without) *Analyzer {
	return &Analyzer{without: without, stems: map[string]string{}}
}

// Words gives the words of a text in order: lower-case runs of letters and digits
// that are no stop words of either language.
func Words(text string) []string {
	var words []string
	eachWord(text, func(w string) {
		if !stopWords[w] {
			words = append(words, w)
		}
	})
	return words
}

func eachWord(text string, f func(string)) {
	start := -1
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			f(strings.ToLower(text[start:i]))
			start = -1
		}
	}
	if start >= 0 {
		f(strings.ToLower(text[start:]))
	}
}

// Tokens gives stems and grams of a text in the language it is written in. Stems
// stand for themselves, grams begin with "#": they never collide.
func (a *Analyzer) Tokens(text, language string) []string {
	var tokens []string
	for _, w := range Words(text) {
		tokens = append(tokens, a.Stem(w, language))
		tokens = a.grams(tokens, w)
	}
	return tokens
}

// QueryTokens gives the tokens of a question whose language may differ from that of
// the passages: stems of both languages.
func (a *Analyzer) QueryTokens(text string) []string {
	var tokens []string
	for _, w := range Words(text) {
		de, en := a.Stem(w, "de"), a.Stem(w, "en")
		tokens = append(tokens, de)
		if en != de {
			tokens = append(tokens, en)
		}
		tokens = a.grams(tokens, w)
	}
	return tokens
}

// Stem is the Snowball stem of a lower-case word, German (default) or English (Porter2).
func (a *Analyzer) Stem(word, language string) string {
	if a.without.Stems {
		return word
	}
	key := word
	if language == "en" {
		key = "\x00" + word
	}
	if s, ok := a.stems[key]; ok {
		return s
	}
	if len(a.stems) > 200_000 {
		clear(a.stems) // hostile input must not grow it without end
	}
	s := stem(word, language)
	a.stems[key] = s
	return s
}

func stem(word, language string) string {
	if len(word) > 4*maxWord {
		return word
	}
	env := snowballstem.NewEnv(word)
	if language == "en" {
		english.Stem(env)
	} else {
		german.Stem(env)
	}
	return env.Current()
}

// grams appends the 4-grams of a word between its boundary marks.
func (a *Analyzer) grams(tokens []string, word string) []string {
	if a.without.Grams {
		return tokens
	}
	padded := []rune("^" + fold.Replace(word) + "$")
	if len(padded) > maxWord {
		return tokens
	}
	if len(padded) <= gramLength {
		return append(tokens, "#"+string(padded))
	}
	for i := 0; i+gramLength <= len(padded); i++ {
		tokens = append(tokens, "#"+string(padded[i:i+gramLength]))
	}
	return tokens
}

// fold lets umlauts meet the plain letters of English and Latin spellings.
var fold = strings.NewReplacer("ä", "a", "ö", "o", "ü", "u", "ß", "ss", "é", "e", "è", "e", "á", "a", "ó", "o", "ë", "e", "ï", "i")
