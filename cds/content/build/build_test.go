package build

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/content"
)

// tables gives the embedded source tables as a file system that a test may change.
func tables(t *testing.T) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	names, err := fs.Glob(content.Tables(), "*.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(content.Tables(), name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

func TestArtifactsAreWhatTheTablesSay(t *testing.T) {
	files, err := Files(content.Tables())
	if err != nil {
		t.Fatal(err)
	}
	have, err := fs.Glob(content.Files(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for name := range files {
		want = append(want, name)
	}
	if len(have) != len(want) {
		t.Errorf("%d files are embedded, the tables give %d: run go generate ./cds/content", len(have), len(want))
	}
	for name, data := range files {
		old, err := fs.ReadFile(content.Files(), name)
		if err != nil {
			t.Errorf("%s is not embedded: run go generate ./cds/content", name)
			continue
		}
		if diff := cmp.Diff(string(old), string(data)); diff != "" {
			t.Errorf("%s is out of date, run go generate ./cds/content (-embedded +tables):\n%.2000s", name, diff)
		}
	}
}

func TestMistakesInTablesNameTheLine(t *testing.T) {
	replace := func(file, old, new string) func(fstest.MapFS) {
		return func(f fstest.MapFS) {
			data := string(f[file].Data)
			i := strings.Index(data, old)
			if i < 0 {
				t.Fatalf("%s does not hold %q", file, old)
			}
			f[file] = &fstest.MapFile{Data: []byte(data[:i] + new + data[i+len(old):])}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(fstest.MapFS)
		want   string
	}{
		{"a dose that is no number", replace("regimens.csv", ",J01CA04,Amoxicillin,750,", ",J01CA04,Amoxicillin,7x0,"), `dose is no number: "7x0"`},
		{"a range that falls", replace("regimens.csv", ",J01CA04,Amoxicillin,750,1000,", ",J01CA04,Amoxicillin,750,500,"), "no rising range"},
		{"an unknown substance", replace("regimens.csv", ",J01CA04,", ",J01CA99,"), "J01CA99 is not in the formulary"},
		{"an unknown route", replace("regimens.csv", ",po,", ",sc,"), `unknown route "sc"`},
		{"an unknown population", replace("regimens.csv", "community-acquired-pneumonia,oral-sequence,", "community-acquired-pneumonia,oral,"), "is not among the populations"},
		{"an unknown source of a rule", replace("safety.csv", ",ema-fluoroquinolones-2018,", ",ema-2018,"), `unknown source "ema-2018"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := tables(t)
			tc.change(f)
			_, err := Files(f)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("build gives %v, want an error with %q", err, tc.want)
			}
			if err != nil && !strings.Contains(err.Error(), ".csv:") {
				t.Errorf("error %v does not name file and line", err)
			}
		})
	}
}
