package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"cdss/fhir"
	"cdss/fhir/rest"
)

// count is an operation of another wing: it tells how many parameters it got.
type count struct{}

func (count) Signature() fhir.Signature {
	return fhir.Signature{Name: "count", Definition: "http://example.org/OperationDefinition/count", System: true, Pure: true}
}

func (count) Run(_ context.Context, c fhir.Call) (*fhir.Resource, error) {
	n := len(c.Parameters.Root().Children("parameter"))
	return fhir.NewResource("Parameters", "").Append("parameter", fhir.NewObject().Set("name", "return").Set("valueInteger", n)).Resource()
}

// An operation is offered under its name, in the CapabilityStatement too.
func ExampleNew() {
	door := rest.New(rest.Config{Operations: []fhir.Operation{count{}}}).Handler()
	ask := func(method, path string) string {
		w := httptest.NewRecorder()
		door.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Body.String()
	}
	fmt.Println(ask(http.MethodGet, "/fhir/$count?a=1&b=2"))
	fmt.Println(strings.Contains(ask(http.MethodGet, "/fhir/metadata"), "http://example.org/OperationDefinition/count"))
	// Output:
	// {"resourceType":"Parameters","parameter":[{"name":"return","valueInteger":2}]}
	// true
}
