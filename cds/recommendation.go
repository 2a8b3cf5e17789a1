package cds

import "cdss/rag"

// StructuredRequest is what a person adds to the data: the indication and what no
// resource says. Values are our codes or the prototype's; unknown ones are
// refused at the door.
type StructuredRequest struct {
	Indication  string   `json:"indication,omitempty"`
	Severity    string   `json:"severity,omitempty"` // mild | moderate | severe | septic, or LEICHT | MITTELSCHWER | SCHWER | SEPTISCH
	Site        string   `json:"site,omitempty"`
	RiskFactors []string `json:"riskFactors,omitempty"`
	Pathogens   []string `json:"pathogens,omitempty"`
	FreeText    string   `json:"freeText,omitempty"`   // never leaves the server
	MaxOptions  int      `json:"maxOptions,omitempty"` // 1-5, 0 means 5
}

// Recommendation is the answer for one patient at one time. The JSON form is
// fixed by the project's HTTP contract; all lists are present, if empty.
type Recommendation struct {
	ID            string         `json:"id"`
	CreatedAt     string         `json:"createdAt"` // FHIR dateTime
	Language      Lang           `json:"language"`
	Knowledge     []Artifact     `json:"knowledge"`
	Indication    *IndicationRef `json:"indication"`
	Severity      *Severity      `json:"severity"`
	Facts         []Fact         `json:"facts"`
	Options       []Option       `json:"options"`
	Excluded      []Exclusion    `json:"excluded"`
	Warnings      []Warning      `json:"warnings"`
	NotChecked    []NotChecked   `json:"notChecked"`
	Notes         []string       `json:"notes"` // what holds for the whole answer, such as the scope of a check that ran
	Ignored       []Ignored      `json:"ignored"`
	Evidence      []rag.Evidence `json:"evidence"`
	Narrative     *Narrative     `json:"narrative"`
	Abstained     bool           `json:"abstained"`
	AbstainReason *string        `json:"abstainReason"`
	Banner        *string        `json:"banner"` // marks example content; shown on every card, screen and print
	Cards         []Card         `json:"cards"`
	// Restricted says that some of the data are labelled as confidential: no online model
	// is asked about them, and no summary of a card tells of them.
	Restricted bool `json:"-"`
}

// Artifact pins a knowledge artifact.
type Artifact struct {
	URL     string `json:"url"`
	Version string `json:"version"`
	SHA256  string `json:"sha256,omitempty" hidden:"true"` // of its content, in the record of a decision
}

// IndicationRef names the indication that was worked with.
type IndicationRef struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display"`
	Alias   string `json:"alias"`
}

// Severity is how ill the patient is, and why we say so.
type Severity struct {
	Value string `json:"value"` // mild | moderate | severe | septic
	Basis string `json:"basis"`
}

// Fact is one fact as it is shown. Value is a number, string, boolean or null;
// a score with a missing component has a range in Low and High and no value.
type Fact struct {
	Name    string      `json:"name"`
	Display string      `json:"display"`
	State   string      `json:"state"` // known | absent | unknown
	Value   any         `json:"value"`
	Low     *float64    `json:"low,omitempty"`
	High    *float64    `json:"high,omitempty"`
	Unit    string      `json:"unit"`
	Formula string      `json:"formula"`
	Source  string      `json:"source"`
	Date    string      `json:"date,omitempty"`
	Inputs  []FactInput `json:"inputs"`
}

// FactInput is a value a fact was computed from.
type FactInput struct {
	Reference string `json:"reference"`
	Display   string `json:"display"`
	Value     any    `json:"value"`
	Unit      string `json:"unit"`
	Date      string `json:"date"`
}

// Option is one therapy option, ranked.
type Option struct {
	Rank         int            `json:"rank"`
	Recommended  bool           `json:"recommended"`
	Specialist   bool           `json:"specialistDecision"` // only after a specialist decided; never the recommended one
	Ingredients  []Ingredient   `json:"ingredients"`
	Notes        string         `json:"notes"`
	AWaRe        *string        `json:"aware"` // access | watch | reserve
	Grade        string         `json:"grade"`
	Why          string         `json:"why"`
	Monitoring   []string       `json:"monitoring"`
	SideEffects  []string       `json:"sideEffects"`
	Interactions []string       `json:"interactions"`
	Pregnancy    string         `json:"pregnancy"`
	Deescalation string         `json:"deescalation"`
	Citations    []rag.Citation `json:"citations"`
	Definition   string         `json:"definition"` // canonical|version#action the option came from
}

