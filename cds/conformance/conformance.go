package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

// Violation is one rule that is broken, and where.
type Violation struct {
	Path string // for example "cards[0].suggestions[1].label"
	Rule string
}

func (v Violation) String() string { return v.Path + ": " + v.Rule }

// Discovery checks the body of GET /cds-services.
func Discovery(body []byte) []Violation {
	c := &checker{}
	root, ok := c.object(body)
	if !ok {
		return c.list
	}
	services, ok := root["services"].([]any)
	if !ok {
		c.add("services", "must be an array")
		return c.list
	}
	ids := map[string]string{}
	for i, s := range services {
		at := fmt.Sprintf("services[%d]", i)
		service, ok := s.(map[string]any)
		if !ok {
			c.add(at, "must be an object")
			continue
		}
		c.empty(at, service)
		c.members(at, service, "hook", "title", "description", "id", "prefetch", "usageRequirements", "version", "hookVersion", "extension")
		hook := c.required(at, service, "hook")
		c.required(at, service, "description")
		id := c.required(at, service, "id")
		if id != url.PathEscape(id) {
			c.add(at+".id", "must be safe in a path")
		}
		if other, twice := ids[id]; twice && other == hook {
			c.add(at+".id", "comes twice for one hook")
		}
		ids[id] = hook
		prefetch, _ := service["prefetch"].(map[string]any)
		for key, query := range prefetch {
			text, ok := query.(string)
			if !ok || text == "" {
				c.add(at+".prefetch."+key, "must be a query")
				continue
			}
			for _, token := range tokens.FindAllStringSubmatch(text, -1) {
				if !legalToken.MatchString(token[1]) {
					c.add(at+".prefetch."+key, "uses the token "+token[1]+", which 2.0 does not know")
				}
			}
		}
	}
	return c.list
}

var (
	tokens     = regexp.MustCompile(`\{\{([^}]*)\}\}`)
	legalToken = regexp.MustCompile(`^(context\.[A-Za-z]+|userPractitionerId|userPractitionerRoleId|userPatientId|userRelatedPersonId)$`)
	uuid       = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	// html finds what GitHub-Flavored Markdown would take for HTML: a tag, comment
	// or declaration that no backslash takes the meaning from.
	html  = regexp.MustCompile(`(^|[^\\])<[A-Za-z/!?]`)
	image = regexp.MustCompile(`(^|[^\\])!\[`)
)

// Response checks the body of an answer to a hook call. Orders are the
// "Type/id" of the call's draft orders, which an update or delete must name.
func Response(body []byte, orders []string) []Violation {
	c := &checker{orders: orders}
	root, ok := c.object(body)
	if !ok {
		return c.list
	}
	c.members("", root, "cards", "systemActions", "extension")
	cards, ok := root["cards"].([]any)
	if !ok {
		c.add("cards", "must be an array")
		return c.list
	}
	for name, value := range root {
		if name != "cards" {
			c.emptyValue(name, value)
		}
	}
	seen := map[string]bool{}
	for i, value := range cards {
		at := fmt.Sprintf("cards[%d]", i)
		card, ok := value.(map[string]any)
		if !ok {
			c.add(at, "must be an object")
			continue
		}
		c.card(at, card)
		if id, _ := card["uuid"].(string); id != "" {
			if seen[id] {
				c.add(at+".uuid", "comes twice")
			}
			seen[id] = true
		}
	}
	sort.SliceStable(c.list, func(i, j int) bool { return c.list[i].Path < c.list[j].Path })
	return c.list
}

type checker struct {
	list   []Violation
	orders []string
}

func (c *checker) add(path, rule string) { c.list = append(c.list, Violation{path, rule}) }

func (c *checker) object(body []byte) (map[string]any, bool) {
	var root map[string]any
	if !utf8.Valid(body) {
		c.add("", "must be UTF-8")
	}
	if err := json.Unmarshal(body, &root); err != nil || root == nil {
		c.add("", "must be a JSON object")
		return nil, false
	}
	return root, true
}

// empty finds null, "", [] and {}, which no attribute may have unless the
// specification says so ("Preconditions and Assumptions").
func (c *checker) empty(at string, object map[string]any) {
	for name, value := range object {
		c.emptyValue(at+"."+name, value)
	}
}

