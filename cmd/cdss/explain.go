package main

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"cdss/cds"
	cdsstore "cdss/cds/store"
)

// explain tells how the card of a uuid came about, or the answer of that id.
func explain(ctx context.Context, args []string, env environment) error {
	set := flags("explain", env)
	every := set.Bool("all", false, "tell the conditions that did not apply as well")
	name, err := oneFile(set, args)
	if err != nil {
		return err
	}
	uuid := strings.ToLower(name)
	if len(uuid) != 36 || strings.Trim(uuid, "0123456789abcdef-") != "" {
		return usagef("explain: the uuid of a card is needed")
	}
	_, pool, done, err := migrated(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	decisions := cdsstore.New(nil)
	decisions.Attach(pool)
	d, feedback, err := decisions.Explain(ctx, uuid)
	if err != nil {
		return err
	}
	story(env.out, uuid, d, feedback, *every)
	beside, changes, err := decisions.ShadowRun(ctx, d.ID)
	if err != nil {
		return err
	}
	if beside != "" {
		fmt.Fprintf(env.out, "\nBeside it ran %s, which answers with %d differences\n", beside, len(changes))
		for _, c := range changes {
			fmt.Fprintf(env.out, "  %s: %s -> %s\n", c.Kind, orNone(c.Before), orNone(c.After))
		}
	}
	return nil
}

// story writes a decision for a reader who was not there.
func story(w io.Writer, uuid string, d cds.Decision, feedback []cds.Feedback, every bool) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
	head := func(s string) { fmt.Fprintf(t, "\n%s\n", s) }
	orNobody := func(s string) string {
		if s == "" {
			return "nobody that is registered"
		}
		return s
	}
	line("decision", d.ID)
	line("time", d.At.UTC().Format(time.RFC3339))
	line("service", d.Service+", hook "+orNone(d.Hook)+", instance "+orNone(d.HookInstance))
	line("client", orNobody(d.Client)+", language "+string(d.Language))
	line("took", fmt.Sprintf("%.1f ms", float64(d.Duration.Microseconds())/1000))
	if d.Shadow {
		line("shadow", "the client was shown nothing")
	}
	if d.Degraded {
		line("degraded", "a step did not end")
	}
	head("Cards")
	for i, c := range d.Cards {
		mark := ""
		if c.UUID == uuid {
			mark = "this card"
		}
		line(fmt.Sprintf("  %d", i+1), string(c.Indicator), c.Topic, c.UUID, mark)
	}
	if len(d.Cards) == 0 {
		line("  none")
	}
	head("What ran and led to something")
	for _, r := range d.Ran {
		line("  " + r)
	}
	if len(d.Ran) == 0 {
		line("  nothing fired")
	}
	head("What did not run, and why")
	for _, s := range d.Skipped {
		line("  "+s.Check, s.Reason, missing(s.Missing))
	}
	if len(d.Skipped) == 0 {
		line("  everything that applied ran")
	}
	head("Why: the conditions that applied, and those that could not be decided")
	told := 0
	for _, l := range d.Trace {
		if l.Outcome == "false" && !every {
			continue
		}
		told++
		line("  "+l.At, l.Outcome, l.Plan)
		for _, c := range l.Conditions {
			line("    "+c.Expression, c.Outcome, readFrom(c.Reads))
		}
	}
	switch left := len(d.Trace) - told; {
	case len(d.Trace) == 0:
		line("  nothing was kept")
	case left > 0:
		line(fmt.Sprintf("  %d more did not apply; --all tells them", left))
	}
	head("Knowledge")
	for _, a := range d.Artifacts {
		line("  "+a.URL, a.Version, short(a.SHA256))
	}
	head("What it was made on")
	names := make([]string, 0, len(d.Inputs))
	for name := range d.Inputs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		in := d.Inputs[name]
		state := in.Why
		if state == "" {
			state = "complete"
		}
		line("  "+name, orNone(in.Origin), fmt.Sprintf("%d resources", in.Resources), state, short(in.SHA256))
	}
	if len(d.References) > 0 {
		line("  values read from", strings.Join(d.References, " "))
	}
	head("Time")
	for _, s := range d.Timings {
		line("  "+s.Step, fmt.Sprintf("%.1f ms", s.Milliseconds))
	}
	head("What became of it")
	for _, f := range feedback {
		cells := []string{"  " + f.At.UTC().Format(time.RFC3339), string(f.Outcome), "card " + f.Card}
		if len(f.Suggestions) > 0 {
			cells = append(cells, "suggestions "+strings.Join(f.Suggestions, " "))
		}
		if f.Reason != nil {
			cells = append(cells, strings.TrimSpace(f.Reason.Code+" "+f.Reason.Display))
		}
		if f.Comment != "" {
			cells = append(cells, "with a comment")
		}
		line(cells...)
	}
	if len(feedback) == 0 {
		line("  no feedback")
	}
	_ = t.Flush() // a terminal that went away is nobody's loss
}

// readFrom names what a condition read, and where the values came from. The values
// themselves are not kept.
func readFrom(list []cds.LookedRead) string {
	var out []string
	for _, r := range list {
		text := "%" + r.Name
		if len(r.From) > 0 {
			text += " from " + strings.Join(r.From, " ")
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func missing(facts []string) string {
	if len(facts) == 0 {
		return ""
	}
	return "missing: " + strings.Join(facts, ", ")
}

// short gives the beginning of a hash, enough to compare by eye.
func short(sum string) string {
	if len(sum) > 16 {
		return "sha256 " + sum[:16] + "…"
	}
	return ""
}
