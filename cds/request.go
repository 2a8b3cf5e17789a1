package cds

import (
	"time"

	"cdss/fhir"
	"cdss/fhir/smart"
)

// Question is what a hook asks of decision support.
type Question string

// The questions. Each hook asks one of them.
const (
	AskOptions Question = "options" // which therapy options there are
	AskOrders  Question = "orders"  // whether the orders of the call may be given
	AskTherapy Question = "therapy" // whether the antimicrobials that run may go on
	AskPlan    Question = "plan"    // what a released plan says, which is the service
)

// Request is one hook call as the door understood it: normalised where clients
// differ, nothing of it trusted yet as far as the patient is concerned.
type Request struct {
	Service      string // id of the service that was called
	Hook         string // as called, a deprecated name included
	Question     Question
	HookInstance string // as sent, or made here when none came
	Client       string // name of the registered client, "" where access is open and nobody proved who calls
	Tenant       string // of its token, "" if it has none
	Profile      Profile
	Language     Lang
	LanguageOpen bool      // neither client nor user said so far: Language is that of the call
	Received     time.Time // when the first byte was read; the deadline counts from here. Zero: now
	Patient      string    // bare id
	Encounter    string    // bare id, or ""
	User         string    // "Type/id", or ""
	FHIRServer   string    // as sent; only ever compared with a registration
	Access       smart.Authorization
	Selections   []string
	DraftOrders  []*fhir.Resource
	URLs         map[string]*fhir.Resource // Medications of the context, by the fullUrl of their entry
	Dispatched   []string                  // references of orders that are to be found among the patient's data
	Context      []*fhir.Resource          // what the context adds to the patient's data: a new allergy, new diagnoses
	Unreadable   int                       // orders, and resources of the context, that are no FHIR resource
	Prefetch     map[string]*fhir.Node     // every key that came, null included
}

// Profile is what a registered client wants and can show. The zero value is that
// of a client of which nothing is known.
type Profile struct {
	Language    Lang          // "" leaves it to the call
	Deadline    time.Duration // of an answer; 0: the server's own
	BlockedCard bool          // when no check can run, a card says so instead of status 412
	Suggestions []string      // types of actions it carries out; nil: all
	PlainText   bool          // it shows detail as it stands, and no Markdown
	MaxCards    int           // it shows at once; 0: as many as there are
	Version3    bool          // features of CDS Hooks 3.0
	Shadow      bool          // evaluate and record, show nothing
}
