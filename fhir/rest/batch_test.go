package rest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func statuses(r reply) []string {
	var list []string
	for _, e := range r.root().Children("entry") {
		status, _, _ := strings.Cut(e.Get("response", "status").String(), " ")
		list = append(list, status)
	}
	return list
}

func TestBatch(t *testing.T) {
	d := open(t)
	r := d.send("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[
		{"resource":{"resourceType":"Library","id":"l","status":"draft"},"request":{"method":"PUT","url":"Library/l"}},
		{"request":{"method":"GET","url":"Library/l"}},
		{"request":{"method":"GET","url":"/fhir/Library?status=draft"}},
		{"request":{"method":"GET","url":"`+base+`/Library/l","ifNoneMatch":"W/\"1\""}},
		{"request":{"method":"GET","url":"Library/none"}},
		{"resource":{"resourceType":"Library","id":"l"},"request":{"method":"PUT","url":"Library/l","ifMatch":"W/\"7\""}},
		{"request":{"method":"GET","url":"http://elsewhere/Library/l"}},
		{"request":{"method":"PATCH","url":"Library/l"}},
		{"resource":{"resourceType":"Library"}},
		{"resource":{"resourceType":"Bundle","type":"batch"},"request":{"method":"POST","url":""}},
		{"resource":{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"1+1"}]},"request":{"method":"POST","url":"$fhirpath"}},
		{"request":{"method":"DELETE","url":"Library/l"}},
		7
	]}`).ok(200)
	want := []string{"201", "200", "200", "304", "404", "412", "400", "400", "400", "400", "200", "204", "400"}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s\n%s", diff, r.body)
	}
	if r.get("type") != "batch-response" || r.get("entry:1.resource.id") != "l" || r.get("entry:2.resource.total") != "1" ||
		r.get("entry:4.response.outcome.issue.code") != "not-found" || r.get("entry.response.etag") != `W/"1"` {
		t.Errorf("answers %s", r.body)
	}
}

func TestTransaction(t *testing.T) {
	d := open(t)
	r := d.send("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"urn:uuid:plan","resource":{"resourceType":"PlanDefinition","library":["http://x/Library/l"],"subjectReference":{"reference":"urn:uuid:group"}},"request":{"method":"POST","url":"PlanDefinition"}},
		{"fullUrl":"urn:uuid:group","resource":{"resourceType":"Group"},"request":{"method":"POST","url":"Group","ifNoneExist":"code=a"}},
		{"request":{"method":"GET","url":"PlanDefinition?_include=*"}},
		{"resource":{"resourceType":"Library","id":"l","url":"http://x/Library/l"},"request":{"method":"PUT","url":"Library/l"}}
	]}`).ok(200)
	if diff := cmp.Diff([]string{"201", "201", "200", "201"}, statuses(r)); diff != "" {
		t.Fatalf("statuses (-want +got):\n%s\n%s", diff, r.body)
	}
	group := r.get("entry:1.resource.id")
	if got := r.get("entry:0.resource.subjectReference.reference"); got != "Group/"+group || group == "" {
		t.Errorf("the plan is for %q, the group is %q", got, group)
	}
	// What is read is what was just stored.
	if r.get("entry:2.resource.total") != "1" || r.get("entry:2.resource.entry:1.resource.id") != "l" {
		t.Errorf("read %s", r.body)
	}
	if !strings.HasPrefix(r.get("entry:1.response.location"), base+"/Group/"+group+"/_history/1") {
		t.Errorf("location %s", r.get("entry:1.response.location"))
	}
}

func TestTransactionsThatAreRefused(t *testing.T) {
	d := open(t)
	d.send("PUT", "/Library/old", `{"resourceType":"Library","id":"old"}`).ok(201)
	good := `{"resource":{"resourceType":"Library","id":"new"},"request":{"method":"PUT","url":"Library/new"}},{"request":{"method":"GET","url":"Library"}}`
	tests := []struct {
		name, bundle string
		status       int
		code, text   string
		where        string
	}{
		{"stale", `{"resource":{"resourceType":"Library","id":"old"},"request":{"method":"PUT","url":"Library/old","ifMatch":"W/\"4\""}}`, 412, "conflict", "version 4 is not the current one", "Bundle.entry[2]"},
		{"reference to nothing", `{"resource":{"resourceType":"Task","for":{"reference":"Patient?identifier=none"}},"request":{"method":"POST","url":"Task"}}`, 412, "not-found", "nothing matches", "Bundle.entry[2]"},
		{"reference to no entry", `{"resource":{"resourceType":"Task","for":{"reference":"urn:uuid:none"}},"request":{"method":"POST","url":"Task"}}`, 400, "invalid", "to nothing", "Bundle.entry[2].resource.for.reference"},
		{"another type", `{"resource":{"resourceType":"Library"},"request":{"method":"POST","url":"PlanDefinition"}}`, 400, "invalid", "address is that of PlanDefinition", "Bundle.entry[2].resource"},
		{"unknown type", `{"resource":{"resourceType":"Parameters"},"request":{"method":"POST","url":"Parameters"}}`, 404, "not-supported", "keeps no Parameters", "Bundle.entry[2]"},
		{"twice", `{"resource":{"resourceType":"Library","id":"new"},"request":{"method":"PUT","url":"Library/new"}}`, 400, "invalid", "changed twice", "Bundle.entry[2]"},
		{"operation", `{"resource":{"resourceType":"Parameters"},"request":{"method":"POST","url":"$fhirpath"}}`, 400, "not-supported", "not supported in a transaction", "Bundle.entry[2]"},
		{"address of nothing", `{"request":{"method":"GET","url":"Library/a/b/c/d"}}`, 404, "not-found", "nothing is at this address", "Bundle.entry[2]"},
		{"no request", `{"resource":{"resourceType":"Library"}}`, 400, "required", "no request", "Bundle.entry[2]"},
		{"no entry", `"x"`, 400, "structure", "no object", "Bundle.entry[2]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.t = t
			r := d.send("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[`+good+`,`+tt.bundle+`]}`)
			r.says(tt.status, tt.code, tt.text)
			if !strings.HasPrefix(r.get("issue.expression"), tt.where) {
				t.Errorf("at %q, want %q", r.get("issue.expression"), tt.where)
			}
			d.send("GET", "/Library/new", "").ok(404)
		})
	}
}

func TestBundlesThatAreNone(t *testing.T) {
	d := open(t)
	d.send("POST", "/", plan).says(400, "invalid", "Bundle")
	d.send("POST", "/", `{"resourceType":"Bundle","type":"collection"}`).says(400, "value", "batch or a transaction")
	d.send("POST", "/", "").says(400, "required", "no Bundle")
	many := strings.Repeat(`{"request":{"method":"GET","url":"Library"}},`, 1000)
	d.send("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[`+many+`7]}`).says(413, "too-long", "more than 1000 entries")
	if r := d.send("POST", "/", `{"resourceType":"Bundle","type":"transaction"}`).ok(200); r.get("type") != "transaction-response" {
		t.Errorf("an empty transaction gives %s", r.body)
	}
}
