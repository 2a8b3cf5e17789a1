package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	cdsapi "cdss/cds/api"
	"cdss/cmd/cdss/observe"
	"cdss/fhir"
)

// clinicalCase is what a case file holds of the question; what it expects is for
// whoever judges the answers.
type clinicalCase struct {
	ID      string    `json:"id"`
	AsOf    time.Time `json:"asOf"`
	Hook    string    `json:"hook"`
	Context struct {
		PatientID   string   `json:"patientId"`
		EncounterID string   `json:"encounterId"`
		UserID      string   `json:"userId"`
		Selections  []string `json:"selections"`
	} `json:"context"`
	Bundle      json.RawMessage `json:"bundle"`
	DraftOrders json.RawMessage `json:"draftOrders"`
	Request     json.RawMessage `json:"request"`
}

// caseAnswer is a line of the output.
type caseAnswer struct {
	ID             string          `json:"id"`
	Recommendation json.RawMessage `json:"recommendation"`
	Hook           json.RawMessage `json:"hook"`
	Milliseconds   float64         `json:"ms"`
	Errors         []string        `json:"errors,omitempty"` // calls that were refused, with their status
}

func evalCases(ctx context.Context, args []string, env environment) error {
	set := flags("eval cases", env)
	dir := set.String("dir", "", "folder of case files")
	out := set.String("out", "", "file to write the answers to")
	corpus := set.String("corpus", "", "folder of guidelines that are active for the cases")
	language := set.String("language", "de", "de or en")
	bundleOnly := set.Bool("bundle-only", false, "leave the structured request of a case out")
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	switch {
	case *dir == "" || *out == "":
		return usagef("eval cases needs --dir and --out")
	case *language != "de" && *language != "en":
		return usagef("--language is de or en")
	}
	files, err := filepath.Glob(filepath.Join(*dir, "*.json"))
	if err != nil || len(files) == 0 {
		return usagef("%s holds no case files", *dir)
	}
	slices.Sort(files)
	cfg, err := readConfig(env.vars)
	if err != nil {
		return err
	}
	// Example knowledge runs here as in a demonstration, and nobody listens.
	cfg.Demo, cfg.Auth = true, "open"
	log := observe.NewLogger(env.err, max(cfg.LogLevel, slog.LevelWarn), cfg.Production)
	clock := &caseClock{now: time.Now()}
	h, err := newHouse(cfg, log, func(h *house) {
		h.now, h.newID, h.unrecorded = clock.time, clock.id, true
		h.deadline = time.Minute // what is answered must not depend on the machine
	})
	if err != nil {
		return err
	}
	if *corpus != "" {
		read, err := loadCorpus(ctx, *corpus, env)
		if err != nil {
			return err
		}
		defer read.drop()
		h.guidelines.Store(read.Service)
	}
	routes := h.routes()
	answered := 0
	err = writeFile(*out, func(f *os.File) error {
		enc := json.NewEncoder(f)
		enc.SetEscapeHTML(false)
		for _, file := range files {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c, err := readCase(file)
			if err != nil {
				return err
			}
			if *bundleOnly {
				c.Request = nil
			}
			clock.set(c)
			answer, err := c.ask(ctx, routes, *language)
			if err != nil {
				return fmt.Errorf("case %s: %w", c.ID, err)
			}
			for _, e := range answer.Errors {
				fmt.Fprintf(env.err, "%s: %s\n", c.ID, e)
			}
			if err := enc.Encode(answer); err != nil {
				return err
			}
			answered++
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%d cases answered, written to %s\n", answered, *out)
	return nil
}

func readCase(path string) (clinicalCase, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return clinicalCase{}, fmt.Errorf("read case: %w", err)
	}
	var c clinicalCase
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("read case %s: %w", filepath.Base(path), err)
	}
	if c.ID == "" || c.AsOf.IsZero() || c.Bundle == nil {
		return c, fmt.Errorf("read case %s: id, asOf or bundle is missing", filepath.Base(path))
	}
	return c, nil
}

// caseClock is the clock at a case, and ids that are the same in every run.
type caseClock struct {
	now  time.Time
	name string
	n    int
}

func (c *caseClock) set(of clinicalCase) { c.now, c.name, c.n = of.AsOf, of.ID, 0 }

func (c *caseClock) time() time.Time { return c.now }

func (c *caseClock) id() string {
	c.n++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", c.name, c.n))
	s := hex.EncodeToString(sum[:16])
	return s[:8] + "-" + s[8:12] + "-8" + s[13:16] + "-a" + s[17:20] + "-" + s[20:]
}

// ask puts a case to the server as its clients would: the recommendation as the
// app, with what a person adds; the hook as an EHR, which knows nothing of that.
func (c clinicalCase) ask(ctx context.Context, routes http.Handler, language string) (caseAnswer, error) {
	answer := caseAnswer{ID: c.ID, Recommendation: json.RawMessage("null"), Hook: json.RawMessage("null")}
	body := map[string]any{"bundle": c.Bundle, "language": language, "asOf": c.AsOf.Format(time.RFC3339Nano)}
	if c.Context.PatientID != "" {
		body["patient"] = "Patient/" + c.Context.PatientID
	}
	if len(c.Request) > 0 && !bytes.Equal(c.Request, []byte("null")) {
		body["request"] = c.Request
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return answer, err
	}
	start := time.Now()
	status, got := post(ctx, routes, "/api/recommendations", language, raw)
	answer.Milliseconds = float64(time.Since(start).Microseconds()) / 1000
	if status == http.StatusOK {
		answer.Recommendation = got
	} else {
		answer.Errors = append(answer.Errors, fmt.Sprintf("recommendation: %d %s", status, got))
	}
	if c.Hook == "" {
		return answer, nil
	}
	call, err := c.hookCall()
	if err != nil {
		return answer, err
	}
	status, got = post(ctx, routes, "/cds-services/abs-"+c.Hook, language, call)
	if status == http.StatusOK {
		answer.Hook = got
	} else {
		answer.Errors = append(answer.Errors, fmt.Sprintf("hook: %d %s", status, got))
	}
	return answer, nil
}

func (c clinicalCase) hookCall() ([]byte, error) {
	bundle, err := fhir.ParseResource(c.Bundle)
	if err != nil {
		return nil, err
	}
	var drafts *fhir.Resource
	if len(c.DraftOrders) > 0 && !bytes.Equal(c.DraftOrders, []byte("null")) {
		if drafts, err = fhir.ParseResource(c.DraftOrders); err != nil {
			return nil, err
		}
	}
	return cdsapi.HookCall(c.Hook, cdsapi.HookContext{
		User: c.Context.UserID, Patient: c.Context.PatientID, Encounter: c.Context.EncounterID, Selections: c.Context.Selections,
	}, bundle, drafts)
}

// post calls the server without a network.
func post(ctx context.Context, routes http.Handler, path, language string, body []byte) (int, json.RawMessage) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		panic("make request: " + err.Error()) // method and path are constants
	}
	r.Host = "localhost" // with open access the server answers under no other name
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Language", language)
	w := &answerBuffer{header: http.Header{}, status: http.StatusOK}
	routes.ServeHTTP(w, r)
	return w.status, bytes.TrimSpace(w.body.Bytes())
}

// answerBuffer keeps an answer in memory.
type answerBuffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *answerBuffer) Header() http.Header         { return b.header }
func (b *answerBuffer) WriteHeader(status int)      { b.status = status }
func (b *answerBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }
