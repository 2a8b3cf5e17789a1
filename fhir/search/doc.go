// Package search reads FHIR R4 searches (http://hl7.org/fhir/R4/search.html) into
// a typed query tree, and resources into the entries that such a query is
// answered from. Both sides share one table of search parameters, generated from
// HL7's definitions, and one way to compare texts, numbers and times.
//
// It refuses what it does not know (parameters, modifiers, prefixes, malformed
// values) with the name of it, unless the caller asked for lenient handling. It
// knows no SQL, no clock and no network.
package search
