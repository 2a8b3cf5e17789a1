package prefetch

import (
	"context"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Query is one thing to read from a FHIR server, relative to its base.
type Query struct {
	Key  string
	Path string // "Patient/1", or "Condition?patient=1"
	Post bool   // a search is sent so that what is looked for stands in no address
}

// Answer is what a query brought.
type Answer struct {
	Resources []*fhir.Resource
	// Failure is why there may be more, or something else, than came; "" means that
	// this is all. Its values are keys of the table below; another one is understood
	// as "failed".
	Failure string
	SHA256  string // of the bodies, lower-case hex
}

// Reader reads from the FHIR server of one call, all queries in parallel, at the
// longest until ctx ends. It gives an answer to each query.
type Reader interface {
	Read(ctx context.Context, queries []Query) map[string]Answer
}

// Reasons why a server was not asked, for machines.
const (
	NoServer     = "server-not-registered"
	TokenUnfit   = "token-not-usable"
	ScopeTooLow  = "scope"
	ScopePartial = "scope-partial"
)

// failures say in words why an answer cannot be relied on.
var failures = map[string]cds.Text{
	"timed-out":    {DE: "keine vollständige Antwort des Patientendatensystems in der verfügbaren Zeit", EN: "no complete answer of the patient data system in the time available"},
	"unauthorized": {DE: "Patientendatensystem verweigert den Zugriff", EN: "the patient data system refuses access"},
	"forbidden":    {DE: "Patientendatensystem verweigert den Zugriff", EN: "the patient data system refuses access"},
	"not-found":    {DE: "im Patientendatensystem nicht gefunden", EN: "not found in the patient data system"},
	"throttled":    {DE: "Patientendatensystem überlastet", EN: "the patient data system is overloaded"},
	"server-error": {DE: "Fehler des Patientendatensystems", EN: "a fault of the patient data system"},
	"unreachable":  {DE: "Patientendatensystem nicht erreichbar", EN: "the patient data system cannot be reached"},
	"denied":       {DE: "Patientendatensystem nicht erreichbar", EN: "the patient data system cannot be reached"},
	"suspended":    {DE: "Patientendatensystem nach Störungen vorübergehend nicht befragt", EN: "the patient data system is not asked for a while after faults"},
	"redirected":   {DE: "Antwort des Patientendatensystems nicht lesbar", EN: "the answer of the patient data system cannot be read"},
	"not-fhir":     {DE: "Antwort des Patientendatensystems nicht lesbar", EN: "the answer of the patient data system cannot be read"},
	"wrong-type":   {DE: "Antwort des Patientendatensystems nicht lesbar", EN: "the answer of the patient data system cannot be read"},
	"unreadable":   {DE: "Antwort des Patientendatensystems zum Teil nicht lesbar", EN: "part of the answer of the patient data system cannot be read"},
	"too-large":    {DE: "mehr Daten, als für eine Anfrage gelesen werden", EN: "more data than are read for one call"},

	"fewer-than-all": {DE: "das Patientendatensystem gab weniger heraus, als es zählt", EN: "the patient data system gave less than it counts"},
	"next-leaves":    {DE: "die nächste Seite liegt auf einem anderen Server", EN: "the next page lies on another server"},
	"next-loops":     {DE: "die Seiten des Patientendatensystems enden nicht", EN: "the pages of the patient data system do not end"},

	NoServer:     {DE: "nicht übermittelt, und der FHIR-Server ist nicht registriert", EN: "not sent, and the FHIR server is not registered"},
	TokenUnfit:   {DE: "nicht übermittelt, und das Zugriffstoken gilt nicht für diesen Abruf", EN: "not sent, and the access token is not valid for this"},
	ScopeTooLow:  {DE: "nicht übermittelt, und das Zugriffstoken umfasst diese Daten nicht", EN: "not sent, and the access token does not cover these data"},
	ScopePartial: {DE: "das Zugriffstoken umfasst nur einen Teil dieser Daten", EN: "the access token covers a part of these data only"},
}

// Words says in words why an answer cannot be relied on.
func Words(failure string) cds.Text {
	if text, ok := failures[failure]; ok {
		return text
	}
	return reasons[facts.Failed].text
}

// Away is the error of a FHIR server of which nothing could be read: what was
// attempted, in both languages, and why, as a key of the table above; another one is
// understood as "failed".
func Away(failure string, attempted cds.Text) error {
	why := Words(failure)
	if _, known := failures[failure]; !known {
		failure = "failed"
	}
	return issue.New(issue.Transient, "%s: %s", attempted.EN, why.EN).Told("record-"+failure, attempted.DE+": "+why.DE)
}

// parts are failures of a server that answered: there is more than it gave.
var parts = map[string]bool{"fewer-than-all": true, "next-leaves": true, "next-loops": true, "too-large": true, "unreadable": true}

// ServerFailed tells whether what is wrong with a key is the FHIR server's doing, or
// that it could not be asked, and not the client's: then nobody but us can say it.
func (k Key) ServerFailed() bool {
	_, ok := failures[k.Why]
	return ok || k.Why == NoProduct
}

// Lacking tells whether a key has data that could still be had: it did not come, or
// what came is a part. What the client tried and failed to get is not asked again
// (CDS Hooks 2.0.1, "Prefetch").
func (k Key) Lacking() bool {
	return k.Type != "" && (k.State == facts.NotReceived || k.State == facts.Truncated && (k.Why == Incomplete || k.Why == Unproven))
}

// Lacks tells whether any key is lacking.
func (r *Result) Lacks() bool { return slices.ContainsFunc(r.Keys, Key.Lacking) }

// Deny gives all lacking keys the reason why the server cannot be asked for them.
func (r *Result) Deny(why string) {
	for i := range r.Keys {
		if k := &r.Keys[i]; k.State == facts.NotReceived && k.Lacking() {
			k.Reason, k.Why = failures[why], why
		}
	}
}

// Fetch reads what is lacking, as far as the scope of the access token lets it, and
// beside it what else is asked for, which it answers.
func (r *Result) Fetch(ctx context.Context, reader Reader, access smart.Authorization, now time.Time, also ...Query) map[string]Answer {
	queries := slices.Clone(also)
	partial := map[string]bool{}
	for i := range r.Keys {
		k := &r.Keys[i]
		if !k.Lacking() {
			continue
		}
		path := fill(k.Query, r.patient, now)
		_, search := strings.CutPrefix(k.Query, k.Type+"?")
		if !access.Token.IsZero() {
			switch access.Covers(k.Type, search) {
			case smart.NotAtAll:
				if k.State == facts.NotReceived {
					k.Reason, k.Why = failures[ScopeTooLow], ScopeTooLow
				}
				continue
			case smart.Partly:
				partial[k.Name] = true
			}
		}
		queries = append(queries, Query{Key: k.Name, Path: path})
	}
	if len(queries) == 0 {
		return nil
	}
	answers := reader.Read(ctx, queries)
	for i := range r.Keys {
		k := &r.Keys[i]
		if answer, asked := answers[k.Name]; asked && k.Lacking() {
			k.fill(r.patient, answer, partial[k.Name])
		}
	}
	return answers
}

// fill takes the answer of the FHIR server instead of what came with the call. An
// answer that brought nothing leaves what came, with the reason.
func (k *Key) fill(patient string, a Answer, partial bool) {
	v := value{patient: patient, typ: k.Type}
	for _, resource := range a.Resources {
		v.take(resource)
	}
	fail := func(state facts.Received, why string) {
		k.settle(state)
		k.Why = why
		if text, ok := failures[why]; ok {
			k.Reason = text
		}
	}
	if a.Failure != "" && len(v.resources) == 0 && !v.wrong {
		state := facts.Failed
		if len(k.Resources) > 0 || parts[a.Failure] {
			state = facts.Truncated // what came with the call stays
		}
		fail(state, a.Failure)
		return
	}
	k.Resources, k.SHA256, k.Origin = v.resources, a.SHA256, Fetched
	switch {
	case v.wrong:
		k.settle(facts.Wrong)
	case a.Failure != "":
		fail(facts.Truncated, a.Failure)
	case partial:
		fail(facts.Truncated, ScopePartial)
	case v.matches == 0:
		k.settle(facts.NoneRecorded)
	default:
		k.settle(facts.Complete)
	}
}

// Take fills a lacking key with what an earlier call about the same patient knew.
func (r *Result) Take(earlier []Key) {
	for i := range r.Keys {
		k := &r.Keys[i]
		if !k.Lacking() {
			continue
		}
		for _, e := range earlier {
			if e.Name == k.Name {
				*k = e
				k.Origin = Prepared
			}
		}
	}
}

// Whole gives the keys whose data are complete, to be used by a later call about
// the same patient. What was itself prepared is not among them, so that nothing
// grows older than one call.
func (r *Result) Whole() []Key {
	var list []Key
	for _, k := range r.Keys {
		if (k.Type != "" || k.Name == ProductsKey && k.Origin == Fetched) && k.Origin != Prepared && (k.State == facts.Complete || k.State == facts.NoneRecorded) && k.SHA256 != "" {
			list = append(list, k)
		}
	}
	return list
}

// Size gives the bytes that the resources of a key were read from.
func (k Key) Size() int {
	n := 0
	for _, resource := range k.Resources {
		n += len(resource.Raw())
	}
	return n
}
