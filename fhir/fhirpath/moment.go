package fhirpath

import (
	"fmt"
	"strings"
	"time"

	"cdss/fhir"
)

// precision of a moment. Seconds and their fraction are one precision, as the
// specification says ("Date/Time Comparison").
type precision uint8

const (
	precYear precision = iota + 1
	precMonth
	precDay
	precHour
	precMinute
	precSecond
)

// Moment is a Date, DateTime or Time with the precision it was written in. Its
// wall clock is kept apart from the zone, since a moment without a zone is no
// instant.
type Moment struct {
	wall     time.Time // in UTC, whatever the zone; of a Time on 0000-01-01
	prec     precision
	fraction int8 // digits of the fraction, at most 9
	zone     bool
	offset   int // minutes east of UTC
	clock    bool
}

// parseMoment reads a date or dateTime as FHIR and FHIRPath write it.
func parseMoment(s string) (*Moment, bool) {
	if s == "" || len(s) > 40 {
		return nil, false
	}
	date, clock, timed := strings.Cut(s, "T")
	m := &Moment{}
	year, month, day := 0, 1, 1
	var ok bool
	switch len(date) {
	case 4:
		m.prec = precYear
	case 7:
		m.prec = precMonth
	case 10:
		m.prec = precDay
	default:
		return nil, false
	}
	if year, ok = number(date[:4]); !ok || year == 0 {
		return nil, false
	}
	if m.prec >= precMonth {
		if month, ok = number(date[5:7]); !ok || date[4] != '-' || month < 1 || month > 12 {
			return nil, false
		}
	}
	if m.prec >= precDay {
		if day, ok = number(date[8:]); !ok || date[7] != '-' || day < 1 || day > fhir.DaysIn(year, month) {
			return nil, false
		}
	}
	m.wall = time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !timed || clock == "" {
		return m, true
	}
	if m.prec != precDay {
		return nil, false
	}
	if z := strings.IndexAny(clock, "Z+-"); z >= 0 {
		if m.offset, ok = parseOffset(clock[z:]); !ok {
			return nil, false
		}
		m.zone = true
		clock = clock[:z]
	}
	t, ok := parseTimeOfDay(clock)
	if !ok {
		return nil, false
	}
	m.prec, m.fraction = t.prec, t.fraction
	m.wall = m.wall.Add(t.wall.Sub(midnight))
	return m, true
}

var midnight = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)

// parseTimeOfDay reads hh, hh:mm, hh:mm:ss or hh:mm:ss.fff.
func parseTimeOfDay(s string) (*Moment, bool) {
	m := &Moment{clock: true}
	if len(s) > 19 {
		return nil, false
	}
	var h, mi, sec, nano int
	var ok bool
	if len(s) < 2 {
		return nil, false
	}
	if h, ok = number(s[:2]); !ok || h > 23 {
		return nil, false
	}
	m.prec = precHour
	if len(s) > 2 {
		if len(s) < 5 || s[2] != ':' {
			return nil, false
		}
		if mi, ok = number(s[3:5]); !ok || mi > 59 {
			return nil, false
		}
		m.prec = precMinute
	}
	if len(s) > 5 {
		if len(s) < 8 || s[5] != ':' {
			return nil, false
		}
		if sec, ok = number(s[6:8]); !ok || sec > 60 {
			return nil, false
		}
		m.prec = precSecond
	}
	if len(s) > 8 {
		digits := s[9:]
		if s[8] != '.' || digits == "" {
			return nil, false
		}
		if nano, ok = number((digits + "000000000")[:9]); !ok {
			return nil, false
		}
		if _, ok = number(digits); !ok {
			return nil, false
		}
		m.fraction = int8(min(len(digits), 9))
	}
	m.wall = midnight.Add(time.Duration(h)*time.Hour + time.Duration(mi)*time.Minute + time.Duration(sec)*time.Second + time.Duration(nano))
	return m, true
}

// number reads digits only.
func number(s string) (int, bool) {
	v := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return v, s != "" && len(s) <= 18
}

func parseOffset(s string) (minutes int, ok bool) {
	if s == "Z" {
		return 0, true
	}
	if len(s) != 6 || s[3] != ':' {
		return 0, false
	}
	h, ok1 := number(s[1:3])
	m, ok2 := number(s[4:])
	if !ok1 || !ok2 || h > 14 || m > 59 {
		return 0, false
	}
	minutes = h*60 + m
	if s[0] == '-' {
		minutes = -minutes
	}
	return minutes, true
}