func (c *checker) emptyValue(at string, value any) {
	switch v := value.(type) {
	case nil:
		c.add(at, "must not be null")
	case string:
		if v == "" {
			c.add(at, "must not be an empty string")
		}
	case []any:
		if len(v) == 0 {
			c.add(at, "must not be an empty array")
		}
		for i, element := range v {
			c.emptyValue(fmt.Sprintf("%s[%d]", at, i), element)
		}
	case map[string]any:
		if len(v) == 0 {
			c.add(at, "must not be an empty object")
		}
		c.empty(at, v)
	}
}

func (c *checker) members(at string, object map[string]any, allowed ...string) {
	for name := range object {
		if !slices.Contains(allowed, name) {
			c.add(strings.TrimPrefix(at+"."+name, "."), "is no member of the specification")
		}
	}
}

// required gives a member that must be a string with content.
func (c *checker) required(at string, object map[string]any, name string) string {
	s, ok := object[name].(string)
	if !ok || s == "" {
		c.add(at+"."+name, "must be a string")
	}
	return s
}

// optional checks a member that must be a string where it is there.
func (c *checker) optional(at string, object map[string]any, name string) string {
	value, there := object[name]
	if !there {
		return ""
	}
	s, ok := value.(string)
	if !ok {
		c.add(at+"."+name, "must be a string")
	}
	return s
}

func (c *checker) card(at string, card map[string]any) {
	c.empty(at, card)
	c.members(at, card, "uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links", "extension")
	if id := c.optional(at, card, "uuid"); id != "" && !uuid.MatchString(id) {
		c.add(at+".uuid", "must be a uuid")
	}
	summary := c.required(at, card, "summary")
	if n := utf8.RuneCountInString(summary); n >= 140 {
		c.add(at+".summary", fmt.Sprintf("has %d characters, must have fewer than 140", n))
	}
	if strings.ContainsAny(summary, "\n\r\t") {
		c.add(at+".summary", "must be one line")
	}
	detail := c.optional(at, card, "detail")
	if html.MatchString(detail) {
		c.add(at+".detail", "holds HTML")
	}
	if image.MatchString(detail) {
		c.add(at+".detail", "holds an image")
	}
	if indicator, _ := card["indicator"].(string); !slices.Contains([]string{"info", "warning", "critical"}, indicator) {
		c.add(at+".indicator", "must be info, warning or critical")
	}
	c.source(at+".source", card["source"])
	c.suggestions(at, card)
	for i, value := range c.array(at, card, "overrideReasons") {
		here := fmt.Sprintf("%s.overrideReasons[%d]", at, i)
		reason, _ := value.(map[string]any)
		c.coding(here, reason)
		c.required(here, reason, "display") // cds-resp-4
	}
	for i, value := range c.array(at, card, "links") {
		here := fmt.Sprintf("%s.links[%d]", at, i)
		link, _ := value.(map[string]any)
		c.required(here, link, "label")
		target := c.required(here, link, "url")
		if u, err := url.Parse(target); err != nil || !u.IsAbs() {
			c.add(here+".url", "must be an absolute url")
		}
		typ := c.required(here, link, "type")
		if typ != "absolute" && typ != "smart" {
			c.add(here+".type", "must be absolute or smart")
		}
		if _, there := link["appContext"]; there && typ != "smart" { // cds-resp-3
			c.add(here+".appContext", "is for smart links only")
		}
	}
}

// array gives an optional member that must be an array with content.
func (c *checker) array(at string, object map[string]any, name string) []any {
	value, there := object[name]
	if !there {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		c.add(at+"."+name, "must be an array")
	}
	return list
}

func (c *checker) coding(at string, coding map[string]any) {
	c.required(at, coding, "code")
	c.required(at, coding, "system")
	c.members(at, coding, "code", "system", "display")
}

func (c *checker) source(at string, value any) {
	source, ok := value.(map[string]any)
	if !ok {
		c.add(at, "must be an object")
		return
	}
	c.members(at, source, "label", "url", "icon", "topic")
	c.required(at, source, "label")
	for _, name := range []string{"url", "icon"} {
		if s := c.optional(at, source, name); s != "" {
			if u, err := url.Parse(s); err != nil || !u.IsAbs() {
				c.add(at+"."+name, "must be an absolute url")
			}
		}
	}
	if topic, there := source["topic"].(map[string]any); there {
		c.coding(at+".topic", topic)
	}
}

