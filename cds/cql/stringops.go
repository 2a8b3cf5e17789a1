package cql

import (
	"regexp"
	"strings"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

func stringOperators() map[string]*operator {
	change := func(f func(string) string) *operator {
		return strict("(String)String", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			return fhirpath.FromString(f(a[0].Text())), nil
		})
	}
	test := func(f func(s, t string) bool) *operator {
		return strict("(String,String)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			return boolean(f(a[0].Text(), a[1].Text())), nil
		})
	}
	position := func(f func(s, t string) int) *operator {
		return strict("(String,String)Integer", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			at := f(a[1].Text(), a[0].Text())
			if at > 0 {
				at = len([]rune(a[1].Text()[:at]))
			}
			return fhirpath.FromInt(int64(at)), nil
		})
	}
	return map[string]*operator{
		"Concatenate": strict("(String,String)String", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			return ev.text(a[0].Text() + a[1].Text())
		}),
		"ConcatenateAnd": lenient("(String,String)String", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			return ev.text(plain(a[0]).Text() + plain(a[1]).Text())
		}),
		"Combine":        lenient("(List<String>)String (List<String>,String)String", combine),
		"Split":          lenient("(String,String)List<String>", split(false)),
		"SplitOnMatches": lenient("(String,String)List<String>", split(true)),
		"Upper":          change(strings.ToUpper),
		"Lower":          change(strings.ToLower),
		"StartsWith":     test(strings.HasPrefix),
		"EndsWith":       test(strings.HasSuffix),
		"PositionOf":     position(strings.Index),
		"LastPositionOf": position(strings.LastIndex),
		"Substring":      strict("(String,Integer)String (String,Integer,Integer)String", substring),
		"Matches":        strict("(String,String)Boolean", matches),
		"ReplaceMatches": strict("(String,String,String)String", replaceMatches),
		"ToChars": strict("(String)List<String>", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			if len(a[0].Text()) > 4*ev.limits.Items {
				return null, ev.grown(len(a[0].Text()))
			}
			out := chars(a[0].Text())
			return listValue(out), ev.made(len(out))
		}),
		"ContainsText": test(strings.Contains),
		"ReplaceText": strict("(String,String,String)String", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			if len(a[0].Text())*(len(a[2].Text())+1) > 4*ev.limits.Text {
				return null, ev.stop("a text of more than %d bytes", ev.limits.Text)
			}
			return ev.text(strings.ReplaceAll(a[0].Text(), a[1].Text(), a[2].Text()))
		}),
	}
}

// text gives a text that was made, unless it is too long.
func (ev *evaluation) text(s string) (Value, error) {
	if len(s) > ev.limits.Text {
		return null, ev.stop("a text of more than %d bytes", ev.limits.Text)
	}
	ev.count += len(s) / 64
	return fhirpath.FromString(s), ev.work(len(s) / 64)
}

func chars(s string) []Value {
	var out []Value
	for _, r := range s {
		out = append(out, fhirpath.FromString(string(r)))
	}
	return out
}

func combine(ev *evaluation, _ *site, a []Value) (Value, error) {
	list, ok := asList(a[0])
	if !ok {
		return null, nil
	}
	separator := ""
	if len(a) > 1 {
		separator = plain(a[1]).Text()
	}
	var parts []string
	size := 0
	for _, v := range list {
		if v = plain(v); v.Kind() == fhirpath.String {
			parts = append(parts, v.Text())
			if size += len(v.Text()) + len(separator); size > ev.limits.Text {
				return null, ev.stop("a text of more than %d bytes", ev.limits.Text)
			}
		}
	}
	if len(parts) == 0 {
		return null, nil
	}
	return ev.text(strings.Join(parts, separator))
}

func split(pattern bool) runner {
	return func(ev *evaluation, s *site, a []Value) (Value, error) {
		v, sep := plain(a[0]), plain(a[1])
		if v.Kind() != fhirpath.String {
			return null, nil
		}
		parts := []string{v.Text()}
		switch {
		case sep.Kind() != fhirpath.String || sep.Text() == "":
		case pattern:
			re, err := ev.pattern(s, sep.Text(), false)
			if err != nil {
				return null, err
			}
			parts = re.Split(v.Text(), -1)
		default:
			parts = strings.Split(v.Text(), sep.Text())
		}
		if err := ev.made(len(parts)); err != nil {
			return null, err
		}
		out := make([]Value, len(parts))
		for i, p := range parts {
			out[i] = fhirpath.FromString(p)
		}
		return listValue(out), nil
	}
}

func substring(_ *evaluation, _ *site, a []Value) (Value, error) {
	r := []rune(a[0].Text())
	start := a[1].Num()
	if start == 0 && len(r) == 0 {
		return fhirpath.FromString(""), nil
	}
	if start < 0 || start >= int64(len(r)) {
		return null, nil
	}
	end := int64(len(r))
	if len(a) > 2 {
		if n := a[2].Num(); n < end-start {
			end = start + max(n, 0)
		}
	}
	return fhirpath.FromString(string(r[start:end])), nil
}

// pattern compiles a regular expression, each once. Go's expressions work in linear
// time; what they do not know is an error.
func (ev *evaluation) pattern(s *site, text string, full bool) (*regexp.Regexp, error) {
	k := text
	if full {
		k = `\A(?s:` + text + `)\z`
	}
	if re := ev.patterns[k]; re != nil {
		return re, nil
	}
	if len(text) > 1000 {
		return nil, s.fail(issue.TooCostly, "a regular expression of more than 1000 bytes")
	}
	re, err := regexp.Compile(k)
	if err != nil {
		return nil, s.fail(issue.Processing, "the regular expression cannot be read")
	}
	if ev.patterns == nil {
		ev.patterns = map[string]*regexp.Regexp{}
	}
	if len(ev.patterns) < 100 {
		ev.patterns[k] = re
	}
	return re, nil
}

func matches(ev *evaluation, s *site, a []Value) (Value, error) {
	re, err := ev.pattern(s, a[1].Text(), true)
	if err != nil {
		return null, err
	}
	return boolean(re.MatchString(a[0].Text())), ev.work(len(a[0].Text()) / 64)
}

// replaceMatches reads $1 in the replacement as a group and \$ as a dollar.
func replaceMatches(ev *evaluation, s *site, a []Value) (Value, error) {
	re, err := ev.pattern(s, a[1].Text(), false)
	if err != nil {
		return null, err
	}
	var b strings.Builder
	in := a[2].Text()
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '\\' && i+1 < len(in):
			i++
			if in[i] == '$' {
				b.WriteString("$")
			}
			b.WriteByte(in[i])
		case in[i] == '$' && i+1 < len(in) && digit(in[i+1]):
			i++
			b.WriteString("${" + string(in[i]) + "}")
		case in[i] == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(in[i])
		}
	}
	if n := len(re.FindAllStringIndex(a[0].Text(), -1)); n*(len(in)+len(a[0].Text())) > 16*ev.limits.Text {
		return null, ev.stop("a text of more than %d bytes", ev.limits.Text)
	}
	return ev.text(re.ReplaceAllString(a[0].Text(), b.String()))
}
