package hooks

import (
	"net/http"
	"time"

	"cdss/cds"
	"cdss/cds/render"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// feedback takes what became of cards (CDS Hooks 2.0.1, Feedback): several
// cards, several hook instances, the same twice, hours later.
func (s *Server) feedback(w http.ResponseWriter, r *http.Request) {
	service, err := s.service(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	raw, err := readBody(w, r, MaxFeedback)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	principal, _ := smart.From(r.Context())
	list, err := parseFeedback(service.ID, principal.Client, raw)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	lang := s.config.Profiles(principal.Client).Language
	if lang == "" {
		lang = cds.ParseLang(r.Header.Get("Accept-Language"))
	}
	for _, f := range list {
		if f.Reason == nil || f.Reason.Display != "" {
			continue
		}
		if display, ok := render.ReasonDisplay(f.Reason.System, f.Reason.Code); ok {
			f.Reason.Display = display.In(lang)
		}
	}
	if s.config.Feedback == nil {
		s.refuse(w, r, issue.New(issue.Transient, "feedback cannot be kept at the moment"))
		return
	}
	if err := s.config.Feedback.KeepFeedback(r.Context(), list); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// parseFeedback reads the list. One bad entry refuses the whole, so that a client
// never believes half of it was kept.
func parseFeedback(service, client string, raw []byte) ([]cds.Feedback, error) {
	root, err := fhir.ParseJSON(raw, fhir.Limits{})
	if err != nil {
		return nil, err
	}
	nodes := root.Children("feedback")
	if root.Kind() != fhir.KindObject || len(nodes) == 0 || nodes[0].Index() < 0 {
		return nil, issue.New(issue.Required, "feedback must be an array with an entry for each card").At("feedback")
	}
	var list []cds.Feedback
	for _, n := range nodes {
		f, err := readFeedback(service, client, n)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// maxComment bounds what a person may write, in bytes.
const maxComment = 4000

func readFeedback(service, client string, n *fhir.Node) (cds.Feedback, error) {
	at := n.Location()
	bad := func(k issue.Kind, member, text string) (cds.Feedback, error) {
		return cds.Feedback{}, issue.New(k, "%s", text).WithStatus(http.StatusBadRequest).At(at + "." + member)
	}
	f := cds.Feedback{Service: service, Client: client, Card: n.Child("card").String(), Outcome: cds.Outcome(n.Child("outcome").String())}
	if !isUUID(f.Card) {
		return bad(issue.Value, "card", "card must be the uuid of a card")
	}
	if f.Outcome != cds.Accepted && f.Outcome != cds.Overridden { // cds-fb-1
		return bad(issue.CodeInvalid, "outcome", "outcome must be accepted or overridden")
	}
	for _, suggestion := range n.Children("acceptedSuggestions") {
		id := suggestion.Child("id").String()
		if !isUUID(id) {
			return bad(issue.Value, "acceptedSuggestions", "an accepted suggestion is named by its uuid in id")
		}
		f.Suggestions = append(f.Suggestions, id)
	}
	if f.Outcome == cds.Accepted && len(f.Suggestions) == 0 { // cds-fb-2
		return bad(issue.Required, "acceptedSuggestions", "an accepted card names its suggestions")
	}
	// cds-fb-3 wants a reason or a comment. An override without both is in use,
	// and still tells that the card was overridden.
	if reason := n.Get("overrideReason", "reason"); !reason.Empty() {
		f.Reason = &cds.Coding{
			Code: reason.Child("code").String(), System: reason.Child("system").String(), Display: reason.Child("display").String(),
		}
		if f.Reason.Code == "" {
			return bad(issue.Required, "overrideReason.reason", "an override reason has a code")
		}
	}
	f.Comment = n.Get("overrideReason", "userComment").String()
	if len(f.Comment) > maxComment {
		return bad(issue.TooLong, "overrideReason.userComment", "the comment is longer than 4000 bytes")
	}
	when, ok := n.Child("outcomeTimestamp").Time()
	if !ok || when.Precision < fhir.Minute {
		return bad(issue.Value, "outcomeTimestamp", "outcomeTimestamp must be an RFC 3339 time")
	}
	// A microsecond is what the database keeps; two sendings of one time must be
	// the same there.
	f.At = when.Time.UTC().Truncate(time.Microsecond)
	return f, nil
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case s[i] >= '0' && s[i] <= '9' || c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}
