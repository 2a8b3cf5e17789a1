// Package conformance holds CDS services against CDS Hooks 2.0.1: the attributes of
// discovery and response, the invariants of the published logical models (HL7
// cds-hooks, cds-hooks-library), the assertions of the public Inferno CRD server
// suite that are about every service, and what no public suite asks: the states of
// prefetch, 412, feedback, bad input, browsers.
//
// It owns the rules, names each violation with its place, and can call a service to
// see how it behaves. It refuses to be lenient: what clients tolerate is no excuse
// here. It judges no card by its clinical content.
package conformance
