package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pkg is a package of this module: its path below the module, and its files
// without tests.
type pkg struct {
	path  string
	files []*ast.File
}

// module reads the sources of the module. Generators are programs beside the
// packages they serve and keep no rule but the first.
func module(t *testing.T) []*pkg {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string]*pkg{}
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == "node_modules" || name == "testdata" || name == "dist" || name == "generate" || strings.HasPrefix(name, ".") && file != root {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		if found[dir] == nil {
			found[dir] = &pkg{path: dir}
		}
		found[dir].files = append(found[dir].files, parsed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []*pkg
	for _, p := range found {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *pkg) int { return strings.Compare(a.path, b.path) })
	if len(list) < 20 {
		t.Fatalf("only %d packages found", len(list))
	}
	return list
}

// imports gives what the package imports; paths of this module without its name.
func (p *pkg) imports() []string {
	var list []string
	for _, f := range p.files {
		for _, spec := range f.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			imported = strings.TrimPrefix(imported, "cdss/")
			if !slices.Contains(list, imported) {
				list = append(list, imported)
			}
		}
	}
	return list
}

func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func anyWithin(p string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return within(p, d) })
}

// wing gives the wing a package stands in, and its floor.
func wing(p string) (string, int) {
	for floor, name := range []string{"fhir", "rag", "cds", "cmd"} {
		if within(p, name) {
			return name, floor + 1
		}
	}
	return "", 0
}

// The ground rooms of fhir, open to the wings above.
var ground = []string{"fhir/issue", "fhir/fhirpath", "fhir/terminology", "fhir/ucum", "fhir/validate", "fhir/smart", "fhir/audit", "fhir/task"}

var (
	doors  = []string{"fhir/rest", "fhir/access", "rag/api", "cds/hooks", "cds/api", "cds/operation"}
	stores = []string{"fhir/store", "fhir/access", "rag/store", "cds/store"}
	pure   = []string{
		"cds/facts", "cds/stewardship", "cds/apply", "cds/cql", "cds/recommend", "cds/render", "cds/trial",
		"fhir/fhirpath", "fhir/ucum", "fhir/search", "rag/lexical", "rag/eval",
	}
)

