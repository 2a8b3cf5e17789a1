package facts

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

// find is Regexp.FindStringIndex for the patterns of words in this room, which hardly
// ever match: a text without any of the literals that a match must hold is not walked.
// Walking each text of a patient with each pattern was a sixth of a hook call.
func find(words *regexp.Regexp, s string) []int {
	if !may(words, s) {
		return nil
	}
	return words.FindStringIndex(s)
}

// stems are the literals of patterns, of which a match holds one at least, in small
// letters; nil where none can be named. There is one entry for each pattern of this
// room, which are variables.
var stems sync.Map // *regexp.Regexp -> []string

// may tells whether a text can match at all.
func may(words *regexp.Regexp, s string) bool {
	known, ok := stems.Load(words)
	if !ok {
		var list []string
		if tree, err := syntax.Parse(words.String(), syntax.Perl); err == nil {
			list = literals(tree)
		}
		known, _ = stems.LoadOrStore(words, list)
	}
	list := known.([]string)
	if list == nil || strings.ContainsRune(s, 'ſ') { // the one letter that folds, and has no small form of its own
		return true
	}
	s = strings.ToLower(s)
	for _, stem := range list {
		if strings.Contains(s, stem) {
			return true
		}
	}
	return false
}

// literals gives texts of which every match holds one, or nil when there are none to be
// relied on.
func literals(t *syntax.Regexp) []string {
	switch t.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(t.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return literals(t.Sub[0])
		}
	case syntax.OpAlternate:
		var all []string
		for _, sub := range t.Sub {
			list := literals(sub)
			if list == nil {
				return nil
			}
			all = append(all, list...)
		}
		return all
	case syntax.OpConcat:
		var best []string
		for _, sub := range t.Sub {
			if list := literals(sub); list != nil && (best == nil || shortest(list) > shortest(best)) {
				best = list
			}
		}
		return best
	}
	return nil
}

func shortest(list []string) int {
	n := len(list[0])
	for _, s := range list {
		n = min(n, len(s))
	}
	return n
}
