// Package render writes what was reasoned as CDS Hooks cards: short enough to be
// read in a pop-up, complete enough to be acted on, exact to CDS Hooks 2.0.1.
//
// It owns the wording around a recommendation, in German and English, the
// Markdown of a card (GFM without HTML, foreign text escaped) and the limits of
// the specification. It refuses to reason: doses, warnings and what was not
// checked come in as they are, and nothing is left out because it is long. It
// knows no clock, and makes ids only through the function it is given.
package render
