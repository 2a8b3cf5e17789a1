// Command try tries the program for as long as it is told: chaos, kills, load. It owns the
// options and what is printed; what is done stands in package ordeal. It refuses to try a
// server that it has not started itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strings"
	"time"

	"cdss/cmd/cdss/ordeal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "try:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: try chaos|kills|roll|race|drill|load [options]")
	}
	set := flag.NewFlagSet("try "+args[0], flag.ContinueOnError)
	program := set.String("program", "", "the binary to try; it is built when none is named")
	seed := set.Uint64("seed", 1, "first seed")
	seeds := set.Int("seeds", 1, "how many seeds, one after the other (chaos)")
	length := set.Duration("for", 30*time.Second, "how long: of each seed (chaos), of each stage (load)")
	rate := set.Float64("rate", 30, "hook calls in a second (chaos, load)")
	size := set.Int("bytes", 20<<10, "size of a call (load)")
	times := set.Int("times", 20, "how often a process is killed (kills), how many rounds (roll), how many replicas (race)")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ordeal")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The private database may run as another user.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if *program == "" {
		if *program, err = ordeal.Build(ctx, dir); err != nil {
			return err
		}
	}
	fmt.Println("load average of this machine before:", loadAverage())
	defer func() { fmt.Println("load average of this machine after:", loadAverage()) }()
	switch args[0] {
	case "chaos":
		return chaos(ctx, *program, dir, *seed, *seeds, *length, *rate)
	case "kills":
		return kills(ctx, *program, dir, *seed, *times)
	case "roll":
		report, err := ordeal.Roll(ctx, *program, dir, 3, *times, *rate)
		fmt.Println(report)
		return err
	case "race":
		took, err := ordeal.Race(ctx, *program, dir, *times)
		fmt.Printf("%d replicas at once on an empty database: all ready after %s\n", *times, took.Round(10*time.Millisecond))
		return err
	case "drill":
		report, err := ordeal.Drill(ctx, *program, dir)
		fmt.Println(report)
		return err
	case "load":
		return load(ctx, *program, dir, *rate, *size, *length)
	}
	return fmt.Errorf("there is no %q", args[0])
}

func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}

func chaos(ctx context.Context, program, dir string, first uint64, seeds int, length time.Duration, rate float64) error {
	scene, err := ordeal.Open(ctx, program, dir, 2)
	if err != nil {
		return err
	}
	defer scene.Close()
	sum, faults := map[ordeal.Verdict]int{}, map[string]int{}
	for seed := first; seed < first+uint64(seeds); seed++ {
		tally, made, err := scene.Chaos(ctx, seed, length, rate)
		for v, n := range tally.Verdicts {
			sum[v] += n
		}
		for _, f := range made {
			faults[f.Name]++
		}
		fmt.Printf("seed %d: %d faults, %d answers: %s\n", seed, len(made), tally.Total(), counts(tally.Verdicts))
		if err != nil {
			return err
		}
	}
	injected := 0
	for _, n := range faults {
		injected += n
	}
	fmt.Printf("\n%d seeds, %d injected faults: %s\nanswers: %s\nsilent misses: %d in %d injected faults; requests sent again by the balancer: %d\n",
		seeds, injected, counts(faults), counts(sum), sum[ordeal.Missed], injected, scene.Balancer.Again.Load())
	return nil
}

func counts[K ~string](of map[K]int) string {
	var list []string
	for k, n := range of {
		list = append(list, fmt.Sprintf("%s %d", k, n))
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}

func kills(ctx context.Context, program, dir string, seed uint64, times int) error {
	report, err := ordeal.Kills(ctx, program, dir, seed, times)
	fmt.Println(report)
	return err
}

func load(ctx context.Context, program, dir string, rate float64, size int, length time.Duration) error {
	report, err := ordeal.Load(ctx, program, dir, rate, size, length)
	fmt.Println(report)
	return err
}
