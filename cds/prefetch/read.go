package prefetch

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Result is what came, as facts takes it.
type Result struct {
	Resources []*fhir.Resource
	Received  map[string]facts.Received // by resource type of a template
	Problems  []Problem                 // what is not as it should be, in the order of the templates
	Hashes    map[string]string         // key -> SHA-256 of its value as it came, lower-case hex
}

// Problem is a key whose data cannot be relied on.
type Problem struct {
	Key      string
	Received facts.Received
	Reason   cds.Text
}

// MaxEntries bounds the entries of one prefetch value (SAFETY T3).
const MaxEntries = 1000

// reasons say why a state is a problem.
var reasons = map[facts.Received]cds.Text{
	facts.NotReceived: {DE: "nicht übermittelt", EN: "not sent"},
	facts.Truncated:   {DE: "unvollständig übermittelt", EN: "sent incompletely"},
	facts.Failed:      {DE: "Abfrage beim Patientendatensystem fehlgeschlagen", EN: "the query to the patient data system failed"},
	facts.Wrong:       {DE: "Daten eines anderen Patienten übermittelt, nicht verwendet", EN: "data of another patient were sent, and not used"},
}

// unproven is said of a type that came under a key of the client's own alone.
var unproven = cds.Text{
	DE: "unter einem eigenen Schlüssel übermittelt, Vollständigkeit unbekannt",
	EN: "sent under a key of the client's own, completeness unknown",
}

// Read judges the values of a call about patient (a bare id). Keys that are no
// template's are read too, since clients name keys their own way; but they prove
// no completeness. The only error is a value with too many entries.
func Read(patient string, templates []Template, values map[string]*fhir.Node) (*Result, error) {
	r := &Result{Received: map[string]facts.Received{}, Hashes: map[string]string{}}
	known := map[string]bool{}
	for _, t := range templates {
		known[t.Key] = true
		state, err := r.key(patient, t.Type, t.Key, values[t.Key])
		if err != nil {
			return nil, err
		}
		r.Received[t.Type] = state
	}
	var others []string
	for key := range values {
		if !known[key] {
			others = append(others, key)
		}
	}
	slices.Sort(others)
	own := map[string]bool{} // types that came under such keys
	var wrong []Problem
	for _, key := range others {
		before := len(r.Resources)
		state, err := r.key(patient, "", key, values[key])
		if err != nil {
			return nil, err
		}
		for _, resource := range r.Resources[before:] {
			own[resource.Type()] = true
		}
		if state == facts.Wrong {
			wrong = append(wrong, Problem{key, state, reasons[state]})
		}
	}
	for _, t := range templates {
		state := r.Received[t.Type]
		reason, bad := reasons[state]
		switch {
		case state == facts.NotReceived && own[t.Type] && t.Type == "Patient":
			r.Received[t.Type], bad = facts.Complete, false
		case state == facts.NotReceived && own[t.Type]:
			state, reason = facts.Truncated, unproven
			r.Received[t.Type] = state
		}
		if bad {
			r.Problems = append(r.Problems, Problem{t.Key, state, reason})
		}
	}
	r.Problems = append(r.Problems, wrong...)
	return r, nil
}

// key reads the value of one key. Typ is the type its template asks for, or "".
func (r *Result) key(patient, typ, key string, n *fhir.Node) (facts.Received, error) {
	if n == nil {
		return facts.NotReceived, nil
	}
	raw := n.JSON()
	sum := sha256.Sum256(raw)
	r.Hashes[key] = hex.EncodeToString(sum[:])
	v := value{patient: patient, typ: typ}
	if err := v.read(n, key, 0); err != nil {
		return 0, err
	}
	r.Resources = append(r.Resources, v.resources...)
	return v.state(), nil
}

// OfPatient tells whether a resource that came in the context, such as a draft
// order, may be used for the patient of the call: it names that patient or nobody.
func OfPatient(patient string, r *fhir.Resource) bool {
	v := value{patient: patient}
	return v.about(r)
}

// value collects what is found in one prefetch value.
type value struct {
	patient, typ string
	resources    []*fhir.Resource
	owners       map[string]string // fullUrl -> id of the Patient there
	matches      int               // resources of typ, wrong ones included
	wrong        bool
	failed       bool
	truncated    bool
}

func (v *value) state() facts.Received {
	switch {
	case v.wrong:
		return facts.Wrong
	case v.failed && v.matches == 0:
		return facts.Failed
	case v.failed, v.truncated:
		return facts.Truncated
	case v.matches == 0:
		return facts.NoneRecorded
	}
	return facts.Complete
}

