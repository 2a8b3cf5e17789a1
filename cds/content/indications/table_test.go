package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestDocumentIsUpToDate(t *testing.T) {
	want, err := table(os.DirFS("../cases"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/INDICATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/INDICATIONS.md is not what the content holds; run go generate ./cds/content")
	}
	if n := strings.Count(string(want), "| nobody yet |"); n != 41 {
		t.Errorf("%d indications are said not to be reviewed, want 41", n)
	}
}
