package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
)

// What the database refuses to whom: the owner, who may do everything else, a session
// that replays another server's changes, and a role with the rights of the program.
func TestTrailIsAppendOnly(t *testing.T) {
	trail, pool := open(t)
	write(t, trail, advice(t, trail, "Practitioner/1", "p"))
	chain(t, trail, 1)
	if _, err := trail.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	role := "cdss_program_" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "_")) + "_" + pool.Config().ConnConfig.Database
	role = role[max(0, len(role)-60):]
	exec(t, pool, `CREATE ROLE `+role)
	t.Cleanup(func() {
		_, _ = pool.Exec(context.Background(), `DROP OWNED BY `+role)
		_, _ = pool.Exec(context.Background(), `DROP ROLE `+role)
	})
	exec(t, pool, `GRANT SELECT, INSERT ON audit_event, audit_subject, audit_chain, audit_head, audit_pending, audit_key TO `+role)
	exec(t, pool, `GRANT DELETE ON audit_pending, audit_subject TO `+role)

	for _, who := range []struct{ name, become string }{
		{"owner", `SELECT 1`},
		{"replica", `SET LOCAL session_replication_role = replica`},
		{"program", `SET LOCAL ROLE ` + role},
	} {
		for _, statement := range []string{
			`UPDATE audit_event SET agent = 'somebody else'`,
			`UPDATE audit_event SET agent = agent WHERE false`,
			`DELETE FROM audit_event`,
			`TRUNCATE audit_event`,
			`INSERT INTO audit_event SELECT * FROM audit_event ON CONFLICT (id) DO UPDATE SET agent = 'x'`,
			`UPDATE audit_chain SET hash = hash`, `DELETE FROM audit_chain`, `TRUNCATE audit_chain`,
			`UPDATE audit_head SET hash = hash`, `DELETE FROM audit_head`, `TRUNCATE audit_head`,
			`UPDATE audit_subject SET pseudonym = gen_random_uuid()`, `TRUNCATE audit_subject`,
		} {
			tx, err := pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			exec(t, tx, who.become)
			_, err = tx.Exec(t.Context(), statement)
			// Of an identity column nobody may choose the value at all.
			if got := state(err); got != "42501" && !(got == "428C9" && strings.HasPrefix(statement, "INSERT")) {
				t.Errorf("%s, %s: %s, want it refused", who.name, statement, got)
			}
			_ = tx.Rollback(t.Context())
		}
	}
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		exec(t, tx, `SET LOCAL ROLE `+role)
		return audit.Append(t.Context(), tx, advice(t, trail, "Practitioner/1", "q"))
	})
	if err != nil {
		t.Errorf("the program's role cannot write: %v", err)
	}
	if n := count(t, pool, `SELECT count(*) FROM audit_event`); n != 2 {
		t.Errorf("%d events are left", n)
	}
}
