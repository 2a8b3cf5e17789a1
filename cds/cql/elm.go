package cql

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// maxELM bounds a library in ELM, which is some ten times as long as its CQL.
const maxELM = 8 << 20

// elmNode is an object of ELM.
type elmNode map[string]any

// elmReader makes the tree of a library of its ELM: the same tree that the parser
// makes of CQL, so that both are checked and compiled alike. Errors are panics of
// elmFault within this file.
type elmReader struct {
	source *source
	depth  int
}

type elmFault struct {
	pos  int
	text string
}

// readELM reads a library in ELM (JSON).
func readELM(raw []byte, s *source) (lib *libraryNode, err error) {
	if len(raw) > maxELM {
		return nil, issue.New(issue.TooLong, "CQL: %s: the ELM has %d bytes, more than %d", clip(s.name), len(raw), maxELM)
	}
	var doc struct {
		Library elmNode `json:"library"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil || doc.Library == nil {
		return nil, issue.New(issue.Structure, "CQL: %s: this is no library in ELM", clip(s.name))
	}
	s.elm = true
	r := &elmReader{source: s}
	defer func() {
		switch f := recover().(type) {
		case nil:
		case elmFault:
			lib, err = nil, s.fail(issue.Invalid, f.pos, "%s", f.text)
		default:
			panic(f)
		}
	}()
	return r.library(doc.Library), nil
}

func (n elmNode) str(name string) string {
	s, _ := n[name].(string)
	return s
}

func (n elmNode) node(name string) elmNode {
	m, _ := n[name].(map[string]any)
	return m
}

func (n elmNode) list(name string) []elmNode {
	items, _ := n[name].([]any)
	var out []elmNode
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// defs gives the definitions of a kind.
func (n elmNode) defs(name string) []elmNode { return n.node(name).list("def") }

// pos packs line and column of a locator, "12:5-12:20".
func (n elmNode) pos() int {
	at, _, _ := strings.Cut(n.str("locator"), "-")
	line, column, _ := strings.Cut(at, ":")
	l, _ := strconv.Atoi(line)
	c, _ := strconv.Atoi(column)
	return min(max(l, 0), 1<<20)<<12 | min(max(c, 0), 1<<12-1)
}

func (r *elmReader) fail(n elmNode, format string, a ...any) {
	panic(elmFault{n.pos(), fmt.Sprintf(format, a...)})
}

// local gives the name of "{http://hl7.org/fhir}Patient" with its model.
func local(name string) (model, own string) {
	space, own, ok := strings.Cut(name, "}")
	if !ok {
		return "", name
	}
	if strings.Contains(space, "fhir") {
		return "FHIR", own
	}
	return "System", own
}

func (r *elmReader) library(n elmNode) *libraryNode {
	id := n.node("identifier")
	lib := &libraryNode{name: id.str("id"), version: id.str("version")}
	if lib.name != "" {
		r.source.name = lib.name
	}
	for _, u := range n.defs("usings") {
		lib.usings = append(lib.usings, usingNode{u.pos(), u.str("localIdentifier"), u.str("version"), u.str("localIdentifier")})
	}
	for _, i := range n.defs("includes") {
		path := i.str("path")
		path = path[strings.LastIndexAny(path, "./")+1:]
		lib.includes = append(lib.includes, includeNode{pos: i.pos(), name: path, ver: i.str("version"), call: i.str("localIdentifier")})
	}
	for _, c := range n.defs("codeSystems") {
		lib.codeSystems = append(lib.codeSystems, codeSystemNode{c.pos(), c.str("name"), c.str("id"), c.str("version")})
	}
	for _, v := range n.defs("valueSets") {
		lib.valueSets = append(lib.valueSets, valueSetNode{pos: v.pos(), name: v.str("name"), id: v.str("id"), version: v.str("version")})
	}
	for _, c := range n.defs("codes") {
		lib.codes = append(lib.codes, codeNode{c.pos(), c.str("name"), c.str("id"), qualifiedName(c.node("codeSystem")), c.str("display")})
	}
	for _, c := range n.defs("concepts") {
		concept := conceptNode{pos: c.pos(), name: c.str("name"), display: c.str("display")}
		for _, code := range c.list("code") {
			concept.codes = append(concept.codes, qualifiedName(code))
		}
		lib.concepts = append(lib.concepts, concept)
	}
	for _, p := range n.defs("parameters") {
		parameter := parameterNode{pos: p.pos(), name: p.str("name"), spec: r.typeAt(p, "parameterType")}
		if d := p.node("default"); d != nil {
			parameter.value = r.expr(d)
		}
		lib.parameters = append(lib.parameters, parameter)
	}
	for _, d := range n.defs("statements") {
		context := d.str("context")
		if context != "" && !slices.Contains(lib.contexts, context) {
			lib.contexts = append(lib.contexts, context)
		}
		def := &defineNode{pos: d.pos(), name: d.str("name"), context: context, private: d.str("accessLevel") == "Private", function: d.str("type") == "FunctionDef"}
		// The translator writes context Patient as a definition of that name.
		if e := d.node("expression"); def.name == context && e.str("type") == "SingletonFrom" {
			continue
		}
		if def.function {
			def.fluent, _ = d["fluent"].(bool)
			def.external, _ = d["external"].(bool)
			for _, o := range d.list("operand") {
				def.operands = append(def.operands, operandNode{o.pos(), o.str("name"), r.typeAt(o, "operandType")})
			}
		}
		if e := d.node("expression"); e != nil {
			def.body = r.expr(e)
		}
		lib.defines = append(lib.defines, def)
	}
	return lib
}

// qualifiedName gives a name, behind that of its library.
func qualifiedName(n elmNode) string {
	if lib := n.str("libraryName"); lib != "" {
		return lib + "." + n.str("name")
	}
	return n.str("name")
}

// typeAt reads a type that is given by name or by specifier; nil where it is not.
func (r *elmReader) typeAt(n elmNode, name string) *typeSpec {
	if s := n.node(name + "Specifier"); s != nil {
		return r.typeSpec(s)
	}
	if s := n.str(name); s != "" {
		model, own := local(s)
		return &typeSpec{pos: n.pos(), kind: 'n', model: model, name: own}
	}
	return nil
}

func (r *elmReader) typeSpec(n elmNode) *typeSpec {
	r.enter(n)
	defer r.leave()
	s := &typeSpec{pos: n.pos()}
	switch n.str("type") {
	case "NamedTypeSpecifier":
		s.kind = 'n'
		s.model, s.name = local(n.str("name"))
	case "ListTypeSpecifier":
		s.kind, s.args = 'l', []*typeSpec{r.typeSpec(n.node("elementType"))}
	case "IntervalTypeSpecifier":
		s.kind, s.args = 'i', []*typeSpec{r.typeSpec(n.node("pointType"))}
	case "TupleTypeSpecifier":
		s.kind = 't'
		for _, e := range n.list("element") {
			of := e.node("elementType")
			if of == nil {
				of = e.node("type")
			}
			s.fieldNames, s.args = append(s.fieldNames, e.str("name")), append(s.args, r.typeSpec(of))
		}
	case "ChoiceTypeSpecifier":
		s.kind = 'c'
		options := n.list("choice")
		if len(options) == 0 {
			options = n.list("type")
		}
		for _, c := range options {
			s.args = append(s.args, r.typeSpec(c))
		}
	default:
		r.fail(n, "type specifier %q is not known", clip(n.str("type")))
	}
	return s
}

func (r *elmReader) enter(n elmNode) {
	if r.depth++; r.depth > maxDepth {
		r.fail(n, "expressions stand more than %d deep within each other", maxDepth)
	}
}

func (r *elmReader) leave() { r.depth-- }

func (r *elmReader) exprs(list []elmNode) []*node {
	out := make([]*node, len(list))
	for i, n := range list {
		out[i] = r.expr(n)
	}
	return out
}

// operands gives the operands of an operator: a list, or one.
func (r *elmReader) operands(n elmNode) []*node {
	if one := n.node("operand"); one != nil {
		return []*node{r.expr(one)}
	}
	return r.exprs(n.list("operand"))
}

// one gives the operand of an operator that has one.
func (r *elmReader) one(n elmNode) []*node {
	args := r.operands(n)
	if len(args) != 1 {
		r.fail(n, "%s needs one operand", n.str("type"))
	}
	return args
}

// named gives the members of these names as operands, as far as they are there.
func (r *elmReader) named(n elmNode, names ...string) []*node {
	var out []*node
	for _, name := range names {
		if e := n.node(name); e != nil {
			out = append(out, r.expr(e))
		}
	}
	return out
}

// arguments of the operators whose operands have names of their own.
var elmArguments = map[string][]string{
	"IndexOf": {"source", "element"}, "First": {"source"}, "Last": {"source"}, "Slice": {"source", "startIndex", "endIndex"},
	"Combine": {"source", "separator"}, "Split": {"stringToSplit", "separator"}, "SplitOnMatches": {"stringToSplit", "separatorPattern"},
	"Substring": {"stringToSub", "startIndex", "length"}, "PositionOf": {"pattern", "string"}, "LastPositionOf": {"pattern", "string"},
	"Round": {"operand", "precision"}, "Message": {"source", "condition", "code", "severity", "message"},
	"Count": {"source"}, "Sum": {"source"}, "Product": {"source"}, "Min": {"source"}, "Max": {"source"}, "Avg": {"source"}, "GeometricMean": {"source"},
	"Median": {"source"}, "Mode": {"source"}, "Variance": {"source"}, "StdDev": {"source"}, "PopulationVariance": {"source"},
	"PopulationStdDev": {"source"}, "AllTrue": {"source"}, "AnyTrue": {"source"}, "Children": {"source"}, "Descendents": {"source"},
	"DateTime": {"year", "month", "day", "hour", "minute", "second", "millisecond", "timezoneOffset"}, "Date": {"year", "month", "day"},
	"Time": {"hour", "minute", "second", "millisecond"}, "ExpandValueSet": {"operand"},
}

// Other names that ELM has for operators of the table.
var elmNames = map[string]string{
	"TimezoneFrom": "TimezoneOffsetFrom",
}

// expr reads an expression.
func (r *elmReader) expr(n elmNode) *node {
	if n == nil {
		r.fail(n, "an expression is missing")
	}
	r.enter(n)
	defer r.leave()
	out := r.read(n)
	out.pos = n.pos()
	return out
}

func (r *elmReader) read(n elmNode) *node {
	typ := n.str("type")
	switch typ {
	case "Null":
		return &node{kind: nNull}
	case "Literal":
		return r.literal(n)
	case "Quantity":
		return r.quantity(n)
	case "Ratio":
		a, b := r.quantity(n.node("numerator")), r.quantity(n.node("denominator"))
		return &node{kind: nLiteral, typ: typeRatio, value: composite(&Ratio{Numerator: a.value, Denominator: b.value})}
	case "ExpressionRef", "ParameterRef", "ValueSetRef", "CodeSystemRef", "CodeRef", "ConceptRef", "OperandRef", "AliasRef", "QueryLetRef", "IdentifierRef":
		return r.reference(n)
	case "FunctionRef":
		return r.function(n)
	case "Property":
		return r.property(n)
	case "Interval":
		return r.interval(n)
	case "List":
		out := &node{kind: nList, args: r.exprs(n.list("element"))}
		if s := n.node("typeSpecifier"); s.str("type") == "ListTypeSpecifier" {
			out.spec = r.typeSpec(s.node("elementType"))
		}
		return out
	case "Tuple", "Instance":
		out := &node{kind: nTuple}
		if typ == "Instance" {
			model, own := local(n.str("classType"))
			out.kind, out.spec = nInstance, &typeSpec{pos: n.pos(), kind: 'n', model: model, name: own}
		}
		for _, e := range n.list("element") {
			out.names, out.args = append(out.names, e.str("name")), append(out.args, r.expr(e.node("value")))
		}
		return out
	case "If":
		return &node{kind: nIf, args: []*node{r.expr(n.node("condition")), r.expr(n.node("then")), r.expr(n.node("else"))}}
	case "Case":
		out := &node{kind: nCase, args: []*node{nil}}
		if c := n.node("comparand"); c != nil {
			out.args[0] = r.expr(c)
		}
		for _, i := range n.list("caseItem") {
			out.args = append(out.args, r.expr(i.node("when")), r.expr(i.node("then")))
		}
		out.args = append(out.args, r.expr(n.node("else")))
		return out
	case "Is":
		return &node{kind: nIs, args: r.one(n), spec: r.required(n, "isType")}
	case "As":
		strict, _ := n["strict"].(bool)
		return &node{kind: nAs, strict: strict, args: r.one(n), spec: r.required(n, "asType")}
	case "Convert":
		return &node{kind: nConvert, args: r.one(n), spec: r.required(n, "toType")}
	case "MinValue", "MaxValue":
		model, own := local(n.str("valueType"))
		kind := nMinimum
		if typ == "MaxValue" {
			kind = nMaximum
		}
		return &node{kind: kind, spec: &typeSpec{pos: n.pos(), kind: 'n', model: model, name: own}}
	case "Code":
		system := r.reference(n.node("system"))
		return &node{kind: nInstance, spec: &typeSpec{kind: 'n', model: "System", name: "Code"}, names: []string{"code", "system", "display"},
			args: []*node{text0(n.str("code")), {kind: nMember, name: "id", args: []*node{system}}, text0(n.str("display"))}}
	case "Concept":
		codes := &node{kind: nList}
		for _, c := range n.list("code") {
			c["type"] = "Code"
			codes.args = append(codes.args, r.expr(c))
		}
		return &node{kind: nInstance, spec: &typeSpec{kind: 'n', model: "System", name: "Concept"}, names: []string{"codes", "display"}, args: []*node{codes, text0(n.str("display"))}}
	case "Query":
		return r.query(n)
	case "Retrieve":
		return r.retrieve(n)
	case "InValueSet", "AnyInValueSet", "InCodeSystem", "AnyInCodeSystem":
		return r.membership(n)
	case "CalculateAge", "CalculateAgeAt":
		name := "CalculateAgeIn" + n.str("precision") + "s" + strings.TrimPrefix(typ, "CalculateAge")
		return &node{kind: nCall, name: name, args: r.operands(n)}
	case "Collapse", "Expand":
		args := r.operands(n)
		if len(args) == 1 {
			args = append(args, nil)
		}
		if len(args) != 2 {
			r.fail(n, "%s needs one operand or two", typ)
		}
		return &node{kind: nExpand, name: strings.ToLower(typ), args: args}
	case "Coalesce":
		return &node{kind: nCall, name: "Coalesce", args: r.operands(n)}
	case "Sort":
		q := &queryNode{sources: []sourceNode{{alias: "$sorted", expr: r.expr(n.node("source"))}}}
		r.sort(q, n)
		return &node{kind: nQuery, query: q}
	case "Filter", "ForEach":
		method := map[string]string{"Filter": "where", "ForEach": "select"}[typ]
		body := n.node("condition")
		if body == nil {
			body = n.node("element")
		}
		return &node{kind: nCall, method: true, name: method, args: []*node{r.expr(n.node("source")), r.expr(body)}}
	case "Current":
		return &node{kind: nThis, name: "this"}
	case "Iteration":
		return &node{kind: nThis, name: "index"}
	}
	return r.operator(n, typ)
}

func text0(s string) *node {
	if s == "" {
		return &node{kind: nNull}
	}
	return &node{kind: nLiteral, typ: typeString, value: fhirpath.FromString(s)}
}

func (r *elmReader) required(n elmNode, name string) *typeSpec {
	s := r.typeAt(n, name)
	if s == nil {
		r.fail(n, "%s needs a type", n.str("type"))
	}
	return s
}

// operator reads what the table of operators has under the same name.
func (r *elmReader) operator(n elmNode, typ string) *node {
	if other := elmNames[typ]; other != "" {
		typ = other
	}
	var args []*node
	names, own := elmArguments[typ]
	if own {
		args = r.named(n, names...)
		if len(args) == 0 {
			args = r.operands(n)
		}
	} else {
		args = r.operands(n)
	}
	logic := typ == "And" || typ == "Or" || typ == "Implies"
	if !logic && operators()[typ] == nil {
		r.fail(n, "the operator %q is not supported", clip(typ))
	}
	// Operators that take more than two in ELM and two in the table.
	for len(args) > 2 && (typ == "Union" || typ == "Intersect" || typ == "Except" || typ == "Concatenate") {
		args = append([]*node{op(typ, n.pos(), args[0], args[1])}, args[2:]...)
	}
	if logic && len(args) != 2 {
		r.fail(n, "%s needs two operands", typ)
	}
	out := op(typ, n.pos(), args...)
	if p := n.str("precision"); p != "" {
		if out.prec = precisionWords[strings.ToLower(p)]; out.prec == precNone {
			r.fail(n, "the precision %q is not known", clip(p))
		}
	}
	return out
}

func (r *elmReader) literal(n elmNode) *node {
	_, typ := local(n.str("valueType"))
	text := n.str("value")
	out := &node{kind: nLiteral}
	switch typ {
	case "String":
		out.value, out.typ = fhirpath.FromString(text), typeString
		return out
	case "Boolean":
		out.value, out.typ = fhirpath.FromBool(text == "true"), typeBoolean
		return out
	case "Integer", "Long", "Decimal":
		v, ok := convertTo(fhirpath.FromString(text), typ)
		if !ok {
			r.fail(n, "%q is no %s", clip(text), typ)
		}
		out.value, out.typ = v, systemTypes[typ]
		return out
	}
	r.fail(n, "a literal of type %q is not known", clip(typ))
	return nil
}

func (r *elmReader) quantity(n elmNode) *node {
	text := fmt.Sprint(n["value"])
	if f, ok := n["value"].(float64); ok {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	d, ok := fhir.ParseDecimal(text)
	if !ok {
		r.fail(n, "%q is no number", clip(text))
	}
	return &node{kind: nLiteral, pos: n.pos(), typ: typeQuantity, value: fhirpath.FromQuantity(d, n.str("unit"))}
}

func (r *elmReader) reference(n elmNode) *node {
	out := &node{kind: nName, pos: n.pos(), name: n.str("name")}
	if out.name == "" {
		r.fail(n, "a name is missing")
	}
	if lib := n.str("libraryName"); lib != "" {
		return &node{kind: nMember, pos: n.pos(), name: out.name, args: []*node{{kind: nName, pos: n.pos(), name: lib}}}
	}
	return out
}

func (r *elmReader) function(n elmNode) *node {
	args := r.operands(n)
	if lib := n.str("libraryName"); lib != "" {
		return &node{kind: nCall, method: true, name: n.str("name"), args: append([]*node{{kind: nName, pos: n.pos(), name: lib}}, args...)}
	}
	return &node{kind: nCall, name: n.str("name"), args: args}
}

func (r *elmReader) property(n elmNode) *node {
	var at *node
	switch {
	case n.node("source") != nil:
		at = r.expr(n.node("source"))
	case n.str("scope") != "":
		at = &node{kind: nName, pos: n.pos(), name: n.str("scope")}
	default:
		at = &node{kind: nThis, pos: n.pos(), name: "this"}
	}
	path := n.str("path")
	if path == "" || len(path) > 500 {
		r.fail(n, "a property needs a path")
	}
	for name := range strings.SplitSeq(path, ".") {
		at = &node{kind: nMember, pos: n.pos(), name: strings.Trim(name, "`\""), args: []*node{at}}
	}
	return at
}

