// Package fhirpath evaluates FHIRPath (N1, with the functions FHIR R4 adds) on
// the node tree of package fhir. An expression is compiled once to closures and
// evaluated many times, from many goroutines.
//
// It owns three-valued logic, exact decimals, dates and times with their
// precision, quantities with the project's UCUM subset, and R4's types. Beside
// the value it tells what the value rests on: a variable may be unknown, and a
// result that could change if it were known is undetermined, never silently
// false.
//
// It refuses to read a clock, to fetch what a reference names, or to work
// without bounds: the moment, the resolver and the limits are given to it.
package fhirpath
