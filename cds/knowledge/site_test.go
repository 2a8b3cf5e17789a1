package knowledge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/fhir"
)

func resource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// released is an artifact of the site as it was released.
func released(t testing.TB, text string, inForce bool) knowledge.Released {
	r := resource(t, text)
	return knowledge.Released{Resource: r, InForce: inForce, SHA256: knowledge.Hash(r)}
}

// regimen is an ActivityDefinition of a substance in gram three times a day.
func regimen(url, version, atc, grams string) string {
	return fmt.Sprintf(`{"resourceType":"ActivityDefinition","id":"a","url":%q,"version":%q,"status":"active","kind":"MedicationRequest",
	 "relatedArtifact":[{"type":"citation","extension":[{"url":%q,"extension":[{"url":"document","valueString":"house"}]}]}],
	 "productCodeableConcept":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":%q}],"text":"S"},
	 "dosage":[{"timing":{"repeat":{"frequency":3,"period":1,"periodUnit":"d"}},"route":{"coding":[{"system":"http://snomed.info/sct","code":"47625008"}]},
	  "doseAndRate":[{"doseQuantity":{"value":%s,"system":"http://unitsofmeasure.org","code":"g"}}]}]}`, url, version, content.LocatorExtension, atc, grams)
}

// regimenPlan is a plan of regimens for pneumonia with one option for each of the
// canonicals.
func regimenPlan(url, version, members string, canonicals ...string) string {
	role := func(code string) string {
		return fmt.Sprintf(`"code":[{"coding":[{"system":%q,"code":%q}]}]`, content.ActionSystem, code)
	}
	var options []string
	for i, c := range canonicals {
		options = append(options, fmt.Sprintf(`{"id":"o%d","title":"Option %d",%s,"extension":[{"url":%q,"valueInteger":1}],"action":[{"id":"i%d",%s,"definitionCanonical":%q}]}`,
			i, i, role("option"), content.LineExtension, i, role("ingredient"), c))
	}
	return fmt.Sprintf(`{"resourceType":"PlanDefinition","id":"p","url":%q,"version":%q,"status":"active","title":"Plan"%s,"topic":[{"coding":[{"system":%q,"code":"regimens"}]}],
	 "useContext":[{"code":{"code":"focus"},"valueCodeableConcept":{"coding":[{"system":%q,"code":"pneumonia"}]}}],
	 "action":[{"id":"all","title":"All",%s,"action":[%s]}]}`, url, version, members, content.PackSystem, content.IndicationSystem, role("population"), strings.Join(options, ","))
}

const (
	planURL = "https://test.example/PlanDefinition/pneumonia"
	doseURL = "https://test.example/ActivityDefinition/dose"
)

var now = time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)

