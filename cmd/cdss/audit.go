package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/jackc/pgx/v5/pgxpool"

	cdsstore "cdss/cds/store"
	"cdss/cmd/cdss/observe"
	"cdss/fhir"
	"cdss/fhir/access"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/task"
	ragstore "cdss/rag/store"
)

// newTrail makes the audit trail, whose keys the vault seals.
func newTrail(h *house) *audit.Trail {
	base := ""
	if h.cfg.PublicURL != "" {
		base = h.cfg.PublicURL + "/fhir"
	}
	trail := audit.New(audit.Config{Sealer: h.trust.vault, Base: base, Log: h.log})
	h.metrics.Gauge("audit_events_unchained", "Audit events without a place in the chain yet.", func() float64 { return float64(trail.Lag()) })
	return trail
}

// recordDecisions writes decisions until ctx ends, each with its audit event. While
// the database is away they wait in the data directory.
func (h *house) recordDecisions(ctx context.Context) {
	spool, err := audit.OpenSpool(filepath.Join(h.cfg.DataDir, "spool"), 0, h.log)
	if err != nil {
		h.log.Warn("while the database is away, decisions wait in memory only", "error", err)
	} else {
		h.metrics.Gauge("audit_spool_bytes", "Decisions on disk that wait for the database.", func() float64 { return float64(spool.Size()) })
		h.spool.Store(spool)
		defer spool.Close()
	}
	h.decisions.Attest(h.trail, spool)
	h.decisions.Run(ctx, 5*time.Second)
}

// attachTrail gives the trail its database and keeps it chained.
func (h *house) attachTrail(ctx context.Context, pool *pgxpool.Pool) error {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := h.trail.Attach(ctx, pool)
		if err == nil {
			break
		}
		if issue.Is(err, issue.BusinessRule) || ctx.Err() != nil {
			return fmt.Errorf("open the audit trail: %w", err)
		}
		h.log.Warn("the audit trail is not ready", "retry_in", wait.String(), "error", err)
		sleep(ctx, wait)
	}
	h.background.Go(func() { h.ended("audit trail", h.trail.Run(ctx)) })
	return nil
}

// caller puts into the context of a request what is known of who asks. The address is
// that of the connection or, behind proxies of the operator, the one the outermost of
// them saw; what stands before it in X-Forwarded-For anybody may have written.
func (h *house) caller(next http.Handler) http.Handler {
	find := middleware.ClientIPFromRemoteAddr
	if h.cfg.TrustedProxies > 0 {
		find = middleware.ClientIPFromXFFTrustedProxies(h.cfg.TrustedProxies)
	}
	return find(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := middleware.GetClientIP(r.Context())
		if host == "" {
			host, _, _ = net.SplitHostPort(r.RemoteAddr)
		}
		next.ServeHTTP(w, r.WithContext(audit.With(r.Context(), audit.Caller{Address: host, Request: observe.RequestID(r.Context())})))
	}))
}

func auditCommands() []command {
	return []command{
		{"audit verify", "", "verify that nobody has changed the audit trail", auditVerify},
		{"audit head", "", "sign the end of the audit trail and print it, to be kept elsewhere", auditHead},
		{"audit export", "", "print audit events as FHIR AuditEvents, one a line", auditExport},
		{"audit saw", "PATIENT", "tell who used the data of a patient", auditSaw},
		{"audit did", "AGENT", "tell what a person or a client did", auditDid},
		{"retention", "[RECORDS DAYS]", "tell how long records are kept, or change it", retention},
	}
}

// operator is who runs a command here.
func operator(ctx context.Context, env environment) context.Context {
	name := ""
	for _, v := range env.vars {
		if value, ok := strings.CutPrefix(v, "USER="); ok {
			name = value
		}
	}
	return audit.With(ctx, audit.Caller{User: name, Client: audit.System})
}

// openTrail opens the database and the trail in it for a command.
func openTrail(ctx context.Context, env environment) (*audit.Trail, *pgxpool.Pool, func(), error) {
	cfg, pool, done, err := migrated(ctx, env)
	if err != nil {
		return nil, nil, nil, err
	}
	vault, err := access.ParseVault(cfg.SecretKey)
	if err == nil {
		trail := audit.New(audit.Config{Sealer: vault})
		if err = trail.Attach(ctx, pool); err == nil {
			return trail, pool, done, nil
		}
	}
	done()
	return nil, nil, nil, err
}

