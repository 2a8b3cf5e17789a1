package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"cdss/rag/parse/child"
)

// extractCommand is the child process that reads files; people do not call it, and
// help does not name it.
const extractCommand = "extract"

// extract reads one file from standard input, confined (SAFETY T6).
func extract(_ context.Context, args []string, env environment) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments", extractCommand)
	}
	return child.Serve(os.Stdin, env.out)
}

// compiledDir is the folder below the data directory, or beside the program, that
// holds PDFium compiled for this machine.
const compiledDir = "pdfium"

// newReader makes the reader of files: this program, started anew.
func newReader(cfg config, log *slog.Logger) (*child.Reader, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// An image may bring it along, so that no first upload has to wait.
	cache := filepath.Join(filepath.Dir(program), compiledDir)
	if info, err := os.Stat(cache); err != nil || !info.IsDir() {
		if cache, err = filepath.Abs(filepath.Join(cfg.DataDir, compiledDir)); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(cache, 0o700); err != nil {
			log.Warn("PDFium is compiled for every file: its folder cannot be written", "error", err)
			cache = ""
		}
	}
	return child.New(program, []string{extractCommand}, cache, log), nil
}

// warmUp compiles PDFium into the data directory.
func warmUp(ctx context.Context, args []string, env environment) error {
	if err := parse(flags("warmup", env), args, 0, 0); err != nil {
		return err
	}
	cfg, err := readConfig(env.vars)
	if err != nil {
		return err
	}
	reader, err := newReader(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return reader.Warm(ctx)
}
