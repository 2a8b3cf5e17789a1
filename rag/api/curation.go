package api

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"cdss/rag"
	"cdss/rag/ingest"
	"cdss/rag/parse"
)

// PageOutline is a page of a version without its text.
type PageOutline struct {
	Sheet    int          `json:"sheet" doc:"position in the document, from 1"`
	Page     *int         `json:"page" doc:"printed page"`
	Label    string       `json:"label" doc:"as printed where that is no number, else empty"`
	Width    float32      `json:"width" doc:"points; 0 when the format has no pages"`
	Height   float32      `json:"height"`
	Length   int          `json:"length" doc:"bytes of its text"`
	Flags    []parse.Flag `json:"flags" doc:"picture-only, little-text, bad-letters, broken-page, hidden-text"`
	HasImage bool         `json:"hasImage"`
}

// PageList is a part of the pages of a version.
type PageList struct {
	Total int           `json:"total"`
	Pages []PageOutline `json:"pages"`
}

// PageView is a page as a curator looks at it.
type PageView struct {
	PageOutline
	Text     string             `json:"text"`
	Image    string             `json:"image" doc:"address of the image, empty when there is none"`
	Passages []GuidelinePassage `json:"passages"`
}

// UsedBy tells which rules cite a version.
type UsedBy struct {
	Citations []RuleCitation `json:"citations"`
}

// RuleCitation is a place a rule cites, and the passage it finds.
type RuleCitation struct {
	Rule    string            `json:"rule" doc:"canonical URL"`
	Version string            `json:"version"`
	Title   string            `json:"title"`
	Page    *int              `json:"page" doc:"as the rule names it"`
	Section string            `json:"section"`
	Terms   []string          `json:"terms" doc:"what the cited words must hold"`
	Found   bool              `json:"found"`
	Passage *GuidelinePassage `json:"passage"`
}

// VersionDifference is what changed between two versions.
type VersionDifference struct {
	From     Guideline          `json:"from"`
	To       Guideline          `json:"to"`
	Same     int                `json:"same" doc:"passages whose words stand in both"`
	Added    []GuidelinePassage `json:"added"`
	Removed  []GuidelinePassage `json:"removed"`
	Changed  []PassageChange    `json:"changed"`
	Bindings []RuleRebinding    `json:"citations" doc:"what becomes of the rules that cite the guideline"`
}

// PassageChange is a passage before and after.
type PassageChange struct {
	From GuidelinePassage `json:"from"`
	To   GuidelinePassage `json:"to"`
}

// RuleRebinding is a citation in both versions.
type RuleRebinding struct {
	Rule    string            `json:"rule"`
	Title   string            `json:"title"`
	Page    *int              `json:"page"`
	Section string            `json:"section"`
	Terms   []string          `json:"terms"`
	State   string            `json:"state" enum:"stands,moved,lost,new,unbound" doc:"stands: the same words; moved: other words or place; lost: found before only; new: found now only"`
	From    *GuidelinePassage `json:"from"`
	To      *GuidelinePassage `json:"to"`
}

// QuotePlace is where a quotation is printed.
type QuotePlace struct {
	Guideline Guideline        `json:"guideline"`
	Sheet     int              `json:"sheet" doc:"position of the page in the document, from 1"`
	Page      *int             `json:"page" doc:"printed page"`
	Width     float32          `json:"width" doc:"of the page in points; 0 when the format has no pages"`
	Height    float32          `json:"height"`
	Boxes     []Box            `json:"boxes" doc:"one a line; empty when the format does not tell"`
	Text      string           `json:"text" doc:"of the page"`
	Start     int              `json:"start" doc:"of the quotation in text, in characters"`
	End       int              `json:"end"`
	Image     string           `json:"image" doc:"address of the page's image, empty when there is none"`
	Passage   GuidelinePassage `json:"passage"`
}

