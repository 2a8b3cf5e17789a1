package score

import "cdss/cds/stewardship"

var (
	rcp2017 = stewardship.Source{
		Document: "news2-2017", Title: "Royal College of Physicians. National Early Warning Score (NEWS) 2",
		Version: "2017", URL: "https://www.rcp.ac.uk/resources/national-early-warning-score-news-2/",
	}
	pugh1973 = stewardship.Source{
		Document: "pugh-1973", Title: "Pugh RN et al. Transection of the oesophagus for bleeding oesophageal varices",
		Version: "Br J Surg 1973;60:646-649", URL: "https://doi.org/10.1002/bjs.1800600817",
	}
	trubiano2020 = stewardship.Source{
		Document: "trubiano-2020", Title: "Trubiano JA et al. Development and validation of a penicillin allergy clinical decision rule",
		Version: "JAMA Intern Med 2020;180:745-752", URL: "https://doi.org/10.1001/jamainternmed.2020.0403",
	}
	// stabilityPage is where the guideline lists the criteria of clinical stability.
	stabilityPage = stewardship.Source{Document: "awmf-082-006", Version: "2018 (2019-08)", Page: 97}
)

// NEWS2Input holds what NEWS2 needs: rates in /min, saturation in %, systolic
// pressure in mmHg, temperature in degrees Celsius. Hypercapnic selects the
// second saturation scale. Alert is No for new confusion, voice, pain or
// unresponsive.
type NEWS2Input struct {
	RespiratoryRate stewardship.Number
	Saturation      stewardship.Number
	Hypercapnic     bool
	Oxygen          stewardship.Truth
	Systolic        stewardship.Number
	Pulse           stewardship.Number
	Alert           stewardship.Truth
	Temperature     stewardship.Number
}

// NEWS2 gives 0 to 20 points (Royal College of Physicians 2017). It is not meant
// for people under 16 years or in pregnancy; the caller must not ask then.
func NEWS2(in NEWS2Input) Result {
	saturation := bands("oxygen-saturation", in.Saturation, 3, step{92, 2}, step{94, 1}, step{96, 0})
	if in.Hypercapnic {
		air := bands("oxygen-saturation", in.Saturation, 3, step{84, 2}, step{86, 1}, step{88, 0})
		oxygen := bands("oxygen-saturation", in.Saturation, 3, step{84, 2}, step{86, 1}, step{88, 0}, step{93, 1}, step{95, 2}, step{97, 3})
		switch in.Oxygen {
		case stewardship.Yes:
			saturation = oxygen
		case stewardship.No:
			saturation = air
		default:
			saturation = Component{oxygen.Name, min(air.Low, oxygen.Low), max(air.High, oxygen.High)}
		}
	}
	return sum("news2", rcp2017,
		bands("respiratory-rate", in.RespiratoryRate, 3, step{9, 1}, step{12, 0}, step{21, 2}, step{25, 3}),
		saturation,
		points("oxygen", in.Oxygen, 2),
		bands("blood-pressure", in.Systolic, 3, step{91, 2}, step{101, 1}, step{111, 0}, step{220, 3}),
		bands("heart-rate", in.Pulse, 3, step{41, 1}, step{51, 0}, step{91, 1}, step{111, 2}, step{131, 3}),
		points("confusion", in.Alert.Not(), 3),
		// Limits are printed to one decimal ("<= 35.0", "35.1-36.0"), so 35.05 belongs to the upper band.
		bands("temperature", in.Temperature, 3, step{35.05, 1}, step{36.05, 0}, step{38.05, 1}, step{39.05, 2}),
	)
}

// step says that from this value on a band gives these points.
type step struct {
	from   float64
	points int
}

// bands gives the least and the most points that the range of n can reach. first
// are the points below the first step.
func bands(name string, n stewardship.Number, first int, stairs ...step) Component {
	c := Component{Name: name, Low: -1}
	reach := func(p int) {
		if c.Low < 0 || p < c.Low {
			c.Low = p
		}
		c.High = max(c.High, p)
	}
	for i := -1; i < len(stairs); i++ {
		p := first
		inside := stewardship.Yes
		if i >= 0 {
			p, inside = stairs[i].points, n.AtLeast(stairs[i].from)
		}
		if i+1 < len(stairs) {
			inside = inside.And(n.Below(stairs[i+1].from))
		}
		// Unknown means that a part of the range lies in the band or, for two
		// open sides, may lie there; both must count.
		if inside != stewardship.No {
			reach(p)
		}
	}
	c.Low = max(c.Low, 0)
	return c
}

