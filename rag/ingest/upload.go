package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/parse"
)

// Upload is a file and what is known about it. An empty identifier becomes the file
// name, an empty title the document's own, an empty language the one recognised.
type Upload struct {
	FileName string
	Data     []byte
	Meta     parse.Meta
}

// Upload keeps a file as draft and asks for its reading. The same bytes under the
// same identifier and version give the version that is there, and created is
// false. What is no text, too large or wrongly described is refused, and nothing
// of it is kept.
func (s *Service) Upload(ctx context.Context, u Upload) (v Version, created bool, err error) {
	a, err := describe(u)
	if err != nil {
		return v, false, err
	}
	if err := s.inspect(ctx, u, &a); err != nil {
		return v, false, err
	}
	sum := sha256.Sum256(u.Data)
	a.SHA256, a.Content = hex.EncodeToString(sum[:]), u.Data
	a.UploadedBy = personID(ctx)
	id, created, err := s.store.Add(ctx, a)
	if err != nil {
		return v, false, err
	}
	v, err = s.Version(ctx, id)
	return v, created, err
}

// inspect reads the file once to find out whether it can be read at all.
func (s *Service) inspect(ctx context.Context, u Upload, a *Addition) error {
	doc, err := s.reader.Inspect(ctx, a.FileName, u.Data, u.Meta)
	if err != nil {
		return err
	}
	a.Format = doc.Format
	if a.Language == "" {
		a.Language = doc.Language
	}
	if a.Title == "" {
		a.Title = clean(doc.Title)
	}
	if a.Title == "" {
		a.Title = a.FileName
	}
	a.Title = cut(a.Title, maxTitle)
	return nil
}

const (
	maxTitle = 500
	maxField = 200
)

// describe checks what was said about a file.
func describe(u Upload) (Addition, error) {
	m := u.Meta
	name := clean(path.Base(strings.ReplaceAll(u.FileName, `\`, "/")))
	if name == "" || name == "." || name == "/" {
		return Addition{}, issue.New(issue.Required, "the upload has no file name").At("file")
	}
	switch {
	case len(u.Data) == 0:
		return Addition{}, parse.Refuse(parse.Empty).At("file")
	case len(u.Data) > MaxBytes:
		return Addition{}, TooLarge()
	}
	a := Addition{Document: rag.Document{
		FileName: cut(name, maxField), Identifier: m.Identifier, Title: m.Title, Publisher: m.Publisher,
		Version: m.Version, Language: m.Language, PartOf: m.PartOf, SameAs: m.SameAs, Expired: m.Status == "expired",
	}}
	for _, f := range []struct {
		name  string
		value *string
		limit int
	}{
		{"identifier", &a.Identifier, maxField}, {"title", &a.Title, maxTitle}, {"version", &a.Version, maxField},
		{"publisher", &a.Publisher, maxField}, {"partOf", &a.PartOf, maxField}, {"sameAs", &a.SameAs, maxField},
	} {
		*f.value = clean(*f.value)
		if n := utf8.RuneCountInString(*f.value); n > f.limit {
			return a, issue.New(issue.Value, "the %s has %d characters, %d are allowed", f.name, n, f.limit).At(f.name)
		}
	}
	if a.Identifier == "" {
		a.Identifier = identifier(a.FileName)
	}
	if a.Language != "" && a.Language != "de" && a.Language != "en" {
		return a, issue.New(issue.Value, "the language %q is neither de nor en", cut(a.Language, 20)).At("language")
	}
	if m.ValidUntil != "" {
		day, err := time.Parse(time.DateOnly, m.ValidUntil)
		if err != nil || day.Year() < 1900 {
			return a, issue.New(issue.Value, "validUntil %q is no date like 2031-12-31", cut(m.ValidUntil, 40)).At("validUntil")
		}
		a.ValidUntil = day
	}
	for _, code := range m.Indications {
		if code = clean(code); code != "" {
			a.Indications = append(a.Indications, cut(code, maxField))
		}
	}
	return a, nil
}

// TooLarge is the error for a file over MaxBytes.
func TooLarge() error {
	return parse.Refuse(parse.TooLarge).At("file")
}

// clean makes one line of a text: no control or invisible formatting characters,
// which could hide what a title says, and no invalid bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// cut keeps the first n characters.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// identifier makes a stable name of a file name: "Harnwege 2024.md" becomes
// "harnwege-2024-md". The ending stays, since two files may differ in it alone.
func identifier(fileName string) string {
	words := strings.FieldsFunc(strings.ToLower(fileName), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "unnamed"
	}
	return strings.Join(words, "-")
}