type (
	siblingsInput struct {
		ID string `path:"id" maxLength:"200" doc:"identifier of the guideline, or id of one of its versions"`
	}
	pagesInput struct {
		ID      string `path:"id" maxLength:"200" doc:"identifier of the guideline, or id of one of its versions"`
		Version string `path:"version" maxLength:"64"`
		From    int    `query:"from" minimum:"1" maximum:"100000" default:"1"`
		Limit   int    `query:"limit" minimum:"1" maximum:"2000" default:"200"`
	}
	pageInput struct {
		ID      string `path:"id" maxLength:"200" doc:"identifier of the guideline, or id of one of its versions"`
		Version string `path:"version" maxLength:"64"`
		Sheet   int    `path:"n" minimum:"1" maximum:"100000" doc:"position of the page in the document"`
	}
	imageInput struct {
		ID      string `path:"id" maxLength:"200" doc:"identifier of the guideline, or id of one of its versions"`
		Version string `path:"version" maxLength:"64"`
		Sheet   int    `path:"n" minimum:"1" maximum:"100000" doc:"position of the page in the document"`
		Width   int    `query:"width" minimum:"100" maximum:"2400" default:"900" doc:"pixels; the nearest of a few sizes is given"`
	}
	imageOutput struct {
		ContentType string `header:"Content-Type"`
		Cache       string `header:"Cache-Control"`
		Body        []byte
	}
	fileOutput struct {
		ContentType string `header:"Content-Type"`
		Disposition string `header:"Content-Disposition"`
		Policy      string `header:"Content-Security-Policy"`
		Sniff       string `header:"X-Content-Type-Options"`
		Body        []byte
	}
	pageListOutput struct{ Body PageList }
	pageOutput     struct{ Body PageView }
	usedByOutput   struct{ Body UsedBy }
	differInput    struct {
		ID      string `path:"id" maxLength:"200" doc:"identifier of the guideline, or id of one of its versions"`
		Version string `path:"version" maxLength:"64"`
		From    string `query:"from" required:"true" maxLength:"64" doc:"id of the earlier version"`
	}
	differOutput struct{ Body VersionDifference }
	markInput    struct {
		ID      string `path:"id" maxLength:"64"`
		Passage string `path:"passage" maxLength:"64"`
		Body    struct {
			Disabled bool   `json:"disabled" doc:"feeds no answer and is not cited"`
			Note     string `json:"note" maxLength:"2000"`
		}
	}
	markOutput  struct{ Body GuidelinePassage }
	locateInput struct {
		Body struct {
			Document string `json:"document" maxLength:"200" doc:"identifier, as citations name it"`
			Version  string `json:"version,omitempty" maxLength:"64" doc:"id of a version; the active one when empty"`
			Quote    string `json:"quote" minLength:"1" maxLength:"20000"`
		}
	}
	locateOutput struct{ Body QuotePlace }
)

func (d *door) registerCuration(api huma.API) {
	huma.Register(api, operation("list-guideline-versions", http.MethodGet, "/guidelines/{id}/versions",
		"List the versions of a guideline", http.StatusOK, http.StatusNotFound), d.versions)
	huma.Register(api, operation("list-guideline-pages", http.MethodGet, "/guidelines/{id}/versions/{version}/pages",
		"List the pages of a version", http.StatusOK, http.StatusNotFound), d.pageList)
	huma.Register(api, operation("read-guideline-page", http.MethodGet, "/guidelines/{id}/versions/{version}/pages/{n}",
		"Read a page with its passages and where they are printed", http.StatusOK, http.StatusNotFound), d.page)
	image := operation("read-guideline-page-image", http.MethodGet, "/guidelines/{id}/versions/{version}/pages/{n}/image",
		"Show a page as PNG", http.StatusOK, http.StatusNotFound)
	image.Responses = binary("image/png")
	huma.Register(api, image, d.image)
	huma.Register(api, operation("compare-guideline-versions", http.MethodGet, "/guidelines/{id}/versions/{version}/difference",
		"Compare with an earlier version, and tell what becomes of the rules that cite it", http.StatusOK, http.StatusNotFound), d.differ)
	huma.Register(api, operation("list-guideline-citations", http.MethodGet, "/guidelines/{id}/used-by",
		"List the rules that cite a version", http.StatusOK, http.StatusNotFound), d.usedBy)
	file := operation("download-guideline", http.MethodGet, "/guidelines/{id}/file", "Download the file as it was uploaded", http.StatusOK, http.StatusNotFound)
	file.Responses = binary("application/octet-stream")
	huma.Register(api, file, d.original)
	huma.Register(api, operation("mark-guideline-passage", http.MethodPut, "/guidelines/{id}/passages/{passage}",
		"Annotate or disable a passage", http.StatusOK, http.StatusNotFound), d.mark)
	huma.Register(api, operation("locate-quotation", http.MethodPost, "/guidelines/locate",
		"Find where a quotation is printed", http.StatusOK, http.StatusNotFound), d.locate)
}

