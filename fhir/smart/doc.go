// Package smart verifies tokens: the JWT a CDS client proves itself with (CDS
// Hooks 2.0.1, "Trusting CDS Clients"), and what a client says of the access
// token it hands over for its FHIR server ("FHIR resource access").
//
// It owns the order of the checks, the pinned algorithms, the keys in memory and
// the one answer that all refusals share. It refuses to fetch keys, to remember
// used tokens and to know who is registered: these come through interfaces, and
// time through a function. It never gives out a token's text, and no reason for a
// refusal but to the log.
package smart
