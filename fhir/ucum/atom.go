package ucum

import "math/big"

// atom is a unit that stands for itself.
type atom struct {
	factor  *big.Rat
	offset  *big.Rat
	dims    []power
	metric  bool // takes a prefix
	special bool
}

// bodySurface is the annotation of values indexed to body surface; here it is a
// dimension.
const bodySurface = "{1.73_m2}"

// prefixes of UCUM table 1.
var prefixes = map[string]*big.Rat{
	"Y": pow10(24), "Z": pow10(21), "E": pow10(18), "P": pow10(15), "T": pow10(12), "G": pow10(9), "M": pow10(6),
	"k": pow10(3), "h": pow10(2), "da": pow10(1), "d": pow10(-1), "c": pow10(-2), "m": pow10(-3), "u": pow10(-6),
	"n": pow10(-9), "p": pow10(-12), "f": pow10(-15), "a": pow10(-18), "z": pow10(-21), "y": pow10(-24),
}

// find splits a name into prefix and atom; a whole name goes before a prefix
// ("min" is a minute, "cd" a candela).
func find(name string) (atom, *big.Rat, bool) {
	if a, ok := atoms[name]; ok {
		return a, one, true
	}
	for n := 1; n <= 2 && n < len(name); n++ {
		prefix, ok := prefixes[name[:n]]
		if !ok {
			continue
		}
		if a, ok := atoms[name[n:]]; ok && a.metric {
			return a, prefix, true
		}
	}
	return atom{}, nil, false
}

var (
	one  = big.NewRat(1, 1)
	zero = new(big.Rat)
)

// num reads a rational literal of the tables below.
func num(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("ucum: no number: " + s)
	}
	return r
}

// Dimensions. Mass is counted in gram, volume in cubic metre.
func dim(parts ...power) []power {
	var list []power
	for _, p := range parts {
		list = multiply(list, p)
	}
	return list
}

var (
	length      = power{"length", 1}
	mass        = power{"mass", 1}
	duration    = power{"time", 1}
	perTime     = power{"time", -1}
	amount      = power{"amount", 1}
	temperature = power{"temperature", 1}
)

func metric(factor string, dims ...power) atom {
	return atom{factor: num(factor), offset: zero, dims: dim(dims...), metric: true}
}

func plain(factor string, dims ...power) atom {
	return atom{factor: num(factor), offset: zero, dims: dim(dims...)}
}

// arbitrary units are a dimension each: nothing else converts to them (UCUM,
// section 24).
func arbitrary(name string, metric bool) atom {
	return atom{factor: one, offset: zero, dims: []power{{name, 1}}, metric: metric}
}

