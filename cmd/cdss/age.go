package main

import "time"

// knowledgeChecked notes that the knowledge in memory was just found to be what is in
// force. Whoever keeps it equal to the database says so each time, and only then can
// it age: what comes with the program alone cannot.
func (h *house) knowledgeChecked() {
	now := h.now()
	h.checked.Store(&now)
}

// knowledgeCheckedAt is when that was; the zero time where nobody has to look.
func (h *house) knowledgeCheckedAt() time.Time {
	if at := h.checked.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// knowledgeAge is how long ago that was, in seconds.
func (h *house) knowledgeAge() float64 {
	at := h.knowledgeCheckedAt()
	if at.IsZero() {
		return 0
	}
	return h.now().Sub(at).Seconds()
}
