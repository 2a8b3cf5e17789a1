// Package authoring is the life of knowledge artifacts: they are drafted, submitted,
// approved by another person, released and retired, and the snapshot that runs is made
// of what was released.
//
// It owns the states and who may take which step, what has to be right before a
// release, the difference between versions, the exchange of artifacts as Bundle,
// package and source tables, and the site's overlay. It refuses to read status,
// approval and authors from what a client sends, an approval by whoever wrote the
// text, and any change of what was released. It holds no SQL: what it keeps it hands to
// the interfaces it declares.
package authoring

import (
	"context"
	"slices"
	"time"

	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Types are the types of artifacts that have a life here.
var Types = []string{"PlanDefinition", "ActivityDefinition", "Library", "Questionnaire"}

// IsArtifact tells whether resources of a type have a life here.
func IsArtifact(typ string) bool { return slices.Contains(Types, typ) }

// StepSystem is the code system of the steps, as Provenance names them.
const StepSystem = "https://cdss.example/fhir/CodeSystem/artifact-step"

// The steps. Edit, import and delete are what a change of a draft is noted as.
const (
	Draft   = "draft"
	Clone   = "clone"
	Import  = "import"
	Edit    = "edit"
	Submit  = "submit"
	Reject  = "reject"
	Approve = "approve"
	Release = "release"
	Retire  = "retire"
	Delete  = "delete"
)

// State is where an artifact stands.
type State string

// The states.
const (
	Drafted   State = "draft"
	Submitted State = "submitted"
	Approved  State = "approved"
	Released  State = "released"
	Retired   State = "retired"
	Shipped   State = "shipped" // it came with the program
)

// Step is one step in the life of an artifact.
type Step struct {
	Step, Type, ID, URL, Version string
	ResourceVersion              int // FHIR version that the step made
	Person, Name                 string
	At                           time.Time
	Origin                       string // url|version that a draft was made of
	Note                         string
}

// Ref gives "Type/id".
func (s Step) Ref() string { return s.Type + "/" + s.ID }

// Life is where an artifact stands, and how it came there.
type Life struct {
	Type, ID, URL, Version string
	State                  State
	ResourceVersion        int // of the last step
	ChangedAt              time.Time
	Origin                 string
	Contributors           []Person // who wrote, changed, imported or submitted it
	Approver               Person   // of the text as it stands
	ReleasedAt             time.Time
	SHA256                 string // of what was released
	InForce                bool
}

// Ref gives "Type/id".
func (l Life) Ref() string { return l.Type + "/" + l.ID }

// Canonical gives url|version.
func (l Life) Canonical() string { return l.URL + "|" + l.Version }

// Person is who took a step.
type Person struct{ ID, Name string }

// Record is what is noted of changes, in their transaction.
type Record struct {
	Steps    []Step
	Releases []ReleaseNote
	Force    []Force
}

// ReleaseNote says what was released.
type ReleaseNote struct {
	URL, Version, Type, ID string
	ResourceVersion        int
	SHA256                 string
	ApprovedBy, ReleasedBy string
	At                     time.Time
}

// Force puts a version of a url in force, "" none. Was is the version that is in force
// before: when another one is by then, the record is refused as a conflict.
type Force struct{ URL, Version, Was string }

// Settings say what becomes of knowledge past its time.
type Settings struct {
	Expired         string `json:"expired" enum:"withhold,show" doc:"withhold: a plan past its time does not run; show: it runs and is marked"`
	ReviewAfterDays int    `json:"reviewAfterDays" minimum:"0" maximum:"3660" doc:"how long a review holds, 0: for ever"`
}

// Entry is an entry of the overlay with who made it.
type Entry struct {
	knowledge.Overlay
	By Person
	At time.Time
}

// Resources are the FHIR resources of this server.
type Resources interface {
	Read(ctx context.Context, typ, id string, version int) (fhir.Version, error)
	All(ctx context.Context, types ...string) ([]*fhir.Resource, error)
	// Write does changes, and notes in the same transaction what note makes of what
	// came of them.
	Write(ctx context.Context, changes []fhir.Change, note func([]fhir.Effect) (Record, error)) ([]fhir.Effect, error)
}

// Records are what was noted.
type Records interface {
	Lives(ctx context.Context) ([]Life, error)
	// Steps gives the steps of all versions of a url, the newest first.
	Steps(ctx context.Context, url string) ([]Step, error)
	// Site gives what was released here with all that it is run by.
	Site(ctx context.Context) (Site, error)
}

// Local is what a site lays over the content.
type Local interface {
	AddOverlay(ctx context.Context, e Entry) (Entry, error)
	RemoveOverlay(ctx context.Context, id string) error
	SetSettings(ctx context.Context, s Settings) error
}

// TableStore keeps the source tables that were imported.
type TableStore interface {
	SaveTables(ctx context.Context, t TableSet, by Person, at time.Time) error
	Tables(ctx context.Context, name string) (TableSet, error)
}

// Site is the state of this site that a snapshot is made of.
type Site struct {
	Revision string
	Released []Stored
	Overlay  []Entry
	Settings Settings
}

// Stored is a release as it is stored: the body that was released, and the one that is
// current.
type Stored struct {
	Life
	Body, Current *fhir.Resource // nil when it cannot be read
}

// Tester runs the cases that belong to an artifact.
type Tester interface {
	// Test runs the cases of an artifact against the knowledge that would run with it,
	// and gives those that fail. An artifact without cases has none.
	Test(ctx context.Context, artifact *fhir.Resource, would *knowledge.Snapshot) ([]Failure, error)
}

// Failure is a case that fails.
type Failure struct {
	Case    string // its name
	Message string // what was expected and what came; no patient data
}

// Config is what authoring stands on. Tester, Local and TableStore may be nil.
type Config struct {
	Resources Resources
	Records   Records
	Local     Local
	Tables    TableStore
	Tester    Tester
	Shipped   []*fhir.Resource // what comes with the program, taken out of Bundles
	Options   knowledge.Options
	Knowledge func() *knowledge.Snapshot // what runs
	// Check says what is wrong with an artifact by itself.
	Check func(ctx context.Context, r *fhir.Resource) ([]issue.Issue, error)
	Open  bool // access is open: who is nobody is "open", with all roles
	Now   func() time.Time
}

// Service is the life of the artifacts of this site. It is safe for concurrent use.
type Service struct {
	Config
	shipped map[string]*fhir.Resource // by "Type/id"
	byURL   map[string]*fhir.Resource // by url|version
}

// New makes the service.
func New(c Config) *Service {
	s := &Service{Config: c, shipped: map[string]*fhir.Resource{}, byURL: map[string]*fhir.Resource{}}
	for _, r := range c.Shipped {
		if IsArtifact(r.Type()) {
			s.shipped[r.Ref()] = r
			s.byURL[canonical(r)] = r
		}
	}
	return s
}

// open is who works here while access is open and nobody was chosen.
var open = smart.Person{ID: "open", Name: "open access", Roles: smart.Roles()}

// who gives the person behind a request, who must have one of the roles; without any
// roles everybody who is somebody will do.
func (s *Service) who(ctx context.Context, roles ...smart.Role) (smart.Person, error) {
	p, ok := smart.PersonFrom(ctx)
	if !ok && s.Open {
		p, ok = open, true
	}
	switch {
	case !ok:
		return p, issue.New(issue.Login, "nobody is logged in")
	case len(roles) > 0 && !p.Has(roles...):
		return p, issue.New(issue.Forbidden, "this needs the role %s", roles[0])
	}
	return p, nil
}

// as puts the person into what the audit trail and Provenance know of the caller. The
// person of open access is nobody there.
func as(ctx context.Context, p smart.Person) context.Context {
	if audit.From(ctx).User != "" || p.ID == open.ID {
		return ctx
	}
	return audit.With(ctx, audit.Caller{User: p.ID})
}

func canonical(r *fhir.Resource) string {
	root := r.Root()
	return root.Child("url").String() + "|" + root.Child("version").String()
}

func url(r *fhir.Resource) string     { return r.Root().Child("url").String() }
func version(r *fhir.Resource) string { return r.Root().Child("version").String() }

// clip shortens what came from outside for a message.
func clip(text string) string {
	const most = 120
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
