package rest

import (
	"context"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// validation is $validate (http://hl7.org/fhir/R4/resource-operation-validate.html).
type validation struct{ s *Server }

func (validation) Signature() fhir.Signature {
	return fhir.Signature{
		Name: "validate", Definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
		System: true, Type: true, Instance: true, Pure: false,
	}
}

func (v validation) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	r := c.Instance
	if n := c.Parameter("resource").Child("resource"); n != nil {
		var err error
		if r, err = n.Resource(); err != nil {
			return nil, err
		}
	}
	if r == nil {
		return nil, issue.New(issue.Required, `validate: there is no resource: send one, or Parameters with one as "resource"`)
	}
	var issues []issue.Issue
	if c.Type != "" && r.Type() != c.Type {
		issues = append(issues, issue.Issue{
			Severity: issue.SeverityError, Code: string(issue.Invalid), Diagnostics: "the resource is a " + r.Type() + ", and the address is that of " + c.Type,
		})
	}
	found, err := v.s.cfg.Validate(ctx, r)
	if err != nil {
		return nil, err
	}
	issues = append(issues, found...)
	if found, err = v.dangling(ctx, r); err != nil {
		return nil, err
	}
	issues = append(issues, found...)
	if mode := c.Value("mode").String(); mode == "update" && r.ID() == "" {
		issues = append(issues, issue.Issue{Severity: issue.SeverityError, Code: string(issue.Required), Diagnostics: "a resource that is updated has an id", Expression: []string{r.Type() + ".id"}})
	}
	if profile := c.Value("profile"); profile != nil {
		issues = append(issues, issue.Issue{Severity: issue.SeverityWarning, Code: string(issue.NotSupported), Diagnostics: "profiles are not checked here"})
	}
	if len(issues) == 0 {
		issues = append(issues, issue.Issue{Severity: issue.SeverityInformation, Code: string(issue.Informational), Diagnostics: "no issue was found"})
	}
	return fhir.ParseResource(issue.OutcomeOf(issues))
}

// maxFollowed is how many references $validate follows.
const maxFollowed = 100

// dangling warns of references to resources of this server that are not there.
func (v validation) dangling(ctx context.Context, r *fhir.Resource) ([]issue.Issue, error) {
	var issues []issue.Issue
	seen := map[string]bool{}
	var walk func(n *fhir.Node) error
	walk = func(n *fhir.Node) error {
		for _, k := range n.All() {
			ref := k.String()
			typ, id, local := fhir.Reference{Reference: ref}.Local()
			if k.Name() == "reference" && local && ref == typ+"/"+id && v.s.types[typ] && !seen[ref] && len(seen) < maxFollowed {
				seen[ref] = true
				_, err := v.s.cfg.Reader.Read(ctx, typ, id, 0)
				switch {
				case issue.Is(err, issue.NotFound), issue.Is(err, issue.Deleted):
					issues = append(issues, issue.Issue{
						Severity: issue.SeverityWarning, Code: string(issue.NotFound), Diagnostics: "the reference is to nothing: there is no such resource here", Expression: []string{k.Location()},
					})
				case err != nil:
					return err
				}
			}
			if err := walk(k); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(r.Root())
	return issues, err
}
