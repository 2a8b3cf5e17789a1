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

// Result is what is known of each key.
type Result struct {
	Keys    []Key                     // those of the templates in their order, then the client's own by name
	URLs    map[string]*fhir.Resource // Medications that came, by the fullUrl of their entry
	patient string
}

// Key is one key with what came for it.
type Key struct {
	Name      string
	Type      string // resource type its template asks for; "" for a key of the client's own
	Query     string // of the template
	State     facts.Received
	Reason    cds.Text // why its data cannot be relied on; zero when they can
	Why       string   // the same for machines, from a closed set
	Origin    Origin
	SHA256    string // of what came, lower-case hex; "" when nothing did
	Resources []*fhir.Resource
}

// Origin is where the data of a key come from.
type Origin string

// The origins.
const (
	Sent     Origin = "sent"     // with the call
	Fetched  Origin = "fetched"  // from the client's FHIR server, for this call
	Prepared Origin = "prepared" // from an earlier call about the same patient
)

// MaxEntries bounds the entries of one prefetch value (SAFETY T3).
const MaxEntries = 1000

// Reasons of what came with the call, for machines.
const (
	NotSent    = "not-sent"
	Incomplete = "incomplete"
	Failed     = "failed"
	OtherOne   = "other-patient"
	Unproven   = "unproven"
)

// reasons say why a state is a problem.
var reasons = map[facts.Received]struct {
	why  string
	text cds.Text
}{
	facts.NotReceived: {NotSent, cds.Text{DE: "nicht übermittelt", EN: "not sent"}},
	facts.Truncated:   {Incomplete, cds.Text{DE: "unvollständig übermittelt", EN: "sent incompletely"}},
	facts.Failed:      {Failed, cds.Text{DE: "Abfrage beim Patientendatensystem fehlgeschlagen", EN: "the query to the patient data system failed"}},
	facts.Wrong:       {OtherOne, cds.Text{DE: "Daten eines anderen Patienten übermittelt, nicht verwendet", EN: "data of another patient were sent, and not used"}},
}

// unproven is said of a type that came under a key of the client's own alone.
var unproven = cds.Text{
	DE: "unter einem eigenen Schlüssel übermittelt, Vollständigkeit unbekannt",
	EN: "sent under a key of the client's own, completeness unknown",
}

// settle gives a key its state and the reason that goes with it.
func (k *Key) settle(state facts.Received) {
	r := reasons[state]
	k.State, k.Reason, k.Why = state, r.text, r.why
}

// Read judges the values of a call about patient (a bare id). Keys that are no
// template's are read too, since clients name keys their own way; but they prove
// no completeness. The only error is a value with too many entries.
func Read(patient string, templates []Template, values map[string]*fhir.Node) (*Result, error) {
	r := &Result{patient: patient, Keys: make([]Key, 0, len(templates)), URLs: map[string]*fhir.Resource{}}
	known := map[string]bool{}
	for _, t := range templates {
		known[t.Key] = true
		r.Keys = append(r.Keys, Key{Name: t.Key, Type: t.Type, Query: t.Query})
	}
	var others []string
	for name := range values {
		if !known[name] {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		r.Keys = append(r.Keys, Key{Name: name})
	}
	own := map[string]bool{} // types that came under the client's own keys
	for i := range r.Keys {
		k := &r.Keys[i]
		if err := k.read(patient, values[k.Name], r.URLs); err != nil {
			return nil, err
		}
		for _, resource := range k.Resources {
			own[resource.Type()] = own[resource.Type()] || k.Type == ""
		}
	}
	for i := range r.Keys {
		k := &r.Keys[i]
		switch {
		case k.Type == "" && k.State != facts.Wrong:
			k.Reason, k.Why = cds.Text{}, "" // nothing rests on its completeness
		case k.State != facts.NotReceived || !own[k.Type]:
		case k.Type == "Patient":
			k.settle(facts.Complete)
		default:
			k.State, k.Reason, k.Why = facts.Truncated, unproven, Unproven
		}
	}
	return r, nil
}

// read reads the value that came for the key, nil for none.
func (k *Key) read(patient string, n *fhir.Node, urls map[string]*fhir.Resource) error {
	if n == nil {
		k.settle(facts.NotReceived)
		return nil
	}
	k.Origin = Sent
	k.SHA256 = sum(string(n.JSON()))
	v := value{patient: patient, typ: k.Type, urls: urls}
	if err := v.read(n, k.Name, 0); err != nil {
		return err
	}
	k.Resources = v.resources
	k.settle(v.state())
	return nil
}

// sum gives the SHA-256 of a text in lower-case hex.
func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// Resources gives all that may be used, each resource once.
func (r *Result) Resources() []*fhir.Resource {
	n := 0
	for _, k := range r.Keys {
		n += len(k.Resources)
	}
	list := make([]*fhir.Resource, 0, n)
	seen := make(map[string]bool, n)
	for _, k := range r.Keys {
		for _, resource := range k.Resources {
			if resource.ID() != "" {
				if seen[resource.Ref()] {
					continue
				}
				seen[resource.Ref()] = true
			}
			list = append(list, resource)
		}
	}
	return list
}

// Received gives the state of each resource type that a template asks for.
func (r *Result) Received() map[string]facts.Received {
	out := make(map[string]facts.Received, len(r.Keys))
	for _, k := range r.Keys {
		if k.Type != "" {
			out[k.Type] = k.State
		}
	}
	return out
}

// Problems gives the keys whose data cannot be relied on.
func (r *Result) Problems() []Key {
	var list []Key
	for _, k := range r.Keys {
		if k.Why != "" {
			list = append(list, k)
		}
	}
	return list
}

// Blind tells whether nothing at all is known: no resource, and no answer that
// there is none.
func (r *Result) Blind() bool {
	for _, k := range r.Keys {
		if len(k.Resources) > 0 || k.Type != "" && k.State == facts.NoneRecorded {
			return false
		}
	}
	return true
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
	urls         map[string]*fhir.Resource
	matches      int // resources of typ, wrong ones included
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
		taken := len(v.resources)
		if err := v.read(resource, where, depth+1); err != nil {
			return err
		}
		if url := entry.Child("fullUrl").String(); url != "" && len(v.resources) == taken+1 && v.resources[taken].Type() == "Medication" {
			v.urls[url] = v.resources[taken]
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
