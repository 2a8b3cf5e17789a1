package authoring

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// ours are the members that the server alone writes (SAFETY T13).
var ours = []string{"status", "date", "approvalDate", "lastReviewDate", "author", "editor", "reviewer", "endorser"}

// clean makes a draft of what a client sent: what the server writes is that of old,
// which may be nil, and not what came.
func clean(r, old *fhir.Resource) *fhir.Object {
	o := r.Root().Object()
	for _, name := range ours {
		o.Remove(name)
		if old != nil {
			for n, raw := range old.Root().Members() {
				if n == name {
					o.Set(name, raw)
				}
			}
		}
	}
	for _, name := range []string{"approvalDate", "lastReviewDate", "reviewer", "endorser"} {
		o.Remove(name) // the text is another one
	}
	return o.Set("status", "draft")
}

// credit adds a person to a list of ContactDetails, each once.
func credit(o *fhir.Object, r *fhir.Resource, list string, p smart.Person) {
	names := []string{}
	if r != nil {
		for _, n := range r.Root().Children(list) {
			names = append(names, n.Child("name").String())
		}
	}
	if !slices.Contains(names, p.Name) {
		o.Append(list, fhir.NewObject().Set("name", p.Name))
	}
}

// named refuses an artifact without the names that its life hangs on.
func named(r *fhir.Resource) error {
	if !IsArtifact(r.Type()) {
		return issue.New(issue.NotSupported, "a %s has no life here", clip(r.Type()))
	}
	u, v := url(r), version(r)
	switch {
	case u == "":
		return issue.New(issue.Required, "the url is missing").At(r.Type() + ".url").WithStatus(422)
	case v == "":
		return issue.New(issue.Required, "the version is missing").At(r.Type() + ".version").WithStatus(422)
	case strings.ContainsAny(u, "|#"):
		return issue.New(issue.Value, "the url holds a bar or a number sign").At(r.Type() + ".url")
	case strings.ContainsAny(v, "|# "):
		return issue.New(issue.Value, "the version holds a bar, a number sign or a blank").At(r.Type() + ".version")
	}
	return nil
}

// sound refuses what is not even an artifact of its type.
func (s *Service) sound(ctx context.Context, r *fhir.Resource) error {
	if err := named(r); err != nil {
		return err
	}
	if s.Check == nil {
		return nil
	}
	issues, err := s.Check(ctx, r)
	if err != nil {
		return err
	}
	return unprocessable(issues)
}

func unprocessable(issues []issue.Issue) error {
	err := issue.From(issues)
	if err == nil {
		return nil
	}
	if known, ok := err.(*issue.Error); ok {
		return known.WithStatus(422)
	}
	return err
}

