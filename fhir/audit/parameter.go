package audit

import (
	"strconv"
	"strings"

	"cdss/fhir"
	"cdss/fhir/search"
)

// What of an event has no column is read from its detail. Such a search looks at each
// event that the other criteria leave.
const (
	hasQuery   = `(e.detail::json ->> 'query' IS NOT NULL)`
	hasData    = `(e.data <> '' AND e.detail::json ->> 'query' IS NULL)`
	hasOthers  = `(e.detail::json -> 'entities' IS NOT NULL)`
	hasRequest = `(e.detail::json ->> 'request' IS NOT NULL)`
	hasPatient = `(e.patient IS NOT NULL)`
	always     = "true"
	nothing    = "false" // what was asked for cannot be in the trail
)

// token writes the condition of a code.
func (c *conditions) token(name string, t search.Token) (string, error) {
	is := func(system, code string) bool {
		return (t.AnySystem || t.System == system) && (t.AnyCode || t.Code == code)
	}
	if t.AnyCode && name != "type" && name != "subtype" && name != "entity-type" && name != "entity-role" {
		return "", unsupported("of %q a code is needed, not its system alone", name)
	}
	switch name {
	case "_id":
		if !isUUID(t.Code) {
			return nothing, nil
		}
		return `e.id = ` + c.bind(t.Code), nil
	case "action":
		return c.coded("http://hl7.org/fhir/audit-event-action", `e.action`, t), nil
	case "outcome":
		return c.coded("http://hl7.org/fhir/audit-event-outcome", `e.outcome::text`, t), nil
	case "patient": // patient:identifier
		if !isUUID(t.Code) || !t.AnySystem && t.System != PseudonymSystem {
			return nothing, nil
		}
		return `e.patient = ` + c.bind(t.Code), nil
	case "agent": // agent:identifier
		return c.by(agentNames("", t.Code)...), nil
	case "altid":
		return c.by(t.Code), nil
	case "agent-role":
		return c.coded(rolesSystem, `ANY(ARRAY(SELECT json_array_elements_text(coalesce(e.detail::json -> 'roles', '[]'))))`, t), nil
	case "entity-type":
		return either(
			of(is(entityType, "1"), hasPatient), of(is(entityType, "2"), either(hasQuery, hasData)),
			of(is(entityType, "4"), hasOthers), of(is(balpEntity, "XrequestId"), hasRequest)), nil
	case "entity-role":
		return either(of(is(objectRole, "1"), hasPatient), of(is(objectRole, "24"), hasQuery), of(is(objectRole, "4"), hasData)), nil
	case "type":
		return c.kinds(func(k Kind) []fhir.Coding { return []fhir.Coding{shapeOf(k).typ} }, t), nil
	case "subtype":
		named := c.kinds(func(k Kind) []fhir.Coding { return shapeOf(k).subtypes(k) }, t)
		if t.AnyCode || !t.AnySystem && t.System != KindSystem {
			return named, nil
		}
		return either(`e.kind = `+c.bind(t.Code), named), nil // other rooms have kinds of their own
	case "site":
		return of(t.AnySystem && t.Code == c.base && c.base != "", always), nil
	case "source": // source:identifier
		return of(c.base != "" && is(uri, c.base) || c.base == "" && t.AnySystem && t.Code == System, always), nil
	case "_tag", "_security":
		return nothing, nil
	}
	return "", notSearched(name)
}

// coded compares a code of one system.
func (c *conditions) coded(system, column string, t search.Token) string {
	if !t.AnySystem && t.System != system {
		return nothing
	}
	return c.bind(t.Code) + ` = ` + column
}

// of gives the condition when it is asked for.
func of(asked bool, sql string) string {
	if asked {
		return sql
	}
	return nothing
}

func either(conditions ...string) string { return "(" + strings.Join(conditions, " OR ") + ")" }

// text writes the condition of a string: what begins with it, whatever the case.
func (c *conditions) text(name string, m search.Modifier, s string) (string, error) {
	match := func(column string) string {
		switch m {
		case search.ModifierExact:
			return column + ` = ` + c.bind(s)
		case search.ModifierContains:
			return `lower(` + column + `) LIKE lower(` + c.bind("%"+escapeLike(s)+"%") + `)`
		}
		return `lower(` + column + `) LIKE lower(` + c.bind(escapeLike(s)+"%") + `)`
	}
	switch name {
	case "address":
		return match(`(e.detail::json ->> 'address')`), nil
	case "entity-name":
		return `EXISTS (SELECT FROM json_array_elements(coalesce(e.detail::json -> 'entities', '[]')) AS x WHERE ` + match(`(x.value ->> 'name')`) + `)`, nil
	case "agent-name": // people are known by their ids
		return nothing, nil
	}
	return "", notSearched(name)
}

// uri writes the condition of a profile.
func (c *conditions) uri(name string, m search.Modifier, s string) (string, error) {
	switch {
	case name == "policy" || name == "_source":
		return nothing, nil
	case name != "_profile" || m != search.ModifierNone:
		return "", notSearched(name)
	}
	profile, balp := strings.CutPrefix(s, balpProfile)
	profile, ofPatient := strings.CutPrefix(profile, "Patient")
	var kinds []string
	for k, shape := range shapes {
		if balp && shape.profile == profile && profile != "" {
			kinds = append(kinds, string(k))
		}
	}
	return `(e.kind = ANY(` + c.bind(kinds) + `) AND e.outcome = ` + strconv.Itoa(int(Success)) +
		` AND (e.patient IS NOT NULL) = ` + strconv.FormatBool(ofPatient) + ` AND ` + either(hasQuery, `e.data <> ''`) + `)`, nil
}
