// Package decide is the one way from a question to an answer: what came becomes
// a Chart, the knowledge of this moment is applied to it, what is cited is looked
// up, cards are written, and the decision is recorded. A hook call, the API and
// the evaluation of cases all go this way, so that they answer alike.
//
// It owns the order of the steps, the time budget and what happens when a step
// fails: then its checks are "not checked", and the rest of the answer stands. It
// refuses to reason itself, and needs neither database nor network while it
// decides (SAFETY rule D1).
package decide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/translate"
	"cdss/fhir"
	"cdss/rag"
)

// Evidence is the loaded guidelines at one moment, in memory.
type Evidence interface {
	// Resolve gives the passage a rule cites; false when no passage certainly is
	// the one meant.
	Resolve(rag.Locator) (rag.Passage, rag.Document, bool)
	Search(ctx context.Context, q rag.Query) rag.Result
}

// QueryBuilder makes a query of codes.
type QueryBuilder interface {
	Build(req rag.Request, language string) rag.Query
}

// Recorder takes a decision to keep. It must not block; false means that it had
// to be dropped.
type Recorder interface {
	Record(cds.Decision) bool
}

// Rules reason about one patient. The zero Config takes package recommend.
type Rules interface {
	Recommend(ctx context.Context, in recommend.Input) cds.Recommendation
	CheckOrders(ctx context.Context, in recommend.Input) recommend.Findings
}

// Config is what the pipeline is made of. Knowledge, Now and NewID are required.
type Config struct {
	Knowledge func() *knowledge.Snapshot // the snapshot of this moment, pinned for one decision
	// Checked is when the knowledge was last known to be that of all replicas. Nil, or
	// the zero time: it cannot age, as when it comes with the program alone.
	Checked  func() time.Time
	Tables   recommend.Tables
	Evidence func() Evidence         // nil, or giving nil: no guideline is loaded
	Queries  QueryBuilder            // nil: no supporting passages
	Servers  Servers                 // nil: what does not come with a call is not fetched
	Local    func() *translate.Table // the maps of local codes of this moment; nil: none
	Seen     func(translate.Seen)    // counts the codes that come; nil: nobody does
	Recorder Recorder                // nil: nothing is kept
	Rules    Rules
	Beside   func() *Beside      // the version that runs beside; nil, or giving nil: none
	Differ   func(cds.BesideRun) // takes how its answers differ, and must not block
	// Of plans that are applied as they are written: who evaluates languages beside
	// FHIRPath, and what is known of value sets in memory. Both may be nil.
	Evaluators map[string]apply.Evaluator
	MemberOf   func() func(coding fhir.Coding, valueSet string) (in, ok bool)
	Codes      func() func(valueSet string) (codes []fhir.Coding, ok bool) // nil: not known
	Now        func() time.Time
	NewID      func() string // gives a new uuid
	Deadline   time.Duration // of a hook call; 0 means DefaultDeadline
	Patience   time.Duration // of a person who asks; 0 means DefaultPatience
	Demo       bool          // example content may show
	Forgetful  bool          // each call stands alone: nothing is remembered of the one before
	Log        *slog.Logger  // nil: nothing is logged
}

// DefaultDeadline leaves an EHR that waits 500 ms for its cards some time for the
// way (CDS Hooks 2.0.1: "on the order of 500 ms").
const DefaultDeadline = 450 * time.Millisecond

// KnowledgeAge is after how long without being checked the knowledge counts as
// possibly old (SAFETY rule D7).
const KnowledgeAge = 15 * time.Minute

// DefaultPatience is for people, who rather wait than read "not checked".
const DefaultPatience = 5 * time.Second

// Service decides. It is safe for concurrent use.
type Service struct {
	c         Config
	prepared  prepared
	languages languages
	shown     shown
	besides   chan struct{} // one element for each comparison that goes on
}

// New makes the pipeline.
func New(c Config) *Service {
	if c.Deadline <= 0 {
		c.Deadline = DefaultDeadline
	}
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	if c.Rules == nil {
		c.Rules = rules{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Checked == nil {
		c.Checked = func() time.Time { return time.Time{} }
	}
	if c.Local == nil {
		c.Local = func() *translate.Table { return nil }
	}
	if c.Evidence == nil {
		c.Evidence = func() Evidence { return nil }
	}
	return &Service{c: c, besides: make(chan struct{}, maxBeside)}
}

// aged says that the knowledge may be old, "" while it is not.
func (s *Service) aged(lang cds.Lang, now time.Time) string {
	checked := s.c.Checked()
	if checked.IsZero() || now.Sub(checked) <= KnowledgeAge {
		return ""
	}
	since := checked.In(now.Location())
	return cds.Text{
		DE: "Regelwissen seit " + since.Format("02.01.2006, 15:04") + " Uhr nicht abgeglichen: Änderungen danach sind nicht berücksichtigt.",
		EN: "Rules not checked for changes since " + since.Format("2 Jan 2006, 15:04") + ": later changes are not heeded.",
	}.In(lang)
}

// rules are those of package recommend.
type rules struct{}

func (rules) Recommend(ctx context.Context, in recommend.Input) cds.Recommendation {
	return recommend.Recommend(ctx, in)
}

func (rules) CheckOrders(ctx context.Context, in recommend.Input) recommend.Findings {
	return recommend.CheckOrders(ctx, in)
}

// errPanic marks a step that panicked.
var errPanic = errors.New("step panicked")

// within runs a step until it ends or the time is over, whichever comes first. A
// panic is an error like another. A step that overstays is left behind: it holds
// nothing but values of its own.
func within[T any](ctx context.Context, s *Service, name string, step func(context.Context) T) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o.err = fmt.Errorf("%s: %w", name, errPanic)
				// The value of a panic may hold patient data; where it happened does not.
				s.c.Log.ErrorContext(ctx, "step panicked", "step", name, "stack", string(debug.Stack()))
			}
			done <- o
		}()
		o.value = step(ctx)
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		// Both may be ready; what is done counts.
		select {
		case o := <-done:
			return o.value, o.err
		default:
		}
		var none T
		return none, fmt.Errorf("%s: %w", name, ctx.Err())
	}
}

// failed says of a step that did not end what that means.
func failed(err error, check cds.Text, lang cds.Lang) cds.NotChecked {
	reason, why := cds.Text{DE: "die Prüfung wurde durch einen Programmfehler beendet", EN: "the check was ended by a fault of this program"}, "fault"
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		reason, why = cds.Text{DE: "die Zeit für die Antwort reichte nicht", EN: "the time for the answer was not enough"}, "timed-out"
	}
	return cds.NotChecked{Check: check.In(lang), Reason: reason.In(lang), Missing: []string{}, Why: why}
}

// derive makes the uuid of a part of an answer: the same part of the same answer
// has the same one. It has the form of a version 8 uuid (RFC 9562, section 5.8).
func derive(id, key string) string {
	sum := sha256.Sum256([]byte(id + "\x00" + key))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func indications(s *knowledge.Snapshot) []cds.Indication {
	if s == nil {
		return nil
	}
	return s.Indications()
}
