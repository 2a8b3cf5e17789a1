package content

// Base is the canonical base of everything this package publishes.
const Base = "https://cdss.example/fhir"

// Canonical URLs of the code systems and extensions of our artifacts.
const (
	// IndicationSystem is the code system of the clinical indications.
	IndicationSystem = Base + "/CodeSystem/indication"
	// ActionSystem is the code system of what a PlanDefinition action is for.
	ActionSystem = Base + "/CodeSystem/action"
	// PackSystem is the code system of the packs, used as PlanDefinition.topic.
	PackSystem = Base + "/CodeSystem/pack"

	// LocatorExtension on a citation says where the source stands: document,
	// version, page, section and the terms that pick the passage of a page.
	LocatorExtension = Base + "/StructureDefinition/locator"
	// LineExtension (integer) orders options: options of one line are equals.
	LineExtension = Base + "/StructureDefinition/line"
	// GradeExtension (string) is the guideline's grade of recommendation.
	GradeExtension = Base + "/StructureDefinition/grade"
	// AssumeExtension (boolean) on a condition: where it cannot be decided the
	// action is worked with all the same, and the gap is said as not checked.
	AssumeExtension = Base + "/StructureDefinition/assume-when-undetermined"
	// FullDoseExtension says for how many hours the full dose is given whatever
	// the kidney does, and on what ground.
	FullDoseExtension = Base + "/StructureDefinition/initial-full-dose"
	// DeescalationExtension (string, translated) says how to narrow and end.
	DeescalationExtension = Base + "/StructureDefinition/deescalation"
	// LoadingExtension (string, translated) is a loading dose.
	LoadingExtension = Base + "/StructureDefinition/loading-dose"
	// InfusionExtension (string, translated) is the mode of infusion.
	InfusionExtension = Base + "/StructureDefinition/infusion"
	// ScheduleExtension (string, translated) tells what a frequency cannot.
	ScheduleExtension = Base + "/StructureDefinition/schedule"
	// EffectExtension says what a safety rule does: effect, reason, applies, route.
	EffectExtension = Base + "/StructureDefinition/effect"
	// FactExtension (code) on a named expression is the fact name a gap is told by.
	FactExtension = Base + "/StructureDefinition/fact"
	// SubstanceExtension (code, repeats) names the ATC codes or prefixes a safety
	// rule is about; a leading "-" takes a code out again.
	SubstanceExtension = Base + "/StructureDefinition/substance"

	// NotCheckedExtension on a RequestGroup names an action that could not be
	// decided: action, title and the facts that were missing.
	NotCheckedExtension = Base + "/StructureDefinition/not-checked"
	// ExclusionExtension on a RequestGroup names a substance that is not offered:
	// substance, reason and detail.
	ExclusionExtension = Base + "/StructureDefinition/exclusion"

	// AnyApplicable is R5's applicabilityBehavior: only the first applicable
	// child action is taken.
	AnyApplicable = "http://hl7.org/fhir/5.0/StructureDefinition/extension-PlanDefinition.action.applicabilityBehavior"
)

// Roles of a PlanDefinition action, codes of ActionSystem.
const (
	RoleChoice       = "choice"        // children are tried in order, the first that applies is taken
	RolePopulation   = "population"    // patients the options below are for
	RoleOption       = "option"        // one therapy option
	RoleIngredient   = "ingredient"    // one substance of an option
	RoleAdvice       = "advice"        // something to do or know besides
	RoleNoAntibiotic = "no-antibiotic" // no antibiotic is due
	RoleOutOfScope   = "out-of-scope"  // the source says nothing for these patients
	RoleRule         = "rule"          // a safety rule
)

// The packs, codes of PackSystem.
const (
	PackSafety   = "safety"
	PackRegimens = "regimens"
)

// Banner marks example content on every card, screen and print.
const (
	BannerDE = "BEISPIEL – nicht klinisch freigegeben; Quelle abgelaufen (AWMF 082-006)"
	BannerEN = "EXAMPLE – not clinically approved; source expired"
)
