// Package knowledge keeps the knowledge artifacts that run: each parsed and
// compiled once, found by canonical and version, by trigger, by indication, by
// substance and by pack.
//
// It owns the immutable Snapshot that every decision pins: the content that comes
// with the program, in whose place the site's releases step, with the site's overlay
// laid over both. It refuses artifacts that are not released (draft or experimental
// ones run only as a demonstration) or not what was released, and those past their
// time; and it reports what is wrong with one artifact with its location while the
// others go on working. It does no I/O.
package knowledge

import (
	"time"

	"cdss/cds"
	"cdss/fhir"
	"cdss/rag"
)

// Options say how a Snapshot is made.
type Options struct {
	Demo     bool      // draft and experimental artifacts run, each marked
	LoadedAt time.Time // shown, and compared with effective periods
	Revision string    // names the state of the site that was read; "" for none

	Site    []Released // what was released here
	Overlay []Overlay  // what this site changes of all that runs
	// What is past its time is withheld, unless ShowExpired says that it runs and is
	// marked. ReviewAfter is how long a review holds, in days; 0: for ever.
	ShowExpired bool
	ReviewAfter int

	Hooks     []string // that a plan may be triggered by; nil: any
	Languages []string // of expressions that somebody evaluates, beside text/fhirpath
}

// Released is an artifact of this site as it was released.
type Released struct {
	Resource *fhir.Resource
	InForce  bool   // of several versions of a url one at most
	SHA256   string // of its content, see Hash
	Fault    string // why it must not run, such as that it is not what was released; "" for nothing
}

// Load compiles artifacts: PlanDefinitions, ActivityDefinitions and the code
// system of indications; other resource types are left alone. What is wrong with
// one artifact stands in Problems. The error is for a set that cannot work at
// all: no indications, or two artifacts of one url|version.
func Load(resources []*fhir.Resource, o Options) (*Snapshot, error) { return load(resources, o) }

// Problem is what is wrong with one artifact, and where.
type Problem struct {
	Artifact string // canonical|version, or type/id where it has none
	Location string // FHIRPath-like, for example "PlanDefinition.action[2].condition[0].expression"
	Message  string
}

// Refusal is a released artifact that must not run, and what therefore is not
// checked.
type Refusal struct {
	Problem
	Title      cds.Text
	Pack       string
	Indication string
}

// Plan is one compiled PlanDefinition.
type Plan struct {
	URL, Version, ID, Name string
	Title, Description     cds.Text
	Status                 string // draft | active | retired
	Experimental           bool
	Pack                   string // content.PackSafety, content.PackRegimens, or another topic
	Indication             string // code of the indication the plan is for, "" for none
	Actions                []*Action
	Sources                []rag.Locator // everything its actions cite, each place once
	Resource               *fhir.Resource
	Site                   bool      // released here; else it came with the program
	SHA256                 string    // of what was released here, "" for what came with the program
	Hash                   string    // of its content, wherever it came from; see Hash
	Expired                time.Time // when its time ended, zero when it has not
	Triggers               []string  // hooks that its actions name
	Requirements           []*fhir.Node

	definitions map[string]*Definition
}

// Definition gives a named expression that conditions of the plan may use.
func (p *Plan) Definition(name string) (*Definition, bool) {
	d, ok := p.definitions[name]
	return d, ok
}

// Example tells content that nobody released, which runs in a demonstration only.
func (p *Plan) Example() bool { return p.Experimental || p.Status == "draft" }

// Canonical gives url|version.
func (p *Plan) Canonical() string { return p.URL + "|" + p.Version }

// Action is one compiled action of a plan.
type Action struct {
	ID                 string
	Role               string // content.Role…
	Title, Description cds.Text
	Conditions         []Condition
	Citations          []rag.Locator
	FirstOnly          bool // of the children only the first that applies is taken
	Line               int  // options of one line are equals; 0 when not an option
	Grade              string
	Deescalation       cds.Text
	FullDose           *FullDose
	Indicator          cds.Indicator
	Effect             string   // of a safety rule: exclude | specialist | warn
	Reason             string   // of a safety rule: reason of an exclusion
	Applies            string   // of a safety rule: options | orders | both
	Route              string   // of a safety rule: only for this route, "" for all
	Substances         []string // ATC codes or prefixes a safety rule is about, "-" takes out again
	Regimen            *Regimen // of an ingredient
	Actions            []*Action

	// What the site's overlay makes of an option, and the words that say so.
	Restricted bool // only after a specialist decided
	Preferred  bool // before its equals
	House      []cds.Text
}