// fromClock gives a moment as now() does: to the millisecond, with its zone.
func fromClock(t time.Time) *Moment {
	_, seconds := t.Zone()
	y, mo, d := t.Date()
	h, mi, s := t.Clock()
	ms := t.Nanosecond() / 1_000_000 * 1_000_000
	return &Moment{
		wall: time.Date(y, mo, d, h, mi, s, ms, time.UTC), prec: precSecond, fraction: 3,
		zone: true, offset: seconds / 60,
	}
}

// String writes the moment without the "@".
func (m *Moment) String() string {
	var b strings.Builder
	if !m.clock {
		y, mo, d := m.wall.Date()
		fmt.Fprintf(&b, "%04d", y)
		if m.prec >= precMonth {
			fmt.Fprintf(&b, "-%02d", int(mo))
		}
		if m.prec >= precDay {
			fmt.Fprintf(&b, "-%02d", d)
		}
		if m.prec > precDay {
			b.WriteByte('T')
		}
	}
	if m.prec > precDay {
		h, mi, s := m.wall.Clock()
		fmt.Fprintf(&b, "%02d", h)
		if m.prec >= precMinute {
			fmt.Fprintf(&b, ":%02d", mi)
		}
		if m.prec >= precSecond {
			fmt.Fprintf(&b, ":%02d", s)
			if m.fraction > 0 {
				b.WriteString("." + fmt.Sprintf("%09d", m.wall.Nanosecond())[:m.fraction])
			}
		}
		if m.zone {
			b.WriteString(zoneText(m.offset))
		}
	}
	return b.String()
}

func zoneText(minutes int) string {
	if minutes == 0 {
		return "Z"
	}
	sign := byte('+')
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60)
}

// end gives the first wall clock after what the moment may mean. A second is a
// point: 10:30:00 and 10:30:00.0 are the same.
func (m *Moment) end() time.Time {
	switch m.prec {
	case precYear:
		return m.wall.AddDate(1, 0, 0)
	case precMonth:
		return m.wall.AddDate(0, 1, 0)
	case precDay:
		return m.wall.AddDate(0, 0, 1)
	case precHour:
		return m.wall.Add(time.Hour)
	case precMinute:
		return m.wall.Add(time.Minute)
	}
	return m.wall
}

// Offsets that exist: UTC-12 to UTC+14.
const (
	westmost = -12 * 60
	eastmost = 14 * 60
)

// compare orders two moments; false where the precisions or a missing zone
// leave it open.
func (m *Moment) compare(o *Moment) (int, bool) {
	aLow, aHigh, bLow, bHigh := m.wall, m.end(), o.wall, o.end()
	switch {
	case m.zone && o.zone:
		a, b := -time.Duration(m.offset)*time.Minute, -time.Duration(o.offset)*time.Minute
		aLow, aHigh, bLow, bHigh = aLow.Add(a), aHigh.Add(a), bLow.Add(b), bHigh.Add(b)
	case m.zone:
		a := -time.Duration(m.offset) * time.Minute
		aLow, aHigh = aLow.Add(a), aHigh.Add(a)
		bLow, bHigh = bLow.Add(-eastmost*time.Minute), bHigh.Add(-westmost*time.Minute)
	case o.zone:
		b := -time.Duration(o.offset) * time.Minute
		bLow, bHigh = bLow.Add(b), bHigh.Add(b)
		aLow, aHigh = aLow.Add(-eastmost*time.Minute), aHigh.Add(-westmost*time.Minute)
	default:
		if m.prec == o.prec {
			return aLow.Compare(bLow), true
		}
	}
	if m.zone && o.zone && m.prec == o.prec {
		return aLow.Compare(bLow), true
	}
	point := aLow.Equal(aHigh) && bLow.Equal(bHigh)
	switch {
	case point:
		return aLow.Compare(bLow), true
	case before(aHigh, bLow, m.prec == precSecond && m.zone == o.zone):
		return -1, true
	case before(bHigh, aLow, o.prec == precSecond && m.zone == o.zone):
		return 1, true
	}
	return 0, false
}

// before tells whether a range that ends at end lies wholly before start. The
// end of a range is outside of it, that of a point is the point.
func before(end, start time.Time, point bool) bool {
	if point {
		return end.Before(start)
	}
	return !end.After(start)
}

// equal is three-valued: the second result is false where it is not known.
func (m *Moment) equal(o *Moment) (equal, known bool) {
	c, ok := m.compare(o)
	if !ok {
		return false, false
	}
	if m.prec != o.prec && c == 0 {
		return false, false
	}
	return c == 0, true
}
