package rest

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// json tells whether a media type, or a value of _format, means JSON. The
// spelling of DSTU2, application/json+fhir, is still sent by the CDS Hooks sandbox.
func isJSON(mediaType string) bool {
	switch mediaType {
	case "json", "application/fhir+json", "application/json+fhir", "application/json", "text/json":
		return true
	}
	return false
}

// acceptable refuses a request for another format than JSON. A header that is
// missing or cannot be read asks for nothing.
func acceptable(r *http.Request) error {
	if format := formatOf(r.URL.RawQuery); format != "" {
		if base, _, _ := strings.Cut(format, ";"); !isJSON(strings.ToLower(strings.TrimSpace(base))) {
			return issue.New(issue.NotSupported, "the format %q is not supported, only application/fhir+json", clip(format)).WithStatus(http.StatusNotAcceptable)
		}
		return nil
	}
	asked := false
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			mediaType, params, err := mime.ParseMediaType(part)
			if err != nil || params["q"] == "0" || !strings.Contains(mediaType, "/") {
				continue
			}
			asked = true
			if isJSON(mediaType) || mediaType == "*/*" || mediaType == "application/*" || mediaType == "text/html" {
				return nil
			}
		}
	}
	if asked {
		return issue.New(issue.NotSupported, "none of the accepted formats is supported, only application/fhir+json").WithStatus(http.StatusNotAcceptable)
	}
	return nil
}

// formatOf gives _format. A plus sign in it is one, and no space.
func formatOf(query string) string {
	for part := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(part, "_format="); ok {
			if decoded, err := url.PathUnescape(value); err == nil {
				return decoded
			}
			return value
		}
	}
	return ""
}

// readable refuses a body that is not said to be JSON. A body without a media
// type is tried.
func readable(contentType string) error {
	if contentType == "" {
		return nil
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || !isJSON(mediaType) {
		return issue.New(issue.NotSupported, "the body must be application/fhir+json, and its Content-Type must say so").WithStatus(http.StatusUnsupportedMediaType)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return issue.New(issue.NotSupported, "the body must be in UTF-8").WithStatus(http.StatusUnsupportedMediaType)
	}
	return nil
}

// readForm reads the body of POST _search.
func (in *request) readForm(raw []byte, contentType string) error {
	if len(raw) == 0 {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return issue.New(issue.NotSupported, "a search is sent as application/x-www-form-urlencoded").WithStatus(http.StatusUnsupportedMediaType)
	}
	in.form, err = search.Split(strings.TrimSpace(string(raw)))
	return err
}

// preferences are what the header Prefer asks for.
type preferences struct {
	ret     string // minimal | representation | OperationOutcome
	lenient bool
}

func readPrefer(headers []string) preferences {
	var p preferences
	for _, header := range headers {
		for _, part := range strings.FieldsFunc(header, func(r rune) bool { return r == ',' || r == ';' }) {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "return":
				p.ret = value
			case "handling":
				p.lenient = strings.EqualFold(value, "lenient")
			}
		}
	}
	return p
}

// segments splits the path behind the base.
func segments(path string) ([]string, error) {
	var list []string
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" && path != "" && strings.Trim(path, "/") != "" {
			return nil, nothingHere()
		}
		decoded, err := url.PathUnescape(part)
		if err != nil {
			return nil, nothingHere()
		}
		if decoded != "" {
			list = append(list, decoded)
		}
	}
	return list, nil
}

func nothingHere() error {
	return issue.New(issue.NotFound, "nothing is at this address; an address is [base]/Type, [base]/Type/id or an operation").WithStatus(http.StatusNotFound)
}

// notModified tells whether the client has this version already.
func notModified(in *request, version int, at time.Time) bool {
	if in.ifNoneMatch != "" {
		for tag := range strings.SplitSeq(in.ifNoneMatch, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag(version), "W/") {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(in.ifModifiedSince)
	return err == nil && !at.Truncate(time.Second).After(since)
}

func pretty(value string) bool { return value == "true" || value == "1" }

func indent(body []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return body
	}
	b.WriteByte('\n')
	return b.Bytes()
}
