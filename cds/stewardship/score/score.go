// Package score computes clinical severity scores from three-valued components.
//
// A component that is not known makes the score a range and names itself as
// missing; it never counts as normal. The package owns the published formulas
// and refuses to choose between measurements: the caller passes the value that
// counts (the worst of the presenting 24 hours).
package score

import (
	"cdss/cds/stewardship"
)

// Component is one line of a score with the points it can give.
type Component struct {
	Name      string // kebab case, for example "respiratory-rate"
	Low, High int    // equal when the component is known
}

// Result is a score or, with a missing component, the range it must lie in.
type Result struct {
	Name       string // fact name, for example "crb-65"
	Low, High  int
	Components []Component
	Missing    []string // names of the components that make it a range
	Source     stewardship.Source
}

// Value gives the score when no component leaves it open.
func (r Result) Value() (int, bool) { return r.Low, r.Low == r.High }

// AtLeast asks whether the score reaches a threshold.
func (r Result) AtLeast(points int) stewardship.Truth {
	return stewardship.Between(float64(r.Low), float64(r.High)).AtLeast(float64(points))
}

// sum adds components and names those that are open.
func sum(name string, source stewardship.Source, components ...Component) Result {
	r := Result{Name: name, Components: components, Source: source}
	for _, c := range components {
		r.Low += c.Low
		r.High += c.High
		if c.Low != c.High {
			r.Missing = append(r.Missing, c.Name)
		}
	}
	return r
}

// point is a component that gives one point when t is Yes.
func point(name string, t stewardship.Truth) Component { return points(name, t, 1) }

// points is a component that gives n points when t is Yes.
func points(name string, t stewardship.Truth, n int) Component {
	c := Component{Name: name}
	if t == stewardship.Yes {
		c.Low = n
	}
	if t != stewardship.No {
		c.High = n
	}
	return c
}
