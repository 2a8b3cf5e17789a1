package translate

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// columns of the CSV form, in any order; the last three may lack.
var columns = []string{"system", "code", "target_system", "target_code", "display", "target_display", "equivalence"}

const required = 4

// shortNames stand for the systems that a map may lead to.
var shortNames = map[string]string{"atc": ATC, "loinc": LOINC, "snomed": SNOMED, "snomed ct": SNOMED}

// maxFaults is how many faulty lines one attempt names.
const maxFaults = 20

// ReadCSV reads a map from CSV: a header of the names system, code, target_system
// (atc, loinc, snomed or their URLs), target_code, and optionally display,
// target_display and equivalence (else wider for ATC, of which a product is a case,
// and equivalent for the others). Comma, semicolon or tab part the cells. It gives
// an active ConceptMap of that id. Its errors are of kind issue.Value and name the
// lines: a map with one wrong line is not taken at all.
func ReadCSV(id string, raw []byte) (*fhir.Resource, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if !utf8.Valid(raw) {
		return nil, issue.New(issue.Value, "the file is not UTF-8; save it as CSV UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma = separator(raw)
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return nil, issue.New(issue.Value, "the file has no header; its first line names the columns %s", strings.Join(columns[:required], ", "))
	}
	at, err := arrange(head)
	if err != nil {
		return nil, err
	}
	var faults []error
	groups := &grouped{rows: map[code]map[string][]row{}, codes: map[code][]string{}}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, issue.New(issue.Value, "the file cannot be read as CSV: %v", err)
		}
		line, _ := r.FieldPos(0)
		x, err := readRow(cells, at)
		if err != nil {
			if len(faults) < maxFaults {
				faults = append(faults, issue.New(issue.Value, "line %d: %v", line, err))
			}
			continue
		}
		groups.add(x)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if len(groups.order) == 0 {
		return nil, issue.New(issue.Value, "the file maps no code")
	}
	return groups.conceptMap(id)
}

// grouped is the rows by source and target system and by code, in the order in which
// they first come.
type grouped struct {
	order []code // source and target system
	codes map[code][]string
	rows  map[code]map[string][]row
}

func (g *grouped) add(x row) {
	key := code{x.system, x.target}
	if g.rows[key] == nil {
		g.order = append(g.order, key)
		g.rows[key] = map[string][]row{}
	}
	have := g.rows[key][x.code]
	if len(have) == 0 {
		g.codes[key] = append(g.codes[key], x.code)
	}
	if !slices.ContainsFunc(have, func(h row) bool { return h.to == x.to }) {
		g.rows[key][x.code] = append(have, x)
	}
}

// separator is the one that the header uses most.
func separator(raw []byte) rune {
	head, _, _ := bytes.Cut(raw, []byte("\n"))
	best := ','
	for _, c := range ";\t" {
		if bytes.Count(head, []byte(string(c))) > bytes.Count(head, []byte(string(best))) {
			best = c
		}
	}
	return best
}

// arrange finds the columns in the header.
func arrange(head []string) ([]int, error) {
	at := make([]int, len(columns))
	for i, name := range columns {
		at[i] = slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
		if at[i] < 0 && i < required {
			return nil, issue.New(issue.Value, "the column %s is missing; the first line names the columns %s", name, strings.Join(columns[:required], ", "))
		}
	}
	return at, nil
}

// row is one line of a map.
type row struct{ system, code, display, target, to, toDisplay, equivalence string }

func readRow(cells []string, at []int) (row, error) {
	cell := func(i int) string {
		if at[i] < 0 || at[i] >= len(cells) {
			return ""
		}
		return strings.TrimSpace(cells[at[i]])
	}
	x := row{system: cell(0), code: cell(1), target: cell(2), to: cell(3), display: cell(4), toDisplay: cell(5), equivalence: strings.ToLower(cell(6))}
	if name, ok := shortNames[strings.ToLower(x.target)]; ok {
		x.target = name
	}
	x.target = usual(x.target)
	if x.equivalence == "" {
		x.equivalence = "equivalent"
		if x.target == ATC {
			x.equivalence = "wider"
		}
	}
	switch {
	case !strings.Contains(x.system, ":") || strings.ContainsAny(x.system, " \t"):
		return x, errors.New("system must be the URL under which the code comes, for example " + PZN)
	case x.code == "":
		return x, errors.New("code is missing")
	case slices.Contains(targets, usual(x.system)):
		return x, errors.New("system is one that needs no map")
	case !slices.Contains(targets, x.target):
		return x, errors.New("target_system must be atc, loinc or snomed")
	case !slices.Contains(used, x.equivalence):
		return x, errors.New("equivalence must be equivalent, equal, wider or subsumes")
	}
	switch x.target {
	case ATC:
		x.to = strings.ToUpper(x.to)
		if !isATC(x.to) {
			return x, errors.New("target_code " + quoted(x.to) + " is no ATC code of a substance, such as J01CR05")
		}
	case LOINC:
		if !isLOINC(x.to) {
			return x, errors.New("target_code " + quoted(x.to) + " is no LOINC code: the check digit is wrong")
		}
	case SNOMED:
		if !isSNOMED(x.to) {
			return x, errors.New("target_code " + quoted(x.to) + " is no SNOMED CT concept: the check digit is wrong")
		}
	}
	return x, nil
}

func quoted(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strconv.Quote(s)
}

// isATC tells whether s has the form of the fifth level (WHO, ATC structure).
func isATC(s string) bool {
	if len(s) != 7 {
		return false
	}
	for i, kind := range "LDDLLDD" {
		if c := s[i]; kind == 'L' && (c < 'A' || c > 'Z') || kind == 'D' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isLOINC checks the form and the mod 10 check digit (LOINC Users' Guide, "Check
// digit").
func isLOINC(s string) bool {
	number, check, found := strings.Cut(s, "-")
	if !found || number == "" || len(number) > 7 || len(check) != 1 || strings.Trim(number+check, "0123456789") != "" {
		return false
	}
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return (10-sum%10)%10 == int(check[0]-'0')
}

// The tables of Verhoeff's check (SNOMED CT Release File Specifications, "Check
// digit"): the dihedral group, and its permutation.
var dihedral = [10][10]int{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
	{4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1}, {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
	{8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
}

var permuted = [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}

// isSNOMED checks the form of a concept identifier and its check digit.
func isSNOMED(s string) bool {
	if len(s) < 6 || len(s) > 18 || s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return false
	}
	if partition := s[len(s)-3 : len(s)-1]; partition != "00" && partition != "10" {
		return false // a description or a relationship
	}
	check := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		for range i % 8 {
			d = permuted[d]
		}
		check = dihedral[check][d]
	}
	return check == 0
}

// conceptMap writes the groups as a ConceptMap.
func (g *grouped) conceptMap(id string) (*fhir.Resource, error) {
	m := fhir.NewResource("ConceptMap", id).
		Set("url", "https://cdss.example/fhir/ConceptMap/"+id).
		Set("status", "active").
		Set("title", "Local codes: "+id)
	for _, key := range g.order {
		group := fhir.NewObject().Set("source", key.system).Set("target", key.code)
		for _, from := range g.codes[key] {
			rows := g.rows[key][from]
			element := fhir.NewObject().Set("code", from).Set("display", rows[0].display)
			for _, x := range rows {
				element.Append("target", fhir.NewObject().Set("code", x.to).Set("display", x.toDisplay).Set("equivalence", x.equivalence))
			}
			group.Append("element", element)
		}
		m.Append("group", group)
	}
	return m.Resource()
}
