package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"cdss/cmd/cdss/observe"
)

// Limits of the server (SAFETY T5).
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
	maxConnections    = 1000
)

// How the server ends (SAFETY F12): first it says that it is leaving, and gives
// whoever sends requests the time to notice; then it finishes what it has begun.
const (
	noticeTime = 5 * time.Second
	finishTime = 15 * time.Second
)

func serve(ctx context.Context, args []string, env environment) error {
	set := flags("serve", env)
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	cfg, err := readConfig(env.vars)
	if err != nil {
		return err
	}
	log := observe.NewLogger(env.err, cfg.LogLevel, cfg.Production)
	for _, note := range cfg.Notes {
		log.Warn(note)
	}
	limitMemory(env.vars, log.Info)
	h, err := newHouse(cfg, log, func(h *house) {
		h.deadline = env.deadline
		if env.adjust != nil {
			env.adjust(h)
		}
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", cfg.Addr, err)
	}
	log.Info("server started", "version", programVersion(), "address", listener.Addr().String(), "access", cfg.Auth, "demo", cfg.Demo)
	server := &http.Server{
		Handler:           h.routes(),
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
	}
	metrics, err := h.serveMetrics()
	if err != nil {
		listener.Close()
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(netutil.LimitListener(listener, maxConnections)) }()
	if env.ready != nil {
		env.ready(listener.Addr().String(), false)
	}
	// The background ends after the last request has.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.background.Go(func() { h.recordDecisions(background) })
	opening, cancelOpening := context.WithCancel(background)
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		if err := h.openDatabase(opening); err != nil {
			if opening.Err() == nil {
				failed <- err
			}
			return
		}
		if opening.Err() != nil || !h.opened.Load() {
			return
		}
		settleMemory(env.vars)
		h.welcome(env, listener.Addr())
		if env.ready != nil {
			env.ready(listener.Addr().String(), true)
		}
	}()
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	h.leaving.Store(true)
	if cfg.Production && err == nil {
		sleep(context.WithoutCancel(ctx), noticeTime)
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	if down := server.Shutdown(finish); down != nil {
		log.Warn("requests were still running at the end", "error", down)
		_ = server.Close()
	}
	_ = metrics.Close()
	stop()
	cancelOpening()
	<-opened
	h.background.Wait()
	h.work.Wait()
	log.Info("server stopped")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// serveMetrics serves /metrics at an address of its own, on loopback. When the
// usual address is taken, perhaps by another server on this machine, the server
// does without; when it was asked for, that is an error.
func (h *house) serveMetrics() (*http.Server, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h.metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout}
	listener, err := net.Listen("tcp", h.cfg.MetricsAddr)
	if err != nil {
		if h.cfg.MetricsGiven {
			return nil, fmt.Errorf("serve metrics at %s: %w", h.cfg.MetricsAddr, err)
		}
		h.log.Warn("metrics are not served: the address is taken; CDSS_METRICS_ADDR names another", "address", h.cfg.MetricsAddr)
		return server, nil
	}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

// welcome tells a person where everything is.
func (h *house) welcome(env environment, addr net.Addr) {
	base := h.cfg.PublicURL
	if base == "" {
		host, port, _ := net.SplitHostPort(addr.String())
		if ip := net.ParseIP(host); ip == nil || ip.IsLoopback() || ip.IsUnspecified() {
			host = "localhost"
		}
		base = "http://" + net.JoinHostPort(host, port)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\ncdss %s is ready.\n\n", programVersion())
	fmt.Fprintf(&b, "  Clinicians      %s/\n  Administration  %s/admin/\n  API             %s/docs/\n  CDS Hooks       %s/cds-services\n", base, base, base, base)
	if h.cfg.demoLogin() {
		fmt.Fprint(&b, "\nAccess is required: log in on the page that opens, as one of six people with one role each (viewer, clinician,\ncurator, approver, admin, auditor). Nobody is asked for a password in a demonstration. With curl:\n\n"+
			"curl -c cookies -H 'Content-Type: application/json' -d '{\"person\":\"clinician\"}' "+base+"/api/session\ncurl -b cookies "+base+"/api/session\n")
	}
	if h.cfg.Demo && h.cfg.Auth == "open" {
		fmt.Fprintf(&b, "\nAsk as an EHR would, for an invented patient with pneumonia, penicillin anaphylaxis and creatinine 2.1 mg/dL:\n\n"+
			"curl -s %[1]s/api/examples/cap-penicillin-anaphylaxis/hook | curl -s -H 'Content-Type: application/json' --data @- %[1]s/cds-services/abs-patient-view\n\n", base)
	}
	fmt.Fprintln(env.out, b.String())
}

// settleMemory lets the heap grow to three times what lives, once everything is
// loaded, unless GOGC says otherwise. What lives then is some 30 MB, far less than
// the start needed for a moment, so that the process grows no further; and a call
// spends half as much on collecting garbage.
func settleMemory(vars []string) {
	for _, v := range vars {
		if value, ok := strings.CutPrefix(v, "GOGC="); ok && value != "" {
			return
		}
	}
	debug.FreeOSMemory()
	debug.SetGCPercent(200)
}

// limitMemory keeps the garbage collector below the limit of the container when
// nobody set GOMEMLIMIT: 80 % of it, the rest is for what Go does not count.
func limitMemory(vars []string, say func(string, ...any)) {
	for _, v := range vars {
		if value, ok := strings.CutPrefix(v, "GOMEMLIMIT="); ok && value != "" {
			return
		}
	}
	raw, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	if err != nil || limit <= 0 {
		return // "max": no limit
	}
	debug.SetMemoryLimit(limit / 10 * 8)
	say("memory limit of the container heeded", "bytes", limit)
}
