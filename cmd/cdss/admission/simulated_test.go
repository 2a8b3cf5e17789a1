package admission_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cdss/cmd/cdss/admission"
)

// seeds is how many storms are simulated; each has its own, so that one that fails can
// be repeated alone.
const seeds = 2000

// TestStorms: whoever comes in whatever order, holds for whatever time and gives up at
// the deadline, the budgets hold at every moment, hooks are turned away only when
// nothing else could have been, and nothing stays behind. Time is virtual.
func TestStorms(t *testing.T) {
	let, turned := 0, 0
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			const requests, memory, ingesting = 16, int64(1 << 20), 2
			var mu sync.Mutex
			g := admission.New(admission.Config{Requests: requests, Bytes: memory, Ingesting: ingesting})
			// The order of what happens in the bubble at one time is free; what a request
			// does at its own moment comes of the seed.
			random := rand.New(rand.NewPCG(seed, 12))
			uploads := 0
			for range 120 {
				class := admission.Class(random.IntN(5))
				weight := random.Int64N(memory / 4)
				if random.IntN(20) == 0 {
					weight = 2 * memory // more than there is by itself
				}
				arrives, holds := time.Duration(random.IntN(2000))*time.Millisecond, time.Duration(1+random.IntN(900))*time.Millisecond
				go func() {
					time.Sleep(arrives)
					ctx, cancel := context.WithTimeout(t.Context(), 450*time.Millisecond)
					defer cancel()
					mu.Lock()
					defer mu.Unlock()
					n, bytes := g.Underway()
					leave, cause := g.Enter(class, weight)
					after, afterBytes := g.Underway()
					switch {
					case cause == "" && (after != n+1 || afterBytes != bytes+weight):
						t.Errorf("seed %d: let in, and %d requests became %d", seed, n, after)
					case cause != "" && (after != n || afterBytes != bytes):
						t.Errorf("seed %d: turned away, and %d requests became %d", seed, n, after)
					case cause == "" && (after > requests || bytes > 0 && afterBytes > memory):
						t.Errorf("seed %d: %d requests of %d bytes are under way", seed, after, afterBytes)
					case cause == admission.Busy && class == admission.Hook && n < requests:
						t.Errorf("seed %d: a hook is turned away with %d under way", seed, n)
					case cause == admission.Memory && class == admission.Hook && bytes+weight <= memory:
						t.Errorf("seed %d: a hook of %d is turned away with %d bytes under way", seed, weight, bytes)
					}
					if cause != "" {
						turned++
						return
					}
					let++
					if class == admission.Ingestion {
						if uploads++; uploads > ingesting {
							t.Errorf("seed %d: %d uploads at once", seed, uploads)
						}
					}
					mu.Unlock()
					select { // as a handler does: it ends by itself, or with its deadline
					case <-time.After(holds):
					case <-ctx.Done():
					}
					mu.Lock()
					if class == admission.Ingestion {
						uploads--
					}
					leave()
					leave() // a second time is none
				}()
			}
			time.Sleep(2*time.Second + 451*time.Millisecond)
			synctest.Wait()
			if n, bytes := g.Underway(); n != 0 || bytes != 0 {
				t.Errorf("seed %d: %d requests of %d bytes stay", seed, n, bytes)
			}
			for class := range admission.Class(5) {
				leave, cause := g.Enter(class, 1)
				if cause != "" {
					t.Fatalf("seed %d: after the storm %s is turned away: %s", seed, class, cause)
				}
				leave()
			}
		})
		if t.Failed() {
			return
		}
	}
	if let < seeds || turned < seeds {
		t.Fatalf("%d let in and %d turned away: no storms", let, turned)
	}
	t.Logf("%d storms: %d let in, %d turned away", seeds, let, turned)
}
