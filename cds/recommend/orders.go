package recommend

import "context"

func check(ctx context.Context, in Input) Findings { return Findings{} }
