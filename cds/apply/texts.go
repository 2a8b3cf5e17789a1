package apply

import (
	"regexp"
	"strings"

	"cdss/cds/stewardship"
)

// Words by which a text denies something: before it ("kein", "without") or after
// it ("negativ", "nicht nachgewiesen").
var (
	pieces    = regexp.MustCompile(`[,;()\n]+|\.\s`)
	initial   = regexp.MustCompile(`(^|[^\p{L}])(\p{L})\. `) // "E. coli" is one name
	denies    = regexp.MustCompile(`(?:^|[^\p{L}])(kein|keine|keinen|keiner|keinerlei|nicht|nie|ohne|no|not|never|without|none)(?:[^\p{L}]|$)`)
	deniesAll = regexp.MustCompile(`(?:^|[^\p{L}])(negativ|negative|ausgeschlossen|nein|ruled out|absent|(?:nicht|not|never|nie) (?:vorhanden|nachgewiesen|nachweisbar|bekannt|present|detected|found|known))(?:[^\p{L}]|$)`)
)

// split reads a text in lower case and parts what it says from what it denies.
// Without a word of denial the whole text is said.
func split(text string) (said, denied []string) {
	text = strings.ToLower(stewardship.Clip(text, stewardship.MaxText))
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if !denies.MatchString(text) && !deniesAll.MatchString(text) {
		return []string{text}, nil
	}
	add := func(list *[]string, s string) {
		if s = strings.TrimSpace(s); s != "" {
			*list = append(*list, s)
		}
	}
	for _, piece := range pieces.Split(initial.ReplaceAllString(text, "$1$2.\u00a0"), -1) {
		piece = strings.ReplaceAll(piece, "\u00a0", " ")
		if deniesAll.MatchString(piece) {
			add(&denied, piece)
		} else if at := denies.FindStringIndex(piece); at != nil {
			add(&said, piece[:at[0]])
			add(&denied, piece[at[0]:])
		} else {
			add(&said, piece)
		}
	}
	return said, denied
}
