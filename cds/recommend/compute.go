package recommend

import (
	"context"

	"cdss/cds"
)

func compute(ctx context.Context, in Input) cds.Recommendation { return cds.Recommendation{} }

func check(ctx context.Context, in Input) Findings { return Findings{} }