func (c *checker) suggestions(at string, card map[string]any) {
	list := c.array(at, card, "suggestions")
	behavior := c.optional(at, card, "selectionBehavior")
	switch {
	case len(list) > 0 && behavior == "": // cds-resp-6
		c.add(at+".selectionBehavior", "must be there with suggestions")
	case behavior != "" && behavior != "at-most-one" && behavior != "any":
		c.add(at+".selectionBehavior", "must be at-most-one or any")
	}
	recommended := 0
	for i, value := range list {
		here := fmt.Sprintf("%s.suggestions[%d]", at, i)
		s, ok := value.(map[string]any)
		if !ok {
			c.add(here, "must be an object")
			continue
		}
		c.members(here, s, "label", "uuid", "isRecommended", "actions", "extension")
		c.required(here, s, "label")
		if id := c.optional(here, s, "uuid"); id != "" && !uuid.MatchString(id) {
			c.add(here+".uuid", "must be a uuid")
		}
		if yes, _ := s["isRecommended"].(bool); yes {
			recommended++
		}
		c.actions(here, s)
	}
	if behavior == "at-most-one" && recommended > 1 { // cds-resp-1
		c.add(at+".suggestions", "more than one is recommended where at most one may be chosen")
	}
}

// actions checks the actions of a suggestion. Their order means nothing: clients
// apply them as a FHIR transaction.
func (c *checker) actions(at string, suggestion map[string]any) {
	for i, value := range c.array(at, suggestion, "actions") {
		here := fmt.Sprintf("%s.actions[%d]", at, i)
		a, ok := value.(map[string]any)
		if !ok {
			c.add(here, "must be an object")
			continue
		}
		c.members(here, a, "type", "description", "resource", "resourceId", "extension")
		c.required(here, a, "description") // cds-resp-5
		typ := c.required(here, a, "type")
		if !slices.Contains([]string{"create", "update", "delete"}, typ) {
			c.add(here+".type", "must be create, update or delete")
			continue
		}
		resource, _ := a["resource"].(map[string]any)
		id := c.optional(here, a, "resourceId")
		if typ == "delete" {
			if _, there := a["resource"]; there || id == "" { // cds-resp-2
				c.add(here, "a delete has a resourceId and no resource")
			}
			c.target(here+".resourceId", id)
			continue
		}
		if resource == nil {
			c.add(here+".resource", "must be a resource")
			continue
		}
		c.resource(here+".resource", resource)
		if typ == "update" {
			c.target(here+".resource.id", fmt.Sprintf("%v/%v", resource["resourceType"], resource["id"]))
		}
	}
}

func (c *checker) target(at, reference string) {
	if c.orders != nil && !slices.Contains(c.orders, reference) {
		c.add(at, "names no draft order of the call")
	}
}

// resource checks what the common clients need of an order they are to take over:
// cds-hooks/sandbox shows one only with the text and the first coding of its
// medication filled.
func (c *checker) resource(at string, r map[string]any) {
	typ := c.required(at, r, "resourceType")
	c.required(at, r, "id") // the HL7 validator wants one even of what is created
	c.valid(at, r)
	if typ != "MedicationRequest" {
		return
	}
	if subject, _ := r["subject"].(map[string]any); subject["reference"] == nil {
		c.add(at+".subject", "must refer to the patient")
	}
	concept, _ := r["medicationCodeableConcept"].(map[string]any)
	c.required(at+".medicationCodeableConcept", concept, "text")
	codings, _ := concept["coding"].([]any)
	if len(codings) == 0 {
		c.add(at+".medicationCodeableConcept.coding", "must hold a code")
		return
	}
	first, _ := codings[0].(map[string]any)
	c.required(at+".medicationCodeableConcept.coding[0]", first, "code")
	c.required(at+".medicationCodeableConcept.coding[0]", first, "system")
}

// valid holds a resource against the structure and the invariants of FHIR R4.
func (c *checker) valid(at string, r map[string]any) {
	raw, err := json.Marshal(r)
	if err != nil {
		c.add(at, "cannot be written as JSON")
		return
	}
	resource, err := fhir.ParseResource(raw)
	if err != nil {
		c.add(at, "is no resource")
		return
	}
	issues := validate.Structure(resource)
	if issue.From(issues) == nil {
		more, err := validate.Invariants(context.Background(), resource, fhirpath.Env{})
		if err == nil {
			issues = append(issues, more...)
		}
	}
	for _, i := range issues {
		if i.Severity == issue.SeverityError || i.Severity == issue.SeverityFatal {
			c.add(at, strings.Join(i.Expression, ", ")+": "+i.Diagnostics)
		}
	}
}
