package recommend

import (
	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/interaction"
)

// together lets the checks of an order see what is ordered beside it.
func (r *reviewer) together(o facts.Order) (restore func()) {
	before := r.meds
	r.meds = append([]interaction.Medicine{}, before...)
	for _, d := range r.Chart.Orders() {
		if d.Recognised && d.Reference != o.Reference && !r.taken(d.ATC) {
			r.meds = append(r.meds, d.Interacting())
		}
	}
	return func() { r.meds = before }
}

func (r *reviewer) taken(atc string) bool {
	for _, m := range r.Chart.Medications() {
		if m.ATC == atc {
			return true
		}
	}
	return false
}

// partner checks the order of another medicine against the antimicrobials that run:
// the later order is the one that harms. One that the patient takes already is
// none.
func (r *reviewer) partner(o facts.Order) {
	if r.Tables.Interactions == nil || r.taken(o.ATC) {
		return
	}
	for _, m := range r.Chart.Medications() {
		sub, ok := r.Tables.Formulary.Lookup(m.ATC)
		if !ok {
			continue
		}
		for _, i := range r.Tables.Interactions.Check(m.Interacting(), []interaction.Medicine{o.Interacting()}, interaction.Patient{}) {
			if i.Indicator == cds.Info {
				continue
			}
			summary := cds.Text{DE: o.Name.DE + " und laufend " + sub.Name.DE + ": Interaktion", EN: o.Name.EN + " and running " + sub.Name.EN + ": interaction"}
			var fixes []cds.Fix
			if i.Exclude {
				summary = cds.Text{DE: o.Name.DE + " ist mit laufendem " + sub.Name.DE + " kontraindiziert", EN: o.Name.EN + " is contraindicated with running " + sub.Name.EN}
				fixes = append(fixes, r.remove(o))
			}
			r.warnOrder(o, "interaction-"+i.ID, i.Indicator, summary, i.Effect,
				r.cites(append(places([]stewardship.Source{i.Source}), mechanism(i.Kind)...)...), fixes)
		}
	}
}
