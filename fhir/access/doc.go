// Package access knows who may call and who may be called: registered CDS clients
// and FHIR servers, with the profile of each client, secrets sealed at rest, and the
// memory of used tokens that all replicas share.
//
// It owns the SQL of these and a snapshot in memory that follows every change
// within seconds, so that a call is judged without the database. It refuses to
// verify tokens (smart), to open connections (client), and to give a client what is
// registered for another.
package access
