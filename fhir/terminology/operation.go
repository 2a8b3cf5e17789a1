package terminology

import (
	"context"
	"strconv"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Operations gives $expand, $validate-code, $lookup, $subsumes and $translate
// over the Snapshot that current gives at each call.
func Operations(current func(ctx context.Context) (*Snapshot, error)) []fhir.Operation {
	define := func(name, typ string, instance bool, run func(s *Snapshot, c fhir.Call) (*fhir.Object, error)) fhir.Operation {
		return operation{
			sig: fhir.Signature{
				Name: name, Types: []string{typ}, Type: true, Instance: instance, Pure: true,
				Definition: "http://hl7.org/fhir/OperationDefinition/" + typ + "-" + name,
			},
			current: current, run: run,
		}
	}
	return []fhir.Operation{
		define("expand", "ValueSet", true, expand),
		define("validate-code", "ValueSet", true, validateCode),
		define("validate-code", "CodeSystem", true, validateCode),
		define("lookup", "CodeSystem", false, lookUp),
		define("subsumes", "CodeSystem", true, subsumesOperation),
		define("translate", "ConceptMap", true, translate),
	}
}

type operation struct {
	sig     fhir.Signature
	current func(ctx context.Context) (*Snapshot, error)
	run     func(s *Snapshot, c fhir.Call) (*fhir.Object, error)
}

func (o operation) Signature() fhir.Signature { return o.sig }

// Run answers a call from memory.
func (o operation) Run(ctx context.Context, call fhir.Call) (*fhir.Resource, error) {
	s, err := o.current(ctx)
	if err != nil {
		return nil, err
	}
	out, err := o.run(s, call)
	if err != nil {
		return nil, err
	}
	return out.Resource()
}

// text gives a primitive parameter.
func text(c fhir.Call, name string) string { return c.Value(name).String() }

func number(c fhir.Call, name string) (int, error) {
	s := text(c, name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, issue.New(issue.Value, "%s is no count", name)
	}
	return n, nil
}

// language gives the language of the displays.
func language(c fhir.Call) string {
	if l := text(c, "displayLanguage"); l != "" {
		return l
	}
	return c.Language
}

// subject finds the canonical of the resource a call is about: of the instance,
// of a resource given with the call, or the one that is named. The first two
// may be none that the Snapshot holds, so they are compiled for this call.
func subject(s *Snapshot, c fhir.Call, inline string) (*Snapshot, string, error) {
	r := c.Instance
	for _, name := range []string{inline, "resource"} {
		if r != nil {
			break
		}
		if n := c.Parameter(name).Child("resource"); n != nil {
			var err error
			if r, err = n.Resource(); err != nil {
				return nil, "", err
			}
		}
	}
	if r == nil {
		return s, text(c, "url"), nil
	}
	const temporary = "urn:x-inline"
	url := r.Root().Child("url").String()
	o := r.Root().Object()
	if url == "" {
		url = temporary
		o.Set("url", url)
	}
	version := r.Root().Child("version").String()
	if version == "" {
		version = "inline"
		o.Set("version", version)
	}
	fresh, err := o.Resource()
	if err != nil {
		return nil, "", err
	}
	with, issues := s.With([]*fhir.Resource{fresh})
	if err := issue.From(issues); err != nil {
		return nil, "", err
	}
	return with, url + "|" + version, nil
}

func canonical(url, version string) string {
	return fhir.Canonical{URL: url, Version: version}.String()
}

func expand(s *Snapshot, c fhir.Call) (*fhir.Object, error) {
	s, url, err := subject(s, c, "valueSet")
	if err != nil {
		return nil, err
	}
	if url == "" {
		return nil, issue.New(issue.Required, "expand a value set: url is missing")
	}
	if v := text(c, "valueSetVersion"); v != "" {
		url = canonical(fhir.ParseCanonical(url).URL, v)
	}
	o := ExpandOptions{Filter: text(c, "filter"), Language: language(c)}
	if o.Offset, err = number(c, "offset"); err != nil {
		return nil, err
	}
	if o.Count, err = number(c, "count"); err != nil {
		return nil, err
	}
	o.ActiveOnly, _ = c.Value("activeOnly").Bool()
	if text(c, "activeOnly") == "true" {
		o.ActiveOnly = true
	}
	e, err := s.Expand(url, o)
	if err != nil {
		return nil, err
	}
	if text(c, "count") == "0" {
		e.Members = nil
	}
	return e.ValueSet(), nil
}

// ValueSet writes the expansion as a ValueSet. It carries no timestamp: the
// caller knows when it was made.
func (e *Expansion) ValueSet() *fhir.Object {
	expansion := fhir.NewObject().Set("total", e.Total).Set("offset", e.Offset)
	for _, m := range e.Members {
		o := fhir.NewObject().Set("system", m.System)
		if m.Abstract {
			o.Set("abstract", true)
		}
		if m.Inactive {
			o.Set("inactive", true)
		}
		o.Set("version", m.Version).Set("code", m.Code).Set("display", m.Display)
		for _, d := range m.Designations {
			o.Append("designation", d.object())
		}
		expansion.Append("contains", o)
	}
	return fhir.NewResource("ValueSet", "").Set("url", e.URL).Set("version", e.Version).Set("status", "active").Set("expansion", expansion)
}

func (d Designation) object() *fhir.Object {
	return fhir.NewObject().Set("language", d.Language).Set("use", d.Use).Set("value", d.Value)
}

// parameter adds one parameter; one without a value is left out.
func parameter(out *fhir.Object, name, member string, value any) {
	add(out, "parameter", name, member, value)
}

func part(out *fhir.Object, name, member string, value any) {
	add(out, "part", name, member, value)
}

func add(out *fhir.Object, list, name, member string, value any) {
	if p := fhir.NewObject().Set("name", name).Set(member, value); p.Has(member) {
		out.Append(list, p)
	}
}

// codings reads code and system, coding, or codeableConcept.
func codings(c fhir.Call) []fhir.Coding {
	if concept := c.Value("codeableConcept"); concept != nil {
		return concept.CodeableConcept().Codings
	}
	if coding := c.Value("coding"); coding != nil {
		return []fhir.Coding{coding.Coding()}
	}
	if code := text(c, "code"); code != "" {
		return []fhir.Coding{{System: text(c, "system"), Version: text(c, "version"), Code: code, Display: text(c, "display")}}
	}
	return nil
}

func validateCode(s *Snapshot, c fhir.Call) (*fhir.Object, error) {
	set := ""
	list := codings(c)
	if c.Type == "ValueSet" {
		var err error
		if s, set, err = subject(s, c, "valueSet"); err != nil {
			return nil, err
		}
		if set == "" {
			return nil, issue.New(issue.Required, "validate a code: url is missing")
		}
	} else {
		system := text(c, "url")
		if c.Instance != nil {
			system = c.Instance.Root().Child("url").String()
		}
		for i := range list {
			if list[i].System == "" {
				list[i].System = system
			}
		}
	}
	v, err := s.ValidateCode(set, list, language(c))
	if err != nil {
		return nil, err
	}
	out := fhir.NewResource("Parameters", "")
	parameter(out, "result", "valueBoolean", v.Result)
	parameter(out, "message", "valueString", v.Message)
	parameter(out, "display", "valueString", v.Display)
	return out, nil
}

func lookUp(s *Snapshot, c fhir.Call) (*fhir.Object, error) {
	list := codings(c)
	if len(list) == 0 {
		return nil, issue.New(issue.Required, "look up a code: code and system, or coding, are missing")
	}
	concept, err := s.Lookup(list[0])
	if err != nil {
		return nil, err
	}
	system := s.system(list[0].System, list[0].Version)
	out := fhir.NewResource("Parameters", "")
	name := system.name
	if name == "" {
		name = system.url
	}
	parameter(out, "name", "valueString", name)
	parameter(out, "version", "valueString", system.version)
	display := concept.Name(language(c))
	if display == "" {
		display = concept.Code
	}
	parameter(out, "display", "valueString", display)
	parameter(out, "definition", "valueString", concept.Definition)
	for _, d := range concept.Designations {
		p := fhir.NewObject().Set("name", "designation")
		part(p, "language", "valueCode", d.Language)
		part(p, "use", "valueCoding", d.Use)
		part(p, "value", "valueString", d.Value)
		out.Append("parameter", p)
	}
	for _, key := range sortedKeys(concept.properties) {
		for _, value := range concept.properties[key] {
			property(out, key, value)
		}
	}
	for _, p := range concept.parents {
		property(out, "parent", p.Code)
	}
	for _, k := range concept.children {
		property(out, "child", k.Code)
	}
	return out, nil
}

func property(out *fhir.Object, code, value string) {
	if value == "" {
		return
	}
	out.Append("parameter", fhir.NewObject().Set("name", "property").
		Append("part", fhir.NewObject().Set("name", "code").Set("valueCode", code)).
		Append("part", fhir.NewObject().Set("name", "value").Set("valueString", value)))
}

func subsumesOperation(s *Snapshot, c fhir.Call) (*fhir.Object, error) {
	system := text(c, "system")
	if c.Instance != nil {
		system = c.Instance.Root().Child("url").String()
	}
	side := func(name string) fhir.Coding {
		if v := c.Value("coding" + name); v != nil {
			return v.Coding()
		}
		return fhir.Coding{System: system, Code: text(c, "code"+name)}
	}
	outcome, err := s.Subsumption(side("A"), side("B"))
	if err != nil {
		return nil, err
	}
	out := fhir.NewResource("Parameters", "")
	parameter(out, "outcome", "valueCode", outcome)
	return out, nil
}

func translate(s *Snapshot, c fhir.Call) (*fhir.Object, error) {
	s, url, err := subject(s, c, "conceptMap")
	if err != nil {
		return nil, err
	}
	list := codings(c)
	if len(list) == 0 {
		return nil, issue.New(issue.Required, "translate a code: code and system, coding or codeableConcept are missing")
	}
	if v := text(c, "conceptMapVersion"); v != "" && url != "" {
		url = canonical(url, v)
	}
	t := Translation{Map: url, TargetSystem: text(c, "targetsystem"), Target: text(c, "target")}
	t.Reverse = text(c, "reverse") == "true"
	out := fhir.NewResource("Parameters", "")
	var all []Match
	result := false
	for _, coding := range list {
		matches, found, err := s.Translate(coding, t)
		if err != nil {
			return nil, err
		}
		all, result = append(all, matches...), result || found
	}
	parameter(out, "result", "valueBoolean", result)
	if !result {
		parameter(out, "message", "valueString", "no translation is known")
	}
	for _, m := range all {
		p := fhir.NewObject().Set("name", "match")
		part(p, "equivalence", "valueCode", m.Equivalence)
		if m.Code != "" {
			part(p, "concept", "valueCoding", m.Coding)
		}
		part(p, "source", "valueUri", m.Map)
		out.Append("parameter", p)
	}
	return out, nil
}
