package decide

import (
	"slices"

	"cdss/fhir"
)

// restricting are the labels that keep a resource from an online model and from the
// summary of a card (SAFETY section 7): how confidential it is, and what it is about.
// Sources: v3-Confidentiality, and v3-ActCode below InformationSensitivityPolicy
// (http://terminology.hl7.org/CodeSystem/v3-ActCode).
var restricting = []string{
	"R", "V",
	"HIV", "PSY", "PSYTHPN", "ETH", "ETHUD", "SEX", "STD", "SDV", "MH", "BH", "SUD", "OPIOIDUD", "GDIS", "SICKLE", "TBOO", "VIO", "SPI",
	"MST", "SCA", "COGN", "DVD", "EMOTDIS", "DIA", "CEL", "VIP", "PRS", "LOCIS", "PHY", "DEMO", "DOB", "GENDER", "LIVARG", "MARST", "RACE", "REL",
	"B", "EMPL", "ADOL", "IDS",
}

// Restricted tells whether a resource, or a Bundle itself, is labelled as one. The code
// decides, whatever system it is said to be of: a label that is taken too strictly costs
// a sentence, one that is overlooked cannot be taken back.
func Restricted(resource *fhir.Node) bool {
	return slices.ContainsFunc(resource.Child("meta").Children("security"), func(label *fhir.Node) bool {
		return slices.Contains(restricting, label.Child("code").String())
	})
}

// restricted tells whether one of the resources, or one contained in it, is labelled.
func restricted(lists ...[]*fhir.Resource) bool {
	return slices.ContainsFunc(slices.Concat(lists...), func(r *fhir.Resource) bool {
		return Restricted(r.Root()) || slices.ContainsFunc(r.Root().Children("contained"), Restricted)
	})
}
