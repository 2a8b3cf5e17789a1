package search

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cdss/fhir/issue"
)

// Options say how a search is read.
type Options struct {
	Now     time.Time // for the prefix "ap" of dates
	Base    string    // url of this server: references below it are local ones
	Lenient bool      // leave out what is not known and say so (Prefer: handling=lenient)
}

// Limits of a page.
const (
	DefaultCount = 50
	MaxCount     = 1000
	maxOffset    = 1_000_000
	maxValues    = 200
	maxChain     = 3
	// Each criterion and each step of a chain is a join, and what a planner needs
	// grows faster than their number: a hundred cost it five seconds.
	maxJoins = 20
)

// Parse reads the search of one type. Values that are malformed are an error in
// any case; unknown parameters, modifiers and controls are one unless
// opt.Lenient. Errors are of kind issue.NotSupported (400 all the same),
// issue.Invalid or issue.TooLong.
func Parse(typ string, pairs []Pair, opt Options) (*Query, error) {
	if !IsType(typ) {
		return nil, unsupported("search: %q is no resource type of FHIR R4", clip(typ))
	}
	p := parser{q: &Query{Type: typ, Count: DefaultCount}, opt: opt, seen: map[string]bool{}}
	for _, pair := range pairs {
		if err := p.pair(pair); err != nil {
			if opt.Lenient && issue.Is(err, issue.NotSupported) {
				for _, i := range issue.Issues(err) {
					i.Severity = issue.SeverityWarning
					p.q.Ignored = append(p.q.Ignored, i)
				}
				continue
			}
			return nil, err
		}
	}
	if p.q.Count == 0 {
		p.q.Summary = SummaryCount
	}
	if p.q.Summary == SummaryText && len(p.q.Include) > 0 {
		return nil, p.invalid("_summary", "text goes with no _include (R4, 3.1.1.5.8)")
	}
	return p.q, nil
}

// unsupported is a refusal of what this server does not know: a 400, since the
// client can mend it.
func unsupported(format string, a ...any) *issue.Error {
	return issue.New(issue.NotSupported, format, a...).WithStatus(400)
}

type parser struct {
	q     *Query
	opt   Options
	seen  map[string]bool
	joins int
}

func (p *parser) invalid(name, format string, a ...any) *issue.Error {
	return issue.New(issue.Invalid, "search "+p.q.Type+", parameter %q: "+format, append([]any{clip(name)}, a...)...)
}

func (p *parser) unsupported(name, format string, a ...any) *issue.Error {
	return unsupported("search "+p.q.Type+", parameter %q: "+format, append([]any{clip(name)}, a...)...)
}

func (p *parser) pair(pair Pair) error {
	if pair.Name == "_format" || pair.Name == "_pretty" {
		return nil // how the answer is written is not the search's matter
	}
	name, modifier, _ := strings.Cut(pair.Name, ":")
	read, control := controls[name]
	if control {
		if p.seen[name] && !repeatable[name] {
			return p.invalid(name, "stands twice")
		}
		p.seen[name] = true
		if err := read(p, modifier, pair.Value); err != nil {
			return err
		}
	} else {
		c, err := p.criterion(p.q.Type, pair.Name, pair.Value, 0)
		if err != nil {
			return err
		}
		p.q.Criteria = append(p.q.Criteria, c)
	}
	p.q.Used = append(p.q.Used, pair)
	return nil
}