// atoms are taken from the tables of the UCUM specification, version 2.1
// (https://ucum.org/ucum), values as defined there.
var atoms = map[string]atom{
	// base units
	"m": metric("1", length), "g": metric("1", mass), "s": metric("1", duration), "K": metric("1", temperature),
	"mol": metric("1", amount), "rad": metric("1"), "cd": metric("1", power{"luminosity", 1}), "C": metric("1", power{"charge", 1}),

	// volume, mass, area
	"L": metric("1/1000", power{"length", 3}), "l": metric("1/1000", power{"length", 3}),
	"t": metric("1000000", mass), "ar": metric("100", power{"length", 2}),
	"u": metric("1.66053906660e-24", mass), "Da": metric("1.66053906660e-24", mass),

	// time; a year is Julian, a month its twelfth (UCUM, section 31)
	"min": plain("60", duration), "h": plain("3600", duration), "d": plain("86400", duration), "wk": plain("604800", duration),
	"a": plain("31557600", duration), "a_j": plain("31557600", duration), "a_g": plain("31556952", duration),
	"mo": plain("2629800", duration), "mo_j": plain("2629800", duration),

	// frequency, force, pressure, energy, power, radiation
	"Hz": metric("1", perTime), "Bq": metric("1", perTime),
	"N":  metric("1000", mass, length, power{"time", -2}),
	"Pa": metric("1000", mass, power{"length", -1}, power{"time", -2}), "bar": metric("100000000", mass, power{"length", -1}, power{"time", -2}),
	"atm": plain("101325000", mass, power{"length", -1}, power{"time", -2}), "[psi]": plain("6894757.293168", mass, power{"length", -1}, power{"time", -2}),
	"m[Hg]": metric("133322000", mass, power{"length", -1}, power{"time", -2}), "m[H2O]": metric("9806650", mass, power{"length", -1}, power{"time", -2}),
	"J": metric("1000", mass, power{"length", 2}, power{"time", -2}), "cal": metric("4184", mass, power{"length", 2}, power{"time", -2}),
	"[Cal]": plain("4184000", mass, power{"length", 2}, power{"time", -2}), "W": metric("1000", mass, power{"length", 2}, power{"time", -3}),
	"Gy": metric("1", power{"length", 2}, power{"time", -2}), "Sv": metric("1", power{"length", 2}, power{"time", -2}),
	"A": metric("1", power{"charge", 1}, perTime), "V": metric("1000", mass, power{"length", 2}, power{"time", -2}, power{"charge", -1}),

	// catalytic activity; the enzyme unit U is µmol/min
	"kat": metric("1", amount, perTime), "U": metric("1/60000000", amount, perTime),

	// Equivalents and osmoles need a valence or a dissociation to become
	// moles, so each is a dimension here.
	"eq": arbitrary("eq", true), "osm": arbitrary("osm", true),

	// arbitrary units
	"[iU]": arbitrary("[iU]", true), "[IU]": arbitrary("[iU]", true), "[arb'U]": arbitrary("[arb'U]", false),
	"[USP'U]": arbitrary("[USP'U]", false), "[CFU]": arbitrary("[CFU]", false), "[PFU]": arbitrary("[PFU]", false),
	"[TCID_50]": arbitrary("[TCID_50]", false), "[CCID_50]": arbitrary("[CCID_50]", false), "[EID_50]": arbitrary("[EID_50]", false),
	"[GPL'U]": arbitrary("[GPL'U]", false), "[MPL'U]": arbitrary("[MPL'U]", false), "[AU]": arbitrary("[AU]", false),
	"[pH]": arbitrary("[pH]", false), "[HPF]": arbitrary("[HPF]", false), "[LPF]": arbitrary("[LPF]", false),
	"[Ch]": arbitrary("[Ch]", false), "[drp]": arbitrary("[drp]", false),

	// dimensionless
	"%": plain("1/100"), "[ppth]": plain("1/1000"), "[ppm]": plain("1/1000000"), "[ppb]": plain("1/1000000000"),

	// US customary and apothecary
	"[in_i]": plain("0.0254", length), "[ft_i]": plain("0.3048", length), "[yd_i]": plain("0.9144", length), "[mi_i]": plain("1609.344", length),
	"[lb_av]": plain("453.59237", mass), "[oz_av]": plain("28.349523125", mass), "[stone_av]": plain("6350.29318", mass), "[gr]": plain("0.06479891", mass),
	"[foz_us]": plain("0.0000295735295625", power{"length", 3}), "[pt_us]": plain("0.000473176473", power{"length", 3}),
	"[qt_us]": plain("0.000946352946", power{"length", 3}), "[gal_us]": plain("0.003785411784", power{"length", 3}),
	"[tsp_us]": plain("0.00000492892159375", power{"length", 3}), "[tbs_us]": plain("0.00001478676478125", power{"length", 3}),

	// temperature scales: (value + offset) × factor is kelvin
	"Cel":    {factor: one, offset: num("273.15"), dims: dim(temperature), special: true},
	"[degF]": {factor: num("5/9"), offset: num("459.67"), dims: dim(temperature), special: true},
}
