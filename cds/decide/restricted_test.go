package decide_test

import (
	"context"
	"strings"
	"testing"

	"cdss/cds"
	"cdss/cds/decide"
	"cdss/cds/recommend"
	"cdss/fhir"
	"cdss/rag"
)

// TestRestrictedData: what is labelled as confidential stands in no summary, and no
// online model is asked about it.
func TestRestrictedData(t *testing.T) {
	var query rag.Query
	var asked rag.Request
	warning := cds.Warning{Code: "w", Indicator: cds.Critical, Summary: "Penicillin bei HIV", Detail: "Näheres"}
	s := service(t, rules{
		recommend: func(_ context.Context, in recommend.Input) cds.Recommendation {
			return cds.Recommendation{
				Language: in.Lang, Indication: &cds.IndicationRef{System: "s", Code: "sepsis", Display: "Sepsis bei HIV"},
				Options:  []cds.Option{{Rank: 1, Ingredients: []cds.Ingredient{{ATC: "J01DH02", Name: "Meropenem"}}}},
				Warnings: []cds.Warning{warning}, NotChecked: []cds.NotChecked{{Check: "HIV-Therapie", Reason: "fehlt"}},
			}
		},
		check: func(context.Context, recommend.Input) recommend.Findings {
			return recommend.Findings{Warnings: []cds.Warning{warning}}
		},
	}, func(c *decide.Config) {
		c.Evidence = func() decide.Evidence { return library{&query} }
		c.Queries = builder{&asked}
	})
	hidden := func(t *testing.T, cards []cds.Card, want bool) {
		t.Helper()
		if len(cards) < 1 {
			t.Fatal("no cards")
		}
		for _, c := range cards {
			told := c.Summary + c.Source.Topic.Display
			if has := strings.Contains(told, "HIV") || strings.Contains(told, "Meropenem"); has == want {
				t.Errorf("restricted %v, and the summary is %q (%q)", want, c.Summary, c.Source.Topic.Display)
			}
		}
		if cards[0].Indicator != cds.Critical {
			t.Errorf("the first card is %s", cards[0].Indicator)
		}
	}
	for name, tc := range map[string]struct {
		meta, contained string
		want            bool
	}{
		"nothing said":       {meta: `{}`},
		"normal":             {meta: `{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}]}`},
		"test data":          {meta: `{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST"}]}`},
		"restricted":         {meta: `{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}`, want: true},
		"very restricted":    {meta: `{"security":[{"code":"N"},{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]}`, want: true},
		"about HIV":          {meta: `{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}`, want: true},
		"about the psyche":   {meta: `{"security":[{"system":"http://hl7.org/fhir/v3/ActCode","code":"PSY"}]}`, want: true},
		"what is within one": {meta: `{}`, contained: `"contained":[{"resourceType":"Medication","id":"m","meta":{"security":[{"code":"SEX"}]}}],`, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			condition := `{"resourceType":"Condition","id":"c",` + tc.contained + `"meta":` + tc.meta + `,"subject":{"reference":"Patient/p"},"code":{"text":"HIV"}}`
			rec := s.Answer(t.Context(), decide.Ask{Resources: []*fhir.Resource{resource(t, patient), resource(t, condition)}, Language: cds.DE})
			if rec.Restricted != tc.want || query.Local != tc.want {
				t.Errorf("restricted %v, asked without a model %v, want %v", rec.Restricted, query.Local, tc.want)
			}
			hidden(t, rec.Cards, tc.want)

			req := view(t, `{"patient":`+patient+`}`)
			req.Service, req.Hook, req.Question = "abs-order-sign", "order-sign", cds.AskOrders
			req.DraftOrders = []*fhir.Resource{resource(t, `{"resourceType":"MedicationRequest","id":"m","status":"draft",`+tc.contained+`"meta":`+tc.meta+
				`,"subject":{"reference":"Patient/p"},"medicationCodeableConcept":{"text":"Amoxicillin"}}`)}
			got, err := s.Hook(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			hidden(t, got.Cards[:1], tc.want)
		})
	}
	if rec := s.Answer(t.Context(), decide.Ask{Resources: []*fhir.Resource{resource(t, patient)}, Restricted: true, Language: cds.EN}); !rec.Restricted {
		t.Error("the label of the Bundle itself counts for nothing")
	}
}
