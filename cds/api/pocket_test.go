package api_test

import (
	"bytes"
	"strings"
	"testing"

	"cdss/cds/api"
	"cdss/cds/knowledge"
	"cdss/cds/render/pocket"
)

// The booklet is a PDF in the language asked for; its ETag is the hash of the rules.
func TestPocket(t *testing.T) {
	var snapshot *knowledge.Snapshot
	h := door(t, &decider{}, func(c *api.Config) { snapshot = c.Knowledge() })
	de, en := send(h, "GET", "/pocket?language=de", ""), send(h, "GET", "/pocket?language=en", "")
	for lang, w := range map[string]struct {
		code int
		tag  string
		kind string
		body []byte
	}{
		"de": {de.Code, de.Header().Get("ETag"), de.Header().Get("Content-Type"), de.Body.Bytes()},
		"en": {en.Code, en.Header().Get("ETag"), en.Header().Get("Content-Type"), en.Body.Bytes()},
	} {
		if w.code != 200 || w.kind != "application/pdf" || !bytes.HasPrefix(w.body, []byte("%PDF-")) {
			t.Errorf("%s: %d %s %.40q", lang, w.code, w.kind, w.body)
		}
		if want := `"` + pocket.Hash(snapshot) + "-" + lang + `"`; w.tag != want {
			t.Errorf("%s: ETag %s, want %s", lang, w.tag, want)
		}
	}
	if bytes.Equal(de.Body.Bytes(), en.Body.Bytes()) {
		t.Error("both languages are the same")
	}
	if w := send(h, "GET", "/pocket?language=fr", ""); w.Code != 422 || !strings.Contains(w.Body.String(), "language") {
		t.Errorf("a language there is not: %d %s", w.Code, w.Body)
	}
}
