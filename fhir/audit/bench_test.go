package audit_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
)

// cpu gives the processor time this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What an event costs in the batch it goes with, of this process's time, beside the
// same batch without it.
func BenchmarkQueue(b *testing.B) {
	trail, pool := open(b)
	e := advice(b, trail, "Practitioner/1", "p")
	const batch = 64
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprint("with=", with), func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				var q pgx.Batch
				for i := range batch {
					q.Queue(`SELECT $1::int`, i)
					if with {
						e.Patient = subject(b, trail, fmt.Sprint("p", i))
						audit.Queue(b.Context(), &q, e)
					}
				}
				if err := pool.SendBatch(b.Context(), &q).Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N*batch), "cpu-us/event")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "us/event")
		})
	}
}

// A trail of a million events: how fast it is chained and verified, and how fast it
// answers. One patient in 20,000 and one of 500 people are asked about.
func BenchmarkMillion(b *testing.B) {
	trail, pool := open(b)
	const events = 1_000_000
	write(b, trail, advice(b, trail, "Practitioner/1", "p1"))
	var detail string
	if err := pool.QueryRow(b.Context(), `SELECT detail FROM audit_event`).Scan(&detail); err != nil {
		b.Fatal(err)
	}
	for i := range 20_000 {
		if i%1000 == 0 { // a subject of this trail's own; the others only fill the table
			write(b, trail, advice(b, trail, "Practitioner/1", fmt.Sprint("p", i)))
		}
	}
	exec(b, pool, `INSERT INTO audit_subject (lookup) SELECT sha256(i::text::bytea) FROM generate_series(1, 20000) i`)
	exec(b, pool, `
		WITH s AS (SELECT array_agg(pseudonym) AS p FROM audit_subject)
		INSERT INTO audit_event (id, recorded, kind, action, outcome, patient, agent, client, data, detail)
		SELECT gen_random_uuid(), now() - make_interval(secs => 30 * i), 'advice', 'E', 0, s.p[1 + i % array_length(s.p, 1)], 'Practitioner/' || i % 500, 'ehr', '', $1
		FROM generate_series(1, $2) i, s`, detail, events)
	exec(b, pool, `INSERT INTO audit_pending SELECT seq FROM audit_event ON CONFLICT DO NOTHING`)
	exec(b, pool, `ANALYZE`)
	start := time.Now()
	n, err := trail.Chain(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if n < events {
		b.Fatalf("%d events chained", n)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/chain")
	if _, err := trail.Sign(b.Context()); err != nil {
		b.Fatal(err)
	}
	took := func(name string, do func() any) {
		b.Helper()
		start := time.Now()
		got := do()
		b.Logf("%s: %.3f s, %v", name, time.Since(start).Seconds(), got)
		if name, metric := strings.CutPrefix(name, "metric "); metric {
			b.ReportMetric(time.Since(start).Seconds(), "s/"+name)
		}
	}
	for b.Loop() {
		took("metric verify", func() any {
			r := verify(b, pool, audit.Check{})
			if !r.OK() {
				b.Fatal(r.Faults)
			}
			return r.Events
		})
		took("metric who-saw", func() any {
			list, err := trail.WhoSaw(b.Context(), "p1000", epoch, epoch)
			if err != nil || len(list) == 0 {
				b.Fatal(list, err)
			}
			return len(list)
		})
		took("metric who-did", func() any {
			list, err := trail.Did(b.Context(), "Practitioner/7", epoch, epoch)
			if err != nil || len(list) == 0 {
				b.Fatal(list, err)
			}
			return list[0].Events
		})
		for _, text := range []string{"patient=p1000", "agent=Practitioner/7", "date=ge2020-01-01&_count=50", "patient=p1000&date=ge2020&agent=Practitioner/1", "subtype=login"} {
			took("search "+text, func() any {
				page, err := trail.Reader(stored).Search(b.Context(), query(b, "AuditEvent", text))
				if err != nil {
					b.Fatal(err)
				}
				return page.Total
			})
		}
	}
	var size string
	if err := pool.QueryRow(b.Context(), `SELECT pg_size_pretty(pg_total_relation_size('audit_event') + pg_total_relation_size('audit_chain'))`).Scan(&size); err != nil {
		b.Fatal(err)
	}
	b.Logf("event and chain take %s", size)
}
