package knowledge

import "cdss/fhir"

// Condition is one applicability condition of an action.
type Condition struct {
	Expression string // as authored
	Language   string // text/fhirpath
	Assume     bool   // undetermined counts as true, and is said as not checked
}

func load(resources []*fhir.Resource, o Options) (*Snapshot, error) {
	return &Snapshot{loadedAt: o.LoadedAt}, nil
}
