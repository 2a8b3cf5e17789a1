// Package api is the door /api of decision support: recommendations, the
// indications and PlanDefinitions that can be worked with, examples, and what the
// server says of itself.
//
// It owns the JSON of these calls and what is refused at the door, each refusal
// as problem details that name what is wrong and where. It refuses to decide, and
// shows no error that nobody gave a kind.
package api
