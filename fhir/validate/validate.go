package validate

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// Resource is what an authored artifact has to pass, and what $validate answers:
// Structure, Schema and Invariants, at most a hundred issues, errors first, and
// no fault twice. Where several layers find one, Structure says it, which knows
// best what would be allowed. Whether the resource is accepted is asked of
// issue.From: an issue may be a warning, or tell that an invariant could not be
// evaluated. The error is that of the context.
func Resource(ctx context.Context, r *fhir.Resource, env fhirpath.Env) ([]issue.Issue, error) {
	issues := Structure(r)
	said := locations(issues)
	more, err := Schema(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, is := range more {
		if !said[is.Expression[0]] {
			issues = append(issues, is)
		}
	}
	said = locations(issues)
	if more, err = Invariants(ctx, r, env); err != nil {
		return nil, err
	}
	for _, is := range more {
		at := is.Expression[0]
		if said[at] || is.Code == string(issue.Incomplete) && within(said, at) {
			continue
		}
		issues = append(issues, is)
	}
	slices.SortStableFunc(issues, func(a, b issue.Issue) int { return cmp.Compare(rank(a), rank(b)) })
	return issues[:min(len(issues), mostIssues)], nil
}

func rank(is issue.Issue) int {
	return slices.Index([]string{issue.SeverityError, issue.SeverityWarning, issue.SeverityInformation}, is.Severity)
}

// locations gives where the errors are.
func locations(issues []issue.Issue) map[string]bool {
	m := map[string]bool{}
	for _, is := range issues {
		if is.Severity == issue.SeverityError {
			m[is.Expression[0]] = true
		}
	}
	return m
}

// within tells whether one of the locations lies inside the element at: there an
// invariant cannot be evaluated because of that.
func within(locations map[string]bool, at string) bool {
	for l := range locations {
		if strings.HasPrefix(l, at+".") {
			return true
		}
	}
	return false
}