// FullDose says how long the full dose is given whatever the kidney does.
type FullDose struct {
	Hours  float64
	Basis  cds.Text
	Source rag.Locator // zero when the basis is consensus
}

// Regimen is the unadjusted dose of one substance as an ActivityDefinition
// states it. Amounts are per administration; the duration is open when DurationHigh
// is 0 and DurationLow is not.
type Regimen struct {
	URL, Version                    string
	ATC                             string
	Name                            cds.Text
	Dose, DoseHigh                  float64 // DoseHigh equals Dose when one dose is named
	Unit                            string
	Count, CountHigh                float64 // equal when one frequency is named
	Period                          float64
	PeriodUnit                      string
	Route                           string // iv | po | im | inh | rectal
	DurationLow, DurationHigh       float64
	DurationUnit                    string
	LoadingDose, Infusion, Schedule cds.Text
	Source                          rag.Locator
}

// Plans gives the plans that run, ordered by url and version.
func (s *Snapshot) Plans() []*Plan { return s.plans }

// PlanFor gives the plan that holds the regimens of an indication.
func (s *Snapshot) PlanFor(indication string) (*Plan, bool) {
	p, ok := s.byIndication[indication]
	return p, ok
}

// Pack gives the plans of a pack, ordered by url.
func (s *Snapshot) Pack(code string) []*Plan { return s.byPack[code] }

// Plan gives a plan by url|version, or by url alone the newest one.
func (s *Snapshot) Plan(canonical string) (*Plan, bool) {
	p, ok := s.byCanonical[canonical]
	return p, ok
}

// Indications gives the indications in their order.
func (s *Snapshot) Indications() []cds.Indication { return s.indications }

// Indication finds an indication by our code or the prototype's value.
func (s *Snapshot) Indication(code string) (cds.Indication, bool) {
	i, ok := s.indicationBy[code]
	return i, ok
}

// Categories gives the categories in their order.
func (s *Snapshot) Categories() []cds.Category { return s.categories }

// Problems gives what was wrong with single artifacts.
func (s *Snapshot) Problems() []Problem { return s.problems }

// Withheld gives the plans that do not run, with the reason.
func (s *Snapshot) Withheld() []Problem { return s.withheld }

// WithheldFor gives why the plan of an indication does not run, where one is withheld.
func (s *Snapshot) WithheldFor(indication string) (reason cds.Text, ok bool) {
	reason, ok = s.withheldFor[indication]
	return reason, ok
}

// Refused gives the released artifacts that must not run.
func (s *Snapshot) Refused() []Refusal { return s.refused }

// Prescribing gives the plans that hold a regimen of a substance, ordered by url.
func (s *Snapshot) Prescribing(atc string) []*Plan { return s.bySubstance[atc] }

// Catalogue gives what may be named, as it is written: all that runs, and released
// versions that something else still names.
func (s *Snapshot) Catalogue() *Catalogue { return s.catalogue }

// Services gives the plans that are CDS services by themselves, ordered by id.
func (s *Snapshot) Services() []*Service { return s.services }

// Service finds a plan that is a CDS service by the id of the service.
func (s *Snapshot) Service(id string) (*Service, bool) {
	v, ok := s.byService[id]
	return v, ok
}

// Overlay gives what the site changes.
func (s *Snapshot) Overlay() []Overlay { return s.overlay }

// Upgrades gives the plans of the program in whose place a release of the site runs,
// as url|version of the program's.
func (s *Snapshot) Upgrades() []string { return s.upgrades }

// Revision names the state of the site that the snapshot was made of.
func (s *Snapshot) Revision() string { return s.revision }

// Until is when the time of an artifact begins or ends next, so that another snapshot
// is due; zero for never.
func (s *Snapshot) Until() time.Time { return s.until }

// LoadedAt is when the snapshot was made.
func (s *Snapshot) LoadedAt() time.Time { return s.loadedAt }

// Snapshot is an immutable set of compiled artifacts, safe for concurrent use.
type Snapshot struct {
	plans        []*Plan
	byIndication map[string]*Plan
	byPack       map[string][]*Plan
	byCanonical  map[string]*Plan
	indications  []cds.Indication
	indicationBy map[string]cds.Indication
	categories   []cds.Category
	definitions  map[string]*Definition
	problems     []Problem
	withheld     []Problem
	withheldFor  map[string]cds.Text
	refused      []Refusal
	bySubstance  map[string][]*Plan
	services     []*Service
	byService    map[string]*Service
	catalogue    *Catalogue
	overlay      []Overlay
	upgrades     []string
	revision     string
	until        time.Time
	loadedAt     time.Time
}
