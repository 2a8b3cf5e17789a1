package audit

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cdss/fhir"
	"cdss/fhir/search"
)

// Code systems of AuditEvent in R4 and of BALP 1.1.
const (
	eventType   = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	interaction = "http://hl7.org/fhir/restful-interaction"
	entityType  = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	objectRole  = "http://terminology.hl7.org/CodeSystem/object-role"
	sourceType  = "http://terminology.hl7.org/CodeSystem/security-source-type"
	dicom       = "http://dicom.nema.org/resources/ontology/DCM"
	participant = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	provenance  = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	balpEntity  = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	balpProfile = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
	uri         = "urn:ietf:rfc:3986"
)

// Systems of this server: what happened, and who a pseudonym stands for.
const (
	KindSystem      = "https://cdss.example/fhir/CodeSystem/audit-kind"
	PseudonymSystem = "https://cdss.example/fhir/NamingSystem/audit-pseudonym"
	rolesSystem     = "https://cdss.example/fhir/CodeSystem/user-role"
)

// shape is how a kind is told.
type shape struct {
	typ     fhir.Coding
	subtype fhir.Coding // beside the kind itself; zero: none
	profile string      // of BALP; "" none. With a patient it is the profile "Patient…"
}

var rest = fhir.Coding{System: eventType, Code: "rest", Display: "Restful Operation"}

func restful(code, profile string) shape {
	return shape{rest, fhir.Coding{System: interaction, Code: code, Display: code}, profile}
}

// shapes of the kinds; any other is an operation. The codes of DICOM are those of
// PS3.16, CID 400 and 401.
var shapes = map[Kind]shape{
	Read: restful("read", "Read"), Search: restful("search-type", "Query"), Create: restful("create", "Create"),
	Update: restful("update", "Update"), Delete: restful("delete", "Delete"),
	// A question about a patient, as BALP sees it: nothing of the patient is named by
	// an address, and what comes back rests on several resources.
	Advice: restful("search-type", "Query"),
	Export: {typ: fhir.Coding{System: dicom, Code: "110106", Display: "Export"}},
	Login: {
		typ:     fhir.Coding{System: dicom, Code: "110114", Display: "User Authentication"},
		subtype: fhir.Coding{System: dicom, Code: "110122", Display: "Login"},
	},
	Logout: {
		typ:     fhir.Coding{System: dicom, Code: "110114", Display: "User Authentication"},
		subtype: fhir.Coding{System: dicom, Code: "110123", Display: "Logout"},
	},
	Account: {
		typ:     fhir.Coding{System: dicom, Code: "110113", Display: "Security Alert"},
		subtype: fhir.Coding{System: dicom, Code: "110137", Display: "User security Attributes Changed"},
	},
	Register: {
		typ:     fhir.Coding{System: dicom, Code: "110113", Display: "Security Alert"},
		subtype: fhir.Coding{System: dicom, Code: "110129", Display: "Security Configuration"},
	},
	Configure: {typ: fhir.Coding{System: dicom, Code: "110100", Display: "Application Activity"}},
	Retain:    {typ: fhir.Coding{System: dicom, Code: "110100", Display: "Application Activity"}},
	Erase:     {typ: fhir.Coding{System: dicom, Code: "110100", Display: "Application Activity"}},
}

func shapeOf(k Kind) shape {
	if s, ok := shapes[k]; ok {
		return s
	}
	return restful("operation", "")
}

// subtypes gives the codings of AuditEvent.subtype.
func (s shape) subtypes(k Kind) []fhir.Coding {
	own := fhir.Coding{System: KindSystem, Code: string(k)}
	if s.subtype.Code == "" {
		return []fhir.Coding{own}
	}
	return []fhir.Coding{s.subtype, own}
}

// Resource gives the event as a FHIR AuditEvent. Base is the url of FHIR REST here,
// "" when it has none.
func (r Record) Resource(base string) (*fhir.Resource, error) {
	var d detail
	if err := json.Unmarshal([]byte(r.Detail), &d); err != nil {
		return nil, fmt.Errorf("read audit event %s: %w", r.ID, err)
	}
	s := shapeOf(r.Kind)
	at := fhir.Time{Time: r.Recorded.UTC().Truncate(time.Millisecond), Precision: fhir.Milli, HasZone: true}
	meta := fhir.NewObject().Set("versionId", "1").Set("lastUpdated", at)
	// BALP describes what succeeded.
	if s.profile != "" && r.Outcome == Success && (r.Data != "" || d.Query != "") {
		name := s.profile
		if r.Patient != nil {
			name = "Patient" + name
		}
		meta.Append("profile", balpProfile+name)
	}
	o := fhir.NewResource("AuditEvent", r.ID).Set("meta", meta).
		Set("type", s.typ).Set("subtype", s.subtypes(r.Kind)).Set("action", string(r.Action)).
		Set("recorded", at).Set("outcome", fmt.Sprint(int(r.Outcome))).Set("outcomeDesc", d.Reason)
	for _, a := range r.agents(s, d, base) {
		o.Append("agent", a)
	}
	o.Set("source", fhir.NewObject().Set("site", base).Set("observer", server(base)).
		Append("type", fhir.Coding{System: sourceType, Code: "4", Display: "Application Server"}))
	for _, e := range r.entities(d) {
		o.Append("entity", e)
	}
	return o.Resource()
}

