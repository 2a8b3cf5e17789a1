package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
)

// Happened tells what became of rules and decisions.
type Happened interface {
	Used(ctx context.Context, span cds.DecisionSpan) ([]cds.RuleUse, error)
	Decisions(ctx context.Context, span cds.DecisionSpan) ([]cds.DecisionRow, error)
	Explain(ctx context.Context, uuid string) (cds.Decision, []cds.Feedback, error)
}

// HappenedConfig is what the door of what happened needs. Log may be nil.
type HappenedConfig struct {
	Happened Happened
	Now      func() time.Time
	Log      *slog.Logger
}

// Answers counts what people did with what came of a rule.
type Answers struct {
	Accepted   int64 `json:"accepted"`
	Modified   int64 `json:"modified"`
	Overridden int64 `json:"overridden"`
}

// AnswerReason is why something was not followed.
type AnswerReason struct {
	System  string `json:"system"`
	Code    string `json:"code" doc:"empty: no reason was given"`
	Display string `json:"display"`
	Count   int64  `json:"count"`
}

// AnswerWeek is a week of answers.
type AnswerWeek struct {
	Monday string `json:"monday" doc:"date, UTC"`
	Answers
}

// RuleUse is what became of a rule.
type RuleUse struct {
	URL       string `json:"url"`
	Decisions int64  `json:"decisions" doc:"in which an action of it applied"`
	Answers
	Look    bool           `json:"look" doc:"to be looked at: of at least ten answers 80 % were overrides"`
	Reasons []AnswerReason `json:"reasons"`
	Weeks   []AnswerWeek   `json:"weeks"`
}

// RuleUses is the answer to GET /authoring/feedback.
type RuleUses struct {
	From  string    `json:"from"`
	To    string    `json:"to"`
	Rules []RuleUse `json:"rules"`
}

// DecisionRow is a decision in a list.
type DecisionRow struct {
	ID       string   `json:"id"`
	At       string   `json:"at"`
	Service  string   `json:"service"`
	Hook     string   `json:"hook"`
	Client   string   `json:"client"`
	Cards    int64    `json:"cards"`
	Degraded bool     `json:"degraded"`
	Rules    []string `json:"rules" doc:"canonical urls of those that applied"`
	Outcome  string   `json:"outcome" doc:"the last answer to it, else empty"`
}

// DecisionRows is the answer to GET /authoring/decisions.
type DecisionRows struct {
	Decisions []DecisionRow `json:"decisions"`
}

// DecisionTrace is a decision with what was looked at for it. It holds no value of a
// patient and no reference to one.
type DecisionTrace struct {
	ID       string          `json:"id"`
	At       string          `json:"at"`
	Service  string          `json:"service"`
	Hook     string          `json:"hook"`
	Client   string          `json:"client"`
	Degraded bool            `json:"degraded"`
	Rules    []string        `json:"rules" doc:"url|version of the knowledge that ran"`
	Ran      []string        `json:"ran" doc:"codes of what fired"`
	Skipped  []DecisionGap   `json:"skipped" doc:"what was not checked"`
	Looked   []DecisionLook  `json:"looked"`
	Answers  []DecisionReply `json:"answers"`
}

// DecisionGap is a check that was not made.
type DecisionGap struct {
	Check   string   `json:"check"`
	Missing []string `json:"missing"`
}

// DecisionLook is an action whose conditions were looked at.
type DecisionLook struct {
	Plan       string              `json:"plan"`
	At         string              `json:"at"`
	Outcome    string              `json:"outcome"`
	Conditions []DecisionCondition `json:"conditions"`
}

// DecisionCondition is one condition with the names it read.
type DecisionCondition struct {
	Expression string   `json:"expression"`
	Outcome    string   `json:"outcome"`
	Reads      []string `json:"reads"`
}