func binary(media string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
}

func passage(p ingest.Passage) GuidelinePassage {
	g := cited(p.Passage)
	g.Disabled, g.Note, g.MarkedBy = p.Disabled, p.Note, p.By
	return g
}

func cited(p rag.Passage) GuidelinePassage {
	section := p.Section
	if section == nil {
		section = []string{}
	}
	return GuidelinePassage{
		ID: p.ID, Ord: p.Ord, Kind: p.Kind, Language: p.Language, Page: pageOrNil(p.Page), PageEnd: pageOrNil(p.PageEnd),
		Section: section, Quoted: p.Quoted, SHA256: p.SHA256, Sheet: p.Anchor.Sheet + 1,
	}
}

// boxes gives where a passage is printed; pages keeps the pages that were read.
func (d *door) boxes(ctx context.Context, id string, at rag.Anchor, pages map[int]parse.Page) ([]Box, error) {
	page, known := pages[at.Sheet]
	if !known {
		list, err := d.guidelines.Pages(ctx, id, at.Sheet+1, 1)
		if err != nil {
			return nil, err
		}
		if len(list) == 1 {
			page = list[0]
		}
		pages[at.Sheet] = page
	}
	return boxes(page.Boxes(at.Start, at.End)), nil
}

func boxes(list []parse.Rect) []Box {
	out := make([]Box, 0, len(list))
	for _, r := range list {
		out = append(out, Box{X: r.X0, Y: r.Y0, Width: r.X1 - r.X0, Height: r.Y1 - r.Y0})
	}
	return out
}

func outline(p parse.Page, sheet int, format parse.Format) PageOutline {
	flags := p.Flags
	if flags == nil {
		flags = []parse.Flag{}
	}
	return PageOutline{Sheet: sheet, Page: pageOrNil(p.Number), Label: p.Label, Width: p.Width, Height: p.Height,
		Length: len(p.Text), Flags: flags, HasImage: format == parse.PDF}
}

func imageAddress(v ingest.Version, sheet int) string {
	if v.Format != parse.PDF {
		return ""
	}
	return "/api/guidelines/" + v.ID + "/versions/" + v.ID + "/pages/" + strconv.Itoa(sheet) + "/image"
}

func (d *door) versions(ctx context.Context, in *siblingsInput) (*guidelinesOutput, error) {
	list, err := d.guidelines.Siblings(ctx, in.ID)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &guidelinesOutput{Body: GuidelineList{Guidelines: []Guideline{}}}
	for _, v := range list {
		out.Body.Guidelines = append(out.Body.Guidelines, guideline(v))
	}
	return out, nil
}

func (d *door) pageList(ctx context.Context, in *pagesInput) (*pageListOutput, error) {
	v, err := d.guidelines.Sibling(ctx, in.ID, in.Version)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	pages, err := d.guidelines.Pages(ctx, v.ID, in.From, in.Limit)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &pageListOutput{Body: PageList{Total: v.Pages, Pages: []PageOutline{}}}
	for i, p := range pages {
		out.Body.Pages = append(out.Body.Pages, outline(p, in.From+i, v.Format))
	}
	return out, nil
}

func (d *door) page(ctx context.Context, in *pageInput) (*pageOutput, error) {
	v, err := d.guidelines.Sibling(ctx, in.ID, in.Version)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	pages, err := d.guidelines.Pages(ctx, v.ID, in.Sheet, 1)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	if len(pages) == 0 {
		return nil, d.fail(ctx, parse.Refuse(parse.NoPage))
	}
	const most = 10_000 // passages of one page
	_, list, err := d.guidelines.Passages(ctx, v.ID, ingest.Filter{Sheet: in.Sheet, Limit: most})
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &pageOutput{Body: PageView{PageOutline: outline(pages[0], in.Sheet, v.Format), Text: pages[0].Text,
		Image: imageAddress(v, in.Sheet), Passages: []GuidelinePassage{}}}
	for _, p := range list {
		g := passage(p)
		g.Boxes = boxes(pages[0].Boxes(p.Anchor.Start, p.Anchor.End))
		out.Body.Passages = append(out.Body.Passages, g)
	}
	return out, nil
}