// Ingredient is one substance of an option; a full-dose first phase is an entry
// of its own with its duration in h or d.
type Ingredient struct {
	ATC         string       `json:"atc"`
	Name        string       `json:"name"`
	Dose        Dose         `json:"dose"`
	Frequency   Frequency    `json:"frequency"`
	Schedule    *string      `json:"schedule"`
	Route       string       `json:"route"` // iv | po | im | inh | rectal
	Duration    *Duration    `json:"duration"`
	Infusion    *string      `json:"infusion"`
	LoadingDose *string      `json:"loadingDose"`
	Adjustments []Adjustment `json:"adjustments"`
	Text        string       `json:"text"` // the whole line as it is read: substance, dose, interval, route, duration
}

// Dose is per administration; a fixed combination as the sum its label uses.
type Dose struct {
	Value float64  `json:"value"`
	Unit  string   `json:"unit"` // g | mg | mg/kg | mg/kg/d | 10*6.[iU]
	Parts []Amount `json:"parts"`
}

// Amount is a value with its UCUM unit.
type Amount struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// Frequency is count administrations per period.
type Frequency struct {
	Count      float64 `json:"count"`
	CountMax   float64 `json:"countMax,omitempty"`
	Period     float64 `json:"period"`
	PeriodUnit string  `json:"periodUnit"` // h | d | wk
}

// Duration is a range of time; High is nil when open.
type Duration struct {
	Low  float64  `json:"low"`
	High *float64 `json:"high"`
	Unit string   `json:"unit"` // h | d | wk
}

// Adjustment tells what was changed or considered for this patient.
type Adjustment struct {
	Kind  string `json:"kind"` // renal | weight | hepatic | age | interaction
	Basis string `json:"basis"`
	Text  string `json:"text"`
}

// Exclusion is a substance that is not offered, and why.
type Exclusion struct {
	ATC       string         `json:"atc"`
	Name      string         `json:"name"`
	Reason    string         `json:"reason"` // allergy | renal | hepatic | pregnancy | age | interaction | resistance | duplicate | restricted | other
	Detail    string         `json:"detail"`
	Citations []rag.Citation `json:"citations"`
}

// Warning is something a clinician must know. OrderRef names the draft order it
// is about, Alternatives the resources a suggestion would create instead.
type Warning struct {
	Code      string         `json:"code"`
	Indicator Indicator      `json:"indicator"`
	Summary   string         `json:"summary"` // under 140 characters
	Detail    string         `json:"detail"`
	Citations []rag.Citation `json:"citations"`
	OrderRef  string         `json:"orderRef,omitempty"`
	Fix       []Fix          `json:"-"` // what the order hooks may suggest
	Example   bool           `json:"-"` // it rests on example content, or offers some
}

// Fix is a change of a draft order that a suggestion offers. Resource is the whole
// FHIR resource for create and update, nil for delete.
type Fix struct {
	Label       string
	Recommended bool
	Actions     []Action
}

// NotChecked is a check that could not be made, and what it lacked.
type NotChecked struct {
	Check   string   `json:"check"`
	Reason  string   `json:"reason"`
	Missing []string `json:"missing"` // fact names
	Why     string   `json:"-"`       // the reason as a code, where one is known; holds nothing of a patient
}

// NoBand is the Why of a renal dose for which no source is known, in a kidney that is
// impaired by half at most: it is told and does not interrupt, since the client can
// do nothing about it.
const NoBand = "no-band"

// Ignored is a resource that was received and not used.
type Ignored struct {
	Reference string `json:"reference"`
	Reason    string `json:"reason"`
}

// Narrative is generated text, always labelled, never carrying a dose.
type Narrative struct {
	Text      string         `json:"text"`
	Citations []rag.Citation `json:"citations"`
	Model     string         `json:"model"`
	Label     string         `json:"label"`
}
