package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cmd/cdss/observe"
	"cdss/migrations"
)

// doctor looks at everything a server needs and says what is in its way. It
// changes nothing, but starts the private cluster for as long as it looks.
func doctor(ctx context.Context, args []string, env environment) error {
	set := flags("doctor", env)
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	fmt.Fprintln(env.out, "Settings that are known (environment variables):")
	for _, k := range known {
		fmt.Fprintf(env.out, "  %-30s %s\n", k.name, k.about)
	}
	d := &examination{env: env}
	fmt.Fprintln(env.out, "\nExamination:")
	cfg, err := readConfig(env.vars)
	if !d.check("configuration", err, "") {
		return errors.New("the configuration cannot be used")
	}
	for _, line := range cfg.lines() {
		fmt.Fprintln(env.out, "         "+line)
	}
	for _, note := range cfg.Notes {
		fmt.Fprintln(env.out, "  note   "+note)
	}
	d.address(cfg.Addr)
	d.data(cfg)
	d.reachable(ctx, "language model", cfg.LLMBaseURL)
	d.reachable(ctx, "login of people", cfg.OIDCIssuer)
	if cfg.OnlineEmbeddings {
		d.reachable(ctx, "online embeddings", cfg.EmbeddingURL)
	}
	log := observe.NewLogger(env.err, max(cfg.LogLevel, slog.LevelWarn), cfg.Production)
	h, err := newHouse(cfg, log)
	if d.check("knowledge and web apps", err, "") {
		snapshot := h.knowledge.Load()
		fmt.Fprintf(env.out, "         %d plans run, %d are withheld\n", len(snapshot.Plans()), len(snapshot.Withheld()))
		for _, p := range snapshot.Problems() {
			d.check(p.Artifact, errors.New(p.Location+": "+p.Message), "")
		}
		if !h.site.Built() {
			fmt.Fprintln(env.out, "  note   the web apps are not in this binary; make build puts them there")
		}
	}
	dsn, cluster, err := openServer(ctx, cfg, log)
	if d.check("database server", err, "") {
		defer stopServer(cluster, log)
		if cluster != nil {
			info := cluster.Info()
			fmt.Fprintf(env.out, "         PostgreSQL %s, pgvector %s, programs in %s\n", info.PostgreSQL, info.Pgvector, info.BinDir)
		}
		d.database(ctx, dsn, cluster == nil)
		if h != nil {
			d.kept(ctx, h, dsn)
		}
	}
	if d.failed > 0 {
		return fmt.Errorf("%d things are in the way", d.failed)
	}
	fmt.Fprintln(env.out, "Nothing is in the way.")
	return nil
}

// examination prints what is looked at and counts what is wrong.
type examination struct {
	env    environment
	failed int
}

func (d *examination) check(what string, err error, detail string) bool {
	if err != nil {
		d.failed++
		fmt.Fprintf(d.env.out, "  wrong  %s: %v\n", what, err)
		return false
	}
	if detail != "" {
		detail = ": " + detail
	}
	fmt.Fprintf(d.env.out, "  ok     %s%s\n", what, detail)
	return true
}

// address tells whether the server could listen. A server that runs already is
// no fault.
func (d *examination) address(addr string) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Fprintf(d.env.out, "  note   %s is in use, perhaps by a running server: %v\n", addr, err)
		return
	}
	listener.Close()
	d.check("address", nil, addr+" is free")
}

// tolerated is how far the clocks of program and database may be apart.
const tolerated = 30 * time.Second

func (d *examination) database(ctx context.Context, dsn string, configured bool) {
	state, err := migrations.Status(ctx, dsn)
	if !d.check("database", err, "") {
		return
	}
	switch {
	case state.Ahead():
		fmt.Fprintf(d.env.out, "  note   the schema is %d, newer than the %d of this program\n", state.Current, state.Latest)
	case state.Pending > 0:
		fmt.Fprintf(d.env.out, "  note   %d migrations are to be applied; cdss migrate or the next start does it\n", state.Pending)
	default:
		d.check("schema", nil, fmt.Sprint(state.Current))
	}
	if configured && state.Pgvector != "" {
		d.pgvector(state.Pgvector)
	}
	conn, err := pgx.Connect(ctx, dsn)
	if !d.check("connection", err, "") {
		return
	}
	defer conn.Close(ctx)
	var now time.Time
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); !d.check("query", err, "") {
		return
	}
	apart := time.Since(now).Abs().Round(time.Second)
	if apart > tolerated {
		err = fmt.Errorf("the clocks of program and database are %s apart", apart)
	}
	d.check("clock", err, "")
}

// pgvector refuses versions of a configured server that have known faults:
// CVE-2026-3172 was mended in 0.8.2, faults of HNSW vacuum in 0.8.3 and 0.8.4.
func (d *examination) pgvector(version string) {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		d.check("pgvector", fmt.Errorf("version %q cannot be read", version), "")
		return
	}
	number := major*10000 + minor*100 + patch
	switch {
	case number < 802:
		d.check("pgvector", fmt.Errorf("%s has a known security fault (CVE-2026-3172); 0.8.4 or newer is needed", version), "")
	case number < 804:
		fmt.Fprintf(d.env.out, "  note   pgvector %s has known faults in vacuum; 0.8.4 is recommended\n", version)
	default:
		d.check("pgvector", nil, version)
	}
}
