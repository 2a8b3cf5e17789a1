package access

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// call is what an operation knows of its request beside its input.
type call struct {
	host    string
	cookies []*http.Cookie
}

// Resolve implements huma.Resolver.
func (c *call) Resolve(ctx huma.Context) []error {
	c.host = ctx.Host()
	ctx.EachHeader(func(name, value string) {
		if http.CanonicalHeaderKey(name) == "Cookie" {
			// Cookies that cannot be read are none.
			if list, err := http.ParseCookie(value); err == nil {
				c.cookies = append(c.cookies, list...)
			}
		}
	})
	return nil
}

func (c *call) cookie(name string) string {
	for _, k := range c.cookies {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

type personBody struct {
	ID          string       `json:"id"`
	Name        string       `json:"name" doc:"as it is shown"`
	Roles       []smart.Role `json:"roles" enum:"viewer,clinician,curator,approver,admin,auditor"`
	Permissions []string     `json:"permissions" doc:"what the roles allow, as words like rules:write"`
}

type choiceBody struct {
	ID    string       `json:"id"`
	Name  string       `json:"name"`
	Roles []smart.Role `json:"roles" enum:"viewer,clinician,curator,approver,admin,auditor"`
}

type wayBody struct {
	Kind   Means        `json:"kind" enum:"oidc,passphrase,choose"`
	Label  string       `json:"label,omitempty" doc:"name of the identity provider"`
	People []choiceBody `json:"people,omitempty" doc:"of choose"`
}

type sessionBody struct {
	Mode       string      `json:"mode" enum:"open,required"`
	Person     *personBody `json:"person" doc:"null: nobody is logged in"`
	Ways       []wayBody   `json:"ways" doc:"how one can log in"`
	Expires    *time.Time  `json:"expires,omitempty" doc:"when the login ends unless there is another request"`
	MustChange bool        `json:"mustChange,omitempty" doc:"before anything else, the person has to choose a passphrase (POST /session/passphrase)"`
}

// TransformSchema says that person may be null.
func (sessionBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	person := s.Properties["person"]
	s.Properties["person"] = &huma.Schema{AnyOf: []*huma.Schema{person, {Type: "null"}}, Description: person.Description}
	return s
}

type sessionOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      sessionBody
}

type loginInput struct {
	call
	Body struct {
		Name       string `json:"name,omitempty" maxLength:"200"`
		Passphrase string `json:"passphrase,omitempty" maxLength:"1000"`
		Person     string `json:"person,omitempty" maxLength:"63" doc:"one of the people to choose from, instead of name and passphrase"`
	}
}

type passphraseInput struct {
	call
	Body struct {
		Old string `json:"old" maxLength:"1000"`
		New string `json:"new" maxLength:"1000" doc:"at least 12 characters"`
	}
}

type sendInput struct {
	call
	Return string `query:"return" maxLength:"2000" doc:"path of this server to go on at"`
}

type receiveInput struct {
	call
	State  string `query:"state" maxLength:"500"`
	Code   string `query:"code" maxLength:"4000"`
	Issuer string `query:"iss" maxLength:"500"`
	Fault  string `query:"error" maxLength:"500"`
}

type redirect struct {
	Status    int
	Location  string `header:"Location"`
	SetCookie string `header:"Set-Cookie"`
}

func operation(id, method, path, summary string, status int, errors ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, Errors: errors, Tags: []string{"access"},
		MaxBodyBytes: 1 << 20,
	}
}

