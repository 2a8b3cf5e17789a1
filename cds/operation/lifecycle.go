package operation

import (
	"context"

	"cdss/cds/authoring"
	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Life is who leads artifacts through their life.
type Life interface {
	Take(ctx context.Context, w authoring.Wish) (*fhir.Resource, error)
	Import(ctx context.Context, list []*fhir.Resource, note string) (authoring.Taken, error)
	Export(ctx context.Context, canonical string) ([]*fhir.Resource, error)
}

// Steps gives the operations of the life of artifacts: $draft, $clone, $submit,
// $reject, $approve, $release and $retire on an artifact, $package that gives it with
// all it names, and $import of a Bundle.
func Steps(life Life) []fhir.Operation {
	var list []fhir.Operation
	for _, name := range []string{authoring.Draft, authoring.Clone, authoring.Submit, authoring.Reject, authoring.Approve, authoring.Release, authoring.Retire} {
		list = append(list, step{life, name})
	}
	return append(list, pack{life}, intake{life})
}

func definitionOf(name string) string { return content.Base + "/OperationDefinition/" + name }

type step struct {
	life Life
	name string
}

func (s step) Signature() fhir.Signature {
	return fhir.Signature{Name: s.name, Definition: definitionOf(s.name), Types: authoring.Types, Instance: true}
}

func (s step) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	for _, p := range c.Parameters.Root().Children("parameter") {
		switch name := p.Child("name").String(); {
		case name == "note":
		case name == "version" && (s.name == authoring.Draft || s.name == authoring.Clone):
		case (name == "url" || name == "title") && s.name == authoring.Clone:
		default:
			return nil, issue.New(issue.NotSupported, "$%s: the parameter %q is not supported", s.name, clip(name)).At(p.Location())
		}
	}
	return s.life.Take(ctx, authoring.Wish{
		Step: s.name, Type: c.Type, ID: c.ID, Match: c.Match, Note: clip(c.Value("note").String()),
		Version: c.Value("version").String(), URL: c.Value("url").String(), Title: c.Value("title").String(),
	})
}

type pack struct{ life Life }

func (pack) Signature() fhir.Signature {
	return fhir.Signature{Name: "package", Definition: definitionOf("package"), Types: authoring.Types, Instance: true, Pure: true}
}

func (p pack) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	list, err := p.life.Export(ctx, name(c.Instance))
	if err != nil {
		return nil, err
	}
	return authoring.Bundle(list)
}

type intake struct{ life Life }

func (intake) Signature() fhir.Signature {
	return fhir.Signature{Name: "import", Definition: definitionOf("import"), System: true}
}

func (i intake) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	n := c.Parameter("resource").Child("resource")
	if n == nil {
		return nil, issue.New(issue.Required, "$import: a Bundle of artifacts is missing")
	}
	r, err := n.Resource()
	if err != nil {
		return nil, err
	}
	list, err := authoring.Unbundle(r)
	if err != nil {
		return nil, err
	}
	taken, err := i.life.Import(ctx, list, "")
	if err != nil {
		return nil, err
	}
	b, err := authoring.Bundle(taken.Made)
	if err != nil {
		return nil, err
	}
	if len(taken.Skipped) == 0 {
		return b, nil
	}
	outcome := fhir.NewResource("OperationOutcome", "")
	for _, s := range taken.Skipped[:min(len(taken.Skipped), 100)] {
		outcome.Append("issue", fhir.NewObject().Set("severity", issue.SeverityInformation).Set("code", string(issue.Informational)).
			Set("diagnostics", "left out "+s.Ref+": "+s.Reason))
	}
	return b.Root().Object().Append("entry", fhir.NewObject().Set("resource", outcome)).Resource()
}
