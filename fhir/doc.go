// Package fhir is the language everything is said in: FHIR R4 (4.0.1) resources
// as raw JSON with a lazily parsed, ordered node tree, references, canonicals,
// codings, quantities, times, Bundles, and a builder for resources that are
// made here.
//
// It owns the first look at foreign bytes: one linear scan refuses what no
// parser should see (depth, size, duplicate members, broken UTF-8, NUL, lone
// surrogates, trailing bytes). Numbers keep their text, members their order,
// and a resource that was not changed is given back byte for byte.
//
// It refuses to know profiles, to compute (fhirpath, ucum), to validate
// (validate), and to touch network, disk or clock. All of it is safe for
// concurrent use once made, Object alone excepted.
package fhir