func shippedAnd(t *testing.T, o knowledge.Options, shipped ...string) *knowledge.Snapshot {
	t.Helper()
	o.LoadedAt = now
	s, err := load(t, o, append([]string{indications}, shipped...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReleaseOfTheSiteTakesThePlaceOfWhatIsShipped(t *testing.T) {
	s := shippedAnd(t, knowledge.Options{Site: []knowledge.Released{
		released(t, regimen(doseURL, "2", "J01CA04", "2"), true),
		released(t, regimenPlan(planURL, "2", "", doseURL+"|2"), true),
	}}, regimen(doseURL, "1", "J01CA04", "1"), regimenPlan(planURL, "1", "", doseURL+"|1"))
	p, ok := s.PlanFor("pneumonia")
	if !ok || p.Version != "2" || !p.Site || p.SHA256 == "" {
		t.Fatalf("plan %+v", p)
	}
	if got := p.Actions[0].Actions[0].Actions[0].Regimen.Dose; got != 2 {
		t.Errorf("dose %v, want that of the release", got)
	}
	if _, ok := s.Plan(planURL + "|1"); ok {
		t.Error("the shipped version runs beside it")
	}
	if diff := cmp.Diff([]string{planURL + "|1"}, s.Upgrades()); diff != "" {
		t.Error(diff)
	}
	if len(s.Problems())+len(s.Withheld()) != 0 {
		t.Errorf("problems %v, withheld %v", s.Problems(), s.Withheld())
	}
}

func TestPlansKeepTheVersionsTheyWereReleasedWith(t *testing.T) {
	s := shippedAnd(t, knowledge.Options{Site: []knowledge.Released{
		released(t, regimen(doseURL, "1", "J01CA04", "1"), false), // a newer one is in force
		released(t, regimen(doseURL, "2", "J01CA04", "2"), true),
		released(t, regimenPlan(planURL, "1", "", doseURL+"|1"), true),
	}})
	p, ok := s.PlanFor("pneumonia")
	if !ok {
		t.Fatalf("the plan does not run: %v", s.Problems())
	}
	if got := p.Actions[0].Actions[0].Actions[0].Regimen; got.Version != "1" || got.Dose != 1 {
		t.Errorf("regimen %s with %v g", got.Version, got.Dose)
	}
}

func TestWhatIsNotWhatWasReleasedDoesNotRun(t *testing.T) {
	bad := released(t, regimenPlan(planURL, "2", "", doseURL+"|1"), true)
	bad.Fault = "what is stored is not what was released"
	s := shippedAnd(t, knowledge.Options{Site: []knowledge.Released{bad, released(t, plan("other", "", `{"id":"x","title":"X"}`), true)}},
		regimen(doseURL, "1", "J01CA04", "1"), regimenPlan(planURL, "1", "", doseURL+"|1"))
	if _, ok := s.PlanFor("pneumonia"); ok {
		t.Error("a version runs, be it the shipped one")
	}
	if len(s.Refused()) != 1 || s.Refused()[0].Indication != "pneumonia" || s.Refused()[0].Pack != "regimens" {
		t.Errorf("refused %+v", s.Refused())
	}
	if _, ok := s.Plan("https://test.example/other|1"); !ok {
		t.Error("the others do not go on")
	}
}

func TestSecondActiveVersionIsTold(t *testing.T) {
	older := strings.Replace(plan("twice", "", `{"id":"x","title":"X"}`), `"version":"1"`, `"version":"0.9"`, 1)
	s := shippedAnd(t, knowledge.Options{}, plan("twice", "", `{"id":"x","title":"X"}`), older)
	if p, ok := s.Plan("https://test.example/twice"); !ok || p.Version != "1" {
		t.Errorf("runs: %+v", p)
	}
	if len(s.Problems()) != 1 || s.Problems()[0].Artifact != "https://test.example/twice|0.9" || !strings.Contains(s.Problems()[0].Message, "two versions are active") {
		t.Errorf("problems %v", s.Problems())
	}
}

func TestPlansThatLeadBackToThemselves(t *testing.T) {
	names := func(other string) string {
		return `{"title":"A","definitionCanonical":"https://test.example/` + other + `|1"}`
	}
	s := shippedAnd(t, knowledge.Options{}, plan("a", "", names("b")), plan("b", "", names("a")), plan("c", "", names("c")), plan("d", "", `{"title":"A"}`))
	for _, id := range []string{"a", "b", "c"} {
		if _, ok := s.Plan("https://test.example/" + id + "|1"); ok {
			t.Errorf("%s runs", id)
		}
	}
	if _, ok := s.Plan("https://test.example/d|1"); !ok {
		t.Error("the sound plan does not run")
	}
	if len(s.Problems()) == 0 || !strings.Contains(s.Problems()[0].Location, "definitionCanonical") {
		t.Errorf("problems %v", s.Problems())
	}
}

func TestPastItsTime(t *testing.T) {
	dose := regimen(doseURL, "1", "J01CA04", "1")
	for _, tc := range []struct {
		name, members string
		options       knowledge.Options
		runs, marked  bool
		until         time.Time
	}{
		{"ended, withheld", `,"effectivePeriod":{"end":"2026-03-15"}`, knowledge.Options{}, false, false, time.Time{}},
		{"ended, shown", `,"effectivePeriod":{"end":"2026-03-15"}`, knowledge.Options{ShowExpired: true}, true, true, time.Time{}},
		{"its last day", `,"effectivePeriod":{"end":"2026-03-16"}`, knowledge.Options{}, true, false, time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC)},
		{"review too long ago", `,"approvalDate":"2024-01-01","lastReviewDate":"2025-03-15"`, knowledge.Options{ReviewAfter: 365}, false, false, time.Time{}},
		{"reviewed in time", `,"approvalDate":"2024-01-01","lastReviewDate":"2026-03-01"`, knowledge.Options{ReviewAfter: 365}, true, false, time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)},
		{"never reviewed, no limit", ``, knowledge.Options{}, true, false, time.Time{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := shippedAnd(t, tc.options, dose, regimenPlan(planURL, "1", tc.members, doseURL+"|1"))
			p, runs := s.PlanFor("pneumonia")
			if runs != tc.runs {
				t.Fatalf("runs %v: %v", runs, s.Withheld())
			}
			if runs && p.Expired.IsZero() == tc.marked {
				t.Errorf("expired %v", p.Expired)
			}
			if reason, ok := s.WithheldFor("pneumonia"); ok == runs || !runs && (reason.DE == "" || reason.EN == "") {
				t.Errorf("reason %v", reason)
			}
			if !s.Until().Equal(tc.until) {
				t.Errorf("the next snapshot is due at %v, want %v", s.Until(), tc.until)
			}
		})
	}
}

func TestOverlay(t *testing.T) {
	reason := cds.Text{DE: "nicht gelistet", EN: "not listed"}
	other := "https://test.example/ActivityDefinition/other"
	shipped := []string{
		regimen(doseURL, "1", "J01CA04", "1"), regimen(other, "1", "J01DD04", "2"),
		regimenPlan(planURL, "1", "", doseURL+"|1", other+"|1"),
	}
	at := func(o knowledge.Overlay) knowledge.Options {
		o.ID, o.Reason = "1", reason
		return knowledge.Options{Overlay: []knowledge.Overlay{o}}
	}
	options := func(s *knowledge.Snapshot) []*knowledge.Action {
		p, ok := s.PlanFor("pneumonia")
		if !ok {
			t.Fatalf("the plan does not run: %v", s.Problems())
		}
		return p.Actions[0].Actions
	}
	t.Run("hide an option", func(t *testing.T) {
		list := options(shippedAnd(t, at(knowledge.Overlay{Kind: knowledge.Hide, Target: planURL + "#o0"}), shipped...))
		if len(list) != 1 || list[0].ID != "o1" || !strings.Contains(list[0].House[0].EN, "not listed") {
			t.Errorf("options %+v", list)
		}
	})
	t.Run("prefer a substance", func(t *testing.T) {
		list := options(shippedAnd(t, at(knowledge.Overlay{Kind: knowledge.Prefer, Target: "J01DD"}), shipped...))
		if list[0].Preferred || !list[1].Preferred || len(list[1].House) != 1 {
			t.Errorf("options %+v %+v", list[0], list[1])
		}
	})
	t.Run("restrict an option", func(t *testing.T) {
		list := options(shippedAnd(t, at(knowledge.Overlay{Kind: knowledge.Restrict, Target: planURL + "#o1"}), shipped...))
		if list[0].Restricted || !list[1].Restricted {
			t.Errorf("options %+v %+v", list[0], list[1])
		}
	})
	t.Run("replace a regimen", func(t *testing.T) {
		s := shippedAnd(t, at(knowledge.Overlay{Kind: knowledge.Replace, Target: doseURL, With: other + "|1"}), shipped...)
		if got := options(s)[0].Actions[0].Regimen; got.ATC != "J01DD04" || got.Dose != 2 {
			t.Errorf("regimen %+v", got)
		}
		if len(s.Prescribing("J01CA04")) != 0 {
			t.Error("the replaced regimen is still found")
		}
	})
	t.Run("hide a substance", func(t *testing.T) {
		s := shippedAnd(t, at(knowledge.Overlay{Kind: knowledge.Hide, Target: "J01CA04", Indication: "pneumonia"}), shipped...)
		rules := s.Pack(content.PackSafety)
		if len(rules) != 1 || len(rules[0].Actions) != 2 || rules[0].Actions[0].Effect != "exclude" || len(rules[0].Actions[0].Conditions) != 1 {
			t.Errorf("rules %+v", rules)
		}
	})
	t.Run("an upgrade of the content", func(t *testing.T) {
		upgraded := []string{regimen(doseURL, "2", "J01CA04", "1"), regimen(other, "1", "J01DD04", "2"), regimenPlan(planURL, "2", "", doseURL+"|2", other+"|1")}
		list := options(shippedAnd(t, at(knowledge.Overlay{Kind: knowledge.Hide, Target: planURL + "#o0"}), upgraded...))
		if len(list) != 1 {
			t.Errorf("the entry did not survive: %+v", list)
		}
	})
	t.Run("one that meets nothing", func(t *testing.T) {
		s := shippedAnd(t, at(knowledge.Overlay{Kind: knowledge.Hide, Target: planURL + "#gone"}), shipped...)
		if len(s.Problems()) != 1 || !strings.Contains(s.Problems()[0].Message, "meets nothing") {
			t.Errorf("problems %v", s.Problems())
		}
	})
}

func TestServicesOfPlans(t *testing.T) {
	trigger := func(hook string) string {
		return `{"title":"A","trigger":[{"type":"named-event","name":"` + hook + `"}],"input":[{"type":"Observation"}]}`
	}
	pack := fmt.Sprintf(`"topic":[{"coding":[{"system":%q,"code":"safety"}]}]`, content.PackSystem)
	s := shippedAnd(t, knowledge.Options{Hooks: []string{"patient-view"}, Site: []knowledge.Released{
		released(t, strings.Replace(plan("one", "", trigger("patient-view")), `"id":"one"`, `"id":"one-v1"`, 1), true),
	}}, plan("two", "", trigger("no-such-hook")), plan("three", pack, trigger("patient-view")), plan("abs-patient-view", "", trigger("patient-view")))
	var ids []string
	for _, v := range s.Services() {
		ids = append(ids, v.ID)
	}
	if diff := cmp.Diff([]string{"one"}, ids); diff != "" {
		t.Error(diff)
	}
	if v, ok := s.Service("one"); !ok || len(v.Plan.Requirements) != 1 {
		t.Errorf("service %+v", v)
	}
	if len(s.Problems()) != 3 {
		t.Errorf("problems %v", s.Problems())
	}
}

func TestHashIsOfTheContent(t *testing.T) {
	a := resource(t, `{"resourceType":"Library","id":"l","meta":{"versionId":"1"},"status":"active","url":"u","version":"1"}`)
	b := resource(t, `{"resourceType":"Library","id":"l","meta":{"versionId":"2"},"status":"retired","url":"u","version":"1"}`)
	c := resource(t, `{"resourceType":"Library","id":"l","meta":{"versionId":"2"},"status":"active","url":"u","version":"1.0"}`)
	if knowledge.Hash(a) != knowledge.Hash(b) || knowledge.Hash(a) == knowledge.Hash(c) {
		t.Error("the hash is not of what does not change alone")
	}
}
