package ucum_test

import (
	"testing"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/ucum"
)

func TestConvert(t *testing.T) {
	tests := []struct{ value, from, to, want string }{
		{"2.1", "mg/dL", "mg/L", "21"},
		{"2.10", "mg/dL", "mg/dL", "2.10"},
		{"80", "kg", "g", "80000"},
		{"1", "g", "mg", "1000"},
		{"0.5", "mg", "ug", "500"},
		{"186", "umol/L", "mmol/L", "0.186"},
		{"10", "[lb_av]", "kg", "4.5359237"},
		{"70", "[in_i]", "cm", "177.8"},
		{"101.3", "[degF]", "Cel", "38.5"},
		{"38.5", "Cel", "[degF]", "101.3"},
		{"37", "Cel", "K", "310.15"},
		{"1", "mo", "wk", "4.348214285714285714285714285714286"},
		{"2", "wk", "d", "14"},
		{"1", "a", "mo", "12"},
		{"24", "h", "d", "1"},
		{"1.5", "10*6.[iU]", "[iU]", "1500000"},
		{"5", "[IU]", "[iU]", "5"},
		{"120", "mm[Hg]", "kPa", "15.99864"},
		{"10", "cm[H2O]", "mm[Hg]", "7.355612727081801953166019111624488"},
		{"15", "mg/kg/d", "g/kg/d", "0.015"},
		{"3", "mg/min", "g/d", "4.32"},
		{"9", "10*9/L", "10*3/uL", "9"},
		{"9", "10*3/uL", "/mm3", "9000"},
		{"1", "/min", "/h", "60"},
		{"20", "%", "1", "0.2"},
		{"3", "{score}", "1", "3"},
		{"30", "mg/g{creat}", "mg/g", "30"},
		{"80", "{beats}/min", "/min", "80"},
		{"60", "U/L", "nkat/L", "1000"},
		{"1", "mL/min/{1.73_m2}", "L/min/{1.73_m2}", "0.001"},
		{"1", "g/(12.h)", "g/d", "2"},
		{"140", "meq/L", "eq/L", "0.14"},
		{"-4", "mmol/L", "umol/L", "-4000"},
	}
	for _, tt := range tests {
		t.Run(tt.value+" "+tt.from+" to "+tt.to, func(t *testing.T) {
			value, _ := fhir.ParseDecimal(tt.value)
			got, err := ucum.Convert(value, tt.from, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if s := got.Text('f'); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	tests := []struct{ name, from, to string }{
		{"mass to amount needs a molar mass", "mg/dL", "umol/L"},
		{"clearance to clearance per body surface", "mL/min", "mL/min/{1.73_m2}"},
		{"international units to mass", "[iU]", "mg"},
		{"equivalents to moles", "meq/L", "mmol/L"},
		{"dose to dose per weight", "mg", "mg/kg"},
		{"unknown", "mg/dL", "furlong"},
		{"case counts", "MG/DL", "mg/dL"},
		{"temperature in a product", "Cel/min", "Cel/min"},
		{"power bomb", "10*999999999/L", "/L"},
		{"exponent bomb", "m30.m30.m30.m30.m30.m30.m30.m30.m30.m30.m30.m30.m30", "m"},
		{"nesting bomb", "((((((((((((((((m))))))))))))))))", "m"},
		{"dangling slash", "mg/", "mg"},
		{"open bracket", "mm[Hg", "mm[Hg]"},
		{"sum of exponents", "m0", "m"},
		{"prefix alone", "k", "k"},
		{"prefix on an unmetric atom", "mmin", "min"},
		{"space", "mg / dL", "mg/dL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			value, _ := fhir.ParseDecimal("1")
			got, err := ucum.Convert(value, tt.from, tt.to)
			if issue.KindOf(err) != issue.Value {
				t.Errorf("got %s, %v", got.Text('f'), err)
			}
		})
	}
}

func TestNormaliseUnit(t *testing.T) {
	tests := map[string]string{
		"mg/dl": "mg/dL", "mg/dL": "mg/dL", "MG/DL": "mg/dL", " mg / dl ": "mg/dL", "mg/100ml": "mg/(100.mL)",
		"µmol/l": "umol/L", "μmol/L": "umol/L", "umol/L": "umol/L", "UMOL/L": "umol/L",
		"ml/min/1,73 m²": "mL/min/{1.73_m2}", "mL/min/1.73m²": "mL/min/{1.73_m2}", "mL/min/1.73 m2": "mL/min/{1.73_m2}",
		"mL/min/{1.73_m2}": "mL/min/{1.73_m2}", "ml/min/1.73m^2": "mL/min/{1.73_m2}", "ml/min/(1,73m²)": "mL/min/{1.73_m2}", "mL/min per 1.73 m2": "mL/min/{1.73_m2}",
		"ml/min": "mL/min", "mL/minute": "mL/min",
		"Mio. IE": "10*6.[iU]", "Mio IE": "10*6.[iU]", "Mio. I.E.": "10*6.[iU]", "MIU": "10*6.[iU]", "10*6.[iU]": "10*6.[iU]", "Mega IE": "10*6.[iU]", "Mio.IE/d": "10*6.[iU]/d",
		"IE": "[iU]", "I.E.": "[iU]", "IU": "[iU]", "IE/l": "[iU]/L", "IE/kg KG/d": "[iU]/kg/d", "[IU]/mL": "[iU]/mL",
		"g/24h": "g/d", "g/24 Std.": "g/d", "g/Tag": "g/d", "g/die": "g/d", "mg/kg KG/d": "mg/kg/d", "mg/kg KG": "mg/kg", "mg/kgKG/Tag": "mg/kg/d", "mg pro kg": "mg/kg", "mg/8h": "mg/(8.h)",
		"mmHg": "mm[Hg]", "mm Hg": "mm[Hg]", "MMHG": "mm[Hg]", "kPa": "kPa",
		"°C": "Cel", "Grad Celsius": "Cel", "ºC": "Cel", "Cel": "Cel", "°F": "[degF]",
		"/min": "/min", "1/min": "/min", "bpm": "/min", "Schläge/min": "/min", "min⁻¹": "",
		"G/l": "10*9/L", "Gpt/l": "10*9/L", "g/l": "g/L", "/nl": "10*9/L", "x10^9/l": "10*9/L", "10^9/L": "10*9/L", "10⁹/l": "10*9/L", "10E9/L": "10*9/L", "Tsd/µl": "10*3/uL", "Tsd./µl": "10*3/uL", "K/uL": "10*3/uL", "T/l": "10*12/L", "Mrd/l": "10*9/L",
		"/µl": "/uL", "Zellen/µl": "/uL",
		"U/l": "U/L", "E/l": "U/L", "mval/l": "meq/L", "mEq/L": "meq/L", "mosmol/kg": "mosm/kg",
		"%": "%", "Vol%": "%", "Punkte": "{score}", "{score}": "{score}",
		"kg": "kg", "KG": "kg", "cm": "cm", "kg/m²": "kg/m2", "m²": "m2", "Jahre": "a", "years": "a", "Monate": "mo", "Tage": "d", "Wochen": "wk", "h": "h", "Stunden": "h",
		"mcg/ml": "ug/mL", "µg/l": "ug/L", "ng/ml": "ng/mL", "pg/ml": "pg/mL", "mm/h": "mm/h", "l/min": "L/min",
		"mg/g Krea": "mg/g", "lbs": "[lb_av]", "inches": "[in_i]",
		// refused
		"": "", "   ": "", "furlong": "", "mg//dl": "", "mg/": "", "Handvoll": "", "<script>": "", "/": "",
	}
	for in, want := range tests {
		got, err := ucum.NormaliseUnit(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("NormaliseUnit(%q) = %q, %v; want %q", in, got, err, want)
		}
		if got == "" {
			continue
		}
		if again, err := ucum.NormaliseUnit(got); again != got {
			t.Errorf("NormaliseUnit(%q) = %q, %v: a code does not stay as it is", got, again, err)
		}
	}
}

func TestProduct(t *testing.T) {
	tests := []struct{ a, b, product, quotient string }{
		{"cm", "cm", "cm2", "1"},
		{"g", "m", "g.m", "g/m"},
		{"mg/kg", "kg", "mg", "mg/kg2"},
		{"mL/min", "min", "mL", "mL/min2"},
		{"1", "h", "h", "/h"},
		{"10*6.[iU]", "[iU]", "10*6.[iU]2", "10*6"},
	}
	for _, tt := range tests {
		a, errA := ucum.Parse(tt.a)
		b, errB := ucum.Parse(tt.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := ucum.Product(a, b); got != tt.product {
			t.Errorf("%s · %s = %s, want %s", tt.a, tt.b, got, tt.product)
		}
		if got := ucum.Quotient(a, b); got != tt.quotient {
			t.Errorf("%s / %s = %s, want %s", tt.a, tt.b, got, tt.quotient)
		}
	}
}

func FuzzUnit(f *testing.F) {
	for _, seed := range []string{"mg/dL", "mL/min/{1.73_m2}", "10*6.[iU]/kg/d", "ml/min/1,73 m²", "Mio. IE", "/(12.h)", "mm[Hg]", "m30.m30", "%{Abnormal}", "10^-9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		one, _ := fhir.ParseDecimal("1.5")
		if u, err := ucum.Parse(s); err == nil {
			if _, err := u.Convert(one, u); err != nil {
				t.Errorf("%q does not convert to itself: %v", s, err)
			}
			if again, err := ucum.Parse(ucum.Product(u, u)); err == nil && again.Comparable(u) && !u.Dimensionless() {
				t.Errorf("%q squared measures what %q does", s, s)
			}
		}
		code, err := ucum.NormaliseUnit(s)
		if err != nil {
			return
		}
		if _, err := ucum.Parse(code); err != nil {
			t.Errorf("NormaliseUnit(%q) = %q, no UCUM code: %v", s, code, err)
		}
	})
}
