package rest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// refuseUntitled is a check of a resource.
func refuseUntitled(_ context.Context, r *fhir.Resource) ([]issue.Issue, error) {
	if r.Root().Child("title").String() != "" {
		return nil, nil
	}
	return []issue.Issue{{Severity: issue.SeverityError, Code: string(issue.Required), Diagnostics: "a title is missing", Expression: []string{r.Type() + ".title"}}}, nil
}

func TestPagesAreFollowed(t *testing.T) {
	d := open(t)
	for i := range 7 {
		d.send("PUT", fmt.Sprintf("/Library/l%d", i), fmt.Sprintf(`{"resourceType":"Library","id":"l%d","title":"Ä & B"}`, i)).ok(201)
	}
	follow := func(first string) (ids []string) {
		t.Helper()
		path := first
		for path != "" {
			r := d.send("GET", path, "").ok(200)
			path = ""
			for _, e := range r.root().Children("entry") {
				ids = append(ids, e.Get("resource", "id").String())
			}
			if r.get("total") != "7" {
				t.Errorf("total %s", r.get("total"))
			}
			for _, l := range r.root().Children("link") {
				url := l.Child("url").String()
				if !strings.HasPrefix(url, base+"/") {
					t.Errorf("link %s", url)
				}
				if l.Child("relation").String() == "next" {
					path = strings.TrimPrefix(url, base)
				}
			}
			if len(ids) > 7 {
				t.Fatal("pages do not end")
			}
		}
		return ids
	}
	want := []string{"l0", "l1", "l2", "l3", "l4", "l5", "l6"}
	if diff := cmp.Diff(want, follow("/Library?_count=3&title=%C3%A4+%26&_sort=_id")); diff != "" {
		t.Errorf("search pages (-want +got):\n%s", diff)
	}
	slices.Reverse(want)
	if diff := cmp.Diff(want, follow("/Library/_history?_count=2")); diff != "" {
		t.Errorf("history pages (-want +got):\n%s", diff)
	}
	if r := d.send("GET", "/Library?_count=0", "").ok(200); r.get("total") != "7" || r.get("entry.fullUrl") != "" {
		t.Errorf("counting gives %s", r.body)
	}
}

const observation = `{"resourceType":"Observation","id":"o","meta":{"profile":["http://x"]},"text":{"status":"generated","div":"<div>x</div>"},
"status":"final","_status":{"id":"s"},"category":[{"text":"lab"}],"code":{"text":"CRP"},"valueQuantity":{"value":1.50},
"note":[{"text":"n"}],"component":[{"id":"c","code":{"text":"a"},"valueString":"v","interpretation":[{"text":"i"}]}],"subject":{"reference":"Patient/p"}}`

func TestSubsets(t *testing.T) {
	d := open(t)
	d.send("PUT", "/Observation/o", observation).ok(201)
	tests := []struct{ query, want string }{
		{"_summary=true", "resourceType,id,meta,status,_status,code,valueQuantity,component,subject"},
		{"_summary=text", "resourceType,id,meta,text,status,_status,code"},
		{"_summary=data", "resourceType,id,meta,status,_status,category,code,valueQuantity,note,component,subject"},
		{"_summary=false", "resourceType,id,meta,text,status,_status,category,code,valueQuantity,note,component,subject"},
		{"_elements=value,note", "resourceType,id,meta,status,_status,code,valueQuantity,note"},
	}
	for _, tt := range tests {
		for _, path := range []string{"/Observation/o?", "/Observation?_id=o&"} {
			r := d.send("GET", path+tt.query, "").ok(200)
			n := r.root()
			if n.Child("resourceType").String() == "Bundle" {
				n = n.Get("entry", "resource")
			}
			var names []string
			for name := range n.Members() {
				names = append(names, name)
			}
			if diff := cmp.Diff(tt.want, strings.Join(names, ",")); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", path, tt.query, diff)
			}
			marked := strings.Contains(string(n.Child("meta").JSON()), "SUBSETTED")
			if marked == (tt.query == "_summary=false") {
				t.Errorf("%s: marked as subset: %v", tt.query, marked)
			}
			if tt.query == "_summary=true" {
				part := n.Child("component")
				if part.Child("interpretation") != nil || part.Child("valueString").String() != "v" || part.Index() != 0 {
					t.Errorf("component is %s", part.JSON())
				}
				if string(n.Get("valueQuantity", "value").JSON()) != "1.50" {
					t.Errorf("the value lost digits: %s", n.Child("valueQuantity").JSON())
				}
			}
		}
	}
}

func TestIncludedResourcesComeAlong(t *testing.T) {
	d := open(t)
	d.send("PUT", "/Library/l", `{"resourceType":"Library","id":"l","url":"http://x/Library/l"}`).ok(201)
	d.send("PUT", "/PlanDefinition/p", `{"resourceType":"PlanDefinition","id":"p","library":["http://x/Library/l"]}`).ok(201)
	r := d.send("GET", "/PlanDefinition?_include=PlanDefinition:depends-on", "").ok(200)
	var got []string
	for _, e := range r.root().Children("entry") {
		got = append(got, e.Get("search", "mode").String()+" "+e.Child("fullUrl").String())
	}
	if diff := cmp.Diff([]string{"match " + base + "/PlanDefinition/p", "include " + base + "/Library/l"}, got); diff != "" || r.get("total") != "1" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
