package main

import (
	"cdss/cds/knowledge"
	"cdss/rag"
	"cdss/rag/ingest"
)

// citing lists what the knowledge in force cites, each place of a plan once: for
// curators, who see which rules stand on a passage.
func citing(snapshot *knowledge.Snapshot) []ingest.Citing {
	var out []ingest.Citing
	for _, plan := range snapshot.Plans() {
		seen := map[string]bool{}
		cite := func(at rag.Locator) {
			key := placeKey(at)
			if at.Document != "" && !seen[key] {
				seen[key] = true
				out = append(out, ingest.Citing{Rule: plan.URL, Version: plan.Version, Title: plan.Title.EN, At: at})
			}
		}
		var walk func([]*knowledge.Action)
		walk = func(actions []*knowledge.Action) {
			for _, a := range actions {
				for _, at := range a.Citations {
					cite(at)
				}
				walk(a.Actions)
			}
		}
		walk(plan.Actions)
	}
	return out
}
