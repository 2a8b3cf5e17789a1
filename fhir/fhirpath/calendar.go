package fhirpath

import "cdss/fhir/ucum"

// unitOf reads a UCUM code or a calendar word.
func unitOf(code string) (ucum.Unit, error) {
	if c := calendar(code); c != nil {
		code = c.ucum
	}
	return ucum.Parse(code)
}

// calendarUnit is a unit of calendar arithmetic.
type calendarUnit struct {
	ucum string
	// definite tells that the UCUM unit is the same: a week is seven days
	// everywhere, a month is not UCUM's.
	definite bool
	months   int
	millis   int64 // for the units that have a fixed length
}

var calendarUnits = calendarTable()

func calendarTable() map[string]*calendarUnit {
	table := map[string]*calendarUnit{}
	add := func(word string, u *calendarUnit) {
		table[word], table[word+"s"] = u, u
	}
	add("year", &calendarUnit{ucum: "a", months: 12})
	add("month", &calendarUnit{ucum: "mo", months: 1})
	add("week", &calendarUnit{ucum: "wk", definite: true, millis: 7 * 86_400_000})
	add("day", &calendarUnit{ucum: "d", definite: true, millis: 86_400_000})
	add("hour", &calendarUnit{ucum: "h", definite: true, millis: 3_600_000})
	add("minute", &calendarUnit{ucum: "min", definite: true, millis: 60_000})
	add("second", &calendarUnit{ucum: "s", definite: true, millis: 1000})
	add("millisecond", &calendarUnit{ucum: "ms", definite: true, millis: 1})
	return table
}

// calendar gives the calendar unit of a word, or nil.
func calendar(word string) *calendarUnit { return calendarUnits[word] }

func indefinite(c *calendarUnit) bool { return c != nil && !c.definite }
