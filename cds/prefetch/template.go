package prefetch

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Template is one prefetch key: a query in the subset that CDS Hooks 2.0.1 allows
// ("Prefetch query restrictions"), with no token but root fields of the context.
type Template struct {
	Key   string
	Query string
	Type  string // resource type the query asks for
}

// observations are the LOINC codes of what facts reads: never all vital signs,
// which may be thousands.
var observations = []string{
	"2160-0", "14682-9", "38483-4", "59826-8", "77140-2", "98979-8", "62238-1", "33914-3", // creatinine, eGFR
	"29463-7", "3141-9", "3142-7", "8335-2", "8302-2", "3137-7", "3138-5", "8301-4", // weight, height
	"85354-9", "55284-4", "8480-6", "8462-4", "8478-0", "9279-1", "8867-4", "8893-0", // circulation, breathing
	"8310-5", "8331-1", "8332-9", "8333-7", "59408-5", "2708-6", "3150-6", "3151-4", "2703-7", // temperature, oxygen
	"9269-2", "67775-7", "80288-4", "11454-6", // consciousness
	"22664-7", "3091-6", "3094-0", "14937-7", "6299-2", "2524-7", "32693-4", "2518-9", // urea, lactate
	"1988-5", "30522-7", "33959-8", "75241-0", "6690-2", "26464-8", "777-3", "26515-7", // inflammation, blood count
	"1975-2", "14631-6", "1751-7", "6301-6", "34714-6", "1742-6", // liver
	"2823-3", "6298-4", "19123-9", "2601-3", "8636-3", // potassium, magnesium, QTc
	"82810-3", "18185-9", "49051-6", "2106-3", "2118-8", "2110-5", "80384-1", "63895-7", // pregnancy, breast-feeding
}

// microbiology are what facts reads as isolates, their susceptibilities, and signs of
// resistant organisms. Susceptibilities are members of a culture, which the allowed
// subset of queries cannot follow, so that each is asked for by its code.
var microbiology = []string{
	"600-7", "17928-3", "630-4", "6463-4", "11475-1", "41852-5", "42803-7", "624-7", "6460-0", "606-4", "634-6", // cultures
	"99780-9", "13317-3", "35492-8", "13316-5", // MRGN class, MRSA and VRE screening
	"32781-7", "24027-5", "34713-8", "54067-4", "92142-9", "92141-1", "94500-6", // Legionella, pneumococci, C. difficile, viruses
	"18861-5", "18862-3", "18864-9", "18865-6", "18969-6", "18970-4", "18964-7", "18961-3", // penicillins
	"18878-9", "18896-1", "18886-2", "18893-8", "18895-3", "18879-7", "18868-0", // cephalosporins, aztreonam
	"18932-4", "18943-1", "35801-0", "35802-8", // carbapenems
	"18906-8", "20629-2", "31039-1", "18860-7", "18928-2", "18996-9", // fluoroquinolones, aminoglycosides
	"18919-1", "18907-6", "18866-4", "18908-4", "18917-5", "42357-4", "18998-5", "25596-8", "18955-5", "18912-6", // others
	"19000-9", "18989-4", "29258-1", "35789-7", // gram-positives
}

// patientToken is replaced by the patient's id.
const patientToken = "{{context.patientId}}"

// Templates gives the templates of the built-in services, in the order discovery
// shows them.
func Templates() []Template {
	const patient = patientToken
	return []Template{
		{"patient", "Patient/" + patient, "Patient"},
		{"encounters", "Encounter?patient=" + patient + "&status=in-progress", "Encounter"},
		{"conditions", "Condition?patient=" + patient, "Condition"},
		{"allergies", "AllergyIntolerance?patient=" + patient, "AllergyIntolerance"},
		{"medicationRequests", "MedicationRequest?patient=" + patient + "&status=active,completed,stopped", "MedicationRequest"},
		{"medicationStatements", "MedicationStatement?patient=" + patient, "MedicationStatement"},
		{"observations", "Observation?patient=" + patient + "&code=" + strings.Join(slices.Concat(observations, microbiology), ",") + "&_sort=-date", "Observation"},
		{"procedures", "Procedure?patient=" + patient, "Procedure"},
		{"devices", "Device?patient=" + patient, "Device"},
		{"deviceUseStatements", "DeviceUseStatement?patient=" + patient, "DeviceUseStatement"},
		// R4 cannot search flags by their status.
		{"flags", "Flag?patient=" + patient, "Flag"},
	}
}

// Version3 adds what only clients of CDS Hooks 3.0 can be asked for, whose tokens may
// compute a date: the doses of the last days, of which there may be thousands, and
// the user, whose language the cards are in. 2.0 has the token for the user, too, but
// there are clients that give up when one query of theirs is refused.
func Version3(list []Template, user bool) []Template {
	list = append(slices.Clone(list), Template{
		"medicationAdministrations",
		"MedicationAdministration?patient=" + patientToken + "&status=in-progress,completed,stopped&effective-time=ge" + daysAgo,
		"MedicationAdministration",
	})
	if user {
		list = append(list, Template{Key: "user", Query: "{{context.userId}}"})
	}
	return list
}

// daysAgo is a token of CDS Hooks 3.0: doses count as current for 48 hours.
const daysAgo = "{{today() - 2 days}}"

// fill replaces the tokens of a query.
func fill(query, patient string, now time.Time) string {
	query = strings.ReplaceAll(query, patientToken, url.PathEscape(patient))
	return strings.ReplaceAll(query, daysAgo, now.AddDate(0, 0, -2).Format(time.DateOnly))
}

// JSON writes templates as discovery wants them: an object whose order is kept,
// which a Go map would not do.
func JSON(templates []Template) json.RawMessage {
	var b strings.Builder
	b.WriteByte('{')
	for i, t := range templates {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoted(t.Key) + ":" + quoted(t.Query))
	}
	b.WriteByte('}')
	return json.RawMessage(b.String())
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("prefetch: " + err.Error()) // a string always marshals
	}
	return strings.ReplaceAll(string(text), `\u0026`, "&")
}
