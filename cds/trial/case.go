package trial

import (
	"strings"
	"time"

	"cdss/cds"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Case is an invented patient, what is asked, and what is expected of the answer.
//
// Its form is a collection Bundle: Bundle.timestamp is the time of the question; a
// Parameters resource with id "case" holds the title, the artifacts it belongs to,
// what a person adds, and what is expected; MedicationRequests in status draft are
// the orders to be checked; the rest are the patient's data.
type Case struct {
	ID        string
	Title     string
	Why       string
	Artifacts []string // canonical urls, without version
	Now       time.Time
	Request   *cds.StructuredRequest
	Patient   []*fhir.Resource
	Orders    []*fhir.Resource
	Expect    Expectation
}

// Expectation is what a case wants of the answer; what is not set is not judged.
type Expectation struct {
	Indication  string          // code
	Abstains    bool            // no regimen
	OffersOneOf [][][]Substance // options; each has slots, each slot alternatives
	NeverOffers []string        // ATC codes or prefixes, in options and suggestions
	NeverAlone  []string
	LastDose    []Substance // of the last phase, wherever the substance is offered or suggested
	Excludes    []Exclusion
	Says        []Saying
	DoesNotSay  []Saying
	Silent      bool     // the order hook has no card
	NotChecked  []string // facts that are named as missing
	Facts       []FactValue
	Unknown     []string // facts that must not be stated
}

// Substance is a part of an option.
type Substance struct {
	ATC    string
	Dose   string // "3 g", "1-2 g"; "" any
	PerDay string // "3", "3-4"; "" any
	Route  string // "" any
}

// Exclusion is a substance that is told not to be offered.
type Exclusion struct {
	ATC    string // code or prefix
	Reason string // "" any
}

// Saying is a warning or card with at least an indicator whose text has one word of
// each of the lists; words of a list are separated by "|", in lower case.
type Saying struct {
	Indicator cds.Indicator
	Words     []string
}

// FactValue is what a fact is: a boolean, or a number within a tolerance.
type FactValue struct {
	Name      string
	Boolean   bool
	Is        bool    // of a boolean
	Value     float64 // of a number
	Tolerance float64
}

// caseID is the id of the Parameters that make a Bundle a case.
const caseID = "case"

// IsCase tells whether a Bundle is one.
func IsCase(bundle *fhir.Resource) bool {
	list, err := ReadBundle(bundle)
	if err != nil {
		return false
	}
	for _, r := range list {
		if r.Type() == "Parameters" && r.ID() == caseID {
			return true
		}
	}
	return false
}

// ReadCase reads a case. A parameter that nobody knows is a mistake; the error names
// its place.
func ReadCase(bundle *fhir.Resource) (Case, error) {
	c := Case{ID: bundle.ID()}
	list, err := ReadBundle(bundle)
	if err != nil {
		return c, issue.Wrap(issue.Invalid, err, "read case %s: it is no whole Bundle", c.ID)
	}
	at, ok := bundle.Root().Child("timestamp").Time()
	if !ok {
		return c, issue.New(issue.Required, "read case %s: Bundle.timestamp says when the question is asked", c.ID).At("Bundle.timestamp")
	}
	c.Now = at.Time
	var about *fhir.Resource
	for _, r := range list {
		switch {
		case r.Type() == "Parameters" && r.ID() == caseID:
			about = r
		case r.Type() == "MedicationRequest" && r.Root().Child("status").String() == "draft":
			c.Orders = append(c.Orders, r)
		default:
			c.Patient = append(c.Patient, r)
		}
	}
	if about == nil {
		return c, issue.New(issue.Required, "read case %s: Parameters with the id %q are missing", c.ID, caseID).At("Bundle.entry")
	}
	for _, p := range about.Root().Children("parameter") {
		if err := c.read(p); err != nil {
			return c, err
		}
	}
	if c.Title == "" || len(c.Artifacts) == 0 {
		return c, issue.New(issue.Required, "read case %s: it has a title and names the artifact it belongs to", c.ID).At("Parameters.parameter")
	}
	return c, nil
}

// read takes one parameter of a case.
func (c *Case) read(p *fhir.Node) error {
	v, _ := p.Choice("value")
	e := &c.Expect
	switch name := p.Child("name").String(); name {
	case "title":
		c.Title = v.String()
	case "why":
		c.Why = v.String()
	case "artifact":
		c.Artifacts = append(c.Artifacts, fhir.ParseCanonical(v.String()).URL)
	case "request":
		c.Request = &cds.StructuredRequest{}
		return c.request(p)
	case "indication":
		e.Indication = v.String()
	case "abstains":
		e.Abstains, _ = v.Bool()
	case "silent":
		e.Silent, _ = v.Bool()
	case "offers":
		var option [][]Substance
		for _, part := range p.Children("part") {
			slot := []Substance{substance(part)}
			for _, other := range part.Children("part") {
				if other.Child("name").String() == "or" {
					slot = append(slot, substance(other))
				}
			}
			option = append(option, slot)
		}
		e.OffersOneOf = append(e.OffersOneOf, option)
	case "neverOffers":
		e.NeverOffers = append(e.NeverOffers, v.String())
	case "neverAlone":
		e.NeverAlone = append(e.NeverAlone, v.String())
	case "lastDose":
		e.LastDose = append(e.LastDose, substance(p))
	case "excludes":
		e.Excludes = append(e.Excludes, Exclusion{ATC: part(p, "atc").String(), Reason: part(p, "reason").String()})
	case "says":
		e.Says = append(e.Says, saying(p))
	case "doesNotSay":
		e.DoesNotSay = append(e.DoesNotSay, saying(p))
	case "notChecked":
		e.NotChecked = append(e.NotChecked, v.String())
	case "unknown":
		e.Unknown = append(e.Unknown, v.String())
	case "fact":
		f := FactValue{Name: part(p, "name").String(), Value: float(part(p, "value")), Tolerance: float(part(p, "tolerance"))}
		f.Is, f.Boolean = part(p, "value").Bool()
		e.Facts = append(e.Facts, f)
	default:
		return issue.New(issue.Invalid, "read case %s: nobody knows the parameter %q", c.ID, clip(name)).At(p.Location())
	}
	return nil
}

// request reads what a person adds.
func (c *Case) request(p *fhir.Node) error {
	r := c.Request
	for _, x := range p.Children("part") {
		v, _ := x.Choice("value")
		switch name := x.Child("name").String(); name {
		case "indication":
			r.Indication = v.String()
		case "severity":
			r.Severity = v.String()
		case "site":
			r.Site = v.String()
		case "riskFactor":
			r.RiskFactors = append(r.RiskFactors, v.String())
		case "pathogen":
			r.Pathogens = append(r.Pathogens, v.String())
		case "freeText":
			r.FreeText = v.String()
		case "maxOptions":
			r.MaxOptions, _ = v.Int()
		default:
			return issue.New(issue.Invalid, "read case %s: nobody knows %q of a request", c.ID, clip(name)).At(x.Location())
		}
	}
	return nil
}

func part(p *fhir.Node, name string) *fhir.Node {
	for _, x := range p.Children("part") {
		if x.Child("name").String() == name {
			v, _ := x.Choice("value")
			return v
		}
	}
	return nil
}

func substance(p *fhir.Node) Substance {
	return Substance{ATC: part(p, "atc").String(), Dose: part(p, "dose").String(), PerDay: part(p, "perDay").String(), Route: part(p, "route").String()}
}

func saying(p *fhir.Node) Saying {
	s := Saying{Indicator: cds.Indicator(part(p, "indicator").String())}
	for _, x := range p.Children("part") {
		if x.Child("name").String() == "words" {
			v, _ := x.Choice("value")
			s.Words = append(s.Words, strings.ToLower(v.String()))
		}
	}
	return s
}

func float(n *fhir.Node) float64 {
	d, ok := n.Decimal()
	if !ok {
		return 0
	}
	f, err := d.Float64()
	if err != nil {
		return 0
	}
	return f
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// Question is the question of the case.
func (c Case) Question(lang cds.Lang) Question {
	return Question{ID: c.ID, Now: c.Now, Resources: c.Patient, Drafts: c.Orders, Request: c.Request, Language: lang}
}

// BelongsTo tells whether the case is one of an artifact, by canonical url.
func (c Case) BelongsTo(url string) bool {
	for _, a := range c.Artifacts {
		if a == url {
			return true
		}
	}
	return false
}
