// Package rest is the door to FHIR R4 REST (http://hl7.org/fhir/R4/http.html):
// read, vread, history, create, update, delete, search, batch, transaction,
// operations, and a CapabilityStatement that lists what there is and no more.
//
// It owns the protocol: addresses, headers, limits, Bundles, subsets, paging. It
// refuses what it does not know with an OperationOutcome that says so; nothing a
// client sends becomes a 500. What is stored, and how, it does not know: see
// Reader and Writer.
package rest
