package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"cdss/fhir/issue"
	"cdss/rag/parse"
	"cdss/rag/parse/pdfium"
)

// Serve is the child: it takes one order from in, answers on out and returns. It
// first gives up what it does not need.
func Serve(in io.Reader, out io.Writer) error {
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(softHeap)
	w := bufio.NewWriter(out)
	say := func(a answer) {
		raw, err := json.Marshal(a)
		if err != nil {
			panic("write an answer: " + err.Error()) // plain types
		}
		_, _ = w.Write(append(raw, '\n'))
		_ = w.Flush()
	}
	reader := bufio.NewReader(in)
	line, err := reader.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return err
	}
	if err := confine(o.CPU, o.nice()); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(reader, maxFile+1))
	if err != nil {
		return err
	}
	a, err := obey(o, data, say)
	if err != nil {
		a = failure(err)
	}
	say(a)
	return nil
}

// failure is an error as it travels. The text of one without a kind stays here.
func failure(err error) answer {
	var known *issue.Error
	if errors.As(err, &known) {
		return answer{Kind: issue.Kind(known.Code), Text: known.Diagnostics}
	}
	return answer{Kind: issue.Invalid, Text: parse.Died.English()}
}

func obey(o order, data []byte, say func(answer)) (answer, error) {
	ctx := context.Background() // the parent's deadline is a kill
	pdf := parse.Sniff(data) == parse.PDF
	switch {
	case len(data) > maxFile:
		return answer{}, parse.Refuse(parse.TooMuchText)
	case o.Do == warm:
		library, err := pdfium.Open(ctx, o.Cache)
		if err != nil {
			return answer{}, err
		}
		library.Close()
		return answer{Warm: true}, nil
	case o.Do == inspect && !pdf:
		s, err := parse.Inspect(ctx, o.Name, data, o.Meta)
		return answer{Summary: &s}, err
	case o.Do == read && !pdf:
		c, err := parse.Read(ctx, o.Name, data, o.Meta, o.Of)
		return answer{Content: &c}, err
	case o.Do == render && !pdf:
		return answer{}, parse.Refuse(parse.NoImage)
	}
	library, err := pdfium.Open(ctx, o.Cache)
	if err != nil {
		return answer{}, err
	}
	defer library.Close()
	file, err := library.Read(data)
	if err != nil {
		return answer{}, err
	}
	defer file.Close()
	switch o.Do {
	case inspect:
		return inspectPDF(file, o)
	case read:
		printer, err := readPages(file, say)
		if err != nil {
			return answer{}, err
		}
		title := file.Title()
		file.Close()
		library.Close() // its memory is free for what follows
		return layPages(printer, title, o)
	case render:
		image, err := file.Image(o.Page, o.Width)
		return answer{Image: image}, err
	}
	return answer{}, issue.New(issue.NotSupported, "there is no order %q", o.Do)
}

// enoughText is how many pages with text tell what a document is.
const enoughText = 8

// inspectPDF looks at the first pages that hold text. A file whose pages are all
// pictures is known by then.
func inspectPDF(file *pdfium.File, o order) (answer, error) {
	var sheets []parse.Sheet
	for i := range file.Pages() {
		sheet, err := file.Sheet(i)
		if err != nil {
			continue // reading says so, page by page
		}
		if len(sheet.Runs) > 0 {
			sheets = append(sheets, sheet)
		}
		if len(sheets) == enoughText {
			break
		}
	}
	doc, err := parse.Printed(sheets, file.Title(), o.Meta)
	if err != nil {
		return answer{}, err
	}
	s := doc.Summary()
	s.Pages = file.Pages()
	return answer{Summary: &s}, nil
}

// readPages reads all pages. A page that cannot be read is empty and bears a flag: one
// broken page must not cost the others.
func readPages(file *pdfium.File, say func(answer)) (*parse.Printer, error) {
	printer := &parse.Printer{}
	said := time.Now()
	glyphs, broken := 0, 0
	for i := range file.Pages() {
		if i == 1 || time.Since(said) > 300*time.Millisecond {
			say(answer{Done: i, Total: file.Pages()})
			said = time.Now()
		}
		sheet, err := file.Sheet(i)
		if err != nil {
			sheet.Broken = true
			broken++
		}
		for _, r := range sheet.Runs {
			glyphs += len(r.Glyphs)
		}
		if glyphs > parse.MaxText {
			return nil, parse.Refuse(parse.TooMuchText)
		}
		printer.Add(sheet)
	}
	if broken == file.Pages() {
		return nil, parse.Refuse(parse.Damaged)
	}
	return printer, nil
}

// layPages makes text and passages of the pages.
func layPages(printer *parse.Printer, title string, o order) (answer, error) {
	doc, err := printer.Document(title, o.Meta)
	if err != nil {
		return answer{}, err
	}
	content := doc.Content(o.Of)
	return answer{Content: &content}, nil
}