// ChildPughInput holds what the Child-Pugh score needs: bilirubin in mg/dL,
// albumin in g/dL, INR without unit; ascites 0 none, 1 mild, 2 moderate or
// severe; encephalopathy 0 to 4 (grade).
type ChildPughInput struct {
	Bilirubin      stewardship.Number
	Albumin        stewardship.Number
	INR            stewardship.Number
	Ascites        stewardship.Number
	Encephalopathy stewardship.Number
}

// ChildPugh gives 5 to 15 points; A is 5-6, B 7-9, C 10-15 (Pugh 1973, INR in
// place of prothrombin time as is common use).
func ChildPugh(in ChildPughInput) Result {
	one := func(c Component) Component { return Component{c.Name, c.Low + 1, c.High + 1} }
	three := func(name string, n stewardship.Number, second, third stewardship.Truth) Component {
		c := points(name, second, 1)
		t := points(name, third, 1)
		return one(Component{name, c.Low + t.Low, c.High + t.High})
	}
	return sum("child-pugh", pugh1973,
		three("bilirubin", in.Bilirubin, in.Bilirubin.AtLeast(2), in.Bilirubin.Above(3)),
		three("albumin", in.Albumin, in.Albumin.AtMost(3.5), in.Albumin.Below(2.8)),
		three("inr", in.INR, in.INR.AtLeast(1.7), in.INR.Above(2.3)),
		three("ascites", in.Ascites, in.Ascites.AtLeast(1), in.Ascites.AtLeast(2)),
		three("encephalopathy", in.Encephalopathy, in.Encephalopathy.AtLeast(1), in.Encephalopathy.AtLeast(3)),
	)
}

// ChildPughClass gives "A", "B" or "C", or "" while the class is open.
func ChildPughClass(r Result) string {
	class := func(points int) string {
		switch {
		case points <= 6:
			return "A"
		case points <= 9:
			return "B"
		}
		return "C"
	}
	if class(r.Low) != class(r.High) {
		return ""
	}
	return class(r.Low)
}

// PENFAST gives 0 to 5 points (Trubiano 2020): reaction within five years 2;
// anaphylaxis, angioedema or a severe cutaneous reaction 2; treatment needed 1.
// Below 3 points a true penicillin allergy was found in less than 5 percent.
func PENFAST(withinFiveYears, severe, treated stewardship.Truth) Result {
	return sum("pen-fast", trubiano2020,
		points("within-five-years", withinFiveYears, 2),
		points("severe-reaction", severe, 2),
		points("treatment", treated, 1),
	)
}

// StabilityInput holds the vital signs of clinical stability: rates in /min,
// systolic pressure in mmHg, temperature in degrees Celsius, saturation in %.
type StabilityInput struct {
	Pulse           stewardship.Number
	RespiratoryRate stewardship.Number
	Systolic        stewardship.Number
	Temperature     stewardship.Number
	Saturation      stewardship.Number
	NormalMentation stewardship.Truth
}

// Stability counts how many of six signs of clinical stability are met: pulse
// <= 100, respiratory rate <= 24, systolic >= 90, temperature <= 37.8, saturation
// >= 90 and a normal state of mind (criteria named on the guideline page; the
// oral intake it also asks for is no vital sign and not counted).
func Stability(in StabilityInput) Result {
	return sum("clinical-stability", stabilityPage,
		point("heart-rate", in.Pulse.AtMost(100)),
		point("respiratory-rate", in.RespiratoryRate.AtMost(24)),
		point("blood-pressure", in.Systolic.AtLeast(90)),
		point("temperature", in.Temperature.AtMost(37.8)),
		point("oxygen-saturation", in.Saturation.AtLeast(90)),
		point("confusion", in.NormalMentation),
	)
}
