package pdfium

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"cdss/rag/parse"
)

// Bounds of one page, so that a hostile one ends.
const (
	maxGlyphs  = 200_000
	maxObjects = 20_000
	maxRules   = 20_000
)

// device is how finely page positions are asked for: units of a hundredth of a
// point.
const device = 100

// view turns positions of a page into points from the upper left corner of the page
// as it is shown, whatever its boxes and rotation.
type view struct{ a, b, c, d, e, f float64 }

func (v view) point(x, y float64) (float32, float32) {
	return float32(v.a*x + v.c*y + v.e), float32(v.b*x + v.d*y + v.f)
}

func (v view) rect(x0, y0, x1, y1 float64) parse.Rect {
	ax, ay := v.point(x0, y0)
	bx, by := v.point(x1, y1)
	return parse.Rect{X0: min(ax, bx), Y0: min(ay, by), X1: max(ax, bx), Y1: max(ay, by)}
}

// Sheet reads page i, from 0.
func (f *File) Sheet(i int) (parse.Sheet, error) {
	sheet := parse.Sheet{}
	if err := f.renew(); err != nil {
		return sheet, fmt.Errorf("open the document again for page %d: %w", i+1, err)
	}
	f.read++
	if label, err := f.in.FPDF_GetPageLabel(&requests.FPDF_GetPageLabel{Document: f.document, Page: i}); err == nil {
		sheet.Label = label.Label
	}
	loaded, err := f.in.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: f.document, Index: i})
	if err != nil {
		return sheet, fmt.Errorf("load page %d: %w", i+1, err)
	}
	defer f.in.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
	page := requests.Page{ByReference: &loaded.Page}
	v, err := f.view(page, &sheet)
	if err != nil {
		return sheet, fmt.Errorf("measure page %d: %w", i+1, err)
	}
	if err := f.text(page, v, &sheet); err != nil {
		return sheet, fmt.Errorf("read the text of page %d: %w", i+1, err)
	}
	f.objects(page, v, &sheet)
	return sheet, nil
}

// view asks where three points of the page are shown.
func (f *File) view(page requests.Page, sheet *parse.Sheet) (view, error) {
	w, err := f.in.FPDF_GetPageWidthF(&requests.FPDF_GetPageWidthF{Page: page})
	if err != nil {
		return view{}, err
	}
	h, err := f.in.FPDF_GetPageHeightF(&requests.FPDF_GetPageHeightF{Page: page})
	if err != nil {
		return view{}, err
	}
	const largest = 14_400 // points, the limit of the format (ISO 32000-1, Annex C)
	if !(w.PageWidth > 1 && h.PageHeight > 1 && w.PageWidth <= largest && h.PageHeight <= largest) {
		return view{}, parse.Refuse(parse.Damaged)
	}
	sheet.Width, sheet.Height = w.PageWidth, h.PageHeight
	at := func(x, y float64) (float64, float64, error) {
		p, err := f.in.FPDF_PageToDevice(&requests.FPDF_PageToDevice{Page: page,
			SizeX: int(w.PageWidth * device), SizeY: int(h.PageHeight * device), PageX: x, PageY: y})
		if err != nil {
			return 0, 0, err
		}
		return float64(p.DeviceX) / device, float64(p.DeviceY) / device, nil
	}
	const far = 1000
	x0, y0, err := at(0, 0)
	if err != nil {
		return view{}, err
	}
	x1, y1, err := at(far, 0)
	if err != nil {
		return view{}, err
	}
	x2, y2, err := at(0, far)
	if err != nil {
		return view{}, err
	}
	return view{(x1 - x0) / far, (y1 - y0) / far, (x2 - x0) / far, (y2 - y0) / far, x0, y0}, nil
}