func auditVerify(ctx context.Context, args []string, env environment) error {
	set := flags("audit verify", env)
	var check audit.Check
	var heads words
	set.Int64Var(&check.From, "from", 1, "first position to verify; the one before it is believed")
	set.Var(&heads, "head", "file with an exported head (audit head) to hold the trail against; may be repeated")
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	for _, name := range heads {
		raw, err := os.ReadFile(name)
		if err != nil {
			return usagef("audit verify: %s cannot be read", name)
		}
		head, err := audit.ParseHead(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		check.Heads = append(check.Heads, head)
	}
	_, pool, done, err := migrated(ctx, env) // needs no key
	if err != nil {
		return err
	}
	defer done()
	start := time.Now()
	r, err := audit.Verify(ctx, pool, check)
	if err != nil {
		return err
	}
	for _, f := range r.Faults {
		fmt.Fprintln(env.out, f)
	}
	fmt.Fprintf(env.out, "positions %d to %d: %d events are as they were written, %d were deleted after their time, %d signatures hold, %d events wait for their place (%.1f s)\n",
		r.First, r.Last, r.Events, r.Deleted, r.Heads, r.Waiting, time.Since(start).Seconds())
	if !r.OK() {
		return fmt.Errorf("the audit trail has %d faults", len(r.Faults)+r.MoreFaults)
	}
	return nil
}

func auditHead(ctx context.Context, args []string, env environment) error {
	set := flags("audit head", env)
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	trail, _, done, err := openTrail(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	head, err := trail.Sign(ctx)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintln(env.out, string(raw))
	return nil
}

// stretch declares the options for a stretch of time.
func stretch(set interface {
	Func(name, usage string, fn func(string) error)
}) (from, to *time.Time) {
	from, to = new(time.Time), new(time.Time)
	moment := func(at *time.Time) func(string) error {
		return func(s string) error {
			t, ok := fhir.ParseTime(s)
			if !ok {
				return fmt.Errorf("%q is no date or time, as in 2026-05-12 or 2026-05-12T14:03:00+02:00", s)
			}
			*at = t.Time
			return nil
		}
	}
	set.Func("from", "date or time of the first event", moment(from))
	set.Func("to", "date or time before which the last event was", moment(to))
	return from, to
}

func auditExport(ctx context.Context, args []string, env environment) error {
	set := flags("audit export", env)
	var f audit.Filter
	set.StringVar(&f.Patient, "patient", "", "id of a patient")
	set.StringVar(&f.Agent, "agent", "", "a person or client, for example Practitioner/123")
	from, to := stretch(set)
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	f.From, f.To = *from, *to
	trail, _, done, err := openTrail(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	// Whoever takes a part of the trail away stands in it.
	subject, err := trail.Subject(f.Patient)
	if err != nil {
		return err
	}
	event := audit.Event{Kind: audit.Export, Patient: subject, Entities: []audit.Entity{{Name: "records", What: "audit_event", Details: audit.Details("agent", f.Agent)}}}
	if err := trail.Write(operator(ctx, env), event); err != nil {
		return err
	}
	return trail.Each(ctx, f, func(r audit.Record) error {
		resource, err := r.Resource("")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.out, "%s\n", resource.Raw())
		return err
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func auditSaw(ctx context.Context, args []string, env environment) error {
	set := flags("audit saw", env)
	from, to := stretch(set)
	if err := parse(set, args, 1, 1); err != nil {
		return err
	}
	trail, _, done, err := openTrail(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	patient := strings.TrimPrefix(set.Arg(0), "Patient/")
	subject, err := trail.Subject(patient)
	if err == nil {
		err = trail.Write(operator(ctx, env), audit.Event{Kind: audit.Search, Patient: subject, Query: "audit saw"})
	}
	if err != nil {
		return err
	}
	list, err := trail.WhoSaw(ctx, patient, *from, *to)
	if err != nil {
		return err
	}
	return table(env.out, "PERSON\tCLIENT\tWHAT\tTIMES\tFIRST\tLAST", len(list), func(i int) []string {
		s := list[i]
		return []string{orDash(s.Agent), orDash(s.Client), string(s.Kind), fmt.Sprint(s.Events), moment(s.First), moment(s.Last)}
	})
}

func auditDid(ctx context.Context, args []string, env environment) error {
	set := flags("audit did", env)
	from, to := stretch(set)
	if err := parse(set, args, 1, 1); err != nil {
		return err
	}
	trail, _, done, err := openTrail(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	if err := trail.Write(operator(ctx, env), audit.Event{Kind: audit.Search, Query: "audit did"}); err != nil {
		return err
	}
	list, err := trail.Did(ctx, set.Arg(0), *from, *to)
	if err != nil {
		return err
	}
	return table(env.out, "WHAT\tTO\tTIMES\tPATIENTS\tFIRST\tLAST", len(list), func(i int) []string {
		d := list[i]
		return []string{string(d.Kind), orDash(d.Data), fmt.Sprint(d.Events), fmt.Sprint(d.Patients), moment(d.First), moment(d.Last)}
	})
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// newRetention knows every kind of record that is deleted after its time.
func newRetention(pool *pgxpool.Pool, queue *task.Queue) *audit.Retention {
	return audit.NewRetention(pool, queue, append(cdsstore.Keeps(), ragstore.Keeps()...)...)
}

func retention(ctx context.Context, args []string, env environment) error {
	set := flags("retention", env)
	if err := parse(set, args, 0, 2); err != nil {
		return err
	}
	days, err := strconv.Atoi(set.Arg(1))
	if set.NArg() == 1 || set.NArg() == 2 && err != nil {
		return usagef("retention: the name of the records and a number of days are needed")
	}
	_, pool, done, err := openTrail(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	r := newRetention(pool, task.New(pool, task.Config{}))
	if set.NArg() == 2 {
		if err := r.Set(operator(ctx, env), set.Arg(0), days); err != nil {
			return err
		}
	}
	settings, err := r.Settings(ctx)
	if err != nil {
		return err
	}
	return table(env.out, "RECORDS\tDAYS\tUNLESS SET\tPOSSIBLE", len(settings), func(i int) []string {
		s := settings[i]
		return []string{s.Records, fmt.Sprint(s.Days), fmt.Sprint(s.Default), fmt.Sprintf("%d to %d", s.Least, s.Most)}
	})
}