func (r *elmReader) interval(n elmNode) *node {
	out := &node{kind: nInterval, args: []*node{{kind: nNull}, {kind: nNull}}}
	for i, name := range []string{"low", "high"} {
		if e := n.node(name); e != nil {
			out.args[i] = r.expr(e)
		}
		is := true
		if c, told := n[name+"Closed"].(bool); told {
			is = c
		}
		if e := n.node(name + "ClosedExpression"); e != nil {
			out.ends[i] = r.expr(e)
		}
		out.open[i] = !is
	}
	return out
}

func (r *elmReader) query(n elmNode) *node {
	q := &queryNode{}
	for _, s := range n.list("source") {
		q.sources = append(q.sources, sourceNode{s.pos(), s.str("alias"), r.expr(s.node("expression"))})
	}
	if len(q.sources) == 0 || len(q.sources) > 20 {
		r.fail(n, "a query needs between 1 and 20 sources")
	}
	for _, l := range n.list("let") {
		q.lets = append(q.lets, letNode{l.pos(), l.str("identifier"), r.expr(l.node("expression"))})
	}
	for _, w := range n.list("relationship") {
		q.relations = append(q.relations, relationNode{
			sourceNode: sourceNode{w.pos(), w.str("alias"), r.expr(w.node("expression"))}, without: w.str("type") == "Without", suchThat: r.expr(w.node("suchThat")),
		})
	}
	if w := n.node("where"); w != nil {
		q.where = r.expr(w)
	}
	if ret := n.node("return"); ret != nil {
		q.hasRet, q.ret = true, r.expr(ret.node("expression"))
		if d, told := ret["distinct"].(bool); told {
			q.retAll = !d
		}
	}
	if a := n.node("aggregate"); a != nil {
		q.aggregate = &aggregateNode{pos: a.pos(), name: a.str("identifier"), expr: r.expr(a.node("expression"))}
		q.aggregate.distinct, _ = a["distinct"].(bool)
		if s := a.node("starting"); s != nil {
			q.aggregate.starting = r.expr(s)
		}
	}
	if s := n.node("sort"); s != nil {
		r.sort(q, s)
	}
	return &node{kind: nQuery, query: q}
}

