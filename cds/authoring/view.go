package authoring

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/smart"
)

// Rule is an artifact as a list shows it.
type Rule struct {
	Type         string   `json:"type"`
	ID           string   `json:"id"`
	URL          string   `json:"url"`
	Version      string   `json:"version"`
	Name         string   `json:"name"`
	Title        Words    `json:"title"`
	Status       string   `json:"status" doc:"FHIR publication status"`
	State        State    `json:"state" enum:"draft,submitted,approved,released,retired,shipped"`
	Origin       string   `json:"origin" enum:"site,shipped"`
	Experimental bool     `json:"experimental"`
	Running      bool     `json:"running"`
	Reason       string   `json:"reason" doc:"why it does not run, or empty"`
	Pack         string   `json:"pack"`
	Indication   string   `json:"indication"`
	Triggers     []string `json:"triggers" doc:"hooks that call it"`
	Coverage     Coverage `json:"coverage"`
	Effective    Span     `json:"effective"`
	ApprovalDate string   `json:"approvalDate"`
	LastReview   string   `json:"lastReviewDate"`
	Expired      bool     `json:"expired"`
	Authors      []string `json:"authors"`
	ApprovedBy   string   `json:"approvedBy"`
	ReleasedAt   string   `json:"releasedAt"`
	DraftOf      string   `json:"draftOf" doc:"url|version it was made of, or empty"`
	VersionID    int      `json:"versionId" doc:"for If-Match; 0 for what came with the program"`
	ChangedAt    string   `json:"changedAt"`
}

// Words are a text in both languages.
type Words struct {
	DE string `json:"de"`
	EN string `json:"en"`
}

// Coverage says how much a plan holds.
type Coverage struct {
	Actions    int      `json:"actions"`
	Conditions int      `json:"conditions"`
	Cited      int      `json:"cited" doc:"actions that cite a source themselves"`
	Substances []string `json:"substances" doc:"ATC codes of its regimens, as far as it runs"`
}

// Span is a period; an empty end is open.
type Span struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// View is an artifact with all that is known of it.
type View struct {
	Rule     Rule
	Resource *fhir.Resource
	Problems []Problem
	May      []string
	Steps    []Step
}

// Filter narrows a list.
type Filter struct {
	State State  // "" for all
	Type  string // "" for plans
	Text  string // that name, title or url hold
}

// Rules lists artifacts, what came with the program included, by title.
func (s *Service) Rules(ctx context.Context, f Filter) ([]Rule, error) {
	if _, err := s.who(ctx); err != nil {
		return nil, err
	}
	if f.Type == "" {
		f.Type = "PlanDefinition"
	}
	stored, err := s.Resources.All(ctx, f.Type)
	if err != nil {
		return nil, err
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	list := []Rule{}
	add := func(r *fhir.Resource, l Life) {
		rule := s.rule(r, l)
		if f.State != "" && rule.State != f.State || !holds(rule, f.Text) {
			return
		}
		list = append(list, rule)
	}
	for _, r := range s.Shipped {
		if r.Type() == f.Type {
			add(r, shippedLife(r))
		}
	}
	for _, r := range stored {
		if _, shipped := s.shipped[r.Ref()]; !shipped {
			add(r, b.life(versionOf(r)))
		}
	}
	slices.SortStableFunc(list, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Title.DE, b.Title.DE), cmp.Compare(a.URL, b.URL), knowledge.CompareVersions(a.Version, b.Version))
	})
	return list, nil
}

func holds(r Rule, text string) bool {
	if text = strings.ToLower(strings.TrimSpace(text)); text == "" {
		return true
	}
	return strings.Contains(strings.ToLower(strings.Join([]string{r.Name, r.Title.DE, r.Title.EN, r.URL, r.Indication}, "\n")), text)
}

// versionOf reads from a stored resource which version it is.
func versionOf(r *fhir.Resource) fhir.Version {
	v := fhir.Version{Type: r.Type(), ID: r.ID(), Resource: r}
	for _, c := range r.Root().Get("meta", "versionId").String() {
		v.Version = v.Version*10 + int(c-'0')
	}
	if t, ok := r.Root().Get("meta", "lastUpdated").Time(); ok {
		v.At = t.Time
	}
	return v
}

// rule describes an artifact.
func (s *Service) rule(r *fhir.Resource, l Life) Rule {
	root := r.Root()
	experimental, _ := root.Child("experimental").Bool()
	rule := Rule{
		Type: r.Type(), ID: r.ID(), URL: url(r), Version: version(r), Name: root.Child("name").String(),
		Title:  words(root.Child("title")),
		Status: root.Child("status").String(), State: l.State, Origin: "site", Experimental: experimental, Triggers: []string{},
		Coverage: coverage(r), ApprovalDate: root.Child("approvalDate").String(), LastReview: root.Child("lastReviewDate").String(),
		Effective: Span{root.Get("effectivePeriod", "start").String(), root.Get("effectivePeriod", "end").String()},
		Authors:   []string{}, ApprovedBy: l.Approver.Name, DraftOf: l.Origin,
	}
	if l.State == Shipped {
		rule.Origin = "shipped"
	} else {
		v := versionOf(r)
		rule.VersionID, rule.ChangedAt = v.Version, stamp(v.At)
		rule.ReleasedAt = stamp(l.ReleasedAt)
		for _, c := range l.Contributors {
			rule.Authors = append(rule.Authors, c.Name)
		}
	}
	for _, t := range root.Children("topic") {
		if c, ok := t.CodeableConcept().In(content.PackSystem); ok {
			rule.Pack = c.Code
		}
	}
	for _, u := range root.Children("useContext") {
		v, _ := u.Choice("value")
		if c, ok := v.CodeableConcept().In(content.IndicationSystem); ok && u.Child("code").Coding().Code == "focus" {
			rule.Indication = c.Code
		}
	}
	for _, t := range root.Children("action") {
		for _, trigger := range t.Children("trigger") {
			if name := trigger.Child("name").String(); name != "" && trigger.Child("type").String() == "named-event" {
				rule.Triggers = append(rule.Triggers, name)
			}
		}
	}
	s.running(&rule, l)
	return rule
}

