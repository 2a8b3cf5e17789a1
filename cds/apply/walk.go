package apply

import (
	"context"
	"time"

	"cdss/cds/facts"
	"cdss/cds/knowledge"
)

func walk(ctx context.Context, plan *knowledge.Plan, chart *facts.Chart, now time.Time) Result {
	return Result{}
}
