// Package r4proto takes a second look at resources that people write and that
// this program gives out, through the protocol buffers of google/fhir (v0.7.4,
// pinned). It is the only importer of them, owns the ways around their known
// faults, and never sees patient data on the hook's path.
//
// It refuses to be a gate of its own: invariants, empty elements and profiles
// are beyond those protos. What they reject although it is legal FHIR, a
// Parameters resource or a null in a list of primitives, is not given to them,
// and the answer says so.
package r4proto

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// maxDepth is the nesting that is let through. Beyond it the protos take time
// and memory that grow with the square of the depth, so it is checked before
// they are called as well as by them.
const maxDepth = 64

// concurrent bounds calls at a time: each makes some 70 bytes of garbage per
// byte of JSON.
const concurrent = 2

// Checker holds one unmarshaller and one marshaller; both are safe for
// concurrent use.
type Checker struct {
	in    *jsonformat.Unmarshaller
	out   *jsonformat.Marshaller
	slots chan struct{}
}

// New loads the descriptors of R4, some 30 MB.
func New() (*Checker, error) {
	in, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("make the R4 unmarshaller: %w", err)
	}
	in.MaxNestingDepth = maxDepth
	out, err := jsonformat.NewMarshaller(false, "", "", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("make the R4 marshaller: %w", err)
	}
	return &Checker{in: in, out: out, slots: make(chan struct{}, concurrent)}, nil
}

// Check gives what the protos find wrong with r: nothing where they find
// nothing, and one informational issue where r was not given to them. The
// locations are theirs; no value is named.
func (c *Checker) Check(r *fhir.Resource) []issue.Issue {
	if reason := unsuited(r); reason != "" {
		return []issue.Issue{{Severity: issue.SeverityInformation, Code: string(issue.Informational), Diagnostics: "not checked by the R4 protos: " + reason}}
	}
	if _, err := c.convert(r, false); err != nil {
		return issues(err)
	}
	return nil
}

// Normalise gives r as the protos write it: members in alphabetical order,
// empty lists left out. What they are not given comes back as it is; what they
// reject is an error with the issues of Check.
func (c *Checker) Normalise(r *fhir.Resource) (*fhir.Resource, error) {
	if unsuited(r) != "" {
		return r, nil
	}
	raw, err := c.convert(r, true)
	if err != nil {
		return nil, issue.From(issues(err))
	}
	return fhir.ParseResource(raw)
}

// convert reads r into a proto and, if asked, writes it again. A panic inside
// the library becomes an error: it has been seen on odd input.
func (c *Checker) convert(r *fhir.Resource, write bool) (raw []byte, err error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	defer func() {
		if p := recover(); p != nil {
			raw, err = nil, fmt.Errorf("the protos cannot read the resource")
		}
	}()
	message, err := c.in.Unmarshal(r.Raw())
	if err != nil || !write {
		return nil, err
	}
	return c.out.Marshal(message)
}

// unsuited says why r must not be given to the protos, or "".
func unsuited(r *fhir.Resource) string {
	if r.Type() == "Parameters" {
		return "a Parameters resource"
	}
	return unsuitedNode(r.Root(), 1)
}

func unsuitedNode(n *fhir.Node, depth int) string {
	if depth > maxDepth {
		return fmt.Sprintf("nested deeper than %d", maxDepth)
	}
	if n.ResourceType() == "Parameters" {
		return "it holds a Parameters resource"
	}
	for _, k := range n.All() {
		if k.Kind() == fhir.KindNull && k.Index() >= 0 {
			return "a list of primitives holds null"
		}
		if reason := unsuitedNode(k, depth+1); reason != "" {
			return reason
		}
	}
	return ""
}

// errorLine is one line of the library's errors: error at "path": details.
var errorLine = regexp.MustCompile(`^error at "([^"]*)": (.*)$`)

// issues reads the library's error. Its details hold no data; what follows a
// foreign cause might, and is left out.
func issues(err error) []issue.Issue {
	var list []issue.Issue
	for line := range strings.SplitSeq(err.Error(), "\n") {
		is := issue.Issue{Severity: issue.SeverityError, Code: string(issue.Invalid), Diagnostics: "refused by the R4 protos"}
		if m := errorLine.FindStringSubmatch(line); m != nil {
			is.Diagnostics += ": " + m[2]
			if m[1] != "" {
				is.Expression = []string{m[1]}
			}
		}
		list = append(list, is)
	}
	return list
}
