package recommend_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"cdss/cds/recommend"
)

// A recommendation over 200 observations takes at most 10 ms of CPU, the Chart
// included. Time of the processor is measured and not of the clock, so that a busy
// machine changes nothing.
func TestRecommendationOver200Observations(t *testing.T) {
	w := newWard(t)
	raw := adult(pneumonia, takes("J01CR05", "Piperacillin/Tazobactam", "2026-03-13T08:00:00+01:00", "4,5 g i.v. 3x täglich"))
	codes := []struct {
		loinc, unit string
		value       float64
	}{{"2160-0", "mg/dL", 1.6}, {"8310-5", "Cel", 38.2}, {"9279-1", "/min", 22}, {"8867-4", "/min", 98}, {"1988-5", "mg/L", 120}, {"6690-2", "10*9/L", 14}, {"2524-7", "mmol/L", 1.4}, {"2823-3", "mmol/L", 4.1}, {"8480-6", "mm[Hg]", 118}, {"59408-5", "%", 93}}
	for i := range 200 {
		c := codes[i%len(codes)]
		raw = append(raw, fmt.Sprintf(`{"resourceType":"Observation","id":"many-%d","status":"final",%s,"effectiveDateTime":"2026-03-16T0%d:%02d:00+01:00","code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"valueQuantity":{"value":%g,"unit":"%s"}}`,
			i, patientRef, i%8, i%60, c.loinc, c.value, c.unit))
	}
	run := func() {
		if rec := recommend.Recommend(context.Background(), w.chart(t, moderate, raw, nil)); len(rec.Options) == 0 {
			t.Fatal("no option")
		}
	}
	run() // what is made once
	const runs = 20
	before := cpu(t)
	for range runs {
		run()
	}
	if each := (cpu(t) - before) / runs; each > 10*time.Millisecond {
		t.Errorf("%v of CPU each, parsing included", each)
	} else {
		t.Logf("%v of CPU each, parsing included", each)
	}
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
