package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const judged = `{"id":"Q1","query":"pneumonia treated with what","language":"en","relevant":[{"quote":"Pneumonia is treated with a beta-lactam","grade":3}]}`

func TestQuerySets(t *testing.T) {
	s := serve(t)
	s.publish(t, "a.md", "# Pneumonia\n\nPneumonia is treated with a beta-lactam.\n\n# Cystitis\n\nCystitis is treated with something else.")

	status, set := s.json(t, "POST", "/query-sets", `{"name":"house","queries":[`+judged+`]}`)
	id, _ := set["id"].(string)
	if status != http.StatusCreated || id == "" || set["revision"] != 1.0 {
		t.Fatalf("%d %v", status, set)
	}
	status, first := s.json(t, "POST", "/query-sets/"+id+"/runs", "")
	groups, _ := first["groups"].(map[string]any)
	all, _ := groups["all"].(map[string]any)
	if status != http.StatusCreated || all["ndcg"] != 1.0 {
		t.Fatalf("%d %v", status, first)
	}

	// The second of two curators is told, and nothing is overwritten.
	change := `{"name":"house","revision":%d,"queries":[` + judged + `,{"id":"Q2","query":"skiing","language":"en"}]}`
	if status, set = s.json(t, "PUT", "/query-sets/"+id, fmt.Sprintf(change, 1)); status != http.StatusOK || set["revision"] != 2.0 {
		t.Fatalf("%d %v", status, set)
	}
	if status, problem := s.json(t, "PUT", "/query-sets/"+id, fmt.Sprintf(change, 1)); status != http.StatusConflict {
		t.Errorf("the second curator got %d %v", status, problem)
	}

	status, second := s.json(t, "POST", "/query-sets/"+id+"/runs", "")
	if status != http.StatusCreated || second["abstention"] == nil || second["corpus"] != first["corpus"] {
		t.Fatalf("%d %v", status, second)
	}
	status, diff := s.json(t, "GET", fmt.Sprintf("/query-sets/%s/runs/%s/comparison?with=%s", id, second["id"], first["id"]), "")
	if status != http.StatusOK || diff["n"] != 1.0 || diff["p"] != 1.0 {
		t.Errorf("comparison %d %v", status, diff)
	}
	if status, list := s.json(t, "GET", "/query-sets/"+id+"/runs", ""); status != http.StatusOK || len(list["runs"].([]any)) != 2 {
		t.Errorf("runs %d %v", status, list)
	}
	if status, list := s.json(t, "GET", "/query-sets", ""); status != http.StatusOK || len(list["sets"].([]any)) != 1 {
		t.Errorf("sets %d %v", status, list)
	}
	if status, _ := s.call(t, "DELETE", "/query-sets/"+id, "", nil); status != http.StatusNoContent {
		t.Errorf("delete %d", status)
	}
	if status, _ := s.json(t, "GET", "/query-sets/"+id+"/runs", ""); status != http.StatusNotFound {
		t.Errorf("runs of a deleted set: %d", status)
	}
}

func TestBadQuerySets(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		body   string
		status int
	}{
		{`{"name":" ","queries":[]}`, 400},
		{`{"name":"a","queries":[{"id":"","query":"x","language":"de"}]}`, 400},
		{`{"name":"a","queries":[{"id":"1","query":" ","language":"de"}]}`, 400},
		{`{"name":"a","queries":[{"id":"1","query":"x","language":"fr"}]}`, 422},
		{`{"name":"a","queries":[` + judged + `,` + judged + `]}`, 409},
		{`{"name":"a","queries":[{"id":"1","query":"x","language":"de","relevant":[{"quote":"x","grade":4}]}]}`, 422},
		{`{"name":"a","queries":[{"id":"1","query":"x","language":"de","relevant":[{"quote":" ","grade":3}]}]}`, 400},
		{`{"name":"a"`, 400},
	} {
		if status, problem := s.json(t, "POST", "/query-sets", c.body); status != c.status {
			t.Errorf("%s answered %d %v, want %d", c.body, status, problem, c.status)
		}
	}
	if status, _ := s.json(t, "POST", "/query-sets", `{"name":"a","queries":[]}`); status != 201 {
		t.Fatal("an empty set was refused")
	}
	if status, problem := s.json(t, "POST", "/query-sets", `{"name":"a","queries":[]}`); status != 409 || !strings.Contains(fmt.Sprint(problem), "name") {
		t.Errorf("the same name again: %d %v", status, problem)
	}
	for _, path := range []string{"/query-sets/x", "/query-sets/00000000-0000-0000-0000-000000000000", "/query-sets/..%2f/runs/1"} {
		if status, _ := s.call(t, "GET", path, "", nil); status != 404 {
			t.Errorf("GET %s answered %d", path, status)
		}
	}
}

func TestAnswers(t *testing.T) {
	s := serve(t)
	s.publish(t, "a.md", "# Pneumonia\n\nPneumonia is treated with a beta-lactam.")
	status, body := s.json(t, "POST", "/answers", `{"question":"pneumonia treated with what","language":"en"}`)
	citations, _ := body["citations"].([]any)
	if status != 200 || body["abstained"] != false || body["generated"] != false || len(citations) != 1 {
		t.Fatalf("%d %v", status, body)
	}
	if quote := citations[0].(map[string]any)["quote"]; !strings.Contains(fmt.Sprint(quote), "Pneumonia is treated with a beta-lactam.") {
		t.Errorf("quote %q", quote)
	}
	for body, want := range map[string]int{`{"question":" "}`: 400, `{"question":""}`: 422, `{}`: 422, `[]`: 422, `{"question":"x","language":"fr"}`: 422, `{`: 400} {
		if status, got := s.json(t, "POST", "/answers", body); status != want {
			t.Errorf("%s answered %d %v, want %d", body, status, got, want)
		}
	}
}

// publish uploads a guideline and makes it active.
func (s server) publish(t *testing.T, name, text string) {
	t.Helper()
	_, v := s.upload(t, part{name: "indications", value: "pneumonia"}, part{name: "file", file: name, value: text},
		part{name: "identifier", value: name}, part{name: "title", value: name}, part{name: "language", value: "en"})
	id, _ := v["id"].(string)
	if err := s.service.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if status, v := s.json(t, "POST", "/guidelines/"+id+"/approve", ""); status != http.StatusOK {
		t.Fatalf("approve answered %d %v", status, v)
	}
}
