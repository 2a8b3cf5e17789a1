package audit_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"cdss/fhir"
	"cdss/fhir/audit"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

const (
	dcm    = "http://dicom.nema.org/resources/ontology/DCM"
	part   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	rest   = "http://hl7.org/fhir/restful-interaction"
	entity = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	role   = "http://terminology.hl7.org/CodeSystem/object-role"
)

// profile is what BALP 1.1.4 fixes of an AuditEvent (StructureDefinitions
// IHE.BasicAudit.*): interaction, action, types of the agents, and the one entity of
// type "System Object".
type profile struct {
	interactions   []string
	action         string
	client, server string
	user           []string
	query          bool // the entity is what was asked, else what was done to
}

var profiles = map[string]profile{
	"Read":   {[]string{"read", "vread"}, "R", dcm + "|110152", dcm + "|110153", []string{part + "|IRCP"}, false},
	"Query":  {[]string{"search", "search-type", "search-system"}, "E", dcm + "|110153", dcm + "|110152", []string{part + "|IRCP"}, true},
	"Create": {[]string{"create"}, "C", dcm + "|110153", dcm + "|110152", []string{part + "|AUT", part + "|INF", part + "|CST"}, false},
	"Update": {[]string{"update", "patch"}, "U", dcm + "|110153", dcm + "|110152", []string{part + "|AUT", part + "|INF", part + "|CST"}, false},
	"Delete": {
		[]string{"delete"}, "D", dcm + "|110150", "http://terminology.hl7.org/CodeSystem/provenance-participant-type|custodian",
		[]string{part + "|AUT", part + "|INF", part + "|CST"}, false,
	},
}

func code(n *fhir.Node) string { return n.Coding().System + "|" + n.Coding().Code }

// pick gives the members of a list whose type has that code.
func pick(list []*fhir.Node, typ func(*fhir.Node) string, codes ...string) (found []*fhir.Node) {
	for _, n := range list {
		if slices.Contains(codes, typ(n)) {
			found = append(found, n)
		}
	}
	return found
}

// conforms says how an AuditEvent breaks the profile it claims.
func conforms(t *testing.T, n *fhir.Node, name string) {
	t.Helper()
	plain, ofPatient := strings.CutPrefix(name, "Patient")
	p := profiles[plain]
	must := func(ok bool, what string) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %s in %s", name, what, n.JSON())
		}
	}
	must(code(n.Child("type")) == "http://terminology.hl7.org/CodeSystem/audit-event-type|rest", "type")
	interactions := 0
	for _, s := range n.Children("subtype") {
		if s.Coding().System == rest && slices.Contains(p.interactions, s.Coding().Code) {
			interactions++
		}
	}
	must(interactions == 1, "one interaction")
	must(n.Child("action").String() == p.action, "action")
	must(n.Child("outcome").String() == "0", "outcome")
	must(n.Child("recorded").String() != "", "recorded")

	agentType := func(n *fhir.Node) string { return code(n.Child("type").Child("coding")) }
	agents := n.Children("agent")
	clients, servers, users := pick(agents, agentType, p.client), pick(agents, agentType, p.server), pick(agents, agentType, p.user...)
	must(len(clients) == 1 && len(servers) == 1 && len(users) <= 1, "one client, one server, at most one user")
	for _, a := range append(clients, servers...) {
		must(!a.Child("who").Empty() && !a.Child("network").Empty() && a.Child("media").Empty(), "who and network of client and server")
	}
	for _, u := range users {
		requestor, _ := u.Child("requestor").Bool()
		must(!u.Child("who").Empty() && requestor && u.Child("network").Empty() && u.Child("media").Empty(), "who of the user, who asks, without network")
	}

	entityType := func(n *fhir.Node) string { return code(n.Child("type")) }
	entities := n.Children("entity")
	objects := pick(entities, entityType, entity+"|2")
	must(len(objects) == 1, "one entity of type System Object")
	for _, o := range objects {
		if p.query {
			must(code(o.Child("role")) == role+"|24" && o.Child("query").String() != "" && o.Child("what").Empty() &&
				o.Child("lifecycle").Empty() && o.Child("detail").Empty() && o.Child("name").Empty(), "the query")
		} else {
			must(slices.Contains([]string{role + "|4", role + "|3", role + "|20"}, code(o.Child("role"))) && !o.Child("what").Empty(), "the data")
		}
	}
	patients := pick(entities, entityType, entity+"|1")
	must(len(patients) == map[bool]int{true: 1}[ofPatient], "the patient")
	for _, e := range patients {
		must(code(e.Child("role")) == role+"|1" && e.Child("what").Child("type").String() == "Patient" &&
			e.Child("what").Child("reference").Empty() && e.Child("what").Child("identifier").Child("value").String() != "", "the patient's pseudonym")
	}
	for _, e := range pick(entities, entityType, "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType|XrequestId") {
		must(e.Child("what").Child("identifier").Child("value").String() != "", "the id of the request")
	}
}

