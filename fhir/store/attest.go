package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"cdss/fhir"
	"cdss/fhir/audit"
	"cdss/fhir/search"
)

// artifacts are the types each version of which has a Provenance.
var artifacts = []string{"ActivityDefinition", "CodeSystem", "ConceptMap", "Library", "PlanDefinition", "Questionnaire", "ValueSet"}

// kinds tell what a version was made by.
var kinds = map[fhir.Method]audit.Kind{fhir.Create: audit.Create, fhir.Update: audit.Update, fhir.Delete: audit.Delete}

// versionRef gives "Type/id/_history/3".
func versionRef(v fhir.Version, version int) string {
	return v.Ref() + "/_history/" + strconv.Itoa(version)
}

// attest queues the event of a version. The hash is that of the stored body, so that
// whoever changes it there is found out.
func (t *transaction) attest(ctx context.Context, b *pgx.Batch, v fhir.Version, body *string, activity fhir.Coding) error {
	e := audit.Event{Kind: kinds[v.Method], At: v.At, Data: versionRef(v, v.Version)}
	if activity.Code != "" {
		e.Kind = audit.Kind(activity.Code)
	}
	patient := audit.PatientOf(v.Resource)
	if v.Type == "Patient" {
		patient = v.ID
	}
	if patient != "" && t.s.cfg.Subject != nil {
		subject, err := t.s.cfg.Subject(patient)
		if err != nil {
			return err
		}
		e.Patient = subject
	}
	if body != nil {
		sum := sha256.Sum256([]byte(*body))
		e.Entities = []audit.Entity{{Name: "content", Details: audit.Details("sha256", hex.EncodeToString(sum[:]))}}
	}
	audit.Queue(ctx, b, e)
	return nil
}

// provenance makes the Provenance of a version of an artifact: who made it, when, and
// out of which one.
func (t *transaction) provenance(ctx context.Context, v fhir.Version, activity fhir.Coding) (*fhir.Resource, error) {
	operation := map[fhir.Method]string{fhir.Create: "CREATE", fhir.Update: "UPDATE", fhir.Delete: "DELETE"}[v.Method]
	coded := func(system, code string) fhir.CodeableConcept {
		return fhir.CodeableConcept{Codings: []fhir.Coding{{System: system, Code: code}}}
	}
	what := coded("http://terminology.hl7.org/CodeSystem/v3-DataOperation", operation)
	if !activity.IsZero() {
		what.Codings = append(what.Codings, activity)
	}
	o := fhir.NewResource("Provenance", "").
		Append("target", fhir.NewObject().Set("reference", versionRef(v, v.Version)).Set("type", v.Type)).
		Set("recorded", stamp(v.At)).
		Set("activity", what).
		Append("agent", agent(audit.From(ctx), part(activity), coded))
	if v.Version > 1 {
		o.Append("entity", fhir.NewObject().Set("role", "revision").
			Set("what", fhir.NewObject().Set("reference", versionRef(v, v.Version-1)).Set("type", v.Type)))
	}
	r, err := o.Resource()
	if err != nil {
		return nil, err
	}
	return r.As(newID(), "1", stamp(t.at))
}

// Of new resources with ids nobody else has: nothing is there to be locked.
const makeProvenancesQuery = `
INSERT INTO resource (type, id, version, deleted, updated_at)
SELECT 'Provenance', id, 1, false, $2 FROM unnest($1::text[]) AS new (id)
RETURNING id, key`

// prove stores a Provenance for each version of an artifact that the transaction
// made, all of them in two round trips.
func (t *transaction) prove(ctx context.Context) error {
	var made []*fhir.Resource
	var ids []string
	for _, c := range t.steps {
		if !c.made || !slices.Contains(artifacts, c.Type) {
			continue
		}
		r, err := t.provenance(ctx, c.effect.Version, c.Activity)
		if err != nil {
			return err
		}
		made, ids = append(made, r), append(ids, r.ID())
	}
	if len(made) == 0 {
		return nil
	}
	rows, err := t.tx.Query(ctx, makeProvenancesQuery, ids, t.at)
	if err != nil {
		return err
	}
	keys := map[string]int64{}
	var id string
	var key int64
	if _, err := pgx.ForEachRow(rows, []any{&id, &key}, func() error { keys[id] = key; return nil }); err != nil {
		return err
	}
	var b pgx.Batch
	for _, r := range made {
		index, err := search.IndexOf(ctx, r, t.s.cfg.Base)
		if err != nil {
			return err
		}
		b.Queue(addVersionQuery, keys[r.ID()], 1, "Provenance", string(fhir.Create), t.at, string(r.Raw()))
		reindex(&b, keys[r.ID()], 1, index)
	}
	return t.tx.SendBatch(ctx, &b).Close()
}

// part is what a person did, as a code of provenance-participant-type: who approves
// an artifact verifies what another person is the author of.
func part(activity fhir.Coding) string {
	switch activity.Code {
	case "approve":
		return "verifier"
	case "release", "retire", "reject":
		return "attester"
	}
	return "author"
}

// agent is who made a version: a person, or the software that is known instead.
func agent(c audit.Caller, part string, coded func(system, code string) fhir.CodeableConcept) *fhir.Object {
	const participant = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	identified := func(typ, id string) *fhir.Object {
		return fhir.NewObject().Set("type", typ).Set("identifier", fhir.NewObject().Set("value", id)).Set("display", id)
	}
	if c.User != "" {
		typ, id, ok := strings.Cut(c.User, "/")
		if !ok {
			typ, id = "", c.User
		}
		return fhir.NewObject().Set("type", coded(participant, part)).Set("who", identified(typ, id))
	}
	client := c.Client
	if client == "" {
		client = audit.System
		if c.Address != "" {
			client = "unknown client"
		}
	}
	return fhir.NewObject().Set("type", coded(participant, "assembler")).Set("who", identified("Device", client))
}
