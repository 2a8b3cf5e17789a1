package decide_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/decide"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/smart"
)

// TestLanguageOfTheUser: where neither client nor call says who the user is, the FHIR
// server is asked, once, and for that alone nobody waits long.
func TestLanguageOfTheUser(t *testing.T) {
	english := resource(t, `{"resourceType":"Practitioner","id":"doc","communication":[{"coding":[{"system":"urn:ietf:bcp:47","code":"fr"}]},{"coding":[{"system":"urn:ietf:bcp:47","code":"en-GB"}]}]}`)
	other := resource(t, `{"resourceType":"Practitioner","id":"other","communication":[{"coding":[{"code":"en"}]}]}`)
	known := `{"patient":` + patient + `,"encounters":null,"conditions":null,"medicationRequests":null,"medicationStatements":null,"observations":null,
		"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null,"allergies":` + penicillin + `}`
	for _, tc := range []struct {
		name   string
		answer prefetch.Answer
		change func(*cds.Request)
		want   cds.Lang
		asked  int // times, in two calls
	}{
		{"as the record says", prefetch.Answer{Resources: []*fhir.Resource{english}}, nil, cds.EN, 1},
		{"the client has said it", prefetch.Answer{Resources: []*fhir.Resource{english}}, func(r *cds.Request) { r.LanguageOpen = false }, cds.DE, 0},
		{"somebody else came", prefetch.Answer{Resources: []*fhir.Resource{other}}, nil, cds.DE, 1},
		{"nobody came", prefetch.Answer{Failure: "not-found"}, nil, cds.DE, 1},
		{"the token does not cover it", prefetch.Answer{Resources: []*fhir.Resource{english}}, func(r *cds.Request) {
			r.Access = smart.Authorization{Token: smart.NewToken("t"), Scope: "patient/*.read"}
			r.Access.Scope = "patient/Observation.read"
		}, cds.DE, 0},
		{"no practitioner", prefetch.Answer{Resources: []*fhir.Resource{english}}, func(r *cds.Request) { r.User = "Patient/p" }, cds.DE, 0},
		{"no server", prefetch.Answer{Resources: []*fhir.Resource{english}}, func(r *cds.Request) { r.FHIRServer = "" }, cds.DE, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &record{answers: map[string]prefetch.Answer{prefetch.UserKey: tc.answer}}
			s := realRules(t, func(c *decide.Config) { c.Servers = servers{reader: r} })
			req := sign(t, known, withStatus("draft"))
			req.Language, req.LanguageOpen, req.User, req.FHIRServer = cds.DE, true, "Practitioner/doc", "https://ehr.example/fhir"
			if tc.change != nil {
				tc.change(&req)
			}
			for range 2 {
				got, err := s.Hook(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				check(t, got)
				summary := got.Cards[0].Summary
				if german := strings.Contains(summary, "Allergie") || strings.Contains(summary, "Anaphylaxie"); german != (tc.want == cds.DE) {
					t.Errorf("%s", summary)
				}
			}
			if len(r.asked) != tc.asked {
				t.Errorf("asked %q", r.asked)
			}
		})
	}
	t.Run("a server that does not answer", func(t *testing.T) {
		r := &record{before: func(ctx context.Context) { <-ctx.Done() }}
		s := realRules(t, func(c *decide.Config) { c.Servers, c.Deadline = servers{reader: r}, 10*time.Second })
		req := sign(t, known, withStatus("draft"))
		req.LanguageOpen, req.User, req.FHIRServer = true, "Practitioner/doc", "https://ehr.example/fhir"
		begin := time.Now()
		if _, err := s.Hook(t.Context(), req); err != nil || time.Since(begin) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}
