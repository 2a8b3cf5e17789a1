package fhirpath

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"cdss/fhir"
)

// Strings (N1, section 5.6). Positions and lengths count characters.

// stringArgs reads the input and the arguments as strings; ok is false, for an
// empty result, where one of them is empty.
func (ev *evaluation) stringArgs(e *expr, in set, args []set) (s string, list []string, ok bool, err error) {
	s, ok, err = ev.str(in, e.pos, "the input of "+e.name+"()")
	if err != nil {
		return "", nil, false, err
	}
	for _, a := range args {
		text, has, err := ev.str(a, e.pos, "the argument of "+e.name+"()")
		if err != nil {
			return "", nil, false, err
		}
		list = append(list, text)
		ok = ok && has
	}
	return s, list, ok, nil
}

// onString makes a function of a string and n string arguments.
func onString(n int, f func(ev *evaluation, e *expr, s string, args []string) (set, error)) function {
	return function{min: n, max: n, strict: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
		s, list, ok, err := ev.stringArgs(e, in, args)
		if err != nil || !ok {
			return set{}, err
		}
		return f(ev, e, s, list)
	}}
}

// test makes a function of two strings that gives a boolean.
func test(f func(s, arg string) bool) function {
	return onString(1, func(_ *evaluation, _ *expr, s string, args []string) (set, error) {
		return boolean(f(s, args[0])), nil
	})
}

// change makes a function that gives another string.
func change(f func(s string) string) function {
	return onString(0, func(ev *evaluation, e *expr, s string, _ []string) (set, error) {
		return ev.text(f(s), e.pos)
	})
}

// position makes a function that gives the place of one string in another.
func position(find func(s, arg string) int) function {
	return onString(1, func(ev *evaluation, _ *expr, s string, args []string) (set, error) {
		at := find(s, args[0])
		if at > 0 {
			at = utf8.RuneCountInString(s[:at])
		}
		return ev.one(FromInt(int64(at))), nil
	})
}

func stringFunctions() map[string]function {
	return map[string]function{
		"startsWith":  test(strings.HasPrefix),
		"endsWith":    test(strings.HasSuffix),
		"contains":    test(strings.Contains),
		"indexOf":     position(strings.Index),
		"lastIndexOf": position(strings.LastIndex),
		"upper":       change(strings.ToUpper),
		"lower":       change(strings.ToLower),
		"trim":        change(strings.TrimSpace),
		"length": onString(0, func(ev *evaluation, _ *expr, s string, _ []string) (set, error) {
			return ev.one(FromInt(int64(utf8.RuneCountInString(s)))), nil
		}),
		"toChars": onString(0, func(ev *evaluation, _ *expr, s string, _ []string) (set, error) {
			var out set
			for i, r := range s {
				out.items = append(out.items, FromString(s[i:i+utf8.RuneLen(r)]))
			}
			return out, ev.fits(out.items)
		}),
		"substring": {min: 1, max: 2, strict: substring},
		"replace": onString(2, func(ev *evaluation, e *expr, s string, args []string) (set, error) {
			if n := strings.Count(s, args[0]); len(s)+n*len(args[1]) > ev.limits.Text {
				return ev.text(strings.Repeat(" ", ev.limits.Text+1), e.pos)
			}
			return ev.text(strings.ReplaceAll(s, args[0], args[1]), e.pos)
		}),
		"split": onString(1, func(ev *evaluation, _ *expr, s string, args []string) (set, error) {
			var out set
			for _, part := range strings.Split(s, args[0]) {
				out.items = append(out.items, FromString(part))
			}
			return out, ev.fits(out.items)
		}),
		"join":           {max: 1, strict: join},
		"matches":        {min: 1, max: 1, compile: compileMatches},
		"matchesFull":    {min: 1, max: 1, compile: compileMatches},
		"replaceMatches": {min: 2, max: 2, compile: compileReplaceMatches},
		"encode":         onString(1, encode),
		"decode":         onString(1, decode),
		"escape":         onString(1, escapeText),
		"unescape":       onString(1, unescapeText),
	}
}

