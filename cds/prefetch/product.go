package prefetch

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/fhir"
	"cdss/fhir/smart"
)

// MaxProducts bounds the Medications that are read for one call.
const MaxProducts = 20

// ProductsKey names what was read because a medicine refers to it, among the keys
// of a Result and in the record of a decision.
const ProductsKey = "referenced-medications"

// Reasons why a Medication that a medicine refers to is not known, for machines.
const (
	TooMany    = "too-many"
	Elsewhere  = "elsewhere"  // it lies on another server than that of the call
	NoProduct  = "no-product" // of a list: a medicine whose substance is not known
	Unresolved = "unresolved" // the reference leads nowhere that could be read
)

// Products finds the Medications that medicines refer to instead of naming a
// substance. The zero value is of a call without a FHIR server.
type Products struct {
	Reader     Reader // nil: none can be read
	Denied     string // why there is no Reader, as Servers says it; "" is no server at all
	Access     smart.Authorization
	FHIRServer string // base of the call's server, for references that are absolute

	found map[string]*fhir.Resource // by reference as written
	why   map[string]string         // of those that are not known
	key   Key
}

// medicines are the types that may refer to a Medication.
var medicines = []string{"MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"}

// ProductReference gives the reference by which a medicine names its substance, ""
// where it names it itself or is none.
func ProductReference(r *fhir.Resource) fhir.Reference {
	if !slices.Contains(medicines, r.Type()) || !r.Root().Child("medicationCodeableConcept").CodeableConcept().IsZero() {
		return fhir.Reference{}
	}
	return r.Root().Child("medicationReference").Reference()
}

// contained tells whether a medicine contains what its reference names.
func contained(r *fhir.Resource, reference string) bool {
	id, ok := strings.CutPrefix(reference, "#")
	return ok && slices.ContainsFunc(r.Root().Children("contained"), func(n *fhir.Node) bool { return n.Child("id").String() == id })
}

// Know takes the Medications among resources, and those that entries name by their
// fullUrl.
func (p *Products) Know(resources []*fhir.Resource, byURL map[string]*fhir.Resource) {
	if p.found == nil {
		p.found, p.why = map[string]*fhir.Resource{}, map[string]string{}
	}
	for _, r := range resources {
		if r.Type() == "Medication" && r.ID() != "" && p.found[r.Ref()] == nil {
			p.found[r.Ref()] = r
		}
	}
	for u, r := range byURL {
		p.found[u] = r
	}
}

// Resolved gives the Medications by the references that lead to them.
func (p *Products) Resolved() map[string]*fhir.Resource { return p.found }

// Seek reads the Medications that medicines refer to and that are not known yet.
// Named tells of the words beside a reference whether they name a substance: then
// the Medication need not be read. Nil: words name none.
func (p *Products) Seek(ctx context.Context, list []*fhir.Resource, named func(string) bool) {
	p.Know(nil, nil)
	var queries []Query
	for _, r := range list {
		reference := ProductReference(r)
		text := reference.Reference
		if text == "" || contained(r, text) || p.found[text] != nil || p.why[text] != "" {
			continue
		}
		typ, id, local := reference.Local()
		if known := p.found[typ+"/"+id]; local && known != nil {
			p.found[text] = known
			continue
		}
		if named != nil && reference.Display != "" && named(reference.Display) {
			continue
		}
		p.why[text] = p.refuse(reference, typ, local)
		switch {
		case p.why[text] != "":
		case len(queries) == MaxProducts:
			p.why[text] = TooMany
		default:
			queries = append(queries, Query{Key: text, Path: "Medication/" + url.PathEscape(id)})
		}
	}
	if len(queries) == 0 {
		return
	}
	answers := p.Reader.Read(ctx, queries)
	for _, q := range queries {
		p.take(q.Key, answers[q.Key])
	}
}

