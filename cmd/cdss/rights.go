package main

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"cdss/fhir/smart"
	"cdss/fhir/store"
)

// rightsTable is who may do what, one route a line: "x" under each role that may. In
// routes under /fhir, {knowledge} stands for the types of knowledge, {type} for every
// other one, which holds patient data; {id} never stands for an operation.
//
//go:embed rights.csv
var rightsTable string

// entry is a line of the table.
type entry struct {
	method, route string
	right         string // what it takes, as noun:verb
	roles         []smart.Role
	nobody        bool // without a login
	client        bool // for CDS clients, whose door has a guard of its own
}

// rights is the table. It never changes.
type rights struct {
	entries []entry
	router  *chi.Mux
	byRoute map[string]entry // "METHOD pattern"
}

// anyMethod stands for all of them in the table.
const anyMethod = "*"

// closed are the addresses below which nothing is a page.
var closed = []string{"/api", "/fhir", "/cds-services"}

// readRights reads the table. Errors are mistakes in it.
func readRights(table string) (*rights, error) {
	lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read rights: %w", err)
	}
	head := append([]string{"method", "route", "right"}, roleNames(smart.Roles())...)
	if len(lines) == 0 || !slices.Equal(lines[0], append(head, "nobody", "client")) {
		return nil, fmt.Errorf("read rights: the columns are %v", lines[0])
	}
	t := &rights{router: chi.NewRouter(), byRoute: map[string]entry{}}
	words := map[string]string{}
	for i, line := range lines[1:] {
		e := entry{method: line[0], route: line[1], right: line[2], nobody: line[9] != "", client: line[10] != ""}
		for k, role := range smart.Roles() {
			if line[3+k] != "" {
				e.roles = append(e.roles, role)
			}
		}
		// A right is the same right wherever it is asked for.
		if who := strings.Join(line[3:], ","); words[e.right] == "" {
			words[e.right] = who
		} else if words[e.right] != who {
			return nil, fmt.Errorf("read rights, line %d: %s is given to others than before", i+2, e.right)
		}
		if !strings.Contains(e.right, ":") || strings.Trim(strings.Join(line[3:], ""), "x") != "" {
			return nil, fmt.Errorf("read rights, line %d: a right is noun:verb, and x marks who has it", i+2)
		}
		t.entries = append(t.entries, e)
	}
	nothing := http.NotFoundHandler()
	for _, prefix := range closed {
		t.router.Handle(prefix, nothing)
		t.router.Handle(prefix+"/*", nothing)
	}
	// What holds for all methods first, so that a line for one of them stands above it.
	for _, every := range []bool{true, false} {
		for _, e := range t.entries {
			if (e.method == anyMethod) != every {
				continue
			}
			methods := []string{e.method}
			if every {
				methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
			}
			for _, m := range methods {
				key := m + " " + pattern(e.route)
				if before, ok := t.byRoute[key]; ok && before.method != anyMethod {
					return nil, fmt.Errorf("read rights: %s %s stands there twice", e.method, e.route)
				}
				t.byRoute[key] = e
				t.router.Method(m, pattern(e.route), nothing)
			}
		}
	}
	return t, nil
}

// pattern makes a route of the table one of the router.
func pattern(route string) string {
	if !strings.HasPrefix(route, "/fhir/") {
		return route
	}
	knowledge := slices.DeleteFunc(slices.Clone(store.KnowledgeTypes), func(t string) bool { return t == "AuditEvent" || t == "Provenance" })
	return strings.NewReplacer(
		"{knowledge}", "{knowledge:"+strings.Join(knowledge, "|")+"}",
		"{id}", "{id:[A-Za-z0-9.-]+}", "{version}", "{version:[0-9]+}",
	).Replace(route)
}

// address gives the path as the doors read it: the FHIR door decodes each segment and
// heeds no slash at the end. A segment that is more than one after decoding is at no
// address.
func address(u *url.URL) string {
	path := u.RawPath
	if path == "" {
		path = u.Path
	}
	if path != "/fhir" && !strings.HasPrefix(path, "/fhir/") {
		return path
	}
	var out strings.Builder
	for part := range strings.SplitSeq(strings.Trim(u.EscapedPath(), "/"), "/") {
		decoded, err := url.PathUnescape(part)
		if err != nil || decoded == "" || strings.ContainsAny(decoded, `/\`) {
			return "/fhir//"
		}
		out.WriteString("/" + decoded)
	}
	return out.String()
}

// find gives the line for a request; false: there is none, and nobody may do it.
func (t *rights) find(method, path string) (entry, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	c := chi.NewRouteContext()
	e, ok := t.byRoute[method+" "+t.router.Find(c, method, path)]
	// {type} is no pattern of its own, so that {knowledge} is tried first.
	return e, ok && !(strings.HasPrefix(e.route, "/fhir/{type}") && strings.ContainsAny(c.URLParam("type"), "$_"))
}

// methods lists the methods that a path has.
func (t *rights) methods(path string) []string {
	var list []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, ok := t.find(m, path); ok {
			list = append(list, m)
		}
	}
	return list
}

// permits tells whether one of the roles may do it.
func (e entry) permits(roles []smart.Role) bool {
	return slices.ContainsFunc(roles, func(r smart.Role) bool { return slices.Contains(e.roles, r) })
}

// of lists what roles may do beyond what everybody may.
func (t *rights) of(roles []smart.Role) []string {
	var list []string
	for _, e := range t.entries {
		if !e.nobody && e.permits(roles) {
			list = append(list, e.right)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func roleNames(roles []smart.Role) []string {
	list := make([]string, len(roles))
	for i, r := range roles {
		list[i] = string(r)
	}
	return list
}