// text reads the characters of a page in the order PDFium gives them.
func (f *File) text(page requests.Page, v view, sheet *parse.Sheet) error {
	loaded, err := f.in.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return err
	}
	text := loaded.TextPage
	defer f.in.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text})
	count, err := f.in.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text})
	if err != nil {
		return err
	}
	if count.Count > maxGlyphs {
		return parse.Refuse(parse.TooMuchText)
	}
	var run parse.Run
	end := func() {
		if len(run.Glyphs) > 0 {
			sheet.Runs = append(sheet.Runs, run)
		}
		run = parse.Run{}
	}
	var high rune // first half of a character beyond the basic plane
	for i := range count.Count {
		u, err := f.in.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: text, Index: i})
		if err != nil {
			return err
		}
		r := rune(uint32(u.Unicode))
		if r >= 0xd800 && r < 0xdc00 {
			high = r
			continue
		}
		if high != 0 {
			r, high = utf16.DecodeRune(high, r), 0
		}
		switch {
		case r == '\r' || r == '\n' || r == ' ' || r == '\u00a0' || r == '\t':
			end()
			continue
		case r == 0x02, r == 0xad: // PDFium's mark of a hyphen at the end of a line; a soft hyphen that is printed
			r = '-'
		}
		if len(run.Glyphs) == 0 {
			run.Bold, run.Size, run.White = f.bold(text, i), f.size(text, i), f.white(text, i)
			if angle, err := f.in.FPDFText_GetCharAngle(&requests.FPDFText_GetCharAngle{TextPage: text, Index: i}); err == nil {
				run.Turned = int(math.Round(float64(angle.CharAngle)/(math.Pi/2))) & 3
			}
			if wrong, err := f.in.FPDFText_HasUnicodeMapError(&requests.FPDFText_HasUnicodeMapError{TextPage: text, Index: i}); err == nil && wrong.HasUnicodeMapError {
				sheet.Unreadable++
			}
		}
		box, err := f.in.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: text, Index: i})
		if err != nil {
			continue // not printed
		}
		b := box.Rect
		run.Glyphs = append(run.Glyphs, parse.Glyph{Rune: r, Box: v.rect(float64(b.Left), float64(b.Bottom), float64(b.Right), float64(b.Top))})
	}
	end()
	return nil
}

// heavy are the parts of font names that say a font is bold. The weight that PDFium
// estimates from the stems is wrong for many fonts of TeX, so names go first.
var heavy = []string{"bold", "black", "heavy", "demi", "cmb", "medi", "-bd", "extrab"}

func (f *File) bold(text references.FPDF_TEXTPAGE, i int) bool {
	info, err := f.in.FPDFText_GetFontInfo(&requests.FPDFText_GetFontInfo{TextPage: text, Index: i})
	if err != nil || info.FontName == "" {
		w, err := f.in.FPDFText_GetFontWeight(&requests.FPDFText_GetFontWeight{TextPage: text, Index: i})
		return err == nil && w.FontWeight >= 700
	}
	known, ok := f.weights[info.FontName]
	if ok {
		return known
	}
	const forced = 1 << 18 // ISO 32000-1, table 123: ForceBold
	name := strings.ToLower(info.FontName)
	bold := info.Flags&forced != 0 || slices.ContainsFunc(heavy, func(part string) bool { return strings.Contains(name, part) }) &&
		!strings.Contains(name, "medium")
	if len(f.weights) < 1000 {
		f.weights[info.FontName] = bold
	}
	return bold
}

// size is the size of the font as it is shown: many files write everything in size
// 1 and scale it.
func (f *File) size(text references.FPDF_TEXTPAGE, i int) float32 {
	s, err := f.in.FPDFText_GetFontSize(&requests.FPDFText_GetFontSize{TextPage: text, Index: i})
	if err != nil {
		return 0
	}
	m, err := f.in.FPDFText_GetMatrix(&requests.FPDFText_GetMatrix{TextPage: text, Index: i})
	if err != nil {
		return float32(s.FontSize)
	}
	scale := math.Sqrt(math.Abs(float64(m.Matrix.A)*float64(m.Matrix.D) - float64(m.Matrix.B)*float64(m.Matrix.C)))
	return float32(math.Abs(s.FontSize) * scale)
}

// nearWhite is the darkest colour that counts as white, of 255.
const nearWhite = 245

func (f *File) white(text references.FPDF_TEXTPAGE, i int) bool {
	c, err := f.in.FPDFText_GetFillColor(&requests.FPDFText_GetFillColor{TextPage: text, Index: i})
	return err == nil && c.R >= nearWhite && c.G >= nearWhite && c.B >= nearWhite
}

// objects finds the lines and pictures of a page. They help to see tables; a page
// is read without them as well.
func (f *File) objects(page requests.Page, v view, sheet *parse.Sheet) {
	count, err := f.in.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return
	}
	area := sheet.Width * sheet.Height
	for i := range min(count.Count, maxObjects) {
		f.handles++
		o, err := f.in.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: i})
		if err != nil {
			continue
		}
		f.object(o.PageObject, v, sheet, area, 0)
		if len(sheet.Rules) > maxRules {
			break
		}
	}
	sheet.Pictures = min(sheet.Pictures, 1)
}

func (f *File) object(o references.FPDF_PAGEOBJECT, v view, sheet *parse.Sheet, area float32, depth int) {
	kind, err := f.in.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: o})
	if err != nil {
		return
	}
	switch kind.Type {
	case enums.FPDF_PAGEOBJ_IMAGE:
		if r, ok := f.bounds(o, v); ok {
			sheet.Fills = append(sheet.Fills, r)
			sheet.Pictures += max(0, r.X1-r.X0) * max(0, r.Y1-r.Y0) / area
		}
	case enums.FPDF_PAGEOBJ_PATH:
		f.path(o, v, sheet)
	case enums.FPDF_PAGEOBJ_FORM:
		if depth > 2 {
			return
		}
		m, err := f.in.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: o})
		if err != nil {
			return
		}
		within := v.after(float64(m.Matrix.A), float64(m.Matrix.B), float64(m.Matrix.C), float64(m.Matrix.D), float64(m.Matrix.E), float64(m.Matrix.F))
		count, err := f.in.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: o})
		if err != nil {
			return
		}
		for i := range min(count.Count, maxObjects/4) {
			f.handles++
			inner, err := f.in.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: o, Index: uint64(i)})
			if err != nil {
				continue
			}
			f.object(inner.PageObject, within, sheet, area, depth+1)
			if len(sheet.Rules) > maxRules {
				return
			}
		}
	}
}

