package ingest

import (
	"context"

	"cdss/rag"
	"cdss/rag/parse"
)

// Reader makes documents of bytes. rag/parse/child is the one that reads PDF, in a
// process that can be killed.
type Reader interface {
	// Inspect tells what a file is, or why it cannot be used.
	Inspect(ctx context.Context, name string, data []byte, meta parse.Meta) (parse.Summary, error)
	// Read reads it whole; report is told the pages done, and its error ends the work.
	Read(ctx context.Context, name string, data []byte, meta parse.Meta, of rag.Document, report func(done, total int) error) (parse.Content, error)
	// Image shows a page, by its position from 0, as PNG.
	Image(ctx context.Context, data []byte, sheet, width int) ([]byte, error)
}

// inline reads what is no PDF in this process, one document at a time: each may be
// as large as MaxBytes, and its passages larger.
type inline struct{ desk chan struct{} }

func newInline() inline { return inline{make(chan struct{}, 1)} }

func (i inline) sit(ctx context.Context) error {
	select {
	case i.desk <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i inline) Inspect(ctx context.Context, name string, data []byte, meta parse.Meta) (parse.Summary, error) {
	if err := i.sit(ctx); err != nil {
		return parse.Summary{}, err
	}
	defer func() { <-i.desk }()
	return parse.Inspect(ctx, name, data, meta)
}

func (i inline) Read(ctx context.Context, name string, data []byte, meta parse.Meta, of rag.Document, _ func(done, total int) error) (parse.Content, error) {
	if err := i.sit(ctx); err != nil {
		return parse.Content{}, err
	}
	defer func() { <-i.desk }()
	return parse.Read(ctx, name, data, meta, of)
}

func (i inline) Image(context.Context, []byte, int, int) ([]byte, error) {
	return nil, parse.Refuse(parse.NoImage)
}
