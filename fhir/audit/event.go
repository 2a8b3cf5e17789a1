package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Action is a code of http://hl7.org/fhir/audit-event-action.
type Action string

// The actions.
const (
	Creation  Action = "C"
	Reading   Action = "R"
	Updating  Action = "U"
	Deletion  Action = "D"
	Execution Action = "E"
)

// Outcome is a code of http://hl7.org/fhir/audit-event-outcome.
type Outcome int

// The outcomes. A refused request is a minor failure.
const (
	Success        Outcome = 0
	MinorFailure   Outcome = 4
	SeriousFailure Outcome = 8
	MajorFailure   Outcome = 12
)

// Kind is what happened. Other rooms may add kinds of their own: a word in small
// letters, which the AuditEvent carries as subtype.
type Kind string

// The kinds of this server.
const (
	Read      Kind = "read"     // one resource with patient data
	Search    Kind = "search"   // resources with patient data, or the trail itself
	Create    Kind = "create"   // a resource
	Update    Kind = "update"   // a resource
	Delete    Kind = "delete"   // a resource or guideline
	Advice    Kind = "advice"   // a hook call or recommendation was answered
	Feedback  Kind = "feedback" // on advice
	Approve   Kind = "approve"  // knowledge becomes active
	Retire    Kind = "retire"   // knowledge ends
	Retain    Kind = "retention"
	Erase     Kind = "erase"   // the pseudonym of a patient was destroyed
	Export    Kind = "export"  // of the trail
	Configure Kind = "setting" // a setting was changed
	Login     Kind = "login"
	Logout    Kind = "logout"
	Account   Kind = "account"      // who may log in, or as what, was changed
	Register  Kind = "registration" // of a CDS client or FHIR server
)

// actions of the kinds; a kind that is not listed is an Execution.
var actions = map[Kind]Action{
	Read: Reading, Create: Creation, Update: Updating, Delete: Deletion, Approve: Updating, Retire: Updating,
	Feedback: Creation, Retain: Deletion, Erase: Deletion, Export: Reading, Configure: Updating,
	Account: Updating, Register: Updating,
}

// Event is one entry of the trail before it is written.
type Event struct {
	// ID is a uuid; "" makes one. An event of an id that was written already is not
	// written again, so that whoever is in doubt may try again.
	ID      string
	At      time.Time // when it happened; the zero time: when it is written
	Kind    Kind
	Outcome Outcome
	Reason  string // of a failure; no patient data
	// Caller is who did it. Where it is zero, Append takes the context's.
	Caller Caller
	// Patient is whose data was used; nil: nobody's.
	Patient Subject
	// Query is what was asked, as method and path or type and names of parameters; no
	// values that tell of a patient.
	Query string
	// Data is what was read or changed, as "Type/id" or "Type/id/_history/3". Of
	// patients and relatives only the type is kept.
	Data     string
	Entities []Entity
}

// Entity is something else that was used or made: a card, a rule, a count.
type Entity struct {
	Name    string   `json:"name"`           // what it is: card, rule, decision, …
	What    string   `json:"what,omitempty"` // uuid, canonical url|version, or another identifier
	Details []Detail `json:"details,omitempty"`
}

// Detail is a property of an entity: codes and numbers.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Details makes details of names and values in turn; empty values are left out.
func Details(pairs ...string) []Detail {
	var list []Detail
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, Detail{pairs[i], pairs[i+1]})
		}
	}
	return list
}

// detail is the column of that name.
type detail struct {
	Reason   string   `json:"reason,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Address  string   `json:"address,omitempty"`
	Request  string   `json:"request,omitempty"`
	Query    string   `json:"query,omitempty"`
	Entities []Entity `json:"entities,omitempty"`
}

// Bounds of what an event holds, so that nobody fills the trail with what he sends.
const (
	maxText     = 500
	maxEntities = 100
	maxDetails  = 20
)

// bounded gives the event within its bounds, without bytes PostgreSQL refuses.
func (e Event) bounded() Event {
	e.Kind = Kind(clean(string(e.Kind)))
	e.Reason, e.Query, e.Data = clean(e.Reason), clean(e.Query), impersonal(clean(e.Data))
	e.Caller = e.Caller.bounded()
	if len(e.Entities) > maxEntities {
		e.Entities = e.Entities[:maxEntities]
	}
	list := make([]Entity, len(e.Entities))
	for i, x := range e.Entities {
		list[i] = Entity{Name: clean(x.Name), What: clean(x.What)}
		for _, d := range x.Details[:min(len(x.Details), maxDetails)] {
			list[i].Details = append(list[i].Details, Detail{clean(d.Name), clean(d.Value)})
		}
	}
	e.Entities = list
	return e
}

// impersonal takes the id from the name of a person who is cared for.
func impersonal(ref string) string {
	if typ, _, ok := strings.Cut(ref, "/"); ok && (typ == "Patient" || typ == "RelatedPerson") {
		return typ
	}
	return ref
}

// clean cuts a text and takes out what is no text.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}

// newID makes a random uuid (RFC 9562, version 7: ordered by time).
func newID(now time.Time) string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	return formatID(b)
}

// IDOf derives an id from what makes an event one, so that it is written once however
// often it is reported (a uuid of RFC 9562, version 8).
func IDOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	b := [16]byte(h.Sum(nil)[:16])
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return formatID(b)
}

func formatID(b [16]byte) string {
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
