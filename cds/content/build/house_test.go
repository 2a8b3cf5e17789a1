package build

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"cdss/cds/content"
)

// house gives the tables of a small house guideline.
func house(t *testing.T, change map[string]string) fs.FS {
	t.Helper()
	files := map[string]string{
		"sources.csv": "id,title,version,url,read\nhouse,Hausleitlinie,2026,https://hospital.example/abx,yes\n",
		"populations.csv": "plan,population,role,condition,assume,title_de,title_en,note_de,note_en,deescalation_de,deescalation_en,full_dose_h,full_dose_basis,page,section,terms,also\n" +
			"community-acquired-pneumonia,all,population,true,,Alle,All,,,,,,,3,Pneumonie,CAP,\n",
		"regimens.csv": "plan,population,option,line,condition,seq,atc,substance,dose,dose_high,unit,count,count_high,period,period_unit,route,duration_low,duration_high,duration_unit,loading_de,loading_en,infusion_de,infusion_en,schedule_de,schedule_en,grade,note_de,note_en,page,section,terms\n" +
			"community-acquired-pneumonia,all,amoxicillin,1,,1,J01CA04,Amoxicillin,1,,g,3,,1,d,po,5,,d,,,,,,,,,,3,Pneumonie,CAP\n",
	}
	for name, text := range change {
		files[name] = text
	}
	m := fstest.MapFS{}
	for _, name := range []string{"formulary.csv", "indications.csv", "categories.csv"} {
		raw, err := fs.ReadFile(content.Tables(), name)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = &fstest.MapFile{Data: raw}
	}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

var options = Options{Base: "https://hospital.example/fhir", Version: "1.0.0", Date: "2026-01-15", Guideline: "house"}

func TestHouseGuidelineMakesRegimens(t *testing.T) {
	list, err := House(house(t, nil), options)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Type() != "PlanDefinition" || list[1].Type() != "ActivityDefinition" {
		t.Fatalf("%d artifacts", len(list))
	}
	plan := list[0].Root()
	if got := plan.Child("url").String(); got != "https://hospital.example/fhir/PlanDefinition/regimens-community-acquired-pneumonia" {
		t.Errorf("url %s", got)
	}
	if experimental, _ := plan.Child("experimental").Bool(); experimental || strings.Contains(string(list[0].Raw()), content.BannerDE) {
		t.Error("the house's own guideline is marked as an example")
	}
	if got := list[1].Root().Child("url").String(); !strings.HasPrefix(got, "https://hospital.example/fhir/ActivityDefinition/j01ca04-po-1g-3per1d") {
		t.Errorf("url %s", got)
	}
}

func TestSpreadsheetsMayPartBySemicolons(t *testing.T) {
	regimens, err := fs.ReadFile(house(t, nil), "regimens.csv")
	if err != nil {
		t.Fatal(err)
	}
	text := "\ufeff" + strings.ReplaceAll(string(regimens), ",", ";")
	list, err := House(house(t, map[string]string{"regimens.csv": text}), options)
	if err != nil || len(list) != 2 {
		t.Errorf("%d artifacts, %v", len(list), err)
	}
}

func TestMistakesNameLineAndColumn(t *testing.T) {
	regimens, err := fs.ReadFile(house(t, nil), "regimens.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, file, text, want string }{
		{"a dose in words", "regimens.csv", strings.Replace(string(regimens), ",1,,g,", ",one,,g,", 1), `regimens.csv:2:71: dose is no number: "one"`},
		{"an infinite dose", "regimens.csv", strings.Replace(string(regimens), ",1,,g,", ",Inf,,g,", 1), `dose is no number: "Inf"`},
		{"an open quotation", "regimens.csv", string(regimens) + `x,"y` + "\n", "regimens.csv:"},
		{"another table", "regimens.csv", "a,b\n1,2\n", "regimens.csv:1:1: the columns are a,b; they have to be plan,"},
		{"nothing", "regimens.csv", "", "regimens.csv:1:1: the table is empty"},
		{"Latin-1", "sources.csv", "id,title,version,url,read\nhouse,\xdcber,1,,yes\n", "sources.csv:1:1: the table is not in UTF-8"},
		{"no such guideline", "sources.csv", "id,title,version,url,read\nother,Other,1,,yes\n", `the guideline "house" is not among the sources`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := House(house(t, map[string]string{tc.file: tc.text}), options)
			var m Mistakes
			if !errors.As(err, &m) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
}

func FuzzHouse(f *testing.F) {
	f.Add("plan,population\na,b\n")
	f.Add("\"")
	f.Add("community-acquired-pneumonia,all,amoxicillin,1,,1,J01CA04,Amoxicillin,1e308,,g,3,,1,d,po,5,,d,,,,,,,,,,3,Pneumonie,CAP\n")
	head := "plan,population,option,line,condition,seq,atc,substance,dose,dose_high,unit,count,count_high,period,period_unit,route,duration_low,duration_high,duration_unit,loading_de,loading_en,infusion_de,infusion_en,schedule_de,schedule_en,grade,note_de,note_en,page,section,terms\n"
	t := &testing.T{}
	base := house(t, nil)
	f.Fuzz(func(t *testing.T, rows string) {
		m := fstest.MapFS{}
		for name, file := range base.(fstest.MapFS) {
			m[name] = file
		}
		for _, text := range []string{rows, head + rows} {
			m["regimens.csv"] = &fstest.MapFile{Data: []byte(text)}
			_, _ = House(m, options) // whatever it says, it says it
		}
	})
}
