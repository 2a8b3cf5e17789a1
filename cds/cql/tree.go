package cql

// nodeKind tells what a node of the tree is.
type nodeKind uint8

const (
	nLiteral     nodeKind = iota + 1
	nNull                 //
	nName                 // an identifier
	nThis                 // $this, $index, $total
	nMember               // args[0].name
	nCall                 // name(args); with method, args[0] is what stands before the dot
	nOp                   // an operator by its name in ELM
	nInterval             // args are low and high
	nList                 // with an element type, or none
	nTuple                // names and args
	nInstance             // of the type
	nIf                   //
	nCase                 // args: comparand or nil, then when and then in turn, then else
	nIs                   //
	nAs                   // strict for cast
	nConvert              // to the type
	nConvertUnit          // to the unit in text
	nQuery                //
	nRetrieve             //
	nMinimum              // of the type
	nMaximum              //
	nTiming               // a timing phrase
	nExpand               // args: operand, per or nil; name is expand or collapse
)

// node is a piece of an expression as it was written.
type node struct {
	kind   nodeKind
	pos    int
	name   string
	method bool
	strict bool // cast
	value  Value
	args   []*node
	names  []string
	spec   *typeSpec
	prec   precision
	query  *queryNode
	fetch  *retrieveNode
	timing *timing
	open   [2]bool  // an interval's low and high end is open
	ends   [2]*node // "closed" that is told by an expression, in ELM
	typ    *Type    // set when the node is checked
}

// typeSpec is a type as it was written.
type typeSpec struct {
	pos        int
	kind       byte // 'n'amed, 'l'ist, 'i'nterval, 't'uple, 'c'hoice
	model      string
	name       string
	args       []*typeSpec
	fieldNames []string
}

// sourceNode is a source of a query with its alias.
type sourceNode struct {
	pos   int
	alias string
	expr  *node
}

// relationNode is a with or without clause.
type relationNode struct {
	sourceNode
	without  bool
	suchThat *node
}

type letNode struct {
	pos  int
	name string
	expr *node
}

type sortNode struct {
	pos  int
	expr *node // nil: the item itself
	desc bool
}

// queryNode is a query.
type queryNode struct {
	sources   []sourceNode
	lets      []letNode
	relations []relationNode
	where     *node
	ret       *node
	retAll    bool
	hasRet    bool
	aggregate *aggregateNode
	sort      []sortNode
	from      bool // written with "from": several sources give tuples
}

type aggregateNode struct {
	pos      int
	name     string
	distinct bool
	starting *node
	expr     *node
}

// retrieveNode is [Type: path in terminology].
type retrieveNode struct {
	typ       *typeSpec
	path      string
	compare   string // "in", "~", "="
	codes     *node
	datePath  string
	dateRange *node
	context   *node
}

// precision is that of a timing phrase; 0 is none.
type precision uint8

const (
	precNone precision = iota
	precYear
	precMonth
	precDay
	precHour
	precMinute
	precSecond
	precMilli
	precWeek // of durations only
)

var precisionWords = map[string]precision{
	"year": precYear, "month": precMonth, "day": precDay, "hour": precHour, "minute": precMinute, "second": precSecond, "millisecond": precMilli, "week": precWeek,
}

var pluralWords = map[string]precision{
	"years": precYear, "months": precMonth, "days": precDay, "hours": precHour, "minutes": precMinute, "seconds": precSecond, "milliseconds": precMilli, "weeks": precWeek,
}

func (p precision) String() string {
	return [...]string{"", "year", "month", "day", "hour", "minute", "second", "millisecond", "week"}[p]
}

// timing is a timing phrase between args[0] and args[1].
type timing struct {
	leftEnd   byte // 's'tarts, 'e'nds, 'o'ccurs or 0
	relation  byte // 's'ame, 'i'ncludes, 'd'uring, 'b'efore, 'a'fter, 'w'ithin, 'm'eets, 'o'verlaps, 'S'tarts, 'E'nds
	side      byte // of same, meets, overlaps: 'b'efore, 'a'fter or 0
	properly  bool
	on        bool // "on or"
	offset    *node
	offsetHow byte // 0 exactly, 'm'ore: at least, 'l'ess: at most, 'M': more than, 'L': less than
	rightEnd  byte
}

// declarations of a library

type usingNode struct {
	pos                  int
	name, version, alias string
}

type includeNode struct {
	pos                        int
	namespace, name, ver, call string
}

type codeSystemNode struct {
	pos               int
	name, id, version string
}

type valueSetNode struct {
	pos               int
	name, id, version string
	systems           []string
}

type codeNode struct {
	pos                       int
	name, id, system, display string
}

type conceptNode struct {
	pos           int
	name, display string
	codes         []string
}

type parameterNode struct {
	pos   int
	name  string
	spec  *typeSpec
	value *node
}

type operandNode struct {
	pos  int
	name string
	spec *typeSpec
}

type defineNode struct {
	pos      int
	name     string
	context  string
	private  bool
	function bool
	fluent   bool
	external bool
	operands []operandNode
	returns  *typeSpec
	body     *node
}

// libraryNode is a library as it was written.
type libraryNode struct {
	name, version string
	usings        []usingNode
	includes      []includeNode
	codeSystems   []codeSystemNode
	valueSets     []valueSetNode
	codes         []codeNode
	concepts      []conceptNode
	parameters    []parameterNode
	defines       []*defineNode
	contexts      []string
}
