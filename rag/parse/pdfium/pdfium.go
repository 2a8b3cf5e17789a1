// Package pdfium reads PDF files with PDFium, compiled to WebAssembly and run by
// wazero. It owns the module, its limits and the walk over a page: where each
// character, line and picture stands. It refuses to make sense of them, which
// parse does, and to be run in the server: a hostile file costs time and memory,
// so only the child process that can be killed calls it (see parse/child). The
// module sees no file, no network and no environment; scripts, embedded files and
// actions of a document are never run.
package pdfium

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"strings"
	"time"

	pdf "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdferrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"cdss/fhir/issue"
	"cdss/rag/parse"
)

// memoryPages is the most memory the module gets, in pages of 64 KiB: 256 MiB.
const memoryPages = 4096

// Library is PDFium ready to open files, one at a time.
type Library struct {
	pool     pdf.Pool
	instance pdf.Pdfium
	cache    wazero.CompilationCache
}

// Open makes PDFium ready. Compiling it takes ten seconds and more; cache is the
// folder that keeps the result, "" for none. The context ends it.
func Open(ctx context.Context, cache string) (*Library, error) {
	l, err := open(ctx, cache)
	if err != nil && cache != "" {
		// A folder made on another kind of processor that cannot be written, or a file
		// in it that was cut short: compile it anew, slower and not wrong.
		return open(ctx, "")
	}
	return l, err
}

func open(ctx context.Context, cache string) (*Library, error) {
	l := &Library{}
	config := wazero.NewRuntimeConfigCompiler().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(memoryPages)
	if cache != "" {
		if c, err := wazero.NewCompilationCacheWithDir(cache); err == nil {
			l.cache = c
			config = config.WithCompilationCache(c)
		}
	}
	pool, err := webassembly.Init(webassembly.Config{
		Context: outside(ctx), MinIdle: 1, MaxIdle: 1, MaxTotal: 1, RuntimeConfig: config,
		FSConfig: wazero.NewFSConfig(), // nothing is mounted; the default would be all of it
		Stdout:   io.Discard, Stderr: io.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("start PDFium: %w", err)
	}
	l.pool = pool
	if l.instance, err = pool.GetInstance(startTime); err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("start PDFium: %w", err)
	}
	return l, nil
}

// startTime is how long an instance of the compiled module may take to start.
const startTime = time.Minute

// renew puts a fresh instance in the place of the one that ran, whose memory is freed
// whole.
func (l *Library) renew() error {
	_ = l.instance.Close()
	instance, err := l.pool.GetInstance(startTime)
	if err != nil {
		return fmt.Errorf("start PDFium again: %w", err)
	}
	l.instance = instance
	return nil
}

// Close frees everything. It may be called again.
func (l *Library) Close() {
	_ = l.instance.Close()
	_ = l.pool.Close()
	if l.cache != nil {
		_ = l.cache.Close(context.Background())
	}
}

// File is an open document.
type File struct {
	library  *Library
	data     []byte
	in       pdf.Pdfium
	document references.FPDF_DOCUMENT
	pages    int
	weights  map[string]bool // font name -> bold

	// Since the document was opened the last time:
	read    int // pages
	handles int // of page objects and parts of paths
}

// Read opens a document. What cannot be opened gives a parse refusal.
func (l *Library) Read(data []byte) (*File, error) {
	f := &File{library: l, data: data, weights: map[string]bool{}}
	if err := f.open(); err != nil {
		return nil, refusal(err)
	}
	count, err := f.in.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: f.document})
	if err != nil {
		return nil, refusal(err)
	}
	f.pages = count.PageCount
	switch {
	case f.pages < 1:
		return nil, parse.Refuse(parse.NoPages)
	case f.pages > parse.MaxPages:
		return nil, parse.Refuse(parse.TooManyPages)
	}
	return f, nil
}

func (f *File) open() error {
	f.in, f.read, f.handles = f.library.instance, 0, 0
	opened, err := f.in.OpenDocument(&requests.OpenDocument{File: &f.data})
	if err != nil {
		return err
	}
	f.document = opened.Document
	return nil
}

// What is read before everything is freed. PDFium keeps each object of a document it
// has once parsed, and go-pdfium a handle of 200 bytes for each object of a page and
// part of a path, until the instance ends.
const (
	readAtOnce  = 50      // pages
	mostHandles = 100_000 // about 20 MB
)

// renew opens the document anew in a fresh instance when enough of it was read.
func (f *File) renew() error {
	if f.read < readAtOnce && f.handles < mostHandles {
		return nil
	}
	f.shut()
	if err := f.library.renew(); err != nil {
		return err
	}
	return f.open()
}

// Close frees the document. It may be called again.
func (f *File) Close() {
	f.shut()
	f.data = nil
}

func (f *File) shut() {
	_, _ = f.in.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: f.document})
}

// refusal says why PDFium does not open a file.
func refusal(err error) error {
	switch {
	case errors.Is(err, pdferrors.ErrPassword), errors.Is(err, pdferrors.ErrSecurity):
		return parse.Refuse(parse.Encrypted)
	case errors.Is(err, pdferrors.ErrFormat), errors.Is(err, pdferrors.ErrFile), errors.Is(err, pdferrors.ErrPage):
		return parse.Refuse(parse.Damaged)
	}
	return issue.Wrap(issue.Invalid, err, "%s", parse.Damaged.English())
}

// Pages is how many pages the document has.
func (f *File) Pages() int { return f.pages }

// Title is what the document says it is called, "" when nothing.
func (f *File) Title() string {
	meta, err := f.in.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: f.document, Tag: "Title"})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(meta.Value)
}

// Bounds of a page image in pixels.
const (
	MaxWidth  = 2400
	maxPixels = 6_000_000
)

// Image paints page i, from 0, as PNG of the given width in pixels.
func (f *File) Image(i, width int) ([]byte, error) {
	if i < 0 || i >= f.pages {
		return nil, parse.Refuse(parse.NoImage)
	}
	page := requests.Page{ByIndex: &requests.PageByIndex{Document: f.document, Index: i}}
	size, err := f.in.FPDF_GetPageSizeByIndexF(&requests.FPDF_GetPageSizeByIndexF{Document: f.document, Index: i})
	if err != nil {
		return nil, parse.Refuse(parse.NoImage)
	}
	w, h := float64(size.Size.Width), float64(size.Size.Height)
	if !(w > 0 && h > 0) {
		return nil, parse.Refuse(parse.NoImage)
	}
	scale := float64(min(max(width, 100), MaxWidth)) / w
	if pixels := w * h * scale * scale; pixels > maxPixels {
		scale *= math.Sqrt(maxPixels / pixels)
	}
	painted, err := f.in.RenderPageInPixels(&requests.RenderPageInPixels{Page: page,
		Width: max(1, int(w*scale)), Height: max(1, int(h*scale)), RenderFlags: enums.FPDF_RENDER_FLAG_ANNOT})
	if err != nil {
		return nil, parse.Refuse(parse.NoImage)
	}
	defer painted.Cleanup()
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, painted.Result.RenderedImage); err != nil {
		return nil, fmt.Errorf("write the image of page %d: %w", i+1, err)
	}
	return out.Bytes(), nil
}
