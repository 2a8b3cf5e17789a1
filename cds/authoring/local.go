package authoring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"cdss/cds/content"
	"cdss/cds/content/build"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Overlay gives what the site lays over the content, the settings with it.
func (s *Service) Overlay(ctx context.Context) ([]Entry, Settings, error) {
	if _, err := s.who(ctx); err != nil {
		return nil, Settings{}, err
	}
	site, err := s.Records.Site(ctx)
	return site.Overlay, site.Settings, err
}

var (
	atcTarget    = regexp.MustCompile(`^[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?$`)
	optionTarget = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:[^\s|#]+#[^\s#|]+$`)
	urlTarget    = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:[^\s|#]+$`)
)

// AddOverlay lays one thing more over the content.
func (s *Service) AddOverlay(ctx context.Context, o knowledge.Overlay) (Entry, error) {
	p, err := s.who(ctx, smart.Approver)
	if err != nil {
		return Entry{}, err
	}
	o.Reason.DE, o.Reason.EN = strings.TrimSpace(o.Reason.DE), strings.TrimSpace(o.Reason.EN)
	switch {
	case !slices.Contains([]string{knowledge.Hide, knowledge.Restrict, knowledge.Replace, knowledge.Prefer}, o.Kind):
		err = issue.New(issue.Value, "kind is hide, restrict, replace or prefer").At("kind")
	case o.Kind == knowledge.Replace && !urlTarget.MatchString(o.Target):
		err = issue.New(issue.Value, "target has to be the url of an ActivityDefinition").At("target")
	case o.Kind == knowledge.Replace && s.activity(o.With) == nil:
		err = issue.New(issue.Value, "with has to be url|version of an ActivityDefinition that was released or came with the program").At("with")
	case o.Kind != knowledge.Replace && o.With != "":
		err = issue.New(issue.Value, "with goes with replace alone").At("with")
	case o.Kind != knowledge.Replace && !atcTarget.MatchString(o.Target) && !optionTarget.MatchString(o.Target):
		err = issue.New(issue.Value, "target has to be an ATC code, the beginning of one, or plan-url#action").At("target")
	case o.Reason.DE == "" || o.Reason.EN == "":
		err = issue.New(issue.Required, "the reason is needed in German and English").At("reason").WithStatus(422)
	case len(o.Reason.DE) > 500 || len(o.Reason.EN) > 500 || len(o.Target) > 500:
		err = issue.New(issue.TooLong, "target and reason have at most 500 bytes").At("reason").WithStatus(422)
	}
	if err != nil {
		return Entry{}, err
	}
	if _, ok := s.Knowledge().Indication(o.Indication); o.Indication != "" && !ok {
		return Entry{}, issue.New(issue.Value, "there is no indication %q", clip(o.Indication)).At("indication")
	}
	return s.Local.AddOverlay(as(ctx, p), Entry{Overlay: o, By: Person{p.ID, p.Name}, At: s.Now()})
}

// activity finds an ActivityDefinition that may run.
func (s *Service) activity(name string) *fhir.Resource {
	if !strings.Contains(name, "|") {
		return nil
	}
	if r, _ := s.Knowledge().Catalogue().Find(name); r.Type() == "ActivityDefinition" {
		return r
	}
	if r := s.byURL[name]; r.Type() == "ActivityDefinition" {
		return r
	}
	return nil
}

// RemoveOverlay takes one thing away again.
func (s *Service) RemoveOverlay(ctx context.Context, id string) error {
	p, err := s.who(ctx, smart.Approver)
	if err != nil {
		return err
	}
	return s.Local.RemoveOverlay(as(ctx, p), id)
}

// SetSettings says what becomes of knowledge past its time.
func (s *Service) SetSettings(ctx context.Context, to Settings) error {
	p, err := s.who(ctx, smart.Approver)
	if err != nil {
		return err
	}
	if to.Expired != "withhold" && to.Expired != "show" {
		return issue.New(issue.Value, "expired is withhold or show").At("expired")
	}
	if to.ReviewAfterDays < 0 || to.ReviewAfterDays > 3660 {
		return issue.New(issue.Value, "reviewAfterDays is 0 to 3660").At("reviewAfterDays")
	}
	return s.Local.SetSettings(as(ctx, p), to)
}

// TableSet is a house guideline as source tables.
type TableSet struct {
	Name      string            `json:"name" pattern:"^[a-z0-9-]{1,40}$" doc:"under which the tables are kept"`
	Base      string            `json:"base" doc:"of the canonical urls, without a slash at its end"`
	Version   string            `json:"version" doc:"of all artifacts that are made"`
	Guideline string            `json:"guideline" doc:"id in sources.csv of the document that the regimens are taken from"`
	Files     map[string]string `json:"files" doc:"by name: regimens.csv, populations.csv, sources.csv, and perhaps advice.csv"`
}

// tableNames are the tables of a house guideline, given are those of the program that
// go with them.
var (
	tableNames = []string{"regimens.csv", "populations.csv", "sources.csv", "advice.csv"}
	given      = []string{"formulary.csv", "indications.csv", "categories.csv"}
	setName    = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
)

// ImportTables makes drafts of a house guideline, and keeps its tables. What is wrong
// in them is an error with the location "regimens.csv:12:7" of each mistake.
func (s *Service) ImportTables(ctx context.Context, t TableSet) (Taken, error) {
	p, err := s.who(ctx, smart.Curator)
	if err != nil {
		return Taken{}, err
	}
	files := memory{}
	for name, text := range t.Files {
		if !slices.Contains(tableNames, name) {
			return Taken{}, issue.New(issue.NotSupported, "%q is no table of a house guideline; they are %s", clip(name), strings.Join(tableNames, ", ")).At("files")
		}
		files[name] = []byte(text)
	}
	for _, name := range tableNames[:3] {
		if files[name] == nil {
			return Taken{}, issue.New(issue.Required, "the table %s is missing", name).At("files").WithStatus(422)
		}
	}
	for _, name := range given {
		raw, err := fs.ReadFile(content.Tables(), name)
		if err != nil {
			return Taken{}, fmt.Errorf("read table %s: %w", name, err)
		}
		files[name] = raw
	}
	switch {
	case !setName.MatchString(t.Name):
		return Taken{}, issue.New(issue.Value, "name is 1 to 40 small letters, digits and dashes").At("name")
	case !urlTarget.MatchString(t.Base) || strings.HasSuffix(t.Base, "/") || len(t.Base) > 200:
		return Taken{}, issue.New(issue.Value, "base is a url without a slash at its end").At("base")
	case t.Base == content.Base:
		return Taken{}, issue.New(issue.Value, "base is that of the content of this program; a hospital has its own").At("base")
	case !packageVersion.MatchString(t.Version):
		return Taken{}, issue.New(issue.Value, "version is letters, digits, dots and dashes").At("version")
	}
	list, err := build.House(files, build.Options{Base: t.Base, Version: t.Version, Date: fhir.Date(s.Now()).String(), Guideline: t.Guideline})
	var wrong build.Mistakes
	if errors.As(err, &wrong) {
		return Taken{}, unprocessable(mistaken(wrong))
	}
	if err != nil {
		return Taken{}, err
	}
	taken, err := s.Import(ctx, list, "of the tables "+t.Name)
	if err != nil || s.Tables == nil {
		return taken, err
	}
	return taken, s.Tables.SaveTables(as(ctx, p), t, Person{p.ID, p.Name}, s.Now())
}

func mistaken(list build.Mistakes) []issue.Issue {
	var issues []issue.Issue
	for _, m := range list[:min(len(list), 100)] {
		issues = append(issues, issue.Issue{
			Severity: issue.SeverityError, Code: string(issue.Value), Diagnostics: m.Message, Expression: []string{fmt.Sprintf("%s:%d:%d", m.Table, m.Line, m.Column)},
		})
	}
	return issues
}

// ExportTables gives the tables that were imported under a name, or those that come
// with the program.
func (s *Service) ExportTables(ctx context.Context, name string) (TableSet, error) {
	if _, err := s.who(ctx); err != nil {
		return TableSet{}, err
	}
	if name != "" {
		if s.Tables == nil {
			return TableSet{}, issue.New(issue.NotFound, "there are no tables %q", clip(name))
		}
		return s.Tables.Tables(ctx, name)
	}
	t := TableSet{Name: "shipped", Base: content.Base, Version: build.Version, Guideline: build.Guideline, Files: map[string]string{}}
	for _, file := range tableNames {
		raw, err := fs.ReadFile(content.Tables(), file)
		if err != nil {
			return t, fmt.Errorf("read table %s: %w", file, err)
		}
		t.Files[file] = string(raw)
	}
	return t, nil
}

// memory is a file system of tables.
type memory map[string][]byte

func (m memory) Open(name string) (fs.File, error) {
	raw, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return memoryFile{bytes.NewReader(raw)}, nil
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (memoryFile) Close() error               { return nil }
