package parse

import (
	"regexp"
	"strings"
)

var (
	bibliographyTitle = regexp.MustCompile(`(?i)^(?:\d{1,2}(?:\.\d{1,2})*\.?\s+)?(?:literatur|literaturverzeichnis|literaturangaben|literaturliste|quellen|quellenverzeichnis|referenzen|references?|reference list|bibliography|bibliographie|literature(?: cited)?|works cited)\s*:?$`)
	refDOI            = regexp.MustCompile(`(?i)\bdoi\b|\b10\.\d{4,9}/\S`)
	refYearVolume     = regexp.MustCompile(`\b(?:19|20)\d{2}\b[^.;\n]{0,25};\s*\d+`)
	refVolumePages    = regexp.MustCompile(`\b\d{1,4}\s*(?:\(\s*[\w .\-]{1,20}\))?\s*:\s*[A-Za-z]?\d{1,6}\s*[-–—]\s*[A-Za-z]?\d{1,6}\b`)
	refAuthor         = regexp.MustCompile(`\p{Lu}[\p{L}'’\-]+\s+\p{Lu}{1,3}\s*[,.;]`)
	refWord           = regexp.MustCompile(`(?i)\bet al\b|\bPMID\b|\bISBN\b|\bavailable (?:from|at)\b|\bverfügbar unter\b|\baccessed\b|\bepub\b|https?://`)
	refNumber         = regexp.MustCompile(`^\s*(?:\[\d{1,4}\]|\d{1,4}[.)])\s`)
)

func isBibliographyTitle(s string) bool {
	return bibliographyTitle.MatchString(strings.TrimSpace(s))
}

// reference says how much a text looks like an entry of a bibliography, from 0.
func reference(text string) int {
	if len(text) > 3000 {
		text = text[:3000]
	}
	score := 0
	if refDOI.MatchString(text) {
		score += 2
	}
	if refYearVolume.MatchString(text) {
		score += 2
	}
	if refVolumePages.MatchString(text) {
		score++
	}
	switch n := len(refAuthor.FindAllStringIndex(text, 4)); {
	case n >= 3:
		score += 2
	case n > 0:
		score++
	}
	if refWord.MatchString(text) {
		score++
	}
	if refNumber.MatchString(text) {
		score++
	}
	return score
}

// markBibliography marks lists of references, under a heading that says so or by
// their looks, so that they are kept on the page and left out of the index: they
// repeat the words of every question and answer none.
func markBibliography(blocks []block) {
	inside := false
	for i := range blocks {
		b := &blocks[i]
		switch {
		case b.kind == heading && isBibliographyTitle(b.text):
			inside, b.refs = true, true
		case b.kind == heading:
			inside = inside && referencesFollow(blocks[i+1:])
			b.refs = inside
		case b.kind == tableBlock:
			inside = false
		default:
			score := reference(b.text)
			if inside && score == 0 && len(b.text) > 250 {
				inside = false
			}
			b.refs = inside || score >= 5
		}
	}
}

// referencesFollow looks at the next few blocks of text.
func referencesFollow(blocks []block) bool {
	seen, refs := 0, 0
	for _, b := range blocks {
		if b.kind == heading {
			if len(b.text) > 12 && seen > 0 {
				break
			}
			continue
		}
		if b.kind == tableBlock {
			break
		}
		seen++
		if reference(b.text) >= 2 {
			refs++
		}
		if seen == 4 {
			break
		}
	}
	return refs*2 > seen
}
