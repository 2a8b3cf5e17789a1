package cql

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/fhir/fhirpath"
)

// Completion is a word that could stand where somebody writes.
type Completion struct {
	Text string // as it has to be written, with quotes where it needs them
	Kind string // definition, function, parameter, term, library, element, type, keyword
	Type string // of its value, "" where it has none
}

// mostCompletions bounds a list that people read.
const mostCompletions = 50

// Complete tells what could stand at the end of a text that is being written in the
// scope of the library, and how much of that is written already.
func (l *Library) Complete(before string) (typed string, list []Completion) {
	typed = lastName(before)
	rest := before[:len(before)-len(typed)]
	switch trimmed := strings.TrimRightFunc(rest, unicode.IsSpace); {
	case strings.HasSuffix(rest, "."):
		list = l.below(rest[:len(rest)-1])
	case strings.HasSuffix(trimmed, "["):
		for _, name := range fhirpath.Resources() {
			list = append(list, Completion{Text: name, Kind: "type"})
		}
	default:
		list = l.names(true)
		for _, name := range functionNames {
			list = append(list, Completion{Text: name + "(", Kind: "function"})
		}
		for _, word := range keywords {
			list = append(list, Completion{Text: word, Kind: "keyword"})
		}
	}
	quoted := strings.HasPrefix(typed, `"`)
	begun := strings.ToLower(strings.TrimPrefix(typed, `"`))
	list = slices.DeleteFunc(list, func(c Completion) bool {
		return !strings.HasPrefix(strings.ToLower(strings.Trim(c.Text, `"(`)), begun) || quoted && !named[c.Kind]
	})
	for i, c := range list {
		if quoted && !strings.HasPrefix(c.Text, `"`) {
			list[i].Text = `"` + c.Text + `"` // the quote is written already
		}
	}
	slices.SortStableFunc(list, func(a, b Completion) int {
		if d := slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind); d != 0 {
			return d
		}
		return strings.Compare(strings.ToLower(strings.Trim(a.Text, `"`)), strings.ToLower(strings.Trim(b.Text, `"`)))
	})
	return typed, list[:min(len(list), mostCompletions)]
}

// named are the kinds of what may be written with quotes.
var named = map[string]bool{"element": true, "definition": true, "parameter": true, "term": true, "library": true}

// kinds in the order in which they are offered.
var kinds = []string{"element", "definition", "parameter", "term", "library", "function", "type", "keyword"}

// names are what the library itself names, and the functions that it defines.
func (l *Library) names(own bool) (list []Completion) {
	for _, d := range l.order {
		if d.node.private && !own {
			continue
		}
		c := Completion{Text: written(d.node.name), Kind: "definition"}
		if d.node.function {
			c.Text, c.Kind = c.Text+"(", "function"
		}
		if d.typ != nil {
			c.Type = d.typ.String()
		}
		list = append(list, c)
	}
	for name, t := range l.terms {
		list = append(list, Completion{Text: written(name), Kind: "term", Type: t.typ.String()})
	}
	if !own {
		return list
	}
	for name, p := range l.parameters {
		list = append(list, Completion{Text: written(name), Kind: "parameter", Type: p.typ.String()})
	}
	for alias := range l.includes {
		list = append(list, Completion{Text: written(alias), Kind: "library"})
	}
	return append(list, Completion{Text: "Patient", Kind: "definition", Type: "FHIR.Patient"})
}

// below are the elements of what stands before a dot, or what a library defines.
func (l *Library) below(before string) (list []Completion) {
	receiver := lastExpression(before)
	if receiver == "" {
		return nil
	}
	if lib, ok := l.includes[strings.Trim(receiver, `"`)]; ok {
		return lib.names(false)
	}
	t := l.typeOf(receiver)
	if t == nil {
		t = l.aliased(before[:len(before)-len(receiver)], receiver)
	}
	if t == nil {
		return nil
	}
	for _, name := range elementNames(t) {
		c := Completion{Text: written(name), Kind: "element"}
		if p := propertyType(t, name); p != nil {
			c.Type = p.String()
		}
		list = append(list, c)
	}
	return list
}

func (l *Library) typeOf(expression string) *Type {
	x, err := l.Expression(expression)
	if err != nil || x.Type.kind == kAny {
		return nil // a name that nothing defines may be anything
	}
	return x.Type
}