// after gives the view of something that is placed by a matrix first.
func (v view) after(a, b, c, d, e, f float64) view {
	return view{
		a: v.a*a + v.c*b, b: v.b*a + v.d*b,
		c: v.a*c + v.c*d, d: v.b*c + v.d*d,
		e: v.a*e + v.c*f + v.e, f: v.b*e + v.d*f + v.f,
	}
}

func (f *File) bounds(o references.FPDF_PAGEOBJECT, v view) (parse.Rect, bool) {
	b, err := f.in.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: o})
	if err != nil {
		return parse.Rect{}, false
	}
	return v.rect(float64(b.Left), float64(b.Bottom), float64(b.Right), float64(b.Top)), true
}

// thin is the thickest a line is, in points.
const thin = 3

// path takes the straight horizontal and vertical parts of a path.
func (f *File) path(o references.FPDF_PAGEOBJECT, v view, sheet *parse.Sheet) {
	r, ok := f.bounds(o, v)
	if !ok {
		return
	}
	if r.X1-r.X0 <= thin || r.Y1-r.Y0 <= thin {
		add(sheet, r)
		return
	}
	if f.coloured(o) {
		sheet.Fills = append(sheet.Fills, r)
	}
	segments, err := f.in.FPDFPath_CountSegments(&requests.FPDFPath_CountSegments{PageObject: o})
	if err != nil || segments.Count > 400 { // a drawing
		return
	}
	m, err := f.in.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: o})
	if err != nil {
		return
	}
	in := v.after(float64(m.Matrix.A), float64(m.Matrix.B), float64(m.Matrix.C), float64(m.Matrix.D), float64(m.Matrix.E), float64(m.Matrix.F))
	type point struct{ x, y float32 }
	var first, last point
	line := func(to point) {
		if abs(to.x-last.x) <= 1 || abs(to.y-last.y) <= 1 {
			add(sheet, parse.Rect{X0: min(last.x, to.x), Y0: min(last.y, to.y), X1: max(last.x, to.x), Y1: max(last.y, to.y)})
		}
	}
	for i := range segments.Count {
		f.handles++
		s, err := f.in.FPDFPath_GetPathSegment(&requests.FPDFPath_GetPathSegment{PageObject: o, Index: i})
		if err != nil {
			return
		}
		kind, err := f.in.FPDFPathSegment_GetType(&requests.FPDFPathSegment_GetType{PathSegment: s.PathSegment})
		if err != nil {
			return
		}
		at, err := f.in.FPDFPathSegment_GetPoint(&requests.FPDFPathSegment_GetPoint{PathSegment: s.PathSegment})
		if err != nil {
			return
		}
		var to point
		to.x, to.y = in.point(float64(at.X), float64(at.Y))
		switch kind.Type {
		case enums.FPDF_SEGMENT_MOVETO:
			first = to
		case enums.FPDF_SEGMENT_LINETO:
			line(to)
		}
		last = to
		if closed, err := f.in.FPDFPathSegment_GetClose(&requests.FPDFPathSegment_GetClose{PathSegment: s.PathSegment}); err == nil && closed.IsClose {
			line(first)
			last = first
		}
	}
}

// coloured tells whether a path fills its area with something else than white.
func (f *File) coloured(o references.FPDF_PAGEOBJECT) bool {
	mode, err := f.in.FPDFPath_GetDrawMode(&requests.FPDFPath_GetDrawMode{PageObject: o})
	if err != nil || mode.FillMode == enums.FPDF_FILLMODE_NONE {
		return false
	}
	c, err := f.in.FPDFPageObj_GetFillColor(&requests.FPDFPageObj_GetFillColor{PageObject: o})
	return err == nil && (c.FillColor.R < nearWhite || c.FillColor.G < nearWhite || c.FillColor.B < nearWhite)
}

func add(sheet *parse.Sheet, r parse.Rect) {
	const shortest = 6 // points: shorter ones are dots and parts of letters
	if r.X1-r.X0 >= shortest || r.Y1-r.Y0 >= shortest {
		sheet.Rules = append(sheet.Rules, r)
	}
}

func abs(x float32) float32 { return max(x, -x) }
