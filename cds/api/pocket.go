package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/cds/knowledge"
	"cdss/cds/render/pocket"
)

// booklets keeps the pocket guideline of the rules in force, since laying it out takes
// a quarter of a second of a core.
type booklets struct {
	mu   sync.Mutex
	of   *knowledge.Snapshot
	made map[cds.Lang][]byte
}

// get gives the booklet of a snapshot; its state is the time the snapshot was made.
func (b *booklets) get(s *knowledge.Snapshot, lang cds.Lang, zone *time.Location) ([]byte, error) {
	b.mu.Lock() // whoever comes meanwhile waits for the same pages
	defer b.mu.Unlock()
	if b.of != s {
		b.of, b.made = s, map[cds.Lang][]byte{}
	}
	if pdf, ok := b.made[lang]; ok {
		return pdf, nil
	}
	pdf, err := pocket.Write(s, lang, s.LoadedAt().In(zone))
	if err != nil {
		return nil, err
	}
	b.made[lang] = pdf
	return pdf, nil
}

type pocketAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func (d *door) registerPocket(api huma.API) {
	kept := &booklets{}
	op := operation("pocket-guideline", http.MethodGet, "/pocket", "Get the house guideline in force as a pocket PDF", http.StatusOK)
	op.Description = "Made of the rules that answer, with the hash of each; its ETag is the hash of all of them. Unadjusted doses: nothing about a patient is checked."
	op.Responses = map[string]*huma.Response{"200": {Description: "the booklet", Content: map[string]*huma.MediaType{
		"application/pdf": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}}
	huma.Register(api, op, func(ctx context.Context, in *struct {
		Language string `query:"language" enum:"de,en" required:"false" doc:"de or en; without it that of the header"`
		Accepted string `header:"Accept-Language" required:"false"`
	}) (*pocketAnswer, error) {
		snapshot, lang := d.Knowledge(), language(in.Language, in.Accepted)
		pdf, err := kept.get(snapshot, lang, d.Now().Location())
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		return &pocketAnswer{
			ContentType: "application/pdf", ETag: `"` + pocket.Hash(snapshot) + "-" + string(lang) + `"`, Body: pdf,
			Disposition: `attachment; filename="pocket-guideline-` + string(lang) + `.pdf"`,
		}, nil
	})
}
