package fhir_test

import (
	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

func decimal(s string) apd.Decimal {
	d, ok := fhir.ParseDecimal(s)
	if !ok {
		panic(s)
	}
	return d
}
