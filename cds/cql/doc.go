// Package cql compiles and evaluates the Clinical Quality Language (CQL 1.5) on
// FHIR R4, on the values of package fhirpath: one value system, two languages. A
// library is compiled from its source, or from ELM in JSON where it carries only
// that, to a tree with types and positions and from there to closures. It is then
// immutable, and may be evaluated many times, from many goroutines.
//
// It owns three-valued logic, uncertainty, intervals, lists, queries, retrieves
// with code and date filters, and what FHIRHelpers does: types of FHIR become
// System types where those are asked for, without that library's text.
//
// It refuses to read a clock, to fetch data or terminology by itself, or to work
// without bounds: the moment, the data and the limits are given to it. An unknown
// value set makes what rests on it undetermined, never silently false. Recursive
// definitions, functions and includes are refused when the library is compiled.
package cql
