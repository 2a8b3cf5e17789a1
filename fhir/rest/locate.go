package rest

import (
	"errors"
	"fmt"
	"strings"

	"cdss/fhir/issue"
)

// located says which entry of a Bundle an error is about.
func located(err error, entry int) error {
	var known *issue.Error
	if !errors.As(err, &known) {
		return err
	}
	prefix := fmt.Sprintf("Bundle.entry[%d]", entry)
	for i, x := range known.Expression {
		if !strings.HasPrefix(x, "Bundle.entry[") {
			// "Patient.birthDate" becomes "Bundle.entry[3].resource.birthDate".
			_, path, _ := strings.Cut(x, ".")
			known.Expression[i] = strings.TrimSuffix(prefix+".resource."+path, ".")
		}
	}
	if len(known.Expression) == 0 {
		known = known.At(prefix)
	}
	return known
}

// relocated turns the entry that a list of changes names into that of the Bundle
// the changes came from.
func relocated(err error, at []int) error {
	var known *issue.Error
	if !errors.As(err, &known) {
		return err
	}
	moved := false
	for i, x := range known.Expression {
		var n int
		if _, scan := fmt.Sscanf(x, "Bundle.entry[%d]", &n); scan == nil && n < len(at) {
			known.Expression[i] = fmt.Sprintf("Bundle.entry[%d]", at[n])
			moved = true
		}
	}
	if !moved && len(at) == 1 {
		return located(err, at[0])
	}
	return err
}
