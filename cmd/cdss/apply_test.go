package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/cds/operation"
	"cdss/fhir"
)

// offered are the options of an answer, as each door can tell them: the action
// they came from, and the line of each phase of each substance.
type offered struct {
	Action string
	Lines  []string
}

// TestThreeDoorsGiveEqualOptions puts each example patient to the API, to the hook
// and to $apply of the plan that the API answered from.
func TestThreeDoorsGiveEqualOptions(t *testing.T) {
	p := demo(t)
	var list struct{ Examples []struct{ ID string } }
	_, _, text := p.ask("GET", "/api/examples", "")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Examples) == 0 {
		t.Fatalf("examples: %v %s", err, text)
	}
	compared := 0
	for _, e := range list.Examples {
		_, _, bundle := p.ask("GET", "/api/examples/"+e.ID, "")
		_, _, text := p.ask("POST", "/api/recommendations", `{"language":"de","bundle":`+bundle+`}`)
		api, cards, plan := readAnswer(t, []byte(text))
		if plan == "" || len(api) == 0 {
			t.Logf("%s: the API offers nothing", e.ID)
			continue
		}
		compared++
		var rec struct{ Excluded []struct{ ATC string } }
		if err := json.Unmarshal([]byte(text), &rec); err != nil {
			t.Fatal(err)
		}

		_, _, call := p.ask("GET", "/api/examples/"+e.ID+"/hook", "")
		_, _, text = p.ask("POST", "/cds-services/abs-patient-view", call, "Accept-Language", "de")
		_, hook, _ := readAnswer(t, []byte(text))
		// The first card holds the options. What was not checked may differ: a hook
		// call tells that there are no devices, a Bundle does not.
		if diff := cmp.Diff(detail(cards), detail(hook)); diff != "" {
			t.Errorf("%s: API and hook differ: %s", e.ID, diff)
		}

		b, err := fhir.ParseResource([]byte(bundle))
		if err != nil {
			t.Fatal(err)
		}
		split, err := fhir.SplitBundle(b)
		if err != nil {
			t.Fatal(err)
		}
		subject := ""
		for _, entry := range split.Entries {
			if entry.Resource.Type() == "Patient" {
				subject = entry.Resource.Ref()
			}
		}
		for _, form := range []string{"careplan", "bundle"} {
			body := fmt.Sprintf(`{"resourceType":"Parameters","parameter":[{"name":"subject","valueString":%q},{"name":"useServerData","valueBoolean":false},
				{"name":"form","valueCode":%q},{"name":"data","resource":%s}]}`, subject, form, bundle)
			status, _, text := p.ask("POST", "/fhir/PlanDefinition/"+plan+"/$apply", body, "Accept-Language", "de", "Content-Type", "application/fhir+json")
			if status != 200 {
				t.Fatalf("%s: %d %s", e.ID, status, text)
			}
			again := fmt.Sprint(p.ask("POST", "/fhir/PlanDefinition/"+plan+"/$apply", body, "Accept-Language", "de", "Content-Type", "application/fhir+json"))
			if !strings.Contains(again, text) {
				t.Errorf("%s: the same call gave another answer", e.ID)
			}
			group, resources := applied(t, text)
			if diff := cmp.Diff(api, optionsOf(group, resources)); diff != "" {
				t.Errorf("%s: API and $apply (%s) differ: %s", e.ID, form, diff)
			}
			excluded := 0
			for _, x := range group.Children("extension") {
				if strings.HasSuffix(x.Child("url").String(), "/exclusion") {
					excluded++
				}
			}
			if excluded != len(rec.Excluded) {
				t.Errorf("%s: %d exclusions, the API has %d", e.ID, excluded, len(rec.Excluded))
			}
		}
	}
	if compared < 4 {
		t.Errorf("only %d examples have options", compared)
	}
}

