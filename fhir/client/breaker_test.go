package client

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestBreakerOverTime: a server that falls ill and heals at random is asked by many at
// once. Whatever the order, an open breaker lets one probe through at a time, five
// failures close to each other open it, and a server that is well again is asked again
// within the time a breaker stays open. Time is virtual.
func TestBreakerOverTime(t *testing.T) {
	const seeds = 2000
	opened, held := 0, 0
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 21))
			b := &breaker{}
			var mu sync.Mutex // of what follows; held over no sleep
			ill, until := false, time.Now().Add(2*time.Minute)
			probes, row := 0, 0
			first := time.Time{}
			go func() {
				for time.Now().Before(until) {
					time.Sleep(time.Duration(1+random.IntN(20_000)) * time.Millisecond)
					mu.Lock()
					ill = !ill
					mu.Unlock()
				}
				mu.Lock()
				ill = false
				mu.Unlock()
			}()
			for client := range uint64(3) {
				// A tenth of a millisecond apart each, so that no two act at one moment.
				mine := rand.New(rand.NewPCG(seed, 100+client))
				go func() {
					mu.Lock()
					defer mu.Unlock()
					sleep := func(d time.Duration) {
						mu.Unlock()
						time.Sleep(d)
						mu.Lock()
					}
					sleep(time.Duration(client+1) * 100 * time.Microsecond)
					for time.Now().Before(until) {
						sleep(time.Duration(1+mine.IntN(400)) * time.Millisecond)
						shut := b.open(time.Now())
						ticket, ok := b.enter(time.Now())
						if !ok {
							held++
							continue
						}
						if shut {
							t.Errorf("seed %d: a request through an open breaker", seed)
						}
						if ticket.probe {
							if probes++; probes > 1 {
								t.Errorf("seed %d: %d probes at once", seed, probes)
							}
						}
						sleep(time.Duration(1+mine.IntN(300)) * time.Millisecond)
						verdict := healthy
						if ill {
							verdict = failing
						}
						if ticket.probe {
							probes--
						}
						if mine.IntN(20) == 0 {
							verdict = silent // the caller gave up
						}
						now := time.Now()
						switch {
						case verdict == healthy:
							row = 0
						case verdict == failing:
							if row == 0 || now.Sub(first) > breakTime {
								row, first = 0, now
							}
							row++
						}
						if b.leave(ticket, verdict, now) {
							opened++
							if row < breakAfter && !ticket.probe {
								t.Errorf("seed %d: open after %d failures", seed, row)
							}
						}
						if row >= breakAfter && verdict == failing && !b.open(now) {
							t.Errorf("seed %d: %d failures within %s and it is not open", seed, row, now.Sub(first))
						}
					}
				}()
			}
			time.Sleep(time.Until(until) + 30*time.Second)
			synctest.Wait()
			// Well since at least the time a breaker stays open.
			ticket, ok := b.enter(time.Now())
			if !ok {
				t.Fatalf("seed %d: the server is well again and is not asked", seed)
			}
			b.leave(ticket, healthy, time.Now())
			if next, ok := b.enter(time.Now()); !ok || next.probe {
				t.Errorf("seed %d: it answered, and the breaker is not closed", seed)
			}
		})
		if t.Failed() {
			return
		}
	}
	if opened < seeds || held < seeds {
		t.Fatalf("opened %d times and held back %d: nothing was simulated", opened, held)
	}
	t.Logf("%d courses: opened %d times, %d requests held back", seeds, opened, held)
}
