// Package operation offers decision support as FHIR operations: PlanDefinition and
// ActivityDefinition $apply, in the form of R4, and in that of R5 when asked.
//
// It owns the parameters of the operations, where data come from, and how a
// recommendation is written as CarePlan. A plan that holds regimens is answered by
// the one pipeline that answers hooks and the API, so that allergies, doses and
// exclusions are the same through every door; it refuses to apply such a plan as it
// is written. It refuses what nobody released, outside of a demonstration, and to
// fetch from an address that a caller names. Nothing is stored.
package operation