// DecisionReply is what a person did with it. Comments are left out: they may tell of
// the patient.
type DecisionReply struct {
	At      string `json:"at"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Comment bool   `json:"comment" doc:"there is one"`
}

// lookAnswers and lookShare make a rule one to be looked at.
const (
	lookAnswers = 10
	lookShare   = 0.8
)

type spanInput struct {
	From   time.Time `query:"from" required:"false" doc:"90 days ago if left out"`
	To     time.Time `query:"to" required:"false" doc:"now if left out; not counted in"`
	Rule   string    `query:"rule" maxLength:"500" required:"false" doc:"canonical url"`
	Client string    `query:"client" maxLength:"200" required:"false"`
}

type happenedDoor struct {
	HappenedConfig
	failing *door
}

func (d *happenedDoor) span(in spanInput) (cds.DecisionSpan, error) {
	x := cds.DecisionSpan{From: in.From, To: in.To, Rule: in.Rule, Client: in.Client}
	if x.To.IsZero() {
		x.To = d.Now()
	}
	if x.From.IsZero() {
		x.From = x.To.AddDate(0, 0, -90)
	}
	if x.From.After(x.To) {
		return x, unprocessable("query.from", "the span ends before it begins")
	}
	return x, nil
}

// RegisterHappened adds the operations that tell what happened to api, whose server is
// /api.
func RegisterHappened(api huma.API, c HappenedConfig) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &happenedDoor{c, &door{Config: Config{Log: c.Log}}}
	huma.Register(api, authoringOperation("read-rule-use", http.MethodGet, "/feedback", "Tell what became of rules: where they applied, what was overridden, and why", http.StatusOK, 422, 503),
		func(ctx context.Context, in *spanInput) (*struct{ Body RuleUses }, error) {
			span, err := d.span(*in)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			list, err := d.Happened.Used(ctx, span)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			out := RuleUses{From: moment3339(span.From), To: moment3339(span.To), Rules: []RuleUse{}}
			for _, u := range list {
				out.Rules = append(out.Rules, ruleUse(u))
			}
			return &struct{ Body RuleUses }{out}, nil
		})
	huma.Register(api, authoringOperation("list-decisions", http.MethodGet, "/decisions", "List the newest decisions, at most 50", http.StatusOK, 422, 503),
		func(ctx context.Context, in *spanInput) (*struct{ Body DecisionRows }, error) {
			span, err := d.span(*in)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			list, err := d.Happened.Decisions(ctx, span)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			out := DecisionRows{Decisions: []DecisionRow{}}
			for _, r := range list {
				out.Decisions = append(out.Decisions, DecisionRow{
					ID: r.ID, At: moment3339(r.At), Service: r.Service, Hook: r.Hook, Client: r.Client, Cards: r.Cards, Degraded: r.Degraded, Rules: r.Rules, Outcome: r.Outcome,
				})
			}
			return &struct{ Body DecisionRows }{out}, nil
		})
	huma.Register(api, authoringOperation("read-decision", http.MethodGet, "/decisions/{id}", "Tell why a decision is as it is, without values of the patient", http.StatusOK, 404, 503),
		func(ctx context.Context, in *struct {
			ID string `path:"id" format:"uuid"`
		}) (*struct{ Body DecisionTrace }, error) {
			decision, answers, err := d.Happened.Explain(ctx, in.ID)
			if err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			return &struct{ Body DecisionTrace }{decisionTrace(decision, answers)}, nil
		})
}

func moment3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func ruleUse(u cds.RuleUse) RuleUse {
	answers := func(o cds.Outcomes) Answers { return Answers{o.Accepted, o.Modified, o.Overridden} }
	out := RuleUse{URL: u.URL, Decisions: u.Decisions, Answers: answers(u.Outcomes), Reasons: []AnswerReason{}, Weeks: []AnswerWeek{}}
	all := u.Accepted + u.Modified + u.Overridden
	out.Look = all >= lookAnswers && float64(u.Overridden) >= lookShare*float64(all)
	for _, r := range u.Reasons {
		out.Reasons = append(out.Reasons, AnswerReason(r))
	}
	for _, w := range u.Weeks {
		out.Weeks = append(out.Weeks, AnswerWeek{w.Monday.UTC().Format(time.DateOnly), answers(w.Outcomes)})
	}
	return out
}

func decisionTrace(d cds.Decision, answers []cds.Feedback) DecisionTrace {
	out := DecisionTrace{
		ID: d.ID, At: moment3339(d.At), Service: d.Service, Hook: d.Hook, Client: d.Client, Degraded: d.Degraded,
		Rules: []string{}, Ran: append([]string{}, d.Ran...), Skipped: []DecisionGap{}, Looked: []DecisionLook{}, Answers: []DecisionReply{},
	}
	for _, a := range d.Artifacts {
		out.Rules = append(out.Rules, a.URL+"|"+a.Version)
	}
	for _, n := range d.Skipped {
		out.Skipped = append(out.Skipped, DecisionGap{n.Check, append([]string{}, n.Missing...)})
	}
	for _, l := range d.Trace {
		look := DecisionLook{Plan: l.Plan, At: l.At, Outcome: l.Outcome, Conditions: []DecisionCondition{}}
		for _, c := range l.Conditions {
			names := []string{}
			for _, r := range c.Reads {
				names = append(names, r.Name)
			}
			look.Conditions = append(look.Conditions, DecisionCondition{c.Expression, c.Outcome, names})
		}
		out.Looked = append(out.Looked, look)
	}
	for _, f := range answers {
		reply := DecisionReply{At: moment3339(f.At), Outcome: string(f.Outcome), Comment: f.Comment != ""}
		if f.Reason != nil {
			if reply.Reason = f.Reason.Display; reply.Reason == "" {
				reply.Reason = f.Reason.Code
			}
		}
		out.Answers = append(out.Answers, reply)
	}
	return out
}