// TestImports holds each line of "Who may import whom" of the architecture as a
// case, with its reason.
func TestImports(t *testing.T) {
	packages := module(t)
	doorman := func(dependency string, allowed ...string) func(from, to string) bool {
		return func(from, to string) bool { return !within(to, dependency) || anyWithin(from, allowed...) }
	}
	for _, rule := range []struct {
		name, reason string
		allowed      func(from, to string) bool
	}{
		{
			"cmd above cds above rag above fhir",
			"a lower floor that knows a higher one cannot be understood, tested or changed alone",
			func(from, to string) bool {
				_, above := wing(from)
				_, below := wing(to)
				return above == 0 || below == 0 || below <= above
			},
		},
		{
			"webapps and migrations import no wing",
			"faces talk over HTTP, and the schema serves any version of the program",
			func(from, to string) bool {
				_, floor := wing(to)
				return !anyWithin(from, "webapps", "migrations") || floor == 0
			},
		},
		{
			"across wings the root vocabulary and the ground rooms of fhir only",
			"what a wing keeps to itself it may change without asking",
			func(from, to string) bool {
				a, _ := wing(from)
				b, _ := wing(to)
				return a == "" || b == "" || a == b || a == "cmd" || to == b || slices.Contains(ground, to)
			},
		},
		{
			"doors and stores are imported by cmd alone",
			"who could reach round a door or into the database would",
			func(from, to string) bool {
				return !slices.Contains(append(slices.Clone(doors), stores...), to) || within(from, "cmd")
			},
		},
		{
			"google/fhir in fhir/r4proto",
			"protos cost patient data eight times the CPU", doorman("github.com/google/fhir", "fhir/r4proto"),
		},
		{
			"pgx in stores, access, audit, task, migrations and cmd",
			"SQL elsewhere is SQL nobody reviews",
			doorman("github.com/jackc/pgx/v5", append([]string{"fhir/audit", "fhir/task", "migrations", "cmd"}, stores...)...),
		},
		{
			"database/sql in migrations",
			"pgx speaks to the database; database/sql is what the migration tool asks for",
			doorman("database/sql", "migrations"),
		},
		{
			"chi in doors and cmd",
			"routing is the outermost thing", doorman("github.com/go-chi/chi/v5", append([]string{"cmd"}, doors...)...),
		},
		{
			"huma in doors and cmd",
			"the form of an API is a door's business", doorman("github.com/danielgtaylor/huma/v2", append([]string{"cmd"}, doors...)...),
		},
		{
			"jsonschema in fhir/validate, cds/hooks and rag/answer",
			"a schema library that loads what it is pointed to is kept where the loader is refused",
			doorman("github.com/santhosh-tekuri/jsonschema/v5", "fhir/validate", "cds/hooks", "rag/answer"),
		},
		{
			"PDFium and wazero in rag/parse/pdfium",
			"what reads hostile files is kept where a process can be killed for it",
			func(from, to string) bool {
				return !anyWithin(to, "github.com/klippa-app/go-pdfium", "github.com/tetratelabs/wazero") || from == "rag/parse/pdfium"
			},
		},
		{
			"rag/parse/pdfium in rag/parse/child",
			"only the child process may open a PDF",
			func(from, to string) bool { return to != "rag/parse/pdfium" || from == "rag/parse/child" },
		},
		{
			"fpdf in cds/render/pocket",
			"one booklet is no reason to write PDFs everywhere", doorman("github.com/go-pdf/fpdf", "cds/render/pocket"),
		},
		{
			"pgvector-go in rag/store",
			"vectors are kept in one place", doorman("github.com/pgvector/pgvector-go", "rag/store"),
		},
		{
			"prometheus in cmd",
			"rooms return values, the process is observed", doorman("github.com/prometheus", "cmd"),
		},
		{
			"thinking is pure: no net, sql or os",
			"what reasons about a patient must give the same answer to the same question",
			func(from, to string) bool {
				return !anyWithin(from, pure...) || !(within(to, "net") || within(to, "os") || within(to, "database") || within(to, "syscall"))
			},
		},
	} {
		t.Run(rule.name, func(t *testing.T) {
			for _, p := range packages {
				for _, to := range p.imports() {
					if !rule.allowed(p.path, to) {
						t.Errorf("%s imports %s: %s", p.path, to, rule.reason)
					}
				}
			}
		})
	}
}

// TestPureRoomsKnowNoClock looks for calls of the clock: time is an argument.
func TestPureRoomsKnowNoClock(t *testing.T) {
	forbidden := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}
	for _, p := range module(t) {
		if !anyWithin(p.path, pure...) {
			continue
		}
		for _, f := range p.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && x.Obj == nil && slices.Contains(forbidden, s.Sel.Name) {
						t.Errorf("%s uses time.%s: time is an argument there", p.path, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// TestInterfacesAreSmall counts methods: an interface is declared where it is
// consumed and has one to three. One that puts others together may.
func TestInterfacesAreSmall(t *testing.T) {
	for _, p := range module(t) {
		for _, f := range p.files {
			ast.Inspect(f, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				i, ok := spec.Type.(*ast.InterfaceType)
				if !ok {
					return true
				}
				methods := 0
				for _, m := range i.Methods.List {
					methods += len(m.Names)
				}
				if methods > 3 {
					t.Errorf("%s.%s has %d methods: a consumer that needs so many should be two", p.path, spec.Name, methods)
				}
				return true
			})
		}
	}
}

// TestPackageComments: each package opens with what it owns and what it refuses,
// and a command with what it is.
func TestPackageComments(t *testing.T) {
	for _, p := range module(t) {
		comments := 0
		for _, f := range p.files {
			if f.Doc == nil {
				continue
			}
			text := f.Doc.Text()
			want := "Package " + f.Name.Name + " "
			if f.Name.Name == "main" {
				want = "Command " + path.Base(p.path) + " "
			}
			if strings.HasPrefix(text, want) {
				comments++
			} else {
				t.Errorf("%s: the package comment begins with %q, not %q", p.path, firstWords(text), want)
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want one", p.path, comments)
		}
	}
}

func firstWords(s string) string {
	words := strings.Fields(s)
	return fmt.Sprint(strings.Join(words[:min(4, len(words))], " "))
}