func TestAuditEventsConformToR4AndBALP(t *testing.T) {
	trail, _ := open(t)
	who := audit.Caller{User: "Practitioner/1", Roles: []string{"clinician"}, Client: "ehr", Address: "192.0.2.1", Request: "0123456789abcdef"}
	p := subject(t, trail, "p")
	for i, tc := range []struct {
		name  string
		event audit.Event
		want  string // profile
	}{
		{"advice on a patient", advice(t, trail, "Practitioner/1", "p"), "PatientQuery"},
		{"advice on nobody known", advice(t, trail, "", ""), "Query"},
		{"reading", audit.Event{Kind: audit.Read, Patient: p, Data: "Observation/1", Caller: who}, "PatientRead"},
		{"reading the patient", audit.Event{Kind: audit.Read, Patient: p, Data: "Patient/p", Caller: who}, "PatientRead"},
		{"reading an event", audit.Event{Kind: audit.Read, Data: "AuditEvent/1"}, "Read"},
		{"search", audit.Event{Kind: audit.Search, Patient: p, Query: "search of Observation by patient", Caller: who}, "PatientQuery"},
		{"creation", audit.Event{Kind: audit.Create, Data: "PlanDefinition/x/_history/1", Caller: who}, "Create"},
		{"update", audit.Event{Kind: audit.Update, Data: "PlanDefinition/x/_history/2", Caller: who}, "Update"},
		{"update of a patient", audit.Event{Kind: audit.Update, Patient: p, Data: "Observation/1/_history/2", Caller: who}, "PatientUpdate"},
		{"deletion", audit.Event{Kind: audit.Delete, Data: "PlanDefinition/x/_history/3", Caller: who}, "Delete"},
		{"a failed question", audit.Event{Kind: audit.Advice, Patient: p, Query: "POST /x", Outcome: audit.SeriousFailure, Reason: "no check could run"}, ""},
		{"approval", audit.Event{Kind: audit.Approve, Data: "Guideline/1", Caller: who}, ""},
		{"login", audit.Event{Kind: audit.Login, Outcome: audit.MinorFailure, Caller: who}, ""},
		{"another room's kind", audit.Event{Kind: "authorise", Caller: audit.Caller{User: "alice"}}, ""},
		{"nothing but a kind", audit.Event{Kind: audit.Retain}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now().Add(time.Duration(i) * time.Hour)
			tc.event.At = start
			write(t, trail, tc.event)
			for _, base := range []string{base, ""} {
				err := trail.Each(t.Context(), audit.Filter{From: start.Add(-time.Minute), To: start.Add(time.Minute)}, func(r audit.Record) error {
					resource, err := r.Resource(base)
					if err != nil {
						return err
					}
					issues, err := validate.Resource(t.Context(), resource, fhirpath.Env{Now: time.Now()})
					for _, is := range issues {
						if is.Severity != issue.SeverityWarning { // that there is no narrative
							t.Errorf("%s in %s", is, resource.Raw())
						}
					}
					n := resource.Root()
					got := strings.TrimPrefix(n.Child("meta").Child("profile").String(), "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.")
					if got != tc.want {
						t.Errorf("profile %q, want %q", got, tc.want)
					}
					if got != "" {
						conforms(t, n, got)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What an auditor must find in the event of an answer: who, through what, which
// cards, which rules, and what was asked.
func TestAdviceTellsCardsAndRules(t *testing.T) {
	trail, _ := open(t)
	write(t, trail, advice(t, trail, "Practitioner/1", "p"))
	err := trail.Each(t.Context(), audit.Filter{}, func(r audit.Record) error {
		resource, err := r.Resource(base)
		if err != nil {
			return err
		}
		text := string(resource.Raw())
		for _, want := range []string{
			`"value":"urn:uuid:0190a1b2-0000-8000-8000-00000000000a"`, `"value":"https://cdss.example/fhir/PlanDefinition/x|1.0.0"`,
			`"display":"Practitioner/1"`, `"display":"Device/ehr"`, `"address":"192.0.2.1"`, `"value":"0123456789abcdef"`,
			base64.StdEncoding.EncodeToString([]byte("POST /cds-services/abs-patient-view")),
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is not in %s", want, text)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
