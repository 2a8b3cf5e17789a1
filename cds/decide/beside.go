package decide

import (
	"context"
	"time"

	"cdss/cds"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/trial"
)

// Beside is a version of the knowledge that runs beside what is in force: its answers
// are compared and recorded, and nobody is shown them.
type Beside struct {
	ID       int64
	Snapshot *knowledge.Snapshot
}

// maxBeside is how many comparisons may go on at once; of what comes meanwhile none is
// made, so that nobody waits for them.
const maxBeside = 2

// patience of a comparison, which is nobody's wait.
const besidePatience = 5 * time.Second

// compare answers a question once more with the version that runs beside, off the way
// of the answer, and records how the two differ.
func (s *Service) compare(in recommend.Input, given trial.Answer, orders bool) {
	if s.c.Beside == nil || s.c.Differ == nil || in.Chart == nil {
		return
	}
	b := s.c.Beside()
	if b == nil {
		return
	}
	select {
	case s.besides <- struct{}{}:
	default:
		return
	}
	in.Snapshot, in.Trace = b.Snapshot, nil
	go func() {
		defer func() { <-s.besides }()
		ctx, cancel := context.WithTimeout(context.Background(), besidePatience)
		defer cancel()
		other, err := within(ctx, s, "beside", func(ctx context.Context) trial.Answer {
			if orders {
				return trial.Answer{Orders: s.c.Rules.CheckOrders(ctx, in)}
			}
			return trial.Answer{Recommendation: s.c.Rules.Recommend(ctx, in)}
		})
		if err != nil {
			return
		}
		s.c.Differ(cds.BesideRun{Decision: in.ID, Shadow: b.ID, At: in.Now, Changes: trial.CompareCodes(given, other)})
	}()
}

// besideCall compares the answer to a hook call. A plan that is called by itself, and
// a call that did not end, are not compared.
func (s *Service) besideCall(c *call) {
	if c.broken || c.service != nil {
		return
	}
	orders := c.req.Question == cds.AskOrders || c.req.Question == cds.AskTherapy
	given := trial.Answer{Recommendation: c.rec}
	if orders {
		given = trial.Answer{Orders: recommend.Findings{Warnings: c.rec.Warnings}}
	}
	s.compare(c.input, given, orders)
}
