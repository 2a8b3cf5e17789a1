package prefetch

import (
	"net/url"
	"strings"

	"cdss/fhir"
)

// UserKey names the user among what is read from a FHIR server.
const UserKey = "user"

// UserQuery gives what to read of the user of a call, "Type/id", for their language;
// false where that would tell nothing.
func UserQuery(user string) (Query, bool) {
	typ, id, ok := strings.Cut(user, "/")
	if !ok || typ != "Practitioner" || id == "" || strings.Contains(id, "/") {
		return Query{}, false
	}
	return Query{Key: UserKey, Path: typ + "/" + url.PathEscape(id)}, true
}

// Spoken gives the language of a person: the first that we speak of those that
// Practitioner.communication, or Patient.communication, names; "" for none.
func Spoken(person *fhir.Node) string {
	for _, c := range person.Children("communication") {
		if of := c.Child("language"); of != nil {
			c = of
		}
		for _, coding := range c.CodeableConcept().Codings {
			if tag := strings.ToLower(coding.Code); tag == "de" || tag == "en" || strings.HasPrefix(tag, "de-") || strings.HasPrefix(tag, "en-") {
				return tag
			}
		}
	}
	return ""
}
