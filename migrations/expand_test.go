package migrations_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// contracting are statements that break the program of the version before, which still
// runs while a new one is deployed: it reads and writes what they take away.
var contracting = regexp.MustCompile(`(?i)\b(DROP\s+(TABLE|COLUMN|VIEW|FUNCTION|TYPE|SCHEMA|SEQUENCE)|RENAME\s+(TO|COLUMN|CONSTRAINT)|ALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE|SET\s+NOT\s+NULL|DROP\s+DEFAULT)\b|^\s*TRUNCATE\b`)

// added is a new column of a table that is there, up to the end of its clause.
var added = regexp.MustCompile(`(?is)\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\s+([^,;]*)`)

// TestMigrationsOnlyExpand reads every migration. A column of a table that is there must be
// one that the program before can leave out.
func TestMigrationsOnlyExpand(t *testing.T) {
	names, err := filepath.Glob("*.sql")
	if err != nil || len(names) < 40 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range contracts(string(raw)) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// contracts gives what of a migration the program before does not survive.
func contracts(sql string) (faults []string) {
	up, _, _ := strings.Cut(sql, "-- +goose Down")
	var b strings.Builder
	for line := range strings.Lines(up) {
		code, _, _ := strings.Cut(line, "--")
		b.WriteString(code + "\n")
	}
	for statement := range strings.SplitSeq(b.String(), ";") {
		if m := contracting.FindString(statement); m != "" {
			faults = append(faults, m)
		}
		if !regexp.MustCompile(`(?i)^\s*ALTER\s+TABLE`).MatchString(statement) {
			continue
		}
		for _, m := range added.FindAllStringSubmatch(statement, -1) {
			word, rest := strings.ToUpper(m[1]), strings.ToUpper(m[2])
			switch word {
			case "CONSTRAINT", "CHECK", "PRIMARY", "UNIQUE", "FOREIGN":
				continue
			}
			if strings.Contains(rest, "NOT NULL") && !strings.Contains(rest, "DEFAULT") && !strings.Contains(rest, "GENERATED") {
				faults = append(faults, "the new column "+m[1]+" must be given")
			}
		}
	}
	return faults
}

// TestContractingIsFound: what the rule is for, it finds.
func TestContractingIsFound(t *testing.T) {
	for sql, want := range map[string]int{
		"ALTER TABLE a DROP COLUMN b;":                                     1,
		"DROP TABLE a;":                                                    1,
		"ALTER TABLE a RENAME TO b;":                                       1,
		"ALTER TABLE a RENAME COLUMN b TO c;":                              1,
		"ALTER TABLE a ALTER COLUMN b TYPE bigint;":                        1,
		"ALTER TABLE a ALTER COLUMN b SET NOT NULL;":                       1,
		"ALTER TABLE a ADD COLUMN b text NOT NULL;":                        1,
		"ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT '';":             0,
		"ALTER TABLE a ADD COLUMN b text;":                                 0,
		"CREATE TABLE a (b text NOT NULL); -- DROP TABLE c":                0,
		"ALTER TABLE a DROP CONSTRAINT b; ALTER TABLE a ADD CHECK (true);": 0,
		"ALTER TABLE a ALTER COLUMN b SET STORAGE PLAIN;":                  0,
	} {
		if got := contracts(sql); len(got) != want {
			t.Errorf("%s: %q", sql, got)
		}
	}
}
