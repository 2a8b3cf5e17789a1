package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Indication is an indication that can be asked for.
type Indication struct {
	Code     string `json:"code"`
	Alias    string `json:"alias" doc:"the prototype's value, accepted too"`
	DE       string `json:"de"`
	EN       string `json:"en"`
	Regimens bool   `json:"regimens" doc:"options are known for it"`
}

// IndicationCategory groups indications.
type IndicationCategory struct {
	Code        string       `json:"code"`
	DE          string       `json:"de"`
	EN          string       `json:"en"`
	Indications []Indication `json:"indications"`
}

// IndicationList is the answer to GET /indications.
type IndicationList struct {
	Categories []IndicationCategory `json:"categories"`
}

func (d *door) registerIndications(api huma.API) {
	huma.Register(api, operation("list-indications", http.MethodGet, "/indications", "List the indications by category", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body IndicationList }, error) {
			snapshot := d.Knowledge()
			list := IndicationList{Categories: []IndicationCategory{}}
			for _, c := range snapshot.Categories() {
				category := IndicationCategory{Code: c.Code, DE: c.Name.DE, EN: c.Name.EN, Indications: []Indication{}}
				for _, i := range snapshot.Indications() {
					if i.Category != c.Code {
						continue
					}
					_, regimens := snapshot.PlanFor(i.Code)
					category.Indications = append(category.Indications, Indication{i.Code, i.Alias, i.Name.DE, i.Name.EN, regimens})
				}
				list.Categories = append(list.Categories, category)
			}
			return &struct{ Body IndicationList }{list}, nil
		})
}
