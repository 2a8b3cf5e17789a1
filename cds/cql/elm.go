package cql

import "cdss/fhir/issue"

// readELM reads a library in ELM.
func readELM(raw []byte, s *source) (*libraryNode, error) {
	return nil, issue.New(issue.NotSupported, "CQL: %s: a library in ELM alone is not supported", clip(s.name))
}
