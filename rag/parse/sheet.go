package parse

// Rect is a box on a page in points (1/72 inch), from the upper left corner of the
// page as it is shown.
type Rect struct{ X0, Y0, X1, Y1 float32 }

func (r Rect) width() float32  { return r.X1 - r.X0 }
func (r Rect) height() float32 { return r.Y1 - r.Y0 }
func (r Rect) middle() float32 { return (r.Y0 + r.Y1) / 2 }
func (r Rect) union(o Rect) Rect {
	return Rect{min(r.X0, o.X0), min(r.Y0, o.Y0), max(r.X1, o.X1), max(r.Y1, o.Y1)}
}

// Glyph is a character where it is printed. Box spans its advance and the height
// of its font, so that the boxes of one line are of one height.
type Glyph struct {
	Rune rune
	Box  Rect
}

// Run is a sequence of glyphs of one look, as a PDF prints them.
type Run struct {
	Glyphs []Glyph
	Size   float32 // of the font as it is shown, in points; 0 when unknown
	Bold   bool
	White  bool // printed in white or nearly so
	Turned int  // quarter turns the text is written in, 0 to 3
}

// Sheet is a printed page before it is read: words and lines where they stand.
// The reader of a format fills it, PrintedPages makes text of it.
type Sheet struct {
	Label         string // the number the file itself gives the page, "" when none
	Width, Height float32
	Runs          []Run
	Rules         []Rect  // thin lines and the edges of boxes: the borders of tables
	Fills         []Rect  // coloured areas and pictures, on which white text can be read
	Pictures      float32 // share of the page that images cover, 0 to 1
	Unreadable    int     // words whose letters the file does not tell
	Broken        bool    // the page could not be read

	turned int // quarter turns that were undone to read it
}