func substring(ev *evaluation, e *expr, in set, args []set) (set, error) {
	s, ok, err := ev.str(in, e.pos, "the input of substring()")
	if err != nil || !ok {
		return set{}, err
	}
	start, ok, err := ev.integer(args[0], e.pos, "the start")
	if err != nil || !ok {
		return set{}, err
	}
	runes := []rune(s)
	if start < 0 || start >= int64(len(runes)) {
		return set{}, nil
	}
	runes = runes[start:]
	if len(args) > 1 {
		n, ok, err := ev.integer(args[1], e.pos, "the length")
		if err != nil {
			return set{}, err
		}
		if ok {
			runes = runes[:clamp(n, len(runes))]
		}
	}
	return ev.text(string(runes), e.pos)
}

func join(ev *evaluation, e *expr, in set, args []set) (set, error) {
	separator := ""
	if len(args) > 0 {
		var err error
		if separator, _, err = ev.str(args[0], e.pos, "the separator"); err != nil {
			return set{}, err
		}
	}
	if len(in.items) == 0 {
		return set{}, nil
	}
	size := 0
	parts := make([]string, 0, len(in.items))
	for _, v := range in.items {
		s := v.system()
		if s.kind != String {
			return set{}, ev.fail(e.pos, "join() works on strings")
		}
		if size += len(s.text) + len(separator); size > ev.limits.Text+len(separator) {
			return set{}, ev.fail(e.pos, "a text of more than %d bytes", ev.limits.Text)
		}
		parts = append(parts, s.text)
	}
	return ev.text(strings.Join(parts, separator), e.pos)
}

// maxPattern bounds regular expressions; RE2 runs in linear time, so the text
// needs no further bound.
const maxPattern = 2000

// pattern gives the compiled expression of an argument: at once for a literal,
// else at each evaluation. Lookahead and backreferences do not exist in RE2.
func (c *compiler) pattern(e *expr) (func(ev *evaluation, f *frame) (*regexp.Regexp, uint64, error), error) {
	wrap := func(s string) string {
		if e.name == "matchesFull" {
			return `(?s)\A(?:` + s + `)\z`
		}
		return "(?s)" + s
	}
	arg := e.args[1]
	if arg.op == opLiteral && len(arg.value) == 1 && arg.value[0].kind == String {
		text := arg.value[0].text
		if len(text) > maxPattern {
			return nil, c.fail(arg.pos, "the pattern is longer than %d bytes", maxPattern)
		}
		if text == "" && e.name == "replaceMatches" {
			return func(*evaluation, *frame) (*regexp.Regexp, uint64, error) { return nothing, 0, nil }, nil
		}
		re, err := regexp.Compile(wrap(text))
		if err != nil {
			return nil, c.fail(arg.pos, "no regular expression")
		}
		return func(*evaluation, *frame) (*regexp.Regexp, uint64, error) { return re, 0, nil }, nil
	}
	run, err := c.compile(arg)
	if err != nil {
		return nil, err
	}
	return func(ev *evaluation, f *frame) (*regexp.Regexp, uint64, error) {
		s, err := run(ev, f)
		if err != nil || s.unknown != 0 {
			return nil, s.unknown, err
		}
		text, ok, err := ev.str(s, e.pos, "the pattern")
		if err != nil || !ok {
			return nil, 0, err
		}
		if text == "" && e.name == "replaceMatches" {
			return nothing, 0, nil
		}
		if len(text) > maxPattern {
			return nil, 0, ev.fail(e.pos, "the pattern is longer than %d bytes", maxPattern)
		}
		ev.steps += len(text)
		re, err := regexp.Compile(wrap(text))
		if err != nil {
			return nil, 0, ev.fail(e.pos, "no regular expression")
		}
		return re, 0, nil
	}, nil
}

// nothing matches nothing: an empty pattern replaces nothing.
var nothing = regexp.MustCompile(`[^\x00-\x{10FFFF}]`)

