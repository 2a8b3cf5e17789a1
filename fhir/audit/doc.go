// Package audit keeps the audit trail: who did what, when, and to whose data, told as
// FHIR AuditEvent in the shape of IHE BALP. It owns the tables audit_*, the keys of
// pseudonyms and signatures, the chain over the events and its verification, a spool
// on disk for while the database is away, and the retention of every kind of record.
//
// An event is written in the transaction of what it attests (Append), so that neither
// exists without the other; the chain follows within a second. It refuses to change
// or delete what was written, to hold a patient's id or name (a Subject is a keyed
// hash), and to give patient data whose reading could not be written down.
package audit