// criterion reads "name:modifier" or a chain "name:Type.rest".
func (p *parser) criterion(typ, name, value string, depth int) (Criterion, error) {
	head, rest, chained := strings.Cut(name, ".")
	base, modifier, modified := strings.Cut(head, ":")
	param, ok := Find(typ, base)
	if !ok {
		return Criterion{}, p.unknown(typ, base)
	}
	if p.joins++; p.joins > maxJoins {
		return Criterion{}, issue.New(issue.TooCostly, "search %s: more than %d criteria, those of chains counted", p.q.Type, maxJoins).WithStatus(400)
	}
	c := Criterion{Parameter: param}
	if value == "" {
		return c, p.invalid(name, "has no value")
	}
	if modified && param.Type == TypeReference && IsType(modifier) {
		if len(param.Targets) > 0 && !slices.Contains(param.Targets, modifier) {
			return c, p.invalid(name, "points to %s, never to %s", strings.Join(param.Targets, ", "), modifier)
		}
		c.Target, modifier = modifier, ""
	}
	if chained {
		return p.chain(c, name, modifier, rest, value, depth)
	}
	if modifier != "" {
		c.Modifier = Modifier(modifier)
		if allowed := Modifiers(param.Type); !slices.Contains(allowed, c.Modifier) {
			return c, p.unsupported(name, "the modifier %q is not supported for a %s; supported are %s", clip(modifier), param.Type, list(allowed))
		}
	}
	if c.Modifier == ModifierMissing {
		if value != "true" && value != "false" {
			return c, p.invalid(name, "must be true or false")
		}
		c.Absent = value == "true"
		return c, nil
	}
	parts := split(value, ',')
	if len(parts) > maxValues {
		return c, issue.New(issue.TooLong, "search %s, parameter %q: more than %d values", p.q.Type, clip(name), maxValues)
	}
	for i, part := range parts {
		if part == "" {
			return c, p.invalid(name, "value %d is empty", i+1)
		}
		v, why := p.value(c, part)
		if why != "" {
			return c, p.invalid(name, "value %d %s", i+1, why)
		}
		c.Values = append(c.Values, v)
	}
	return c, nil
}

func (p *parser) unknown(typ, name string) error {
	switch name {
	case "_content", "_text", "_list", "_has", "_filter", "_query", "_type", "_contained", "_containedType":
		return p.unsupported(name, "is not supported")
	}
	return p.unsupported(name, "is not known for %s; known are %s", typ, names(typ))
}

// chain reads a condition on the resource that a reference names.
func (p *parser) chain(c Criterion, name, modifier, rest, value string, depth int) (Criterion, error) {
	switch {
	case c.Parameter.Type != TypeReference:
		return c, p.invalid(name, "%s is no reference that a chain could follow", c.Parameter.Name)
	case modifier != "":
		return c, p.unsupported(name, "the modifier %q is not supported in a chain", clip(modifier))
	case depth == maxChain:
		return c, p.unsupported(name, "follows more than %d references", maxChain)
	}
	next, _, _ := strings.Cut(rest, ".")
	next, _, _ = strings.Cut(next, ":")
	if c.Target == "" {
		targets := c.Parameter.Targets
		if len(targets) == 0 {
			return c, p.invalid(name, "points to many types: name one, as in %s:Type.%s", c.Parameter.Name, clip(rest))
		}
		var fit []string
		for _, t := range targets {
			if _, ok := Find(t, next); ok {
				fit = append(fit, t)
			}
		}
		switch len(fit) {
		case 0:
			return c, p.unsupported(name, "%q is known for none of %s", clip(next), strings.Join(targets, ", "))
		case 1:
			c.Target = fit[0]
		default:
			return c, p.invalid(name, "points to %s: name one, as in %s:%s.%s", strings.Join(fit, ", "), c.Parameter.Name, fit[0], clip(rest))
		}
	}
	inner, err := p.criterion(c.Target, rest, value, depth+1)
	if err != nil {
		return c, err
	}
	c.Chain = &inner
	return c, nil
}

// controls are the parameters that shape the answer.
var controls = map[string]func(p *parser, modifier, value string) error{
	"_count":      (*parser).count,
	"_offset":     (*parser).offset,
	"_sort":       (*parser).sort,
	"_summary":    (*parser).summary,
	"_elements":   (*parser).elements,
	"_total":      (*parser).total,
	"_include":    func(p *parser, m, v string) error { return p.include("_include", m, v, false) },
	"_revinclude": func(p *parser, m, v string) error { return p.include("_revinclude", m, v, true) },
}

var repeatable = map[string]bool{"_include": true, "_revinclude": true}

func (p *parser) number(name, modifier, value string, most int) (int, error) {
	if modifier != "" {
		return 0, p.unsupported(name, "takes no modifier")
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, p.invalid(name, "must be a whole number from 0 to %d", most)
	}
	return n, nil
}

