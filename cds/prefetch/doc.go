// Package prefetch owns the data side of a hook call: the templates a service
// publishes, and what is made of the values that came for them.
//
// It tells apart what clients blur: a key that never came, one that was answered
// with nothing, one whose answer is incomplete, one that failed, and resources of
// somebody else (CDS Hooks 2.0.1, "Prefetch"; SAFETY rule D3). It refuses to take
// any of these for a negative finding, uses no resource of another patient, and
// reads no clinical content.
package prefetch
