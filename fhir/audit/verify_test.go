package audit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

// Each way to change the trail behind the program's back, and what is named.
func TestTamperingIsNamed(t *testing.T) {
	const (
		changed = "the event was changed, or the one before it together with its link"
		unclear = "the event or its link was changed"
		link    = "the link was changed; the event is as it was written"
		outside = "0: the event stands outside of the chain"
	)
	third := `(SELECT event FROM audit_chain WHERE position = 3)`
	flip := func(column string) string {
		return `UPDATE audit_event SET ` + column + ` = overlay(` + column + ` placing chr(ascii(substr(` + column + `, 2, 1)) # 1) from 2 for 1) WHERE seq = ` + third
	}
	trail, pool := open(t)
	for i := range 9 {
		write(t, trail, advice(t, trail, "Practitioner/1", fmt.Sprint("p", i%4)))
		if i == 7 {
			chain(t, trail, 8)
			if _, err := trail.Sign(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	chain(t, trail, 1)
	tamper(t, pool)
	for _, table := range tables {
		exec(t, pool, `CREATE TABLE good_`+table+` AS TABLE `+table)
	}
	var thirdID string
	if err := pool.QueryRow(t.Context(), `SELECT id::text FROM audit_event WHERE seq = `+third).Scan(&thirdID); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, query string
		want        []string // position: problem
	}{
		{"a bit of the detail", flip("detail"), []string{"3: " + changed}},
		{"a bit of the agent", flip("agent"), []string{"3: " + changed}},
		{"a bit of the client", flip("client"), []string{"3: " + changed}},
		{"a bit of the kind", flip("kind"), []string{"3: " + changed}},
		{"a microsecond", `UPDATE audit_event SET recorded = recorded + interval '1 microsecond' WHERE seq = ` + third, []string{"3: " + changed}},
		{"the outcome", `UPDATE audit_event SET outcome = 8 WHERE seq = ` + third, []string{"3: " + changed}},
		{"the action", `UPDATE audit_event SET action = 'R' WHERE seq = ` + third, []string{"3: " + changed}},
		{"the patient", `UPDATE audit_event SET patient = gen_random_uuid() WHERE seq = ` + third, []string{"3: " + changed}},
		{"no patient", `UPDATE audit_event SET patient = NULL WHERE seq = ` + third, []string{"3: " + changed}},
		{"the id", `UPDATE audit_event SET id = gen_random_uuid() WHERE seq = ` + third, []string{"3: " + changed}},
		{"a text moved to the next column", `UPDATE audit_event SET agent = '', client = agent || client WHERE seq = ` + third, []string{"3: " + changed}},
		{"the first", `UPDATE audit_event SET agent = 'x' WHERE seq = (SELECT event FROM audit_chain WHERE position = 1)`, []string{"1: " + changed}},
		{"the last", `UPDATE audit_event SET agent = 'x' WHERE seq = (SELECT event FROM audit_chain WHERE position = 9)`, []string{"9: " + unclear}},
		{"two beside each other", `UPDATE audit_event SET agent = 'x' WHERE seq IN (SELECT event FROM audit_chain WHERE position IN (3, 4))`,
			[]string{"3: " + unclear, "4: " + changed}},
		{"an event away", `DELETE FROM audit_event WHERE seq = ` + third, []string{"3: the event is missing"}},
		{"three events away", `DELETE FROM audit_event WHERE seq IN (SELECT event FROM audit_chain WHERE position BETWEEN 3 AND 5)`,
			[]string{"3: the event is missing", "4: the event is missing", "5: the event is missing"}},
		{"a bit of a link", `UPDATE audit_chain SET hash = set_byte(hash, 7, get_byte(hash, 7) # 1) WHERE position = 3`, []string{"3: " + link}},
		{"a link away", `DELETE FROM audit_chain WHERE position = 3`,
			[]string{"3: the link is missing", outside}},
		{"links exchanged", `UPDATE audit_chain SET event = -event WHERE position IN (3, 4);
			UPDATE audit_chain c SET event = -o.event FROM audit_chain o WHERE c.position + o.position = 7 AND c.position IN (3, 4)`,
			[]string{"3: " + unclear, "4: " + changed}},
		{"the end away", `DELETE FROM audit_chain WHERE position > 7`,
			[]string{"8: the chain ends at 7, but was signed here", outside, outside}},
		{"an event put in", `INSERT INTO audit_event (id, recorded, kind, action, outcome, agent, client, data, detail)
			VALUES (gen_random_uuid(), now(), 'login', 'E', 0, 'x', '', '', '{}')`,
			[]string{outside}},
		{"a signed link", `UPDATE audit_chain SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE position = 8`,
			[]string{"8: the link is not the one that was signed", "8: " + link}},
		{"a signature", `UPDATE audit_head SET signature = set_byte(signature, 0, get_byte(signature, 0) # 1)`,
			[]string{"8: the signature of the chain at this position is not genuine"}},
		{"the time of a signature", `UPDATE audit_head SET signed_at = signed_at - interval '1 day'`,
			[]string{"8: the signature of the chain at this position is not genuine"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, table := range tables {
				exec(t, pool, `TRUNCATE `+table)
				exec(t, pool, `INSERT INTO `+table+` OVERRIDING SYSTEM VALUE SELECT * FROM good_`+table)
			}
			if r := verify(t, pool, audit.Check{}); !r.OK() || r.Events != 9 || r.Heads != 1 {
				t.Fatalf("before: %+v", r)
			}
			exec(t, pool, tc.query)
			r := verify(t, pool, audit.Check{})
			var got []string
			for i, f := range r.Faults {
				text := fmt.Sprint(f.Position, ": ", f.Problem)
				if i < len(tc.want) && strings.HasPrefix(text, tc.want[i]) {
					text = tc.want[i]
				}
				got = append(got, text)
				if f.Position == 3 && f.Event != "" && f.Event != thirdID && tc.name != "the id" && tc.name != "links exchanged" {
					t.Errorf("position 3 is named as event %s, and was %s", f.Event, thirdID)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// Somebody who holds the database and the key makes the chain anew. What was exported
// before tells.
func TestExportedHeadOutlivesTheDatabase(t *testing.T) {
	trail, pool := open(t)
	for i := range 3 {
		write(t, trail, advice(t, trail, "Practitioner/1", fmt.Sprint("p", i)))
	}
	head, err := trail.Sign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	exported, err := audit.ParseHead(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(head, exported); diff != "" {
		t.Errorf("exported and read (-want +got):\n%s", diff)
	}
	check := audit.Check{Heads: []audit.Head{exported}}
	if r := verify(t, pool, check); !r.OK() || r.Heads != 2 {
		t.Errorf("before: %+v", r)
	}
	tamper(t, pool, `DELETE FROM audit_head`)
	tamper(t, pool, `DELETE FROM audit_chain`)
	tamper(t, pool, `UPDATE audit_event SET agent = 'Practitioner/2'`)
	exec(t, pool, `INSERT INTO audit_pending SELECT seq FROM audit_event`)
	chain(t, trail, 3)
	if _, err := trail.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, pool, audit.Check{}); !r.OK() {
		t.Errorf("a chain that was made anew has faults: %v", r.Faults)
	}
	if r := verify(t, pool, check); r.OK() || !strings.HasPrefix(r.Faults[0].Problem, "the link is not the one that was signed") {
		t.Errorf("%+v", r)
	}
}

func TestParseHeadRefusesWhatIsNotSigned(t *testing.T) {
	trail, _ := open(t)
	write(t, trail, advice(t, trail, "Practitioner/1", "p"))
	head, err := trail.Sign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "{}", "[]", "null", `{"position":1}`, strings.Replace(string(raw), `"position":1`, `"position":2`, 1),
		strings.Replace(string(raw), `"hash":"`, `"hash":"00`, 1), strings.Replace(string(raw), `"publicKey":"`, `"publicKey":"AA`, 1),
	} {
		if _, err := audit.ParseHead([]byte(text)); !issue.Is(err, issue.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestVerifyFromAPosition(t *testing.T) {
	trail, pool := open(t)
	for i := range 10 {
		write(t, trail, advice(t, trail, "Practitioner/1", fmt.Sprint("p", i)))
	}
	chain(t, trail, 10)
	tamper(t, pool, `UPDATE audit_event SET agent = 'x' WHERE seq = (SELECT event FROM audit_chain WHERE position = 4)`)
	if r := verify(t, pool, audit.Check{From: 5}); !r.OK() || r.First != 5 || r.Events != 6 {
		t.Errorf("from 5: %+v", r)
	}
	if r := verify(t, pool, audit.Check{From: 4}); r.OK() || r.Faults[0].Position != 4 {
		t.Errorf("from 4: %+v", r)
	}
	if _, err := audit.Verify(t.Context(), pool, audit.Check{From: 99}); err == nil {
		t.Error("a position that is not there was verified")
	}
	if _, empty := open(t); !verify(t, empty, audit.Check{}).OK() {
		t.Error("an empty trail has faults")
	}
}