// aliased gives the type of what begins with the alias of a query: "[Condition] C".
func (l *Library) aliased(before, receiver string) *Type {
	alias, path, _ := strings.Cut(receiver, ".")
	if !plainName.MatchString(alias) {
		return nil
	}
	source := regexp.MustCompile(`(\[[^\[\]]*\]|"[^"]*"|[\p{L}_][\p{L}\p{N}_."]*)\s+` + regexp.QuoteMeta(alias) + `(?:[^\p{L}\p{N}_]|$)`)
	var t *Type
	for _, m := range slices.Backward(source.FindAllStringSubmatch(before, -1)) {
		if t = l.typeOf(m[1]); t != nil {
			break
		}
	}
	if t != nil && t.kind == kList {
		t = t.elem
	}
	for _, name := range strings.Split(path, ".") {
		if t == nil || name == "" {
			break
		}
		t = propertyType(t, strings.Trim(name, `"`))
	}
	return t
}

// elementNames lists the elements of a type, those of its items where it is a list.
func elementNames(t *Type) (names []string) {
	switch t.kind {
	case kList:
		return elementNames(t.elem)
	case kFHIR:
		names = t.fhir.Elements()
		if t.fhir.Primitive() != 0 {
			names = append(names, "value")
		}
	case kTuple:
		names = slices.Clone(t.names)
	case kInterval:
		names = []string{"low", "high", "lowClosed", "highClosed"}
	case kChoice:
		for _, o := range t.fields {
			names = append(names, elementNames(o)...)
		}
		slices.Sort(names)
		names = slices.Compact(names)
	default:
		for field := range systemFields {
			if name, ok := strings.CutPrefix(field, t.name+"."); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

func nameRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// lastName gives the name that a text ends in the middle of, with its opening quote.
func lastName(text string) string {
	if strings.Count(text, `"`)%2 == 1 {
		return text[strings.LastIndexByte(text, '"'):]
	}
	return text[len(strings.TrimRightFunc(text, nameRune)):]
}

// lastExpression gives the path that a text ends with: names, calls and indexes with
// dots between them.
func lastExpression(text string) string {
	end := len(text)
	for {
		switch {
		case end == 0:
			return text
		case text[end-1] == '"':
			open := strings.LastIndexByte(text[:end-1], '"')
			if open < 0 {
				return ""
			}
			end = open
		case text[end-1] == ')' || text[end-1] == ']':
			open := opening(text[:end])
			if open < 0 {
				return ""
			}
			end = open
			if r, _ := utf8.DecodeLastRuneInString(text[:end]); nameRune(r) || r == '"' {
				continue // of a call, or what is indexed
			}
		default:
			name := len(strings.TrimRightFunc(text[:end], nameRune))
			if name == end {
				return text[end:]
			}
			end = name
		}
		if end == 0 || text[end-1] != '.' {
			return text[end:]
		}
		end--
	}
}

// opening finds the bracket that the last one of a text closes, -1 where there is none.
func opening(text string) int {
	depth := 0
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case ')', ']':
			depth++
		case '(', '[':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

var plainName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)

// written gives a name with quotes where it needs them.
func written(name string) string {
	if plainName.MatchString(name) && !reserved[name] {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// functionNames are the functions of the language by the names that authors know.
var functionNames = strings.Fields(`Abs AgeInDays AgeInDaysAt AgeInMonths AgeInMonthsAt AgeInYears AgeInYearsAt AllTrue AnyTrue Avg CalculateAgeInYears
 CalculateAgeInYearsAt Ceiling Coalesce Combine ConvertsToQuantity Count EndsWith Exp First Floor GeometricMean IndexOf Last LastPositionOf Length
 Ln Log Lower Matches Max Median Message Min Mode Now PopulationStdDev PopulationVariance PositionOf Power Product ReplaceMatches Round Split
 StartsWith StdDev Substring Sum TimeOfDay ToBoolean ToConcept ToDate ToDateTime ToDecimal ToInteger ToQuantity ToString ToTime Today Truncate
 Upper Variance`)

var keywords = strings.Fields(`and or xor not implies true false null exists from where return sort with without such that let in during before after
 between starts ends overlaps includes same is as if then else case when end union intersect except distinct flatten Interval define`)