func (p *parser) count(modifier, value string) error {
	n, err := p.number("_count", modifier, value, MaxCount)
	if err != nil {
		return err
	}
	p.q.Count = min(n, MaxCount)
	if n > MaxCount {
		return p.unsupported("_count", "a page holds at most %d resources", MaxCount)
	}
	return nil
}

func (p *parser) offset(modifier, value string) (err error) {
	p.q.Offset, err = p.number("_offset", modifier, value, maxOffset)
	if err == nil && p.q.Offset > maxOffset {
		return p.invalid("_offset", "must be a whole number from 0 to %d", maxOffset)
	}
	return err
}

func (p *parser) sort(modifier, value string) error {
	if modifier != "" {
		return p.unsupported("_sort", "takes no modifier; a descending key begins with a minus sign")
	}
	for _, key := range strings.Split(value, ",") {
		name, descending := strings.CutPrefix(strings.TrimSpace(key), "-")
		param, ok := Find(p.q.Type, name)
		if !ok {
			return p.unsupported("_sort", "%q is not known for %s; known are %s", clip(name), p.q.Type, names(p.q.Type))
		}
		p.q.Sort = append(p.q.Sort, Sort{Parameter: param, Descending: descending})
		if len(p.q.Sort) > 8 {
			return p.invalid("_sort", "has more than 8 keys")
		}
	}
	return nil
}

func (p *parser) summary(modifier, value string) error {
	if modifier != "" {
		return p.unsupported("_summary", "takes no modifier")
	}
	switch s := Summary(value); s {
	case SummaryTrue, SummaryText, SummaryData, SummaryCount:
		p.q.Summary = s
	case "false":
	default:
		return p.invalid("_summary", "must be true, text, data, count or false")
	}
	return nil
}

func (p *parser) elements(modifier, value string) error {
	if modifier != "" {
		return p.unsupported("_elements", "takes no modifier")
	}
	for _, name := range strings.Split(value, ",") {
		name = strings.TrimPrefix(strings.TrimSpace(name), p.q.Type+".")
		if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return p.invalid("_elements", "must be a list of element names, as in name,status")
		}
		p.q.Elements = append(p.q.Elements, name)
	}
	return nil
}

func (p *parser) total(modifier, value string) error {
	if modifier != "" {
		return p.unsupported("_total", "takes no modifier")
	}
	switch t := Total(value); t {
	case TotalNone, TotalEstimate, TotalAccurate:
		p.q.Total = t
		return nil
	}
	return p.invalid("_total", "must be none, estimate or accurate")
}

func (p *parser) include(name, modifier, value string, reverse bool) error {
	i := Include{Reverse: reverse}
	switch modifier {
	case "":
	case "iterate", "recurse": // the latter is STU3's word
		i.Iterate = true
	default:
		return p.unsupported(name, "the modifier %q is not supported; supported is iterate", clip(modifier))
	}
	parts := strings.Split(value, ":")
	if value == "*" {
		parts = []string{p.q.Type, "*"}
	}
	if len(parts) < 2 || len(parts) > 3 {
		return p.invalid(name, "must be Type:parameter or Type:parameter:Target, as in PlanDefinition:depends-on")
	}
	i.Source = parts[0]
	if !IsType(i.Source) {
		return p.unsupported(name, "%q is no resource type of FHIR R4", clip(i.Source))
	}
	i.Parameter = Parameter{Name: "*", Type: TypeReference}
	if parts[1] != "*" {
		param, ok := Find(i.Source, parts[1])
		if !ok {
			return p.unsupported(name, "%q is not known for %s", clip(parts[1]), i.Source)
		}
		if param.Type != TypeReference {
			return p.invalid(name, "%s of %s is no reference", param.Name, i.Source)
		}
		i.Parameter = param
	}
	if len(parts) == 3 && parts[2] != "" {
		i.Target = parts[2]
		if !IsType(i.Target) {
			return p.unsupported(name, "%q is no resource type of FHIR R4", clip(i.Target))
		}
	}
	if len(p.q.Include) == 20 {
		return p.invalid(name, "stands more than 20 times")
	}
	p.q.Include = append(p.q.Include, i)
	return nil
}

func list[T ~string](items []T) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = string(item)
	}
	return strings.Join(texts, ", ")
}
