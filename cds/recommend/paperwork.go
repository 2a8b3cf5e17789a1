package recommend

import (
	"encoding/json"
	"fmt"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
	"cdss/fhir"
	"cdss/rag"
)

// tooLong objects to a planned length well beyond the source's longest.
func (r *reviewer) tooLong(o facts.Order, sub formulary.Substance) {
	longest, ok := r.longest(r.judged, sub.ATC)
	days := longest.Hours() / 24
	if !ok || o.Days < days*1.5 || o.Days < days+3 {
		return
	}
	r.warnOrder(o, "duration-long", cds.Info,
		cds.Text{DE: sub.Name.DE + ": länger als in der Leitlinie", EN: sub.Name.EN + ": longer than in the guideline"},
		stewardship.Both(func(l cds.Lang) string {
			return fmt.Sprintf(cds.Text{DE: "Verordnet sind %s Tage, die Quelle nennt höchstens %s.", EN: "Ordered are %s days, the source states %s at most."}.In(l),
				stewardship.Decimal(o.Days, 0, l), stewardship.Decimal(days, 0, l))
		}), r.lasting(sub.ATC), nil)
	r.restsOn(r.example)
}

// lasting cites where the plan states the length of a substance's course.
func (r *reviewer) lasting(atc string) []rag.Citation {
	for _, j := range r.judged {
		for _, p := range j.parts {
			if p.sub.ATC == atc && p.action.Regimen.DurationHigh > 0 {
				return r.cites(append(p.action.Citations[:len(p.action.Citations):len(p.action.Citations)], j.Population.Citations...)...)
			}
		}
	}
	return nil
}

// incomplete says of orders that are objected to anyway what else they lack: the
// indication and the end. Alone it is no reason for a card, since most systems hold
// neither on the order.
func (r *reviewer) incomplete(orders []facts.Order) {
	indication, _ := r.Chart.Indication()
	for _, o := range orders {
		objected := false
		for _, w := range r.warnings {
			objected = objected || w.OrderRef == o.Reference && w.Indicator != cds.Info
		}
		var lacks []string
		for _, m := range o.Missing {
			switch {
			case m == "indication" && indication == nil, m == "duration":
				lacks = append(lacks, r.say(facts.Display(m)))
			}
		}
		if !objected || len(lacks) == 0 {
			continue
		}
		r.warnOrder(o, "order-incomplete", cds.Info,
			cds.Text{DE: o.Name.DE + ": Verordnung unvollständig: " + strings.Join(lacks, ", "), EN: o.Name.EN + ": order incomplete: " + strings.Join(lacks, ", ")},
			cds.Text{DE: "Indikation und End- oder Reviewdatum gehören auf jede Antibiotikaverordnung.", EN: "Indication and end or review date belong on every order of an antibiotic."}, nil, nil)
	}
}

// cultureBefore says of a therapy that begins that no culture was taken, and offers
// to order it.
func (r *reviewer) cultureBefore(orders []facts.Order) {
	names, list, missing := r.cultureMissing()
	if !missing || len(r.courses()) > 0 || r.none != "" {
		return
	}
	for _, o := range orders {
		if o.Hours.AtLeast(graceHours) == stewardship.Yes {
			continue
		}
		indicator := cds.Info
		if r.severe() {
			indicator = cds.WarningI
		}
		fix := cds.Fix{Label: r.t("Anfordern: ", "Order: ") + r.say(names)}
		var at []stewardship.Source
		for _, c := range list {
			at = append(at, c.Source)
			request := fhir.NewResource("ServiceRequest", proposalID(o.Reference, c.Test)).
				Set("status", "draft").Set("intent", "proposal").Set("priority", "urgent").
				Set("code", fhir.CodeableConcept{Codings: []fhir.Coding{{System: "http://loinc.org", Code: c.Test}}, Text: r.say(c.Name)}).
				Set("subject", r.subjectOf(o)).Set("encounter", o.Resource.Root().Child("encounter"))
			fix.Actions = append(fix.Actions, cds.Action{Type: "create", Description: r.say(c.Name), Resource: json.RawMessage(request.JSON())})
		}
		r.warnOrder(o, "culture-missing", indicator,
			cds.Text{DE: "Vor der ersten Gabe abnehmen: " + names.DE, EN: "Take before the first dose: " + names.EN},
			cds.Text{
				DE: "In den übermittelten Daten ist keine Kultur angefordert oder abgenommen. Bei schwerer Infektion darf die Abnahme den Beginn nicht verzögern.",
				EN: "The data that were sent hold no culture ordered or taken. In severe infection taking it must not delay the start.",
			}, r.cites(places(at)...), []cds.Fix{fix})
		r.restsOn(r.example)
		return
	}
}