// refuse tells why the target of a reference cannot be read, "" if it can.
func (p *Products) refuse(reference fhir.Reference, typ string, local bool) string {
	text := reference.Reference
	absolute := strings.Contains(text, "://")
	switch {
	case !local || typ != "Medication":
		return Unresolved
	case p.Reader == nil && p.Denied != "":
		return p.Denied
	case p.Reader == nil:
		return NotSent
	case absolute && !strings.HasPrefix(text, strings.TrimSuffix(p.FHIRServer, "/")+"/Medication/"):
		return Elsewhere
	case !p.Access.Token.IsZero() && p.Access.Covers("Medication", false) == smart.NotAtAll:
		return ScopeTooLow
	}
	return ""
}

// take notes what the server answered for one Medication.
func (p *Products) take(reference string, a Answer) {
	if p.key.Name == "" {
		p.key = Key{Name: ProductsKey, Origin: Fetched, State: facts.Complete}
	}
	if a.Failure != "" || len(a.Resources) != 1 || a.Resources[0].Type() != "Medication" {
		p.why[reference] = a.Failure
		switch a.Failure {
		case "":
			p.why[reference] = Failed
		case "bad-query":
			p.why[reference] = Unresolved
		}
		return
	}
	r := a.Resources[0]
	delete(p.why, reference)
	p.found[reference], p.found[r.Ref()] = r, r
	p.key.Resources = append(p.key.Resources, r)
	p.key.SHA256 = sum(p.key.SHA256 + a.SHA256)
}

// Fetched gives what was read, as a key; false where nothing was asked for.
func (p *Products) Fetched() (Key, bool) { return p.key, p.key.Name != "" }

// Lacking tells why the substance of a medicine is not known: its reference leads to
// no Medication that could be had. Both are "" where it is known, or is none of
// ours to know.
func (p *Products) Lacking(r *fhir.Resource) (why string, reason cds.Text) {
	reference := ProductReference(r)
	text := reference.Reference
	switch {
	case text == "" || p.found[text] != nil || contained(r, text):
		return "", cds.Text{}
	case text[0] == '#':
		why = Unresolved
	default:
		if why = p.why[text]; why == "" {
			return "", cds.Text{} // its words name it
		}
	}
	reason, ok := productReasons[why]
	if !ok {
		if reason, ok = failures[why]; !ok {
			reason = failures["not-fhir"]
		}
	}
	return why, reason
}

// productReasons say why a Medication is not known, where failures do not.
var productReasons = map[string]cds.Text{
	NotSent:    {DE: "nicht übermittelt", EN: "not sent"},
	Elsewhere:  {DE: "liegt auf einem anderen Server", EN: "it lies on another server"},
	Unresolved: {DE: "der Verweis führt zu keinem Arzneimittel", EN: "the reference leads to no medication"},
	TooMany:    {DE: "mehr Verweise, als für eine Anfrage gelesen werden", EN: "more references than are read for one call"},
	Failed:     {DE: "Abfrage beim Patientendatensystem fehlgeschlagen", EN: "the query to the patient data system failed"},
}

// Refers tells whether any medicine of the patient names its substance by a reference.
func (r *Result) Refers() bool {
	for _, k := range r.Keys {
		if slices.ContainsFunc(k.Resources, func(m *fhir.Resource) bool { return ProductReference(m).Reference != "" }) {
			return true
		}
	}
	return false
}

// noProduct is said of a list of medicines.
var noProduct = cds.Text{
	DE: "bei einem Eintrag ist das Arzneimittel nicht bekannt",
	EN: "of an entry it is not known which medication it is",
}

// Products holds the medicines of the patient against their Medications: a list with
// one whose substance nobody knows is not the whole list.
func (r *Result) Products(p *Products) {
	for i := range r.Keys {
		for _, resource := range r.Keys[i].Resources {
			if resource.Root().Child("status").String() == "entered-in-error" {
				continue
			}
			if why, _ := p.Lacking(resource); why == "" || ProductReference(resource).Display != "" {
				continue // words that nobody knows are told as such
			}
			for j := range r.Keys {
				if k := &r.Keys[j]; k.Type == resource.Type() && (k.Why == "" || k.State == facts.NotReceived) {
					k.State, k.Reason, k.Why = facts.Truncated, noProduct, NoProduct
				}
			}
		}
	}
	if key, asked := p.Fetched(); asked {
		r.Keys = append(r.Keys, key)
	}
}