// running tells whether an artifact runs, and why not.
func (s *Service) running(rule *Rule, l Life) {
	name := rule.URL + "|" + rule.Version
	snapshot := s.Knowledge()
	if rule.Type != "PlanDefinition" {
		rule.Running = l.State == Shipped || l.InForce
		return
	}
	if p, ok := snapshot.Plan(name); ok && p.Site == (l.State != Shipped) && p.ID == rule.ID {
		rule.Running, rule.Expired = true, !p.Expired.IsZero()
		for _, a := range snapshotSubstances(p.Actions) {
			if !slices.Contains(rule.Coverage.Substances, a) {
				rule.Coverage.Substances = append(rule.Coverage.Substances, a)
			}
		}
		slices.Sort(rule.Coverage.Substances)
		return
	}
	switch l.State {
	case Drafted, Submitted, Approved:
		rule.Reason = "not released"
		return
	}
	for _, x := range snapshot.Refused() {
		if x.Artifact == name {
			rule.Reason = x.Message
			return
		}
	}
	for _, x := range slices.Concat(snapshot.Withheld(), snapshot.Problems()) {
		if x.Artifact == name {
			rule.Reason = x.Message
			rule.Expired = rule.Expired || strings.Contains(x.Message, "has ended") || strings.Contains(x.Message, "too long ago")
			return
		}
	}
	rule.Reason = "another version is in force"
	if l.State == Retired {
		rule.Reason = "retired"
	}
}

func snapshotSubstances(actions []*knowledge.Action) []string {
	var list []string
	for _, a := range actions {
		if a.Regimen != nil {
			list = append(list, a.Regimen.ATC)
		}
		list = append(list, snapshotSubstances(a.Actions)...)
	}
	return list
}

func coverage(r *fhir.Resource) Coverage {
	c := Coverage{Substances: []string{}}
	var walk func(actions []*fhir.Node)
	walk = func(actions []*fhir.Node) {
		for _, a := range actions {
			c.Actions++
			c.Conditions += len(a.Children("condition"))
			if cites(a, "documentation") {
				c.Cited++
			}
			walk(a.Children("action"))
		}
	}
	walk(r.Root().Children("action"))
	return c
}

func words(n *fhir.Node) Words { return Words{n.Translated("de"), n.Translated("en")} }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Show gives an artifact with what is wrong with it and what the person who asks may do.
func (s *Service) Show(ctx context.Context, typ, id string) (View, error) {
	p, err := s.who(ctx)
	if err != nil {
		return View{}, err
	}
	v, l, err := s.find(ctx, typ, id)
	if err != nil {
		return View{}, err
	}
	view := View{Rule: s.rule(v.Resource, l), Resource: v.Resource, May: may(p, l)}
	if l.State != Shipped && l.State != Released && l.State != Retired {
		if named(v.Resource) == nil {
			if view.Problems, err = s.Problems(ctx, typ, id); err != nil {
				return view, err
			}
		}
	}
	view.Steps, err = s.Records.Steps(ctx, l.URL)
	return view, err
}

// may lists the steps that a person may take now.
func may(p smart.Person, l Life) []string {
	list := []string{}
	curator, approver := p.Has(smart.Curator), p.Has(smart.Approver)
	wrote := slices.ContainsFunc(l.Contributors, func(c Person) bool { return c.ID == p.ID })
	add := func(ok bool, steps ...string) {
		if ok {
			list = append(list, steps...)
		}
	}
	switch l.State {
	case Shipped:
		add(curator, Draft, Clone)
	case Drafted:
		add(curator, Edit, Submit, Clone, Delete)
	case Submitted:
		add(curator, Edit, Clone, Delete)
		add(approver && !wrote, Approve)
		add(approver, Reject)
	case Approved:
		add(curator, Edit, Clone, Delete)
		add(approver, Release, Reject)
	case Released:
		add(curator, Draft, Clone)
		add(approver, Retire)
	case Retired:
		add(curator, Draft, Clone)
		add(approver, Release)
	}
	return list
}

// Status is what is known of the knowledge that runs.
type Status struct {
	Snapshot *knowledge.Snapshot
	Site     int // plans of the site among those that run
	Shipped  int
}

// Status tells what runs.
func (s *Service) Status(ctx context.Context) (Status, error) {
	if _, err := s.who(ctx); err != nil {
		return Status{}, err
	}
	st := Status{Snapshot: s.Knowledge()}
	for _, p := range st.Snapshot.Plans() {
		if p.Site {
			st.Site++
		} else {
			st.Shipped++
		}
	}
	return st, nil
}

// Describe gives an artifact that was just stored as a list shows it.
func (s *Service) Describe(r *fhir.Resource) Rule {
	return s.rule(r, Life{Type: r.Type(), ID: r.ID(), URL: url(r), Version: version(r), State: Drafted})
}
