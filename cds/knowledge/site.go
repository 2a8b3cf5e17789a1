package knowledge

import (
	"crypto/sha256"
	"encoding/hex"

	"cdss/fhir"
)

// artifact is a resource with what is known of it beside.
type artifact struct {
	*fhir.Resource
	site    bool
	current bool // what a canonical without a version means
	sha256  string
}

// Hash gives the SHA-256 of the content of an artifact, in lower-case hex: all members
// but meta and status, which change in the life of a version.
func Hash(r *fhir.Resource) string {
	o := r.Root().Object().Remove("meta").Remove("status")
	sum := sha256.Sum256(o.JSON())
	return hex.EncodeToString(sum[:])
}

// merge lays what was released here over what came with the program. A plan of the
// site takes the place of all versions of its url; of other artifacts all released
// versions stay, since plans name them by version.
func (l *loader) merge(shipped []*fhir.Resource) []artifact {
	taken := map[string]bool{} // urls of plans, url|version and urls of others
	var site []artifact
	for _, r := range l.options.Site {
		root := r.Resource.Root()
		url := root.Child("url").String()
		if r.Fault != "" {
			if r.InForce || r.Resource.Type() != "PlanDefinition" {
				l.refuse(r)
				taken[url] = r.Resource.Type() == "PlanDefinition" || taken[url]
				taken[canonical(root)] = true
			}
			continue
		}
		if r.Resource.Type() == "PlanDefinition" && !r.InForce {
			continue
		}
		taken[canonical(root)] = true
		if r.InForce {
			taken[url] = true
		}
		site = append(site, artifact{Resource: r.Resource, site: true, current: r.InForce, sha256: r.SHA256})
	}
	var all []artifact
	for _, r := range shipped {
		url := r.Root().Child("url").String()
		switch {
		case taken[canonical(r.Root())]:
			continue
		case r.Type() == "PlanDefinition" && url != "" && taken[url]:
			l.snapshot.upgrades = append(l.snapshot.upgrades, canonical(r.Root()))
			continue
		}
		all = append(all, artifact{Resource: r, current: !taken[url]})
	}
	return append(all, site...)
}

// refuse notes a released artifact that must not run.
func (l *loader) refuse(r Released) {
	p := l.describe(artifact{Resource: r.Resource, site: true})
	l.snapshot.refused = append(l.snapshot.refused, Refusal{
		Problem: Problem{Artifact: canonical(r.Resource.Root()), Message: r.Fault}, Title: p.Title, Pack: p.Pack, Indication: p.Indication,
	})
	for _, hook := range p.Triggers {
		l.add(&Service{ID: serviceID(p), Hook: hook, Title: p.Title, Description: p.Description, Artifact: p.Canonical(), Fault: r.Fault})
	}
}

// catalogue puts together what may be named: what runs, what it rests on, and in a
// demonstration the drafts that came with the program.
func (l *loader) catalogue(all []artifact) {
	var list []*fhir.Resource
	for _, a := range all {
		status := a.Root().Child("status").String()
		if a.Type() == "PlanDefinition" {
			if p, ok := l.snapshot.byCanonical[canonical(a.Root())]; !ok || p.Resource != a.Resource {
				continue
			}
		}
		if a.site || status == "active" || l.options.Demo && status != "retired" {
			list = append(list, a.Resource)
		}
	}
	l.snapshot.catalogue = NewCatalogue(list)
}