func (d *door) image(ctx context.Context, in *imageInput) (*imageOutput, error) {
	v, err := d.guidelines.Sibling(ctx, in.ID, in.Version)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	image, err := d.guidelines.PageImage(ctx, v.ID, in.Sheet, in.Width)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	// The bytes of a version never change, and only its reader keeps them.
	return &imageOutput{ContentType: "image/png", Cache: "private, max-age=86400, immutable", Body: image}, nil
}

// original gives the upload back. A browser must neither show nor run it.
func (d *door) original(ctx context.Context, in *guidelineID) (*fileOutput, error) {
	v, data, err := d.guidelines.Original(ctx, in.ID)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": v.FileName})
	if disposition == "" {
		disposition = "attachment; filename*=UTF-8''" + url.PathEscape(v.FileName)
	}
	return &fileOutput{ContentType: "application/octet-stream", Disposition: disposition,
		Policy: "default-src 'none'; sandbox", Sniff: "nosniff", Body: data}, nil
}

func (d *door) mark(ctx context.Context, in *markInput) (*markOutput, error) {
	p, err := d.guidelines.Mark(ctx, in.ID, in.Passage, ingest.Mark{Disabled: in.Body.Disabled, Note: in.Body.Note})
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	return &markOutput{Body: passage(p)}, nil
}

func (d *door) usedBy(ctx context.Context, in *guidelineID) (*usedByOutput, error) {
	list, err := d.guidelines.UsedBy(ctx, in.ID, d.citing())
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := &usedByOutput{Body: UsedBy{Citations: []RuleCitation{}}}
	for _, b := range list {
		c := RuleCitation{Rule: b.Rule, Version: b.Citing.Version, Title: b.Title, Page: pageOrNil(b.At.Page), Section: b.At.Section, Terms: terms(b.At), Found: b.Found}
		if b.Found {
			p := cited(b.Passage)
			c.Passage = &p
		}
		out.Body.Citations = append(out.Body.Citations, c)
	}
	return out, nil
}

func terms(l rag.Locator) []string {
	if l.Terms == nil {
		return []string{}
	}
	return l.Terms
}

func (d *door) differ(ctx context.Context, in *differInput) (*differOutput, error) {
	v, err := d.guidelines.Sibling(ctx, in.ID, in.Version)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	diff, err := d.guidelines.Differ(ctx, in.From, v.ID, d.citing())
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	out := VersionDifference{From: guideline(diff.From), To: guideline(diff.To), Same: diff.Same,
		Added: []GuidelinePassage{}, Removed: []GuidelinePassage{}, Changed: []PassageChange{}, Bindings: []RuleRebinding{}}
	for _, p := range diff.Added {
		out.Added = append(out.Added, cited(p))
	}
	for _, p := range diff.Removed {
		out.Removed = append(out.Removed, cited(p))
	}
	for _, c := range diff.Changed {
		out.Changed = append(out.Changed, PassageChange{cited(c.From), cited(c.To)})
	}
	for _, b := range diff.Bindings {
		r := RuleRebinding{Rule: b.Rule, Title: b.Title, Page: pageOrNil(b.At.Page), Section: b.At.Section, Terms: terms(b.At), State: state(b)}
		if b.From != nil {
			p := cited(*b.From)
			r.From = &p
		}
		if b.To != nil {
			p := cited(*b.To)
			r.To = &p
		}
		out.Bindings = append(out.Bindings, r)
	}
	return &differOutput{Body: out}, nil
}

func state(b ingest.Rebinding) string {
	switch {
	case b.From == nil && b.To == nil:
		return "unbound"
	case b.From == nil:
		return "new"
	case b.To == nil:
		return "lost"
	case b.From.SHA256 == b.To.SHA256 && b.From.Page == b.To.Page:
		return "stands"
	}
	return "moved"
}

func (d *door) locate(ctx context.Context, in *locateInput) (*locateOutput, error) {
	place, err := d.guidelines.Locate(ctx, in.Body.Document, in.Body.Version, in.Body.Quote)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	text := place.Page.Text
	start, end := min(place.Start, len(text)), min(place.End, len(text))
	return &locateOutput{Body: QuotePlace{
		Guideline: guideline(place.Version), Sheet: place.Sheet, Page: pageOrNil(place.Passage.Page),
		Width: place.Page.Width, Height: place.Page.Height, Boxes: boxes(place.Boxes), Text: text,
		Start: len([]rune(text[:start])), End: len([]rune(text[:end])),
		Image: imageAddress(place.Version, place.Sheet), Passage: cited(place.Passage),
	}}, nil
}
