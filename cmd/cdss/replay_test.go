package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cdss/cds/trial"
	"cdss/cds/trial/ward"
)

func replaying(t *testing.T, ctx context.Context, args ...string) (string, string, error) {
	t.Helper()
	var out, log bytes.Buffer
	err := run(ctx, args, environment{out: &out, err: &log})
	return out.String(), log.String(), err
}

// wardFile writes a ward with more mistakes than usual.
func wardFile(t *testing.T, o ward.Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ward.ndjson")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := ward.Write(f, o); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// The ward of the issue, and one with many mistakes: what is right is not objected
// to, what is wrong is, and ordinary practice is rarely interrupted.
func TestReplayOfTheWard(t *testing.T) {
	usual := ward.Usual
	wrong := usual
	wrong.Admissions, wrong.Seed, wrong.Wrong = 300, 7, 0.5
	for name, o := range map[string]ward.Options{"usual": usual, "with many mistakes": wrong} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "report")
			if _, _, err := replaying(t, t.Context(), "replay", wardFile(t, o), "--out", dir); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(dir, "report.json"))
			if err != nil {
				t.Fatal(err)
			}
			var r trial.Report
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			if r.Bundles != o.Admissions || r.BadLines != 0 || r.Orders < o.Admissions/2 || len(r.Unmapped) == 0 || len(r.Indications) < 8 {
				t.Errorf("%d Bundles, %d unusable, %d orders, %d unmapped codes, %d indications", r.Bundles, r.BadLines, r.Orders, len(r.Unmapped), len(r.Indications))
			}
			for _, l := range r.Labels {
				if l.Label == "right" && l.Alerted > 0 {
					t.Errorf("%d of %d right orders are objected to: %v", l.Alerted, l.Orders, l.Codes)
				}
				if l.Label != "right" && l.Alerted < l.Orders {
					t.Errorf("%d of %d orders with the mistake %q pass", l.Orders-l.Alerted, l.Orders, l.Label)
				}
			}
			if per := trial.Per100(r.Ordinary.Interruptive, r.Ordinary.Orders); per > 5 {
				t.Errorf("%.1f interruptive cards for 100 ordinary orders, want at most 5", per)
			}
			if per := trial.Per100(r.Interruptive, r.Orders); name == "usual" && per > 5 {
				t.Errorf("%.1f interruptive cards for 100 orders, want at most 5", per)
			}
			for _, e := range r.Entries {
				if e.Reason != nil && e.Reason.EN == "" || len(e.Cards) > 0 && e.Cards[0].Summary.EN == "" {
					t.Errorf("line %d is not told in English: %+v", e.Line, e)
				}
			}
			page, err := os.ReadFile(filepath.Join(dir, "report.html"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"Übereinstimmung", "agreement", "BEISPIEL", "Nierendosis"} {
				if !bytes.Contains(page, []byte(want)) {
					t.Errorf("the page does not hold %q", want)
				}
			}
			for _, foreign := range []string{"src=", "href=", "@import", "<script", "url("} {
				if bytes.Contains(page, []byte(foreign)) {
					t.Errorf("the page needs something else: %q", foreign)
				}
			}
			if info, err := os.Stat(filepath.Join(dir, "report.json")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("others can read the report: %v %v", info.Mode(), err)
			}
		})
	}
}

// What cannot be used is told by its line and costs nothing else.
func TestReplayOfBadLines(t *testing.T) {
	o := ward.Usual
	o.Admissions = 2
	good, err := os.ReadFile(wardFile(t, o))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(good), "\n")
	secret := "Geheimnis"
	text := lines[0] + "{\"resourceType\":\"Bundle\",\"" + secret + "\n" + "\n" + `{"resourceType":"Patient","id":"` + secret + `"}` + "\n" +
		`{"resourceType":"Bundle","type":"collection"}` + "\n" + "no JSON " + secret + "\n" + lines[1]
	path := filepath.Join(t.TempDir(), "x.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err := replaying(t, t.Context(), "replay", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 Bundles replayed, 4 lines unusable", "line 2: ", "line 4: ", "line 5: the Bundle holds 0 Patients", "line 6: "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said: %s", want, out)
		}
	}
	if strings.Contains(out, secret) {
		t.Errorf("what stands in a line is shown: %s", out)
	}
	for name, text := range map[string]string{"empty": "", "blank": "\n\n", "nothing usable": "{}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := replaying(t, t.Context(), "replay", path, "--out", filepath.Join(t.TempDir(), "r")); err == nil || exitCode(err, io.Discard) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, args := range [][]string{{"replay"}, {"replay", filepath.Dir(path)}, {"replay", path, "--diagnoses", "some"}, {"replay", path, "--against", "shipped"}, {"ward", path, "--wrong", "2"}} {
		if _, _, err := replaying(t, t.Context(), args...); exitCode(err, io.Discard) != 2 {
			t.Errorf("%v: %v, want a usage error", args, err)
		}
	}
}

// endless gives one line that never ends, until it has given enough.
type endless struct{ left int64 }

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), e.left)
	for i := range b[:n] {
		b[i] = 'x'
	}
	e.left -= n
	return int(n), nil
}

// A line of a gigabyte is read over in little memory, and the next one is used.
func TestReplayOfAnEndlessLine(t *testing.T) {
	o := ward.Usual
	o.Admissions = 1
	good, err := os.ReadFile(wardFile(t, o))
	if err != nil {
		t.Fatal(err)
	}
	k, err := knowledgeOf("", nil)
	if err != nil {
		t.Fatal(err)
	}
	in := io.MultiReader(&endless{left: 1 << 30}, strings.NewReader("\n"), bytes.NewReader(good))
	r, err := replayAll(t.Context(), trial.NewReplayer(k, nil), in, newProgress(io.Discard, 0))
	if err != nil || r.Bundles != 1 || r.BadLines != 1 || r.Bad[0].Line != 1 || !strings.Contains(r.Bad[0].Why, "longer than") {
		t.Errorf("%+v %v", r.Bad, err)
	}
}

// An interrupted replay ends at once, says so, and leaves nothing behind.
func TestReplayInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	o := ward.Usual
	o.Admissions = 5000
	dir := filepath.Join(t.TempDir(), "report")
	begin := time.Now()
	_, _, err := replaying(t, ctx, "replay", wardFile(t, o), "--out", dir)
	if err == nil || !strings.Contains(err.Error(), "interrupted after") || exitCode(err, io.Discard) != 1 {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d > 30*time.Second {
		t.Errorf("ended after %s", d)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a report was left: %v", err)
	}
}
