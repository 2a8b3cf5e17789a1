package fhir

import (
	"strings"
	"time"
)

// Precision tells how much of a Time was written.
type Precision uint8

// The precisions of FHIR date, dateTime and instant. The zero Precision is that
// of a Time that is not there.
const (
	PrecisionNone Precision = iota
	Year
	Month
	Day
	Minute // not legal in FHIR, which asks for seconds, but seen
	Second
	Milli // a fraction of a second, of any length
)

// Time is a FHIR date, dateTime or instant. Its instant is the first that the
// text may mean; without a zone it is read as UTC, and HasZone says so.
type Time struct {
	time.Time
	Precision Precision
	HasZone   bool
}

// ParseTime reads a FHIR date, dateTime or instant. It refuses what is no
// calendar date (30 February) and takes, beyond the specification, a time
// without seconds or without a zone. A leap second is read as the next second.
func ParseTime(s string) (Time, bool) {
	var t Time
	year, ok := digits(s, 0, 4)
	if !ok || year == 0 {
		return Time{}, false
	}
	month, day := 1, 1
	t.Precision = Year
	if len(s) > 4 {
		if s[4] != '-' {
			return Time{}, false
		}
		if month, ok = digits(s, 5, 2); !ok || month < 1 || month > 12 {
			return Time{}, false
		}
		t.Precision = Month
	}
	if len(s) > 7 {
		if s[7] != '-' {
			return Time{}, false
		}
		if day, ok = digits(s, 8, 2); !ok || day < 1 || day > DaysIn(year, month) {
			return Time{}, false
		}
		t.Precision = Day
	}
	if len(s) <= 10 {
		t.Time = time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		return t, true
	}
	if s[10] != 'T' {
		return Time{}, false
	}
	clock := s[11:]
	zone := time.UTC
	if z := strings.IndexAny(clock, "Z+-"); z >= 0 {
		if zone, ok = parseZone(clock[z:]); !ok {
			return Time{}, false
		}
		t.HasZone = true
		clock = clock[:z]
	}
	hour, ok := digits(clock, 0, 2)
	if !ok || hour > 23 || len(clock) < 5 || clock[2] != ':' {
		return Time{}, false
	}
	minute, ok := digits(clock, 3, 2)
	if !ok || minute > 59 {
		return Time{}, false
	}
	t.Precision = Minute
	second, nano := 0, 0
	if len(clock) > 5 {
		if second, ok = digits(clock, 6, 2); !ok || second > 60 || clock[5] != ':' {
			return Time{}, false
		}
		t.Precision = Second
	}
	if len(clock) > 8 {
		if nano, ok = fraction(clock[8:]); !ok {
			return Time{}, false
		}
		t.Precision = Milli
	}
	t.Time = time.Date(year, time.Month(month), day, hour, minute, second, nano, zone)
	return t, true
}

func digits(s string, at, n int) (int, bool) {
	if at+n > len(s) {
		return 0, false
	}
	v := 0
	for i := at; i < at+n; i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return v, true
}

// fraction reads ".123"; digits behind the ninth are dropped.
func fraction(s string) (nanos int, ok bool) {
	if len(s) < 2 || len(s) > 40 || s[0] != '.' {
		return 0, false
	}
	scale := 100_000_000
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		nanos += int(s[i]-'0') * scale
		scale /= 10
	}
	return nanos, true
}

func parseZone(s string) (*time.Location, bool) {
	if s == "Z" {
		return time.UTC, true
	}
	if len(s) != 6 || s[3] != ':' {
		return nil, false
	}
	h, ok := digits(s, 1, 2)
	m, ok2 := digits(s, 4, 2)
	if !ok || !ok2 || h > 14 || m > 59 {
		return nil, false
	}
	offset := (h*60 + m) * 60
	if s[0] == '-' {
		offset = -offset
	}
	if offset == 0 {
		return time.UTC, true
	}
	return time.FixedZone("", offset), true
}

// DaysIn gives the number of days of a month of the Gregorian calendar.
func DaysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// Known tells whether there is a time at all.
func (t Time) Known() bool { return t.Precision != PrecisionNone }

// End gives the first instant after what the text may mean: for "2024-02" the
// first of March. For an unknown time it is the zero time.
func (t Time) End() time.Time {
	switch t.Precision {
	case Year:
		return t.AddDate(1, 0, 0)
	case Month:
		return t.AddDate(0, 1, 0)
	case Day:
		return t.AddDate(0, 0, 1)
	case Minute:
		return t.Add(time.Minute)
	case Second:
		return t.Add(time.Second)
	case Milli:
		return t.Add(time.Millisecond)
	}
	return time.Time{}
}

// String writes the time as FHIR does, at its own precision.
func (t Time) String() string {
	layout := ""
	switch t.Precision {
	case Year:
		layout = "2006"
	case Month:
		layout = "2006-01"
	case Day:
		layout = "2006-01-02"
	case Minute:
		layout = "2006-01-02T15:04"
	case Second:
		layout = "2006-01-02T15:04:05"
	case Milli:
		layout = "2006-01-02T15:04:05.000"
		if t.Nanosecond()%1_000_000 != 0 {
			layout = "2006-01-02T15:04:05.000000000"
		}
	default:
		return ""
	}
	if t.HasZone && t.Precision > Day {
		layout += "Z07:00"
	}
	return t.Format(layout)
}

// Instant makes a Time of second precision with its zone.
func Instant(t time.Time) Time {
	return Time{Time: t.Truncate(time.Second), Precision: Second, HasZone: true}
}

// Date makes a Time of day precision from the calendar day t shows.
func Date(t time.Time) Time {
	y, m, d := t.Date()
	return Time{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC), Precision: Day}
}

// Time reads a date, dateTime or instant.
func (n *Node) Time() (Time, bool) {
	if n.Kind() != KindString {
		return Time{}, false
	}
	return ParseTime(n.text)
}

// Period is a FHIR Period; a side that is missing or unreadable is not Known.
type Period struct{ Start, End Time }

// Period reads a Period.
func (n *Node) Period() Period {
	var p Period
	p.Start, _ = n.Child("start").Time()
	p.End, _ = n.Child("end").Time()
	return p
}

// Contains tells whether at lies in the period; an open side is unbounded, and
// an end of day precision includes that day (R4, Period.end).
func (p Period) Contains(at time.Time) bool {
	if p.Start.Known() && at.Before(p.Start.Time) {
		return false
	}
	return !p.End.Known() || at.Before(p.End.End())
}

// Object writes the period.
func (p Period) Object() *Object {
	return NewObject().Set("start", p.Start).Set("end", p.End)
}