// deepest is how far Bundles may be nested in a value: a batch response holds
// searchsets.
const deepest = 3

func (v *value) read(n *fhir.Node, where string, depth int) error {
	if n.Kind() == fhir.KindNull {
		return nil // the client looked, and there is nothing
	}
	if n.Kind() != fhir.KindObject {
		v.failed = true
		return nil
	}
	// The wrapper of old clients: {"response": {"status"}, "resource"}.
	if n.ResourceType() == "" && (n.Child("resource") != nil || n.Child("response") != nil) {
		if !succeeded(n.Get("response", "status")) {
			v.failed = true
			return nil
		}
		if n.Child("resource") == nil {
			v.failed = true
			return nil
		}
		return v.read(n.Child("resource"), where, depth)
	}
	if n.ResourceType() == "Bundle" {
		return v.bundle(n, where, depth)
	}
	resource, err := n.Resource()
	if err != nil {
		v.failed = true
		return nil
	}
	v.take(resource)
	return nil
}

func (v *value) bundle(n *fhir.Node, where string, depth int) error {
	if depth == deepest {
		v.truncated = true
		return nil
	}
	entries := n.Children("entry")
	if len(entries) > MaxEntries {
		return issue.New(issue.TooLong, "a prefetch value has more than %d entries", MaxEntries).At("prefetch." + where)
	}
	for _, link := range n.Children("link") {
		if link.Child("relation").String() == "next" {
			v.truncated = true
		}
	}
	v.own(entries)
	before := v.matches
	for _, entry := range entries {
		resource := entry.Child("resource")
		if !succeeded(entry.Get("response", "status")) {
			v.failed = true
			continue
		}
		if resource == nil {
			// An entry without a resource is legal in a response; it held no data.
			if entry.Child("response") == nil {
				v.truncated = true
			}
			continue
		}
		if err := v.read(resource, where, depth+1); err != nil {
			return err
		}
	}
	// A searchset counts its matches. More than came, and no link to the rest:
	// some are lacking.
	if total, ok := n.Child("total").Int(); ok && v.typ != "" && n.Child("type").String() == "searchset" && total > v.matches-before {
		v.truncated = true
	}
	return nil
}

// own notes the Patients of a Bundle by fullUrl, for references by urn:uuid.
func (v *value) own(entries []*fhir.Node) {
	for _, entry := range entries {
		if url := entry.Child("fullUrl").String(); url != "" && entry.Child("resource").ResourceType() == "Patient" {
			if v.owners == nil {
				v.owners = map[string]string{}
			}
			v.owners[url] = entry.Get("resource", "id").String()
		}
	}
}

// succeeded tells whether a response status is one of success; without a status
// it is.
func succeeded(status *fhir.Node) bool {
	s := strings.TrimSpace(status.String())
	return s == "" || strings.HasPrefix(s, "2")
}

func (v *value) take(resource *fhir.Resource) {
	if resource.Type() == "OperationOutcome" {
		if fatal(resource.Root()) {
			v.failed = true
		}
		return
	}
	if v.typ != "" && resource.Type() == v.typ {
		v.matches++
	}
	if !v.about(resource) {
		v.wrong = true
		return
	}
	if v.typ == "" {
		v.matches++
	}
	v.resources = append(v.resources, resource)
}

// fatal tells whether an outcome says that the query did not work. A warning,
// such as an ignored parameter, is none.
func fatal(outcome *fhir.Node) bool {
	issues := outcome.Children("issue")
	for _, i := range issues {
		if s := i.Child("severity").String(); s == "error" || s == "fatal" {
			return true
		}
	}
	return len(issues) == 0
}

// about tells whether a resource may be used for the patient of the call. A
// resource that names nobody may; one that names another patient, or a patient
// nobody can identify, may not.
func (v *value) about(resource *fhir.Resource) bool {
	if resource.Type() == "Patient" {
		return resource.ID() == v.patient
	}
	for _, member := range []string{"subject", "patient"} {
		reference := resource.Root().Child(member).Reference()
		if reference.Reference == "" {
			continue // absent, or named by identifier only
		}
		if id, ok := v.owners[reference.Reference]; ok {
			return id == v.patient
		}
		typ, id, ok := reference.Local()
		if ok && typ == "Patient" {
			return id == v.patient
		}
		if strings.HasPrefix(reference.Reference, "Patient/") {
			return strings.TrimPrefix(reference.Reference, "Patient/") == v.patient
		}
		return ok // of a Group or Location: not of another patient
	}
	return true
}
