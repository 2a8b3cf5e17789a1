package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/issue"
	"cdss/rag/ingest"
	"cdss/rag/parse"
)

const (
	// uploadTime is how long a body may take: 50 MiB at 3.5 Mbit/s.
	uploadTime = 2 * time.Minute

	// Files up to smallUpload are read without further ado; of larger ones only
	// largeUploads at a time, so that they cannot fill the memory together.
	smallUpload  = 1 << 20
	largeUploads = 2
	largeWait    = 5 * time.Second

	maxParts = 64      // fields and files of one form
	maxField = 8 << 10 // bytes of one field
)

type (
	// uploadInput takes the body unread: it is streamed, not parsed into memory or
	// temporary files first.
	uploadInput struct {
		body        io.Reader
		contentType string
		length      int64 // of the whole form, 0 when it was not said
	}
	uploadOutput struct {
		Status   int
		Location string `header:"Location"`
		Body     Guideline
	}
)

// Resolve implements huma.Resolver.
func (in *uploadInput) Resolve(ctx huma.Context) []error {
	in.body, in.contentType = ctx.BodyReader(), ctx.Header("Content-Type")
	if n, err := strconv.ParseInt(ctx.Header("Content-Length"), 10, 64); err == nil && n > 0 {
		in.length = n
	}
	_ = ctx.SetReadDeadline(time.Now().Add(uploadTime)) // not every writer has deadlines, a test's for one
	return nil
}

func (d *door) registerUpload(api huma.API) {
	op := operation("upload-guideline", http.MethodPost, "/guidelines", "Upload a guideline as a draft", http.StatusAccepted,
		http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	op.Description = "PDF, Word (DOCX), Markdown, HTML or text, up to 50 MiB and 2000 pages. The file is read in the background (see job). " +
		"The same bytes under the same identifier and version answer 200 with the version that is there."
	huma.Register(api, op, func(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
		u, release, err := d.receive(ctx, in)
		defer release()
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		v, created, err := d.guidelines.Upload(ctx, u)
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		out := &uploadOutput{Status: http.StatusOK, Location: "/api/guidelines/" + v.ID, Body: guideline(v)}
		if created {
			out.Status = http.StatusAccepted
		}
		return out, nil
	})
	// Afterwards: huma would read a body it knows of into memory.
	for _, path := range api.OpenAPI().Paths {
		if path.Post != nil && path.Post.OperationID == op.OperationID {
			path.Post.RequestBody = uploadForm()
		}
	}
}

func uploadForm() *huma.RequestBody {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {
		Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{"file"},
			Properties: map[string]*huma.Schema{
				"file":        {Type: huma.TypeString, Format: "binary"},
				"identifier":  text("stable identifier, for example a register number; the file name when empty"),
				"title":       text("the document's own when empty"),
				"version":     text("the publisher's version"),
				"publisher":   text(""),
				"validUntil":  {Type: huma.TypeString, Format: "date"},
				"indications": text("codes, separated by commas; may be repeated"),
				"language":    text("de or en; recognised when empty"),
				"partOf":      text("identifier of the document this one is a chapter of"),
				"sameAs":      text("identifier of a document with the same content"),
			},
		},
	}}}
}

// receive reads the form part by part. release must be called when the upload is
// no longer in memory.
func (d *door) receive(ctx context.Context, in *uploadInput) (u ingest.Upload, release func(), err error) {
	release = func() {}
	media, params, err := mime.ParseMediaType(in.contentType)
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return u, release, issue.New(issue.NotSupported, "an upload is multipart/form-data with a boundary").WithStatus(http.StatusUnsupportedMediaType)
	}
	if in.length > ingest.MaxBytes+maxParts*maxField { // no need to read it to know
		return u, release, ingest.TooLarge()
	}
	form := multipart.NewReader(in.body, params["boundary"])
	found := false
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return u, release, unreadable(err)
		}
		if n == maxParts {
			return u, release, issue.New(issue.TooLong, "the form has more than %d parts", maxParts)
		}
		name := part.FormName()
		if name != "file" {
			if err := d.field(&u.Meta, name, part); err != nil {
				return u, release, err
			}
			continue
		}
		if found {
			return u, release, issue.New(issue.Invalid, "one file at a time: the form has two").At("file")
		}
		found = true
		u.FileName = part.FileName()
		if u.Data, release, err = d.file(ctx, u.FileName, part, in.length); err != nil {
			return u, release, err
		}
	}
	if !found {
		return u, release, issue.New(issue.Required, "the form has no part named file").At("file")
	}
	return u, release, nil
}

// file reads a file of a form of the given length.
func (d *door) file(ctx context.Context, name string, part io.Reader, length int64) (data []byte, release func(), err error) {
	release = func() {}
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, part, smallUpload)
	if err == nil && n == smallUpload {
		wait, stop := context.WithTimeout(ctx, largeWait)
		defer stop()
		select {
		case d.large <- struct{}{}:
			release = func() { <-d.large }
		case <-wait.Done():
			return nil, release, issue.New(issue.Transient, "other large uploads are being read: try again soon")
		}
		// Grown at once: growing step by step takes up to three times the file.
		if length > smallUpload {
			buf.Grow(int(length-smallUpload) + bytes.MinRead)
		}
		_, err = io.Copy(&buf, io.LimitReader(part, ingest.MaxBytes+1-smallUpload))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, release, unreadable(err)
	}
	if buf.Len() > ingest.MaxBytes {
		return nil, release, ingest.TooLarge()
	}
	return buf.Bytes(), release, nil
}

func unreadable(err error) error {
	if issue.Is(err, issue.TooLong) {
		return issue.Wrap(issue.TooLong, err, "the upload is larger than this server takes").At("file")
	}
	return issue.Wrap(issue.Structure, err, "the form cannot be read to its end")
}

// field takes one value of the form into what is known about the file.
func (d *door) field(m *parse.Meta, name string, part io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return unreadable(err)
	}
	if len(raw) > maxField {
		return issue.New(issue.TooLong, "the field %.40q is longer than %d bytes", name, maxField)
	}
	value := string(raw)
	switch name {
	case "identifier":
		m.Identifier = value
	case "title":
		m.Title = value
	case "version":
		m.Version = value
	case "publisher":
		m.Publisher = value
	case "language":
		m.Language = strings.TrimSpace(value)
	case "partOf":
		m.PartOf = value
	case "sameAs":
		m.SameAs = value
	case "validUntil":
		m.ValidUntil = strings.TrimSpace(value)
	case "indications":
		for code := range strings.SplitSeq(value, ",") {
			if code = strings.TrimSpace(code); code == "" {
				continue
			}
			if err := d.known(code, "indications"); err != nil {
				return err
			}
			m.Indications = append(m.Indications, code)
		}
	default:
		return issue.New(issue.NotSupported, "the form has an unknown field %.40q", name)
	}
	return nil
}

func (d *door) known(code, where string) error {
	if d.indications.Known(code) {
		return nil
	}
	return issue.New(issue.CodeInvalid, "the indication %.60q is not known", code).At(where)
}
