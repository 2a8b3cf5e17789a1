package validate

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"

	"cdss/fhir"
)

// jsonKind is how a primitive type is written (R4, "JSON Representation").
func jsonKind(d *typeDef) fhir.Kind {
	switch {
	case d.name == "boolean":
		return fhir.KindBool
	case d.name == "decimal" || d.is("integer"):
		return fhir.KindNumber
	}
	return fhir.KindString
}

func kindName(k fhir.Kind) string {
	return map[fhir.Kind]string{
		fhir.KindObject: "object", fhir.KindArray: "array", fhir.KindString: "string",
		fhir.KindNumber: "number", fhir.KindBool: "boolean", fhir.KindNull: "null",
	}[k]
}

// describe names what stands in a wrong place.
func describe(n *fhir.Node) string {
	switch k := n.Kind(); k {
	case fhir.KindString:
		return "the string " + strconv.Quote(clip(n.String()))
	case fhir.KindNumber, fhir.KindBool:
		return "the " + kindName(k) + " " + clip(n.String())
	case fhir.KindNone:
		return "nothing"
	default:
		return "a JSON " + kindName(k)
	}
}

// The primitive types' own expressions (R4, "Primitive Types").
var (
	idSyntax   = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)
	oidSyntax  = regexp.MustCompile(`^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$`)
	uuidSyntax = regexp.MustCompile(`^urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	timeSyntax = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?$`)
)

// syntax says what is allowed where text is no value of the type, else "".
func syntax(d *typeDef, text string) string {
	switch d.name {
	case "boolean", "decimal":
		return ""
	case "integer":
		return whole(text, -1<<31)
	case "unsignedInt":
		return whole(text, 0)
	case "positiveInt":
		return whole(text, 1)
	case "date":
		if t, ok := fhir.ParseTime(text); !ok || t.Precision > fhir.Day {
			return "YYYY, YYYY-MM or YYYY-MM-DD, and a day of the calendar"
		}
	case "dateTime":
		if t, ok := fhir.ParseTime(text); !ok || t.Precision > fhir.Day && (t.Precision < fhir.Second || !t.HasZone) {
			return "a date, or YYYY-MM-DDThh:mm:ss with a zone, and a day of the calendar"
		}
	case "instant":
		if t, ok := fhir.ParseTime(text); !ok || t.Precision < fhir.Second || !t.HasZone {
			return "YYYY-MM-DDThh:mm:ss with a zone"
		}
	case "time":
		if !timeSyntax.MatchString(text) {
			return "hh:mm:ss"
		}
	case "id":
		if !idSyntax.MatchString(text) {
			return "1 to 64 letters, digits, - and ."
		}
	case "oid":
		if !oidSyntax.MatchString(text) {
			return "urn:oid: and numbers with points"
		}
	case "uuid":
		if !uuidSyntax.MatchString(text) {
			return "urn:uuid: and a UUID"
		}
	case "uri", "url", "canonical":
		if text == "" || strings.ContainsAny(text, " \t\r\n") {
			return "no white space, and not empty"
		}
	case "code":
		if text == "" || text[0] == ' ' || text[len(text)-1] == ' ' || strings.Contains(text, "  ") || strings.ContainsAny(text, "\t\r\n") {
			return "no white space but single spaces inside, and not empty"
		}
	case "base64Binary":
		plain := strings.Map(func(r rune) rune {
			if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
				return -1
			}
			return r
		}, text)
		if _, err := base64.StdEncoding.DecodeString(plain); err != nil || plain == "" {
			return "base64"
		}
	case "xhtml":
		if !strings.HasPrefix(strings.TrimSpace(text), "<div") {
			return "a div element of XHTML"
		}
	default: // string, markdown
		if strings.TrimSpace(text) == "" {
			return "not empty"
		}
		if strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }) >= 0 {
			return "no control characters"
		}
	}
	return ""
}

// whole checks a 32-bit integer from least on.
func whole(text string, least int64) string {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < least || v > 1<<31-1 {
		return "a whole number from " + strconv.FormatInt(least, 10) + " to 2147483647"
	}
	return ""
}