func compileMatches(c *compiler, e *expr, in eval) (eval, error) {
	pattern, err := c.pattern(e)
	if err != nil {
		return nil, err
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		re, unknown, err := pattern(ev, f)
		if err != nil {
			return set{}, err
		}
		if unknown |= s.unknown; unknown != 0 {
			return undetermined(unknown), nil
		}
		text, ok, err := ev.str(s, e.pos, "the input of "+e.name+"()")
		if err != nil || !ok || re == nil {
			return set{}, err
		}
		ev.steps += len(text) >> 4
		return boolean(re.MatchString(text)), nil
	}, nil
}

func compileReplaceMatches(c *compiler, e *expr, in eval) (eval, error) {
	pattern, err := c.pattern(e)
	if err != nil {
		return nil, err
	}
	by, err := c.compile(e.args[2])
	if err != nil {
		return nil, err
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		re, unknown, err := pattern(ev, f)
		if err != nil {
			return set{}, err
		}
		b, err := by(ev, f)
		if err != nil {
			return set{}, err
		}
		if unknown |= s.unknown | b.unknown; unknown != 0 {
			return undetermined(unknown), nil
		}
		text, ok1, err := ev.str(s, e.pos, "the input of replaceMatches()")
		if err != nil {
			return set{}, err
		}
		replacement, ok2, err := ev.str(b, e.pos, "the replacement")
		if err != nil || !ok1 || !ok2 || re == nil {
			return set{}, err
		}
		ev.steps += len(text) >> 4
		if (len(text)+1)*(len(replacement)+1) > 64*ev.limits.Text {
			return set{}, ev.fail(e.pos, "a text of more than %d bytes", ev.limits.Text)
		}
		return ev.text(re.ReplaceAllString(text, groups.ReplaceAllString(replacement, "$${$1}")), e.pos)
	}, nil
}

// groups finds $1 in a replacement; Go would read the letters behind it too.
var groups = regexp.MustCompile(`\$(\d+)`)

func encode(ev *evaluation, e *expr, s string, args []string) (set, error) {
	switch args[0] {
	case "hex":
		return ev.text(hex.EncodeToString([]byte(s)), e.pos)
	case "base64":
		return ev.text(base64.StdEncoding.EncodeToString([]byte(s)), e.pos)
	case "urlbase64":
		return ev.text(base64.URLEncoding.EncodeToString([]byte(s)), e.pos)
	}
	return set{}, nil
}

func decode(ev *evaluation, e *expr, s string, args []string) (set, error) {
	var b []byte
	var err error
	switch args[0] {
	case "hex":
		b, err = hex.DecodeString(s)
	case "base64":
		b, err = base64.StdEncoding.DecodeString(s)
	case "urlbase64":
		b, err = base64.URLEncoding.DecodeString(s)
	default:
		return set{}, nil
	}
	if err != nil || !utf8.Valid(b) {
		return set{}, ev.fail(e.pos, "the input is no %s of a text", clip(args[0]))
	}
	return ev.text(string(b), e.pos)
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

func escapeText(ev *evaluation, e *expr, s string, args []string) (set, error) {
	switch args[0] {
	case "html":
		return ev.text(htmlEscapes.Replace(s), e.pos)
	case "json":
		quoted := string(fhir.NewObject().Set("x", "-"+s).JSON())
		return ev.text(quoted[len(`{"x":"-`):len(quoted)-len(`"}`)], e.pos)
	}
	return set{}, nil
}

func unescapeText(ev *evaluation, e *expr, s string, args []string) (set, error) {
	switch args[0] {
	case "html":
		return ev.text(html.UnescapeString(s), e.pos)
	case "json":
		return ev.text(unescapeJSON(s), e.pos)
	}
	return set{}, nil
}

// unescapeJSON decodes escapes and leaves what is none as it is.
func unescapeJSON(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			l := lexer{src: s, pos: i - 1}
			if err := l.escape(&b); err != nil {
				b.WriteString(`\u`)
				continue
			}
			i = l.pos - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
