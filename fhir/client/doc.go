// Package client reads from other FHIR servers, and fetches the keys of CDS
// clients: everything that leaves for an address somebody registered.
//
// It owns the comparison with the registration, the check of the address that is
// really dialled, the bounds (time, bytes, pages, connections) and what becomes of
// every fault: an answer that names its failure, so that what did not come is "not
// checked" and never "none" (SAFETY rule D3, T2). It refuses redirects, proxies,
// retries and every server that is not registered, keeps no token, and logs neither
// tokens nor addresses with what was asked in them.
package client
