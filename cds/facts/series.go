package facts

import (
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// newest gives the newest value of a measure that still holds. Values that are too
// old come back as stale.
func (b *builder) newest(name string) (s sample, ok bool, stale []sample) {
	m := measureNamed(name)
	all := b.series[name]
	if len(all) == 0 {
		return sample{}, false, nil
	}
	if limit := b.holds(m); limit > 0 && b.now.Sub(all[0].at) > limit {
		return sample{}, false, all
	}
	return all[0], true, nil
}

func measureNamed(name string) *measure {
	for i := range measures {
		if measures[i].name == name {
			return &measures[i]
		}
	}
	panic("measure " + name + " is not in the table") // a programmer's mistake
}

// measured puts the fact of a measure: its newest value, the others beside it, or
// why there is none.
func (b *builder) measured(name string) {
	m := measureNamed(name)
	s, ok, stale := b.newest(name)
	f := Fact{Name: name, Display: m.display, Unit: m.unit, State: Unknown}
	if ok {
		f.State, f.Source, f.Date = Known, s.reference, s.date
		if s.low == s.high {
			f.Value = s.low
		} else {
			low, high := s.low, s.high
			f.Low, f.High = &low, &high
		}
		if s.original != "" {
			f.Formula = text("umgerechnet aus "+german(s.original), "converted from "+s.original)
		}
		f.Inputs = []Value{s.value()}
		for _, x := range b.series[name][1:] {
			f.Others = append(f.Others, x.value())
		}
		f.Reason = conflict(m, b.series[name])
		b.put(f)
		return
	}
	f.Missing = []string{name}
	switch {
	case len(stale) > 0:
		f.Reason = both(func(l cds.Lang) string {
			return cds.Text{DE: "letzter Wert ", EN: "last value "}.In(l) + stewardship.Decimal(stale[0].low, 2, l) + " " + m.unit +
				cds.Text{DE: " vom ", EN: " of "}.In(l) + date(stale[0].date, l) + ", " + b.ago(stale[0].date, l) + cds.Text{DE: ": zu alt", EN: ": too old"}.In(l)
		})
		for _, x := range stale {
			f.Others = append(f.Others, x.value())
		}
	case len(b.unread[name]) > 0:
		f.Reason = b.unread[name][0]
	default:
		f.Reason = text("kein Wert", "no value")
	}
	b.put(f)
}

// Values of one measure within this time, and apart by this share, contradict each
// other: one of them is wrong, or another patient's.
const (
	together = 2 * time.Hour
	apart    = 0.2
)

// conflict names the values that contradict the newest, which is used.
func conflict(m *measure, all []sample) cds.Text {
	if m.holds == day {
		return cds.Text{} // vital signs change within minutes
	}
	var others []sample
	newest := all[0]
	for _, x := range all[1:] {
		if newest.at.Sub(x.at) > together {
			break
		}
		if most := max(newest.low, x.low); most > 0 && (max(newest.low, x.low)-min(newest.low, x.low))/most > apart {
			others = append(others, x)
		}
	}
	if len(others) == 0 {
		return cds.Text{}
	}
	return both(func(l cds.Lang) string {
		out := cds.Text{DE: "widersprüchlich: auch ", EN: "contradictory: also "}.In(l)
		for i, x := range others[:min(3, len(others))] {
			if i > 0 {
				out += ", "
			}
			out += stewardship.Decimal(x.low, 2, l) + " " + m.unit + cds.Text{DE: " vom ", EN: " of "}.In(l) + date(x.date, l)
		}
		return out + cds.Text{DE: "; der neueste Wert zählt", EN: "; the newest value counts"}.In(l)
	})
}

// measuredIfAny puts the fact only where something of the kind came.
func (b *builder) measuredIfAny(name string) {
	if len(b.series[name]) > 0 || len(b.unread[name]) > 0 {
		b.measured(name)
	}
}

func (s sample) value() Value {
	v := Value{Reference: s.reference, Display: s.display, Number: s.low, Unit: s.unit, Date: s.date}
	switch {
	case s.low != s.high:
		v.Text = stewardship.Decimal(s.low, 2, cds.EN) + "–" + stewardship.Decimal(s.high, 2, cds.EN)
	case s.original != "":
		v.Text = s.original
	}
	return v
}

// extreme gives the highest or lowest value of a measure in a window.
func (b *builder) extreme(name string, from, to time.Time, highest bool) (stewardship.Number, []Value) {
	var n stewardship.Number
	var worst sample
	for _, s := range b.series[name] {
		if s.at.Before(from) || s.at.After(to) {
			continue
		}
		switch {
		case !n.Known:
			n, worst = stewardship.Between(s.low, s.high), s
		case highest && s.high > n.High || !highest && s.low < n.Low:
			worst = s
			fallthrough
		default:
			if highest {
				n.Low, n.High = max(n.Low, s.low), max(n.High, s.high)
			} else {
				n.Low, n.High = min(n.Low, s.low), min(n.High, s.high)
			}
		}
	}
	if !n.Known {
		return n, nil
	}
	return n, []Value{worst.value()}
}

func german(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r == '.' && i > 0 && out[i-1] >= '0' && out[i-1] <= '9' {
			out[i] = ','
		}
	}
	return string(out)
}
