package dose

import "math"

// BMI gives the body mass index in kg/m2 from weight in kg and height in cm.
func BMI(weight, height float64) float64 { return weight / (height / 100 * height / 100) }

// IdealWeight gives the ideal body weight in kg for a height in cm: 50 kg (men)
// or 45.5 kg (women) plus 2.3 kg for each inch over 60 (Devine BJ, Drug Intell
// Clin Pharm 1974;8:650-655). Below 60 inches the same line is continued, which
// Devine did not state; below 130 cm nothing is given.
func IdealWeight(height float64, female bool) (float64, bool) {
	if height < 130 || height > 250 {
		return 0, false
	}
	base := 50.0
	if female {
		base = 45.5
	}
	return base + 2.3*(height/2.54-60), true
}

// AdjustedWeight gives the adjusted body weight in kg: ideal weight plus 0.4
// times the excess over it (Bauer LA et al., Eur J Clin Pharmacol
// 1983;24:643-647, for aminoglycosides in obesity).
func AdjustedWeight(actual, ideal float64) float64 { return ideal + 0.4*(actual-ideal) }

// SurfaceMosteller gives the body surface in m2 (Mosteller RD, N Engl J Med
// 1987;317:1098).
func SurfaceMosteller(weight, height float64) float64 { return math.Sqrt(weight * height / 3600) }

// SurfaceDuBois gives the body surface in m2 (Du Bois D, Du Bois EF, Arch Intern
// Med 1916;17:863-871).
func SurfaceDuBois(weight, height float64) float64 {
	return 0.007184 * math.Pow(weight, 0.425) * math.Pow(height, 0.725)
}

// Basis names the body weight that a computation used.
type Basis string

// The weights.
const (
	ActualWeight   Basis = "actual"
	AdjustedBasis  Basis = "adjusted"
	IdealBasis     Basis = "ideal"
	ActualNoHeight Basis = "actual, height unknown" // obesity could not be checked
)

// Weights are the body weights of a patient in kg; zero means not known.
type Weights struct {
	Actual, Ideal, Adjusted float64
	BMI                     float64
}

// WeighUp derives the weights from weight in kg and height in cm, either of which
// may be zero for unknown.
func WeighUp(weight, height float64, female bool) Weights {
	w := Weights{Actual: weight}
	if height <= 0 {
		return w
	}
	if ideal, ok := IdealWeight(height, female); ok {
		w.Ideal = ideal
		if weight > 0 {
			w.Adjusted = AdjustedWeight(weight, ideal)
		}
	}
	if weight > 0 {
		w.BMI = BMI(weight, height)
	}
	return w
}

// ForClearance gives the weight Cockcroft-Gault is computed with: the actual
// weight, or the adjusted weight from a BMI of 30. ok is false without a weight.
func (w Weights) ForClearance() (weight float64, basis Basis, ok bool) {
	switch {
	case w.Actual <= 0:
		return 0, "", false
	case w.BMI >= 30 && w.Adjusted > 0:
		return w.Adjusted, AdjustedBasis, true
	case w.BMI == 0:
		return w.Actual, ActualNoHeight, true
	}
	return w.Actual, ActualWeight, true
}
