package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress tells how far a long run is: as a bar on a terminal, elsewhere a line now
// and then.
type progress struct {
	w        io.Writer
	terminal bool
	size     int64 // 0: not known
	done     int64
	lines    int
	bad      int
	begin    time.Time
	shown    time.Time
}

// How often it is told.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 10 * time.Second
)

func newProgress(w io.Writer, size int64) *progress {
	p := &progress{w: w, size: size, begin: time.Now(), shown: time.Now()}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) step(size int64, bad bool) {
	p.done += size
	p.lines++
	if bad {
		p.bad++
	}
	every := lineEvery
	if p.terminal {
		every = barEvery
	}
	if now := time.Now(); now.Sub(p.shown) >= every {
		p.shown = now
		p.show()
	}
}

func (p *progress) show() {
	rate := float64(p.lines) / max(0.001, time.Since(p.begin).Seconds())
	text := fmt.Sprintf("%d lines, %d unusable, %.0f/s", p.lines, p.bad, rate)
	if p.size > 0 {
		share := min(1, float64(p.done)/float64(p.size))
		const width = 30
		full := int(share * width)
		text = fmt.Sprintf("[%s%s] %3.0f %%  %s", strings.Repeat("#", full), strings.Repeat(".", width-full), share*100, text)
	}
	if p.terminal {
		fmt.Fprintf(p.w, "\r%s\x1b[K", text)
		return
	}
	fmt.Fprintln(p.w, text)
}

func (p *progress) end() {
	if p.terminal && p.lines > 0 {
		p.show()
		fmt.Fprintln(p.w)
	}
}