// Create stores a new draft.
func (s *Service) Create(ctx context.Context, r *fhir.Resource) (*fhir.Resource, error) {
	p, err := s.who(ctx, smart.Curator)
	if err != nil {
		return nil, err
	}
	if err := named(r); err != nil {
		return nil, err
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	o := clean(r, nil)
	credit(o, nil, "author", p)
	return s.add(ctx, b, p, o, Draft, "", "")
}

// add stores a new artifact under an id that is free.
func (s *Service) add(ctx context.Context, b *book, p smart.Person, o *fhir.Object, step, origin, note string) (*fhir.Resource, error) {
	r, err := s.fresh(ctx, b, o)
	if err != nil {
		return nil, err
	}
	effects, err := s.write(ctx, p, step, origin, note, fhir.Change{Method: fhir.Update, Type: r.Type(), ID: r.ID(), Resource: r})
	if err != nil {
		return nil, err
	}
	return effects[0].Resource, nil
}

// fresh gives a new artifact the id it will have, once it is sound and its url|version
// is nobody's.
func (s *Service) fresh(ctx context.Context, b *book, o *fhir.Object) (*fhir.Resource, error) {
	r, err := o.Remove("meta").Resource()
	if err != nil {
		return nil, err
	}
	if err := named(r); err != nil {
		return nil, err
	}
	if b.taken(canonical(r)) {
		return nil, issue.New(issue.Duplicate, "%s is there already", clip(canonical(r))).At(r.Type() + ".version")
	}
	if r, err = o.Set("id", b.free(r)).Resource(); err != nil {
		return nil, err
	}
	return r, s.sound(ctx, r)
}

// write does changes and notes them as one step of each.
func (s *Service) write(ctx context.Context, p smart.Person, step, origin, note string, changes ...fhir.Change) ([]fhir.Effect, error) {
	for i := range changes {
		changes[i].Activity = fhir.Coding{System: StepSystem, Code: step}
	}
	return s.Resources.Write(as(ctx, p), changes, func(effects []fhir.Effect) (Record, error) {
		var r Record
		for i, e := range effects {
			of := e.Resource
			if of == nil {
				of = changes[i].Resource // of a deletion, what is deleted
			}
			r.Steps = append(r.Steps, stepOf(e, of, p, step, origin, note))
		}
		return r, nil
	})
}

func stepOf(e fhir.Effect, of *fhir.Resource, p smart.Person, step, origin, note string) Step {
	return Step{
		Step: step, Type: e.Type, ID: e.ID, URL: url(of), Version: version(of), ResourceVersion: e.Version.Version,
		Person: p.ID, Name: p.Name, At: e.At, Origin: origin, Note: note,
	}
}

// Change puts another text in the place of a draft. Match is the version it replaces;
// 0 takes whatever is there.
func (s *Service) Change(ctx context.Context, typ, id string, match int, r *fhir.Resource) (*fhir.Resource, error) {
	p, err := s.who(ctx, smart.Curator)
	if err != nil {
		return nil, err
	}
	v, l, err := s.find(ctx, typ, id)
	if err != nil {
		return nil, err
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	if match == 0 {
		match = v.Version
	}
	if r.Type() != typ || r.ID() != "" && r.ID() != id {
		return nil, issue.New(issue.Invalid, "change %s/%s: the resource is another one", typ, id)
	}
	o := clean(r, v.Resource).Remove("meta").Set("id", id)
	if !slices.ContainsFunc(v.Resource.Root().Children("author"), func(n *fhir.Node) bool { return n.Child("name").String() == p.Name }) {
		credit(o, v.Resource, "editor", p)
	}
	next, err := o.Resource()
	if err != nil {
		return nil, err
	}
	if canonical(next) != canonical(v.Resource) {
		b, err := s.book(ctx)
		if err != nil {
			return nil, err
		}
		if b.taken(canonical(next)) {
			return nil, issue.New(issue.Duplicate, "%s is there already", clip(canonical(next))).At(typ + ".version")
		}
	}
	if err := s.sound(ctx, next); err != nil {
		return nil, err
	}
	effects, err := s.write(ctx, p, Edit, l.Origin, "", fhir.Change{Method: fhir.Update, Type: typ, ID: id, Resource: next, Match: match})
	if err != nil {
		return nil, err
	}
	return effects[0].Resource, nil
}

// Remove deletes a draft.
func (s *Service) Remove(ctx context.Context, typ, id string, match int) error {
	p, err := s.who(ctx, smart.Curator)
	if err != nil {
		return err
	}
	v, l, err := s.find(ctx, typ, id)
	if err != nil {
		return err
	}
	if err := l.open(); err != nil {
		return err
	}
	if match == 0 {
		match = v.Version
	}
	_, err = s.write(ctx, p, Delete, "", "", fhir.Change{Method: fhir.Delete, Type: typ, ID: id, Resource: v.Resource, Match: match})
	return err
}

// find reads an artifact and where it stands. One that nobody took a step of, such as
// one written before there were steps, is a draft of nobody's.
func (s *Service) find(ctx context.Context, typ, id string) (fhir.Version, Life, error) {
	if !IsArtifact(typ) {
		return fhir.Version{}, Life{}, issue.New(issue.NotSupported, "a %s has no life here", clip(typ)).WithStatus(404)
	}
	if r, ok := s.shipped[typ+"/"+id]; ok {
		return fhir.Version{Type: typ, ID: id, Resource: r}, shippedLife(r), nil
	}
	v, err := s.Resources.Read(ctx, typ, id, 0)
	if err != nil {
		return v, Life{}, err
	}
	b, err := s.book(ctx)
	if err != nil {
		return v, Life{}, err
	}
	return v, b.life(v), nil
}

func shippedLife(r *fhir.Resource) Life {
	return Life{Type: r.Type(), ID: r.ID(), URL: url(r), Version: version(r), State: Shipped}
}

// open refuses to change what is not a draft any more.
func (l Life) open() error {
	switch l.State {
	case Shipped:
		return issue.New(issue.BusinessRule, "%s came with the program; make a draft of it with $draft", l.Ref()).WithStatus(409)
	case Released, Retired:
		return issue.New(issue.BusinessRule, "%s was released and never changes; make a draft of it with $draft", l.Ref()).WithStatus(409)
	}
	return nil
}

// book is all lives at one moment.
type book struct {
	lives   map[string]Life // by "Type/id"
	byName  map[string]Life // by url|version
	inForce map[string]Life // by url
	shipped *Service
}

func (s *Service) book(ctx context.Context) (*book, error) {
	list, err := s.Records.Lives(ctx)
	if err != nil {
		return nil, err
	}
	b := &book{lives: map[string]Life{}, byName: map[string]Life{}, inForce: map[string]Life{}, shipped: s}
	for _, l := range list {
		b.lives[l.Ref()] = l
		b.byName[l.Canonical()] = l
		if l.InForce {
			b.inForce[l.URL] = l
		}
	}
	return b, nil
}

// life gives where a version stands: what was changed past the steps is a draft again.
func (b *book) life(v fhir.Version) Life {
	l, ok := b.lives[v.Ref()]
	if !ok {
		return Life{Type: v.Type, ID: v.ID, URL: url(v.Resource), Version: version(v.Resource), State: Drafted, ResourceVersion: v.Version, ChangedAt: v.At}
	}
	if l.ResourceVersion != v.Version && (l.State == Submitted || l.State == Approved) {
		l.State, l.Approver = Drafted, Person{}
	}
	return l
}

func (b *book) taken(canonical string) bool {
	_, here := b.byName[canonical]
	_, shipped := b.shipped.byURL[canonical]
	return here || shipped
}

// free gives an id that is nobody's: of the artifact's own id, or the end of its url,
// and its version.
func (b *book) free(r *fhir.Resource) string {
	base := r.ID()
	if base == "" {
		base = url(r)[strings.LastIndexByte(url(r), '/')+1:]
	}
	base, v := idPart(base), "-v"+idPart(version(r))
	if !strings.HasSuffix(base, v) {
		base += v
	}
	if len(base) > 64 {
		sum := sha256.Sum256([]byte(canonical(r)))
		base = strings.TrimSuffix(base, v)
		v = v[:min(len(v), 24)]
		base = base[:min(len(base), 30)] + "-" + hex.EncodeToString(sum[:4]) + v
	}
	id := base
	for n := 2; ; n++ {
		_, here := b.lives[r.Type()+"/"+id]
		_, shipped := b.shipped.shipped[r.Type()+"/"+id]
		if !here && !shipped {
			return id
		}
		id = base[:min(len(base), 60)] + "-" + strconv.Itoa(n)
	}
}

// idPart makes a part of an id of a text.
func idPart(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '-'
	}, text)
}

// next gives the version after one, by its middle number.
func next(version string) string {
	core, _, _ := strings.Cut(version, "-")
	parts := strings.Split(core, ".")
	if len(parts) >= 2 {
		if n, err := strconv.Atoi(parts[1]); err == nil {
			parts[1] = strconv.Itoa(n + 1)
			for i := 2; i < len(parts); i++ {
				parts[i] = "0"
			}
			return strings.Join(parts, ".")
		}
	}
	return version + ".1"
}

// newer gives the first version after one that is nobody's.
func (b *book) newer(url, version string) string {
	for v := next(version); ; v = next(v) {
		if !b.taken(url + "|" + v) {
			return v
		}
	}
}
