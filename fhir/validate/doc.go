// Package validate says what is wrong with a resource, in the layers L1 to L3 of
// R4: Schema (JSON Schema, another source's view of the structure), Structure
// (by tables, cheap enough for every write) and Invariants (the specification's
// constraints as FHIRPath). Resource runs all three, for authored artifacts and
// $validate. Patient data of a hook call pass none of them: cds/facts reads them
// element by element (decision 0009). L0, the limits, is the scan of package
// fhir. Each issue names the FHIRPath location, the value that offends, and what
// would be allowed; issue.From tells whether any of them is an error.
//
// An issue holds what the sender sent, so it goes back to the sender and into
// no log. The package refuses to repair, to fetch, and to know profiles.
package validate
