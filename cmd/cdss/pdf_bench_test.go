package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cdss/rag/parse/pdftest"
)

// book is a PDF of many pages with headings, running text and a table on each.
func book(pages int) []byte {
	d := &pdftest.Document{Title: "Handbuch der Stationen"}
	for i := range pages {
		p := d.Page()
		p.Text(60, 30, pdftest.Regular, 8, "Handbuch der Stationen, Fassung 1")
		p.Text(280, 815, pdftest.Regular, 8, fmt.Sprint("Seite ", i+1))
		p.Text(60, 90, pdftest.Bold, 14, fmt.Sprintf("%d.%d Versorgung auf der Station", i/10+1, i%10+1))
		y := 120.0
		for k := range 28 {
			y = p.Paragraph(60, y, fmt.Sprintf("Zeile %d der Seite %d: die Behandlung richtet sich nach Schweregrad und Erreger der Station.", k, i+1))
		}
		rows := [][]string{{"Bereich", "Menge", "Bemerkung"}}
		for k := range 12 {
			rows = append(rows, []string{fmt.Sprintf("Bereich %d.%d", i, k), fmt.Sprintf("%d Stück", k*3+i%7), "wird täglich geprüft und ergänzt"})
		}
		p.Table(60, y+20, []float64{140, 100, 230}, rows)
	}
	return d.Bytes()
}

// BenchmarkReading300Pages reads a PDF of 300 pages with a server while that answers
// hooks: how long it takes, what the child held at most, and what the hooks saw
// before and during.
func BenchmarkReading300Pages(b *testing.B) {
	data := b.TempDir()
	s := startServer(b, "CDSS_DATA_DIR="+data)
	s.until(b, http.MethodGet, "/readyz", nil)
	call := s.call(b, 50<<10)
	s.load(b, call, 20, 100) // warm
	file := book(300)
	s.read(b, "warm.pdf", book(3)) // compiles PDFium, which is not what is measured
	for b.Loop() {
		before := s.load(b, call, 20, 300)
		var peak atomic.Int64
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(20 * time.Millisecond):
					if held := childMemory(s.command.Process.Pid); held > peak.Load() {
						peak.Store(held)
					}
				}
			}
		}()
		begun := time.Now()
		finished := make(chan time.Duration, 1)
		go func() { s.read(b, fmt.Sprint("book-", begun.UnixNano(), ".pdf"), file); finished <- time.Since(begun) }()
		var during []time.Duration
		var took time.Duration
		for took == 0 {
			during = append(during, s.load(b, call, 20, 40)...)
			select {
			case took = <-finished:
			default:
			}
		}
		close(done)
		file = append(file, '\n') // other bytes, another document
		slices.Sort(during)
		b.ReportMetric(took.Seconds(), "s/300-pages")
		b.ReportMetric(float64(peak.Load())/(1<<20), "MB-child-peak")
		b.ReportMetric(percentileMs(before, 50), "ms-hook-p50-before")
		b.ReportMetric(percentileMs(during, 50), "ms-hook-p50-during")
		b.ReportMetric(percentileMs(before, 95), "ms-hook-p95-before")
		b.ReportMetric(percentileMs(during, 95), "ms-hook-p95-during")
	}
	b.ReportMetric(0, "ns/op")
}

func percentileMs(sorted []time.Duration, percent int) float64 {
	return float64(sorted[min(len(sorted)*percent/100, len(sorted)-1)]) / float64(time.Millisecond)
}

// read uploads a file and waits until it is read.
func (s *server) read(b *testing.B, name string, data []byte) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err != nil || w.Close() != nil {
		b.Error("the form cannot be written: ", err)
		return
	}
	res, err := http.Post(s.base+"/api/guidelines", w.FormDataContentType(), &form)
	if err != nil {
		b.Error(err)
		return
	}
	raw, _ := io.ReadAll(res.Body)
	res.Body.Close()
	var v struct {
		ID       string
		Complete bool
		Job      struct{ State, Message string }
	}
	if err := json.Unmarshal(raw, &v); err != nil || v.ID == "" {
		b.Errorf("the upload answered %d %.300s", res.StatusCode, raw)
		return
	}
	for !v.Complete {
		time.Sleep(50 * time.Millisecond)
		res, err := http.Get(s.base + "/api/guidelines/" + v.ID)
		if err != nil {
			b.Error(err)
			return
		}
		err = json.NewDecoder(res.Body).Decode(&v)
		res.Body.Close()
		if err != nil || v.Job.State == "failed" {
			b.Errorf("the reading ended: %v %s", err, v.Job.Message)
			return
		}
	}
}

// childMemory gives the resident bytes of the processes of this program that have a
// parent: the readers of files.
func childMemory(parent int) int64 {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 22 || fields[1] != strconv.Itoa(parent) || !strings.Contains(commandLine(filepath.Dir(path)), extractCommand) {
			continue
		}
		pages, _ := strconv.ParseInt(fields[21], 10, 64) // rss, field 24 of proc(5)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

func commandLine(dir string) string {
	raw, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	return string(raw)
}