// agents gives client, server and person, with the roles BALP gives them: in a query
// and in a change what is sent flows from the client, in a reading from the server.
func (r Record) agents(s shape, d detail, base string) []*fhir.Object {
	source := fhir.Coding{System: dicom, Code: "110153", Display: "Source Role ID"}
	target := fhir.Coding{System: dicom, Code: "110152", Display: "Destination Role ID"}
	asks, answers := source, target
	person := fhir.Coding{System: participant, Code: "AUT", Display: "author (originator)"}
	switch s.profile {
	case "Read":
		asks, answers = target, source
		person = fhir.Coding{System: participant, Code: "IRCP", Display: "information recipient"}
	case "Query":
		person = fhir.Coding{System: participant, Code: "IRCP", Display: "information recipient"}
	case "Delete":
		asks = fhir.Coding{System: dicom, Code: "110150", Display: "Application"}
		answers = fhir.Coding{System: provenance, Code: "custodian", Display: "Custodian"}
		person = fhir.Coding{System: participant, Code: "CST", Display: "Custodian"}
	}
	coded := func(c fhir.Coding) fhir.CodeableConcept { return fhir.CodeableConcept{Codings: []fhir.Coding{c}} }
	client := fhir.NewObject().Set("display", "unknown client")
	if r.Client != "" {
		client = logical("Device", r.Client)
	}
	address, kind := d.Address, "2"
	if address == "" {
		address, kind = "unknown", "1"
		if r.Client == System {
			address = System
		}
	}
	list := []*fhir.Object{
		fhir.NewObject().Set("type", coded(asks)).Set("who", client).Set("requestor", r.Agent == "").
			Set("network", fhir.NewObject().Set("address", address).Set("type", kind)),
		fhir.NewObject().Set("type", coded(answers)).Set("who", server(base)).Set("requestor", false).
			Set("network", network(base)),
	}
	if r.Agent != "" {
		user := fhir.NewObject().Set("type", coded(person))
		for _, role := range d.Roles {
			user.Append("role", coded(fhir.Coding{System: rolesSystem, Code: role}))
		}
		typ, id, ok := strings.Cut(r.Agent, "/")
		if !ok {
			typ, id = "", r.Agent
		}
		list = append(list, user.Set("who", logical(typ, id)).Set("altId", r.Agent).Set("requestor", true))
	}
	return list
}

// logical is a reference to what is known elsewhere by that id.
func logical(typ, id string) *fhir.Object {
	o := fhir.NewObject().Set("type", typ).Set("identifier", fhir.NewObject().Set("value", id))
	if typ == "" {
		return o.Set("display", id)
	}
	return o.Set("display", typ+"/"+id)
}

func server(base string) *fhir.Object {
	id := fhir.NewObject().Set("value", System)
	if base != "" {
		id = fhir.NewObject().Set("system", uri).Set("value", base)
	}
	return fhir.NewObject().Set("type", "Device").Set("identifier", id).Set("display", System)
}

func network(base string) *fhir.Object {
	if base == "" {
		return fhir.NewObject().Set("address", System).Set("type", "1") // machine name
	}
	return fhir.NewObject().Set("address", base).Set("type", "5") // URI
}

// entities gives the patient, what was asked or done to, the request, and the rest.
// Only one entity may be a "System Object" (BALP tells them apart by type), so that
// the rest is "Other".
func (r Record) entities(d detail) []*fhir.Object {
	coding := func(system, code, display string) fhir.Coding {
		return fhir.Coding{System: system, Code: code, Display: display}
	}
	var list []*fhir.Object
	if r.Patient != nil {
		list = append(list, fhir.NewObject().
			Set("what", fhir.NewObject().Set("type", "Patient").
				Set("identifier", fhir.NewObject().Set("system", PseudonymSystem).Set("value", *r.Patient))).
			Set("type", coding(entityType, "1", "Person")).Set("role", coding(objectRole, "1", "Patient")))
	}
	switch {
	case d.Query != "":
		list = append(list, fhir.NewObject().Set("type", coding(entityType, "2", "System Object")).
			Set("role", coding(objectRole, "24", "Query")).Set("description", d.Query).
			Set("query", base64.StdEncoding.EncodeToString([]byte(d.Query))))
	case r.Data != "":
		list = append(list, fhir.NewObject().Set("what", what(r.Data)).Set("type", coding(entityType, "2", "System Object")).
			Set("role", coding(objectRole, "4", "Domain Resource")))
	}
	if d.Request != "" {
		list = append(list, fhir.NewObject().
			Set("what", fhir.NewObject().Set("identifier", fhir.NewObject().Set("value", d.Request))).
			Set("type", coding(balpEntity, "XrequestId", "")))
	}
	for _, e := range d.Entities {
		o := fhir.NewObject()
		if e.What != "" {
			o.Set("what", fhir.NewObject().Set("identifier", identifier(e.What)))
		}
		o.Set("type", coding(entityType, "4", "Other")).Set("name", e.Name)
		for _, x := range e.Details {
			o.Append("detail", fhir.NewObject().Set("type", x.Name).Set("valueString", x.Value))
		}
		list = append(list, o)
	}
	return list
}

// what refers to data: as a reference where it is a resource of this server, as an
// identifier otherwise.
func what(data string) *fhir.Object {
	typ, id, ok := strings.Cut(data, "/")
	if !ok {
		return fhir.NewObject().Set("type", typ)
	}
	if search.IsType(typ) {
		return fhir.NewObject().Set("reference", data).Set("type", typ)
	}
	return fhir.NewObject().Set("identifier", fhir.NewObject().Set("value", id)).Set("display", data)
}

// identifier tells uuids and urls as such.
func identifier(s string) *fhir.Object {
	if strings.Contains(s, "://") || strings.HasPrefix(s, "urn:") {
		return fhir.NewObject().Set("system", uri).Set("value", s)
	}
	return fhir.NewObject().Set("value", s)
}
