// Package translate brings the codes of a hospital to those that decision support
// knows: local drug codes and PZN to ATC, local laboratory codes to LOINC, local
// terms to SNOMED CT, and code systems under another name to their usual one.
//
// It owns the table that ConceptMaps make, its form as CSV, and the adding of
// codings to a resource; what came stays as it came. It refuses to guess: a code
// that no map holds stays unknown and is counted, and a map whose equivalence says
// that the target means less or something else is not used.
package translate