// TestThreeDoorsOnPublicCases does the same with every clinical case of the
// reference data: what the record alone says, without a person's request.
func TestThreeDoorsOnPublicCases(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(dir, "cases", "cases", "*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	cfg, err := readConfig([]string{"CDSS_DEMO=1"})
	if err != nil {
		t.Fatal(err)
	}
	clock := &caseClock{now: time.Now()}
	h, err := newHouse(cfg, slog.New(slog.DiscardHandler), func(h *house) {
		h.now, h.newID, h.unrecorded, h.deadline = clock.time, clock.id, true, time.Minute
	})
	if err != nil {
		t.Fatal(err)
	}
	routes := h.routes()
	shipped, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	// The knowledge stands in no database here.
	catalogue := knowledge.NewCatalogue(shipped)
	apply := operation.Operations(operation.Config{
		Decider: h.decide, Knowledge: h.knowledge.Load, Tables: h.tables, Demo: true, Now: clock.time,
		Catalogue: func(context.Context, *knowledge.Snapshot) (*knowledge.Catalogue, error) { return catalogue, nil },
	})[0]
	compared := 0
	for _, file := range files {
		c, err := readCase(file)
		if err != nil {
			t.Fatal(err)
		}
		clock.set(c)
		c.Request, c.Hook, c.DraftOrders = nil, "patient-view", nil
		answer, err := c.ask(t.Context(), routes, "de")
		if err != nil || len(answer.Errors) > 0 {
			t.Fatalf("%s: %v %v", c.ID, err, answer.Errors)
		}
		api, cards, plan := readAnswer(t, answer.Recommendation)
		_, hook, _ := readAnswer(t, answer.Hook)
		if plan == "" || len(api) == 0 {
			continue
		}
		compared++
		if diff := cmp.Diff(detail(cards), detail(hook)); diff != "" {
			t.Errorf("%s: API and hook differ: %s", c.ID, diff)
		}
		var instance *fhir.Resource
		for _, r := range shipped {
			if r.Ref() == "PlanDefinition/"+plan {
				instance = r
			}
		}
		parameters, err := fhir.ParseResource(fmt.Appendf(nil, `{"resourceType":"Parameters","parameter":[{"name":"subject","valueString":%q},{"name":"data","resource":%s}]}`,
			c.Context.PatientID, c.Bundle))
		if err != nil {
			t.Fatal(err)
		}
		got, err := apply.Run(t.Context(), fhir.Call{Type: "PlanDefinition", ID: plan, Instance: instance, Parameters: parameters, Language: "de"})
		if err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		if diff := cmp.Diff(api, optionsOf(applied(t, string(got.Raw())))); diff != "" {
			t.Errorf("%s: API and $apply differ: %s", c.ID, diff)
		}
	}
	t.Logf("%d of %d cases have options and were compared", compared, len(files))
	if compared == 0 {
		t.Error("no case was compared")
	}
}

// readAnswer reads options, cards and the plan of the indication from the answer of
// the API or of a hook.
func readAnswer(t *testing.T, raw []byte) (options []offered, cards []map[string]any, plan string) {
	t.Helper()
	var rec struct {
		Indication *struct{ Code string }
		Options    []struct {
			Definition  string
			Ingredients []struct{ ATC, Text string }
		}
		Cards []map[string]any
	}
	if err := json.Unmarshal(raw, &rec); err != nil {
		t.Fatal(err)
	}
	for _, o := range rec.Options {
		_, action, _ := strings.Cut(o.Definition, "#")
		one := offered{Action: action}
		for _, i := range o.Ingredients {
			one.Lines = append(one.Lines, i.ATC+" "+i.Text)
		}
		options = append(options, one)
	}
	if rec.Indication != nil {
		plan = "regimens-" + rec.Indication.Code
	}
	return options, rec.Cards, plan
}

// detail is what the first card says; its id is of each answer.
func detail(cards []map[string]any) string {
	if len(cards) == 0 {
		return ""
	}
	return fmt.Sprint(cards[0]["indicator"], cards[0]["summary"], "\n", cards[0]["detail"])
}

// applied gives the RequestGroup of a result, and all resources by how it refers
// to them.
func applied(t *testing.T, text string) (*fhir.Node, map[string]*fhir.Node) {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var group *fhir.Node
	resources := map[string]*fhir.Node{}
	for _, n := range r.Root().Children("contained") {
		resources["#"+n.Child("id").String()] = n
	}
	for _, e := range r.Root().Children("entry") {
		n := e.Child("resource")
		resources[n.ResourceType()+"/"+n.Child("id").String()] = n
	}
	for _, n := range resources {
		if n.ResourceType() == "RequestGroup" {
			group = n
		}
	}
	if group == nil {
		t.Fatalf("no RequestGroup in %s", text)
	}
	return group, resources
}

func optionsOf(group *fhir.Node, resources map[string]*fhir.Node) []offered {
	var list []offered
	for _, a := range group.Child("action").Children("action") {
		one := offered{Action: a.Child("id").String()}
		for _, part := range a.Children("action") {
			request := resources[part.Get("resource", "reference").String()]
			code := request.Get("medicationCodeableConcept", "coding", "code").String()
			for _, d := range request.Children("dosageInstruction") {
				one.Lines = append(one.Lines, code+" "+d.Child("text").String())
			}
		}
		list = append(list, one)
	}
	return list
}