func (r *elmReader) sort(q *queryNode, n elmNode) {
	for _, by := range n.list("by") {
		s := sortNode{pos: by.pos(), desc: strings.HasPrefix(by.str("direction"), "desc")}
		switch by.str("type") {
		case "ByColumn":
			s.expr = r.property(elmNode{"path": by.str("path"), "locator": by.str("locator")})
		case "ByExpression":
			s.expr = r.expr(by.node("expression"))
		}
		q.sort = append(q.sort, s)
	}
}

func (r *elmReader) retrieve(n elmNode) *node {
	model, own := local(n.str("dataType"))
	f := &retrieveNode{typ: &typeSpec{pos: n.pos(), kind: 'n', model: model, name: own}}
	if c := n.node("codes"); c != nil {
		f.path, f.compare, f.codes = n.str("codeProperty"), n.str("codeComparator"), r.expr(c)
	}
	if d := n.node("dateRange"); d != nil {
		if f.datePath = n.str("dateProperty"); f.datePath == "" {
			r.fail(n, "a retrieve by date needs its property")
		}
		f.dateRange = r.expr(d)
	}
	return &node{kind: nRetrieve, fetch: f}
}

func (r *elmReader) membership(n elmNode) *node {
	code := r.named(n, "code", "codes")
	in := r.named(n, "valuesetExpression", "codesystemExpression")
	if len(in) == 0 {
		for _, name := range []string{"valueset", "codesystem"} {
			if ref := n.node(name); ref != nil {
				in = append(in, r.reference(ref))
			}
		}
	}
	if len(code) != 1 || len(in) != 1 {
		r.fail(n, "%s needs a code and a value set", n.str("type"))
	}
	return op("In", n.pos(), code[0], in[0])
}
