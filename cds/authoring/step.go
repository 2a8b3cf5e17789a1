package authoring

import (
	"context"
	"slices"
	"strings"
	"time"

	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Wish is a step that somebody wants to take.
type Wish struct {
	Step    string
	Type    string
	ID      string
	Match   int // the version it is taken of; 0: whatever is there
	Note    string
	Version string // of a draft or clone; "" leaves it to the server
	URL     string // of a clone
	Title   string // of a clone
}

// Take takes a step, and gives the artifact that came of it. Errors are of kind
// issue.Login and issue.Forbidden (who may not), issue.BusinessRule (409: not from this
// state; 422: something stands in the way, each with its location), issue.Conflict (412:
// a stale Match), issue.Duplicate, issue.NotFound.
func (s *Service) Take(ctx context.Context, w Wish) (*fhir.Resource, error) {
	switch w.Step {
	case Draft, Clone:
		return s.copy(ctx, w)
	case Submit, Reject, Approve, Release, Retire:
		return s.move(ctx, w)
	}
	return nil, issue.New(issue.NotSupported, "there is no step %q", clip(w.Step))
}

// copy makes a draft of a version, under its own url or another one.
func (s *Service) copy(ctx context.Context, w Wish) (*fhir.Resource, error) {
	p, err := s.who(ctx, smart.Curator)
	if err != nil {
		return nil, err
	}
	v, l, err := s.find(ctx, w.Type, w.ID)
	if err != nil {
		return nil, err
	}
	if w.Match != 0 && w.Match != v.Version {
		return nil, stale(v, w.Match)
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	from := canonical(v.Resource)
	o := clean(v.Resource, nil).Remove("id")
	credit(o, nil, "author", p)
	relation, id := "predecessor", strings.TrimSuffix(w.ID, "-v"+l.Version)
	if w.Step == Clone {
		switch {
		case w.URL == "":
			return nil, issue.New(issue.Required, "clone %s: the url of the clone is missing", l.Ref()).At("url")
		case w.URL == l.URL:
			return nil, issue.New(issue.Value, "clone %s: the clone needs a url of its own; $draft makes the next version", l.Ref()).At("url")
		}
		relation, id = "derived-from", ""
		o.Set("url", w.URL)
		if w.Version == "" {
			w.Version = "0.1.0"
		}
		if w.Title != "" {
			o.Remove("_title").Set("title", w.Title)
		}
	} else if l.State != Released && l.State != Retired && l.State != Shipped {
		return nil, issue.New(issue.BusinessRule, "draft %s: it is a draft itself", l.Ref()).WithStatus(409)
	}
	if w.Version == "" {
		w.Version = b.newer(l.URL, l.Version)
	}
	o.Set("version", w.Version).Set("id", id)
	relate(o, v.Resource, relation, from)
	return s.add(ctx, b, p, o, w.Step, from, w.Note)
}

// relate names what an artifact was made of, in place of what its forerunner was.
func relate(o *fhir.Object, r *fhir.Resource, relation, canonical string) {
	o.Remove("relatedArtifact")
	for _, n := range r.Root().Children("relatedArtifact") {
		if t := n.Child("type").String(); t != "predecessor" || n.Child("resource").String() == "" {
			o.Append("relatedArtifact", n)
		}
	}
	o.Append("relatedArtifact", fhir.NewObject().Set("type", relation).Set("resource", canonical))
}

func stale(v fhir.Version, match int) error {
	return issue.New(issue.Conflict, "change %s: version %d is not the current one, which is %d", v.Ref(), match, v.Version).WithStatus(412)
}

// from are the states that a step leads on from, and the role it takes.
var from = map[string]struct {
	states []State
	role   smart.Role
}{
	Submit:  {[]State{Drafted}, smart.Curator},
	Reject:  {[]State{Submitted, Approved}, smart.Approver},
	Approve: {[]State{Submitted}, smart.Approver},
	Release: {[]State{Approved, Retired}, smart.Approver},
	Retire:  {[]State{Released}, smart.Approver},
}

// move leads an artifact, and the drafts that it names, to another state.
func (s *Service) move(ctx context.Context, w Wish) (*fhir.Resource, error) {
	p, err := s.who(ctx, from[w.Step].role)
	if err != nil {
		return nil, err
	}
	set, err := s.group(ctx, w.Type, w.ID)
	if err != nil {
		return nil, err
	}
	head := set.members[0]
	if w.Match != 0 && w.Match != head.version.Version {
		return nil, stale(head.version, w.Match)
	}
	if !slices.Contains(from[w.Step].states, head.life.State) {
		return nil, issue.New(issue.BusinessRule, "%s %s: its state is %q", w.Step, head.life.Ref(), head.life.State).WithStatus(409)
	}
	back := w.Step == Release && head.life.State == Retired
	switch {
	case w.Step == Retire:
		set.members = set.members[:1]
	case back:
		set.keep(func(m member) bool { return m.life.State == Retired })
	default:
		set.keep(func(m member) bool { return m.life.State != Released && m.life.State != Retired })
	}
	if w.Step == Submit {
		if err := set.pin(); err != nil {
			return nil, err
		}
	}
	if w.Step == Submit || w.Step == Release {
		if err := s.ready(ctx, set, w.Step == Release); err != nil {
			return nil, err
		}
	}
	// Who is further on already, or behind and not asked, stays where it is.
	set.keep(func(m member) bool {
		switch w.Step {
		case Submit:
			return m.life.State == Drafted
		case Reject:
			return m.life.State == Submitted || m.life.State == Approved
		case Approve:
			return m.life.State != Approved
		}
		return true
	})
	if err := s.allowed(w.Step, p, set, back); err != nil {
		return nil, err
	}
	changes, record := s.changes(w.Step, p, set)
	for i := range changes {
		changes[i].Activity = fhir.Coding{System: StepSystem, Code: w.Step}
		if i >= len(set.members) {
			changes[i].Activity.Code = Retire
		}
	}
	effects, err := s.Resources.Write(as(ctx, p), changes, func(effects []fhir.Effect) (Record, error) {
		return record(effects, w.Note), nil
	})
	if err != nil {
		return nil, err
	}
	return effects[0].Resource, nil
}

// allowed refuses an approval by whoever wrote a text, and a member that is behind.
func (s *Service) allowed(step string, p smart.Person, set *group, back bool) error {
	for _, m := range set.members {
		if step == Approve && slices.ContainsFunc(m.life.Contributors, func(c Person) bool { return c.ID == p.ID }) {
			return issue.New(issue.Forbidden, "approve %s: whoever wrote or submitted it cannot approve it", m.life.Ref())
		}
		if m.life.State != set.members[0].life.State && step != Reject {
			return issue.New(issue.BusinessRule, "%s %s: %s, which it names, is %q and not %q", step, set.members[0].life.Ref(), m.life.Ref(), m.life.State, set.members[0].life.State).
				WithStatus(409)
		}
		if step == Release && !back && (m.life.Approver.ID == "" || slices.ContainsFunc(m.life.Contributors, func(c Person) bool { return c.ID == m.life.Approver.ID })) {
			return issue.New(issue.BusinessRule, "release %s: no other person has approved it", m.life.Ref()).WithStatus(409)
		}
	}
	return nil
}

// changes makes the changes of a step, those of the members first, and what is noted
// of them.
func (s *Service) changes(step string, p smart.Person, set *group) ([]fhir.Change, func([]fhir.Effect, string) Record) {
	today := fhir.Date(s.Now())
	var changes []fhir.Change
	put := func(m member, o *fhir.Object) {
		r, err := o.Resource()
		if err != nil {
			panic("authoring: " + err.Error()) // of what was a resource before
		}
		changes = append(changes, fhir.Change{Method: fhir.Update, Type: m.version.Type, ID: m.version.ID, Resource: r, Match: m.version.Version})
	}
	for _, m := range set.members {
		o := m.version.Resource.Root().Object()
		switch {
		case step == Approve:
			o.Set("approvalDate", today).Set("lastReviewDate", today)
			credit(o, m.version.Resource, "endorser", p)
		case step == Reject:
			o = clean(m.version.Resource, m.version.Resource)
		case step == Release && m.life.State == Retired:
			o.Set("status", "active")
		case step == Release:
			o.Set("status", "active").Set("date", today)
		case step == Retire:
			o.Set("status", "retired")
		}
		put(m, o)
	}
	var lapsed []member
	if step == Release {
		for _, m := range set.members {
			old, ok := set.inForce[m.life.URL]
			if ok && old.life.Ref() != m.life.Ref() {
				put(old, old.version.Resource.Root().Object().Set("status", "retired"))
				lapsed = append(lapsed, old)
			}
		}
	}
	return changes, func(effects []fhir.Effect, note string) Record {
		var r Record
		for i, m := range set.members {
			e := effects[i]
			r.Steps = append(r.Steps, stepOf(e, e.Resource, p, step, m.life.Origin, note))
			if step != Release && step != Retire {
				continue
			}
			f := Force{URL: m.life.URL, Was: set.inForce[m.life.URL].life.Version}
			if step == Release {
				f.Version = m.life.Version
				if m.life.State != Retired {
					r.Releases = append(r.Releases, ReleaseNote{
						URL: m.life.URL, Version: m.life.Version, Type: e.Type, ID: e.ID, ResourceVersion: e.Version.Version,
						SHA256: knowledge.Hash(e.Resource), ApprovedBy: m.life.Approver.ID, ReleasedBy: p.ID, At: e.At,
					})
				}
			}
			r.Force = append(r.Force, f)
		}
		for i, m := range lapsed {
			e := effects[len(set.members)+i]
			r.Steps = append(r.Steps, stepOf(e, e.Resource, p, Retire, m.life.Origin, "in its place: "+set.members[0].life.Version))
		}
		return r
	}
}

// member is an artifact with where it stands.
type member struct {
	version fhir.Version
	life    Life
}

// group is an artifact, the head, with what it names of what has a life here.
type group struct {
	members []member
	inForce map[string]member // by url, of the urls of members
	names   map[string]string // url -> url|version of what is in force or a draft of the group
}

// keep leaves the head and the members that fit.
func (g *group) keep(fits func(member) bool) {
	head := g.members[0]
	g.members = append([]member{head}, slices.DeleteFunc(g.members[1:], func(m member) bool { return !fits(m) })...)
}

// mostMembers bounds what goes with one artifact; each may retire another one.
const mostMembers = 400

// withNamed adds to artifacts the ones of the site that they name, and those that
// these name. An artifact without version means its draft.
func (s *Service) withNamed(ctx context.Context, b *book, members []member, ref string) ([]member, error) {
	seen := map[string]bool{ref: true}
	for i := 0; i < len(members); i++ {
		for _, n := range references(members[i].version.Resource) {
			of := fhir.ParseCanonical(n.String())
			next, ok := b.byName[of.URL+"|"+of.Version]
			if of.Version == "" {
				next, ok = b.draftOf(of.URL)
			}
			if !ok || seen[next.Ref()] {
				continue
			}
			if len(members) == mostMembers {
				return nil, issue.New(issue.TooCostly, "%s names more than %d artifacts that go with it", ref, mostMembers)
			}
			seen[next.Ref()] = true
			v, err := s.Resources.Read(ctx, next.Type, next.ID, 0)
			if issue.Is(err, issue.Deleted) || issue.Is(err, issue.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			members = append(members, member{v, b.life(v)})
		}
	}
	return members, nil
}

// group reads an artifact and all that it names.
func (s *Service) group(ctx context.Context, typ, id string) (*group, error) {
	v, l, err := s.find(ctx, typ, id)
	if err != nil {
		return nil, err
	}
	if l.State == Shipped {
		return nil, issue.New(issue.BusinessRule, "%s came with the program; make a draft of it with $draft", l.Ref()).WithStatus(409)
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	if err := named(v.Resource); err != nil {
		return nil, err
	}
	if l.URL != url(v.Resource) || l.Version != version(v.Resource) {
		return nil, issue.New(issue.BusinessRule, "%s: its url or version was changed past the steps", l.Ref()).WithStatus(409)
	}
	g := &group{members: []member{{v, l}}, inForce: map[string]member{}, names: map[string]string{}}
	if g.members, err = s.withNamed(ctx, b, g.members, l.Ref()); err != nil {
		return nil, err
	}
	for _, m := range g.members {
		g.names[m.life.URL] = m.life.Canonical()
		old, ok := b.inForce[m.life.URL]
		if !ok {
			continue
		}
		v, err := s.Resources.Read(ctx, old.Type, old.ID, 0)
		if err != nil {
			return nil, err
		}
		g.inForce[m.life.URL] = member{v, old}
	}
	for u, f := range b.inForce {
		if g.names[u] == "" {
			g.names[u] = f.Canonical()
		}
	}
	for _, r := range s.Shipped {
		if u := url(r); u != "" && g.names[u] == "" {
			g.names[u] = canonical(r)
		}
	}
	return g, nil
}

// draftOf gives the one draft of a url that nobody released yet, where nothing of the
// url is in force.
func (b *book) draftOf(url string) (found Life, ok bool) {
	if l, ok := b.inForce[url]; ok {
		return l, true
	}
	var at time.Time
	for _, l := range b.lives {
		if l.URL == url && l.State != Released && l.State != Retired && (!ok || l.ChangedAt.After(at)) {
			found, ok, at = l, true, l.ChangedAt
		}
	}
	return found, ok
}

// references gives the canonicals by which an artifact names others.
func references(r *fhir.Resource) []*fhir.Node {
	list := slices.Clone(r.Root().Children("library"))
	var walk func(n *fhir.Node)
	walk = func(n *fhir.Node) {
		for _, a := range n.Children("action") {
			if d := a.Child("definitionCanonical"); d != nil && !strings.HasPrefix(d.String(), "#") {
				list = append(list, d)
			}
			walk(a)
		}
	}
	walk(r.Root())
	return list
}

// pin gives every canonical of the members that has no version the one it means now.
func (g *group) pin() error {
	for i, m := range g.members {
		replace := map[string]string{}
		for _, n := range references(m.version.Resource) {
			if of := fhir.ParseCanonical(n.String()); of.Version == "" && g.names[of.URL] != "" {
				replace[n.String()] = g.names[of.URL]
			}
		}
		if len(replace) == 0 {
			continue
		}
		r, err := pinned(m.version.Resource, replace)
		if err != nil {
			return err
		}
		g.members[i].version.Resource = r
	}
	return nil
}

// pinned writes canonicals with their versions.
func pinned(r *fhir.Resource, names map[string]string) (*fhir.Resource, error) {
	o := r.Root().Object()
	if list := r.Root().Strings("library"); len(list) > 0 {
		o.Remove("library")
		for _, n := range list {
			if with, ok := names[n]; ok {
				n = with
			}
			o.Append("library", n)
		}
	}
	var walk func(n *fhir.Node) []*fhir.Object
	walk = func(n *fhir.Node) []*fhir.Object {
		var list []*fhir.Object
		for _, a := range n.Children("action") {
			x := a.Object()
			if with, ok := names[a.Child("definitionCanonical").String()]; ok {
				x.Set("definitionCanonical", with)
			}
			if inner := walk(a); len(inner) > 0 {
				x.Set("action", inner)
			}
			list = append(list, x)
		}
		return list
	}
	if list := walk(r.Root()); len(list) > 0 {
		o.Set("action", list)
	}
	return o.Resource()
}