// RegisterSession adds the operations below /session to api, whose server is /api.
// Requests come with WithLogin.
func (s *Sessions) RegisterSession(api huma.API) {
	huma.Register(api, operation("get-session", http.MethodGet, "/session", "Tell who is logged in, and how one logs in", http.StatusOK, 503),
		func(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
			body, err := s.body(ctx, loginFrom(ctx))
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			return &sessionOutput{Body: body}, nil
		})
	huma.Register(api, operation("log-in", http.MethodPost, "/session", "Log in", http.StatusOK, 401, 403, 422, 429, 503),
		func(ctx context.Context, in *loginInput) (*sessionOutput, error) {
			ctx, err := s.load(ctx, in.cookie(s.manager.Cookie.Name))
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			var cookie *http.Cookie
			var l *Login
			if in.Body.Person != "" {
				cookie, l, err = s.byChoice(ctx, in.Body.Person)
			} else {
				cookie, l, err = s.byPassphrase(ctx, in.Body.Name, in.Body.Passphrase)
			}
			return s.entered(ctx, cookie, l, err)
		})
	huma.Register(api, operation("log-out", http.MethodDelete, "/session", "Log out", http.StatusNoContent, 503),
		func(ctx context.Context, _ *struct{}) (*struct {
			SetCookie string `header:"Set-Cookie"`
		}, error) {
			if err := s.leave(ctx, loginFrom(ctx)); err != nil {
				return nil, s.fail(ctx, err)
			}
			return &struct {
				SetCookie string `header:"Set-Cookie"`
			}{s.cookie("").String()}, nil
		})
	huma.Register(api, operation("change-passphrase", http.MethodPost, "/session/passphrase", "Choose another passphrase", http.StatusOK, 401, 422, 429, 503),
		func(ctx context.Context, in *passphraseInput) (*sessionOutput, error) {
			ctx, err := s.load(ctx, in.cookie(s.manager.Cookie.Name))
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			cookie, l, err := s.change(ctx, loginFrom(ctx), in.Body.Old, in.Body.New)
			return s.entered(ctx, cookie, l, err)
		})
	huma.Register(api, operation("log-in-at-provider", http.MethodGet, "/session/oidc", "Send the browser to the identity provider", http.StatusSeeOther),
		func(ctx context.Context, in *sendInput) (*redirect, error) {
			ctx, err := s.load(ctx, "") // a session of its own; a login that stands is not touched
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			to, cookie, err := s.send(ctx, in.host, in.Return)
			if err != nil {
				return s.sentBack(ctx, localPath(in.Return), err)
			}
			return &redirect{Status: http.StatusSeeOther, Location: to, SetCookie: cookie.String()}, nil
		})
	huma.Register(api, operation("return-from-provider", http.MethodGet, "/session/oidc/callback", "Take the browser back from the identity provider", http.StatusSeeOther),
		func(ctx context.Context, in *receiveInput) (*redirect, error) {
			ctx, err := s.load(ctx, in.cookie(s.manager.Cookie.Name))
			if err != nil {
				return s.sentBack(ctx, "/", err)
			}
			to, cookie, err := s.receive(ctx, callback{in.State, in.Code, in.Issuer, in.Fault})
			if err != nil {
				return s.sentBack(ctx, to, err)
			}
			return &redirect{Status: http.StatusSeeOther, Location: to, SetCookie: cookie.String()}, nil
		})
}

// entered answers a login.
func (s *Sessions) entered(ctx context.Context, cookie *http.Cookie, l *Login, err error) (*sessionOutput, error) {
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	body, err := s.body(ctx, l)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &sessionOutput{SetCookie: cookie.String(), Body: body}, nil
}

// sentBack sends a browser whose login came to nothing to a page that tells so, without
// a reason.
func (s *Sessions) sentBack(ctx context.Context, path string, err error) (*redirect, error) {
	outcome := "failed"
	var no refusal
	switch {
	case errors.As(err, &no):
		s.c.Log.InfoContext(ctx, "login refused", "reason", string(no))
		s.refused(ctx, "", ByProvider, string(no))
	case issue.Is(err, issue.Throttled):
		s.refused(ctx, "", ByProvider, "too many attempts")
	case issue.Is(err, issue.NotFound):
	default:
		outcome = "unavailable"
		s.c.Log.WarnContext(ctx, "login at the identity provider did not work", "error", err)
	}
	return &redirect{Status: http.StatusSeeOther, Location: withOutcome(path, outcome)}, nil
}

// body tells of a login.
func (s *Sessions) body(ctx context.Context, l *Login) (sessionBody, error) {
	out := sessionBody{Mode: "open", Ways: []wayBody{}}
	if s.c.Required {
		out.Mode = "required"
	}
	if l != nil {
		p := l.Person
		out.Person = &personBody{ID: p.ID, Name: p.Display, Roles: p.Roles, Permissions: []string{}}
		if out.MustChange = l.Limited(); !out.MustChange {
			out.Person.Permissions = append(out.Person.Permissions, s.c.Permissions(p.Roles)...)
		}
		if !l.Expires.IsZero() {
			until := l.Expires.UTC().Truncate(time.Second)
			out.Expires = &until
		}
	}
	if s.c.Required && s.c.Provider != nil {
		out.Ways = append(out.Ways, wayBody{Kind: ByProvider, Label: s.c.Provider.c.Label})
	}
	if s.c.Required {
		offered, err := s.passphrases(ctx)
		if err != nil {
			return out, err
		}
		if offered {
			out.Ways = append(out.Ways, wayBody{Kind: ByPassphrase})
		}
	}
	if s.c.Choice {
		way := wayBody{Kind: ByChoice}
		for _, p := range Chosen() {
			way.People = append(way.People, choiceBody{p.ID, p.Name, p.Roles})
		}
		out.Ways = append(out.Ways, way)
	}
	return out, nil
}

const passphrasesQuery = `SELECT EXISTS (SELECT FROM person WHERE passphrase IS NOT NULL AND NOT disabled)`

// passphrases tells whether anybody could log in with a passphrase; without an identity
// provider there is no other way to offer.
func (s *Sessions) passphrases(ctx context.Context) (bool, error) {
	if s.c.Provider == nil {
		return true, nil
	}
	pool, err := s.database()
	if err != nil {
		return false, err
	}
	var there bool
	err = pool.QueryRow(ctx, passphrasesQuery).Scan(&there)
	return there, err
}

// fail turns an error into problem details, once, here.
func (s *Sessions) fail(ctx context.Context, err error) error {
	if err != nil && issue.Status(err) >= http.StatusInternalServerError && ctx.Err() == nil {
		s.c.Log.ErrorContext(ctx, "request failed", "error", err)
	}
	return &issue.ProblemError{Err: err, Wait: 60}
}
