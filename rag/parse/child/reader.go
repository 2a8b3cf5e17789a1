package child

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/parse"
)

// How long a child may take. Compiling PDFium for the first time takes tens of
// seconds on a busy machine and is part of each.
const (
	inspectTime = 2 * time.Minute
	readTime    = 10 * time.Minute
	renderTime  = 2 * time.Minute
)

// plain is the size below which Markdown, HTML and text are read in this process.
const plain = 1 << 20

// Reader starts children. At most one reads a document and one makes an image at a
// time. It is safe for concurrent use.
type Reader struct {
	program  string
	args     []string
	cache    string
	log      *slog.Logger
	reading  chan struct{}
	painting chan struct{}
	peak     atomic.Int64
}

// New returns a reader that starts program with args to have Serve called; cache is
// the folder for what is compiled, "" for none. log may be nil.
func New(program string, args []string, cache string, log *slog.Logger) *Reader {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Reader{program: program, args: args, cache: cache, log: log, reading: make(chan struct{}, 1), painting: make(chan struct{}, 1)}
}

// Peak is the most memory a child of this reader was seen to hold, in bytes.
func (r *Reader) Peak() int64 { return r.peak.Load() }

func isPlain(data []byte) bool { return len(data) <= plain && parse.Sniff(data) == "" }

// Inspect tells what a file is, or why it cannot be used.
func (r *Reader) Inspect(ctx context.Context, name string, data []byte, meta parse.Meta) (parse.Summary, error) {
	if isPlain(data) {
		return parse.Inspect(ctx, name, data, meta)
	}
	a, err := r.run(ctx, r.reading, inspectTime, order{Do: inspect, Name: name, Meta: meta}, data, nil)
	if err != nil {
		return parse.Summary{}, err
	}
	if a.Summary == nil {
		return parse.Summary{}, parse.Refuse(parse.Died)
	}
	return *a.Summary, nil
}

// Read reads a file whole. report is told the pages done, and may end it.
func (r *Reader) Read(ctx context.Context, name string, data []byte, meta parse.Meta, of rag.Document, report func(done, total int) error) (parse.Content, error) {
	if isPlain(data) {
		return parse.Read(ctx, name, data, meta, of)
	}
	a, err := r.run(ctx, r.reading, readTime, order{Do: read, Name: name, Meta: meta, Of: of}, data, report)
	if err != nil {
		return parse.Content{}, err
	}
	if a.Content == nil {
		return parse.Content{}, parse.Refuse(parse.Died)
	}
	return *a.Content, nil
}

// Image shows page sheet, from 0, of a PDF as PNG of about width pixels.
func (r *Reader) Image(ctx context.Context, data []byte, sheet, width int) ([]byte, error) {
	if parse.Sniff(data) != parse.PDF {
		return nil, parse.Refuse(parse.NoImage)
	}
	a, err := r.run(ctx, r.painting, renderTime, order{Do: render, Page: sheet, Width: width}, data, nil)
	if err != nil {
		return nil, err
	}
	if a.Image == nil {
		return nil, parse.Refuse(parse.Died)
	}
	return a.Image, nil
}

// Warm compiles PDFium, so that the first upload need not.
func (r *Reader) Warm(ctx context.Context) error {
	_, err := r.run(ctx, r.reading, readTime, order{Do: warm}, nil, nil)
	return err
}

// run starts a child for one order and waits for its last answer.
func (r *Reader) run(ctx context.Context, seat chan struct{}, limit time.Duration, o order, data []byte, report func(done, total int) error) (answer, error) {
	select {
	case seat <- struct{}{}:
		defer func() { <-seat }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	timed, cancel := context.WithTimeoutCause(ctx, limit, parse.Refuse(parse.TooLong))
	defer cancel()
	ended, end := context.WithCancelCause(timed)
	defer end(nil)
	o.Cache, o.CPU = r.cache, int(limit/time.Second)
	head, err := json.Marshal(o)
	if err != nil {
		return answer{}, err
	}
	// The thread that starts a child must live as long as it: the kernel kills the
	// child when that thread ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := exec.Command(r.program, r.args...)
	c.Env, c.Dir, c.SysProcAttr = []string{}, "/", alone()
	c.Stdin = io.MultiReader(bytes.NewReader(append(head, '\n')), bytes.NewReader(data))
	var complaint tail
	c.Stderr = &complaint
	out, err := c.StdoutPipe()
	if err != nil {
		return answer{}, err
	}
	begun := time.Now()
	if err := c.Start(); err != nil {
		return answer{}, err
	}
	pid := c.Process.Pid
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch(ended, pid, end)
	}()
	a, err := listen(out, report)
	if err != nil {
		end(err)
	}
	if !a.last() { // it says no more: whatever it does, it is not needed
		killGroup(pid)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(out, 1))
	waited := c.Wait()
	killGroup(pid) // what it may have left behind
	why := context.Cause(ended)
	end(nil)
	<-watched
	if a.last() && a.Kind == "" {
		r.log.Debug("a file was read", "do", o.Do, "bytes", len(data), "took", time.Since(begun).String())
		return a, nil
	}
	if a.Kind != "" {
		return answer{}, issue.New(a.Kind, "%s", a.Text)
	}
	switch {
	case ctx.Err() != nil:
		return answer{}, ctx.Err()
	case why != nil && !errors.Is(why, context.Canceled):
		return answer{}, why
	}
	r.log.Warn("the reader of a file ended without an answer", "do", o.Do, "error", waited, "said", complaint.String())
	if killed(waited) { // by the system, when memory ran out
		return answer{}, parse.Refuse(parse.TooHeavy)
	}
	return answer{}, parse.Refuse(parse.Died)
}

// watch kills a child that holds too much memory or whose time is over.
func (r *Reader) watch(ctx context.Context, pid int, end context.CancelCauseFunc) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			killGroup(pid)
			return
		case <-tick.C:
			held := resident(pid)
			for old := r.peak.Load(); held > old && !r.peak.CompareAndSwap(old, held); old = r.peak.Load() {
			}
			if held > maxMemory {
				end(parse.Refuse(parse.TooHeavy))
			}
		}
	}
}

// listen reads answers to the last one. An error is report's.
func listen(out io.Reader, report func(done, total int) error) (answer, error) {
	decoder := json.NewDecoder(io.LimitReader(out, maxAnswer))
	for {
		var a answer
		if decoder.Decode(&a) != nil {
			return answer{}, nil // the child has ended
		}
		if a.last() {
			return a, nil
		}
		if report != nil {
			if err := report(a.Done, a.Total); err != nil {
				return answer{}, err
			}
		}
	}
}

// tail keeps the beginning of what is written to it.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	const kept = 2000
	if room := kept - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
