// Package hooks is the door /cds-services: discovery, call and feedback of CDS
// Hooks 2.0.1 (https://cds-hooks.hl7.org/2.0/).
//
// It owns the wire: what a client may send, how its deviations are understood
// (liberal in), and that what goes out keeps the specification to the letter
// (exact out). Every refusal is an OperationOutcome that names what is wrong and
// where. It refuses to decide: a call becomes a cds.Request, and somebody else
// makes the cds.Response.
package hooks
