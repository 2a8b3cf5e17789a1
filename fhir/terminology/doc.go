// Package terminology answers what a code means and where it belongs: lookup in
// CodeSystems, membership in ValueSets, expansion, translation by ConceptMaps,
// with displays in the language that is asked for. It is compiled from
// resources into an immutable Snapshot that many goroutines share.
//
// It refuses to guess: a value set that rests on a code system which is not
// loaded says "unknown" for the codes of that system, and a value set that
// includes itself is an error when it is loaded.
package terminology
