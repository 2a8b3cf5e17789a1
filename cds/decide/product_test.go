package decide_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/decide"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// amoxicillin is a Medication that names its substance by code alone.
const amoxicillin = `{"resourceType":"Medication","id":"amox","code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":"J01CA04"}]}}`

// referring is a draft order that says nothing of its medicine but where to find it.
func referring(reference string) string {
	return `{"resourceType":"MedicationRequest","id":"m","status":"draft","intent":"order","subject":{"reference":"Patient/p"},
		"medicationReference":` + reference + `,"dosageInstruction":[{"text":"1 g p.o. alle 8 h"}]}`
}

// TestMedicineByReference: an order that only refers to its Medication is checked
// wherever that is to be had, and else said to be not checked; never silence.
func TestMedicineByReference(t *testing.T) {
	const all = `"patient":` + patient + `,"encounters":null,"conditions":null,"medicationRequests":null,"medicationStatements":null,"observations":null,
		"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null,"allergies":` + penicillin
	medication := resource(t, amoxicillin)
	for _, tc := range []struct {
		name      string
		reference string
		prefetch  string // beside the data of the patient
		change    func(*cds.Request)
		answer    *prefetch.Answer // of the FHIR server; nil: there is none
		critical  bool
		says      string // of what was not checked
	}{
		{name: "an entry of the drafts", reference: `{"reference":"Medication/amox"}`, critical: true,
			change: func(r *cds.Request) { r.DraftOrders = append(r.DraftOrders, medication) }},
		{name: "an entry of the drafts by its address", reference: `{"reference":"urn:uuid:1"}`, critical: true,
			change: func(r *cds.Request) { r.URLs = map[string]*fhir.Resource{"urn:uuid:1": medication} }},
		{name: "under a key of the client's own", reference: `{"reference":"Medication/amox"}`, critical: true, prefetch: `,"mine":` + amoxicillin},
		{name: "under a key of the client's own by its address", reference: `{"reference":"urn:uuid:1"}`, critical: true,
			prefetch: `,"mine":{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":` + amoxicillin + `}]}`},
		{name: "on the FHIR server", reference: `{"reference":"Medication/amox"}`, critical: true,
			answer: &prefetch.Answer{Resources: []*fhir.Resource{medication}}},
		{name: "on the FHIR server, in a version", reference: `{"reference":"Medication/amox/_history/3"}`, critical: true,
			answer: &prefetch.Answer{Resources: []*fhir.Resource{medication}}},
		{name: "on the FHIR server, by its whole address", reference: `{"reference":"https://ehr.example/fhir/Medication/amox"}`, critical: true,
			answer: &prefetch.Answer{Resources: []*fhir.Resource{medication}}},
		{name: "on the FHIR server, words that nobody knows beside", reference: `{"reference":"Medication/amox","display":"Haus-AB Nr. 7"}`, critical: true,
			answer: &prefetch.Answer{Resources: []*fhir.Resource{medication}}},
		{name: "named by words, so that nobody need ask", reference: `{"reference":"Medication/amox","display":"Amoxicillin"}`, critical: true},
		{name: "nowhere", reference: `{"reference":"Medication/amox"}`, says: "the medication is not known: not sent"},
		{name: "nowhere, by an address within the call", reference: `{"reference":"urn:uuid:1"}`, says: "the reference leads to no medication"},
		{name: "contained, but not there", reference: `{"reference":"#amox"}`, says: "the reference leads to no medication"},
		{name: "on another server", reference: `{"reference":"https://other.example/fhir/Medication/amox"}`, says: "it lies on another server",
			answer: &prefetch.Answer{Resources: []*fhir.Resource{medication}}},
		{name: "refused by the FHIR server", reference: `{"reference":"Medication/amox"}`, says: "refuses access", answer: &prefetch.Answer{Failure: "forbidden"}},
		{name: "not found there", reference: `{"reference":"Medication/amox"}`, says: "not found", answer: &prefetch.Answer{Failure: "not-found"}},
		{name: "something else came", reference: `{"reference":"Medication/amox"}`, says: "failed",
			answer: &prefetch.Answer{Resources: []*fhir.Resource{resource(t, patient)}}},
		{name: "beyond the scope", reference: `{"reference":"Medication/amox"}`, says: "does not cover",
			change: func(r *cds.Request) {
				r.Access = smart.Authorization{Token: smart.NewToken("t"), Scope: "patient/AllergyIntolerance.read"}
			},
			answer: &prefetch.Answer{Resources: []*fhir.Resource{medication}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := sign(t, "{"+all+tc.prefetch+"}", referring(tc.reference))
			var from decide.Servers
			if tc.answer != nil {
				req.FHIRServer = "https://ehr.example/fhir"
				r := &always{answer: *tc.answer}
				from = servers{reader: r}
			}
			if tc.change != nil {
				tc.change(&req)
			}
			got, err := realRules(t, func(c *decide.Config) { c.Servers = from }).Hook(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			body := string(check(t, got))
			critical := strings.Contains(strings.Join(topics(got), ","), "critical allergy")
			if critical != tc.critical {
				t.Errorf("cards %q", topics(got))
			}
			if tc.says != "" && !strings.Contains(body, tc.says) {
				t.Errorf("%q is not said: %s", tc.says, body)
			}
			if len(got.Cards) == 0 {
				t.Error("silence")
			}
		})
	}
}

// always gives the same answer to every query.
type always struct{ answer prefetch.Answer }

func (a *always) Read(_ context.Context, queries []prefetch.Query) map[string]prefetch.Answer {
	out := map[string]prefetch.Answer{}
	for _, q := range queries {
		out[q.Key] = a.answer
	}
	return out
}

// TestMedicinesOfThePatientByReference: a list with a medicine nobody knows is not
// the whole list, and one that can be read is checked against.
func TestMedicinesOfThePatientByReference(t *testing.T) {
	running := func(reference string) string {
		return `{"patient":` + patient + `,"encounters":null,"conditions":null,"medicationStatements":null,"observations":null,
		"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null,"allergies":null,"medicationRequests":{"resourceType":"MedicationRequest","id":"w","status":"active",
		"intent":"order","subject":{"reference":"Patient/p"},"medicationReference":` + reference + `}}`
	}
	meropenem := strings.NewReplacer("J01CR05", "J01DH02", "Piperacillin/Tazobactam", "Meropenem", "STATUS", "draft", "4,5 g", "1 g").Replace(piperacillin)
	valproate := resource(t, `{"resourceType":"Medication","id":"v","code":{"coding":[{"system":"http://www.whocc.no/atc","code":"N03AG01"}],"text":"Valproat"}}`)
	t.Run("on the FHIR server", func(t *testing.T) {
		r := &always{answer: prefetch.Answer{Resources: []*fhir.Resource{valproate}, SHA256: "00"}}
		s := realRules(t, func(c *decide.Config) { c.Servers = servers{reader: r} })
		req := sign(t, running(`{"reference":"Medication/v"}`), meropenem)
		req.FHIRServer, req.Client = "https://ehr.example/fhir", "kis"
		got, err := s.Hook(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if body := string(check(t, got)); !strings.Contains(strings.Join(topics(got), ","), "critical interaction") {
			t.Errorf("%q %s", topics(got), body)
		}
		// The next call about the patient need not read it again.
		r.answer = prefetch.Answer{Failure: "timed-out"}
		if got, err = s.Hook(t.Context(), req); err != nil || !strings.Contains(strings.Join(topics(got), ","), "critical interaction") {
			t.Errorf("%v %q", err, topics(got))
		}
	})
	for name, reference := range map[string]string{"nowhere": `{"reference":"Medication/v"}`, "contained, but not there": `{"reference":"#v"}`} {
		t.Run(name, func(t *testing.T) {
			got, err := realRules(t).Hook(t.Context(), sign(t, running(reference), meropenem))
			if err != nil {
				t.Fatal(err)
			}
			if body := string(check(t, got)); !strings.Contains(body, "of an entry it is not known which medication it is") {
				t.Errorf("it is not said: %s", body)
			}
		})
	}
}

// TestSlowMedicationsLeaveTimeForTheRest: however long a Medication takes, the answer
// is there in time and says what is not known.
func TestSlowMedicationsLeaveTimeForTheRest(t *testing.T) {
	r := &record{before: func(ctx context.Context) { <-ctx.Done() }}
	s := realRules(t, func(c *decide.Config) { c.Servers, c.Deadline = servers{reader: r}, 600*time.Millisecond })
	req := sign(t, `{"patient":`+patient+`,"allergies":`+penicillin+`}`, referring(`{"reference":"Medication/amox"}`))
	req.FHIRServer = "https://ehr.example/fhir"
	begin := time.Now()
	got, err := s.Hook(t.Context(), req)
	if took := time.Since(begin); err != nil || took > 600*time.Millisecond {
		t.Errorf("%v after %s", err, took)
	}
	if body := string(check(t, got)); !strings.Contains(body, "no complete answer") {
		t.Errorf("it is not said: %s", body)
	}
}

// TestMedicinesOfABundleByReference: as in a hook call, for a Bundle of the API.
func TestMedicinesOfABundleByReference(t *testing.T) {
	medication := resource(t, amoxicillin)
	taken := resource(t, `{"resourceType":"MedicationStatement","id":"s","status":"active","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"urn:uuid:1"}}`)
	for _, tc := range []struct {
		name  string
		urls  map[string]*fhir.Resource
		known bool
	}{
		{"by the address of its entry", map[string]*fhir.Resource{"urn:uuid:1": medication}, true},
		{"nowhere", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := realRules(t).Answer(t.Context(), decide.Ask{
				Patient: "p", Resources: []*fhir.Resource{resource(t, patient), taken, medication}, URLs: tc.urls, Language: cds.EN,
				Request: &cds.StructuredRequest{Indication: "community-acquired-pneumonia"},
			})
			lacking := strings.Contains(notChecked(rec), "the Medication that a medicine refers to is not there")
			known := false
			for _, f := range rec.Facts {
				for _, in := range f.Inputs {
					known = known || f.Name == "medications" && in.Reference == "MedicationStatement/s"
				}
			}
			if known != tc.known || lacking == tc.known {
				t.Errorf("known %v, told as lacking %v: %s", known, lacking, notChecked(rec))
			}
		})
	}
}

func notChecked(rec cds.Recommendation) string {
	var list []string
	for _, n := range rec.NotChecked {
		list = append(list, n.Check+": "+n.Reason)
	}
	return strings.Join(list, "\n")
}

// TestGather: a patient is read from a server with all that is asked for, and what
// went wrong there is told as in a hook call.
func TestGather(t *testing.T) {
	pneumonia := `{"resourceType":"Condition","id":"c","clinicalStatus":{"coding":[{"code":"active"}]},"subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"J18.9"}]}}`
	answers := func() map[string]prefetch.Answer {
		return map[string]prefetch.Answer{
			"patient": {Resources: []*fhir.Resource{resource(t, patient)}}, "conditions": {Resources: []*fhir.Resource{resource(t, pneumonia)}},
			"allergies": {Failure: "forbidden"},
			"medicationStatements": {Resources: []*fhir.Resource{resource(t, `{"resourceType":"MedicationStatement","id":"s","status":"active",
				"subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/amox"}}`)}},
			"Medication/amox": {Resources: []*fhir.Resource{resource(t, amoxicillin)}},
		}
	}
	s := realRules(t)
	r := &record{answers: answers()}
	ask, err := s.Gather(t.Context(), decide.Ask{Patient: "p", Language: cds.EN}, r)
	if err != nil {
		t.Fatal(err)
	}
	rec := s.Answer(t.Context(), ask)
	if rec.Indication == nil || rec.Indication.Code != "community-acquired-pneumonia" {
		t.Errorf("indication %v", rec.Indication)
	}
	if text := notChecked(rec); !strings.Contains(text, "refuses access") || strings.Contains(text, "not sent") {
		t.Errorf("not checked: %s", text)
	}
	for name, tc := range map[string]struct {
		answers map[string]prefetch.Answer
		kind    issue.Kind
	}{
		"nobody of that id":   {map[string]prefetch.Answer{"patient": {Failure: "not-found"}}, issue.NotFound},
		"nothing can be read": {nil, issue.Transient},
	} {
		r := &record{answers: tc.answers}
		if tc.answers == nil {
			r.answers = map[string]prefetch.Answer{}
			for _, template := range prefetch.Templates() {
				r.answers[template.Key] = prefetch.Answer{Failure: "unreachable"}
			}
		}
		if _, err := s.Gather(t.Context(), decide.Ask{Patient: "p"}, r); !issue.Is(err, tc.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
