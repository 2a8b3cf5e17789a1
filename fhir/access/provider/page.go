package provider

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"cdss/fhir/smart"
)

// The texts of the page, German and English.
type texts struct {
	Lang, Title, Head, Note string
	Roles                   map[smart.Role]string
}

var german = texts{
	"de", "Anmeldung zur Demonstration", "Wer möchten Sie sein?",
	"Diese Seite ersetzt in der Demonstration den Anmeldedienst des Hauses. Niemand wird nach einem Kennwort gefragt.",
	map[smart.Role]string{
		smart.Viewer: "liest freigegebenes Wissen und Leitlinien", smart.Clinician: "fragt nach Empfehlungen und beantwortet sie",
		smart.Curator: "schreibt Regeln und pflegt Leitlinien", smart.Approver: "prüft und gibt frei, was andere schrieben",
		smart.Admin: "verwaltet Personen, Programme und Einstellungen", smart.Auditor: "liest das Protokoll",
	},
}

var english = texts{
	"en", "Login to the demonstration", "Who do you want to be?",
	"In the demonstration this page stands in for the identity provider of the house. Nobody is asked for a password.",
	map[smart.Role]string{
		smart.Viewer: "reads released knowledge and guidelines", smart.Clinician: "asks for recommendations and answers them",
		smart.Curator: "writes rules and keeps guidelines", smart.Approver: "reviews and releases what others wrote",
		smart.Admin: "manages people, software and settings", smart.Auditor: "reads the audit trail",
	},
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Text.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Text.Title}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f1f3f5; color: #212529; }
main { max-width: 30rem; margin: 8vh auto; padding: 1.5rem; background: #fff; border: 1px solid #ced4da; border-radius: 8px; }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; color: #495057; }
button { display: block; width: 100%; text-align: left; font: inherit; padding: .6rem .8rem; margin: .5rem 0; background: #fff; color: inherit; border: 1px solid #868e96; border-radius: 6px; cursor: pointer; }
button:hover, button:focus-visible { background: #e7f5ff; border-color: #1864ab; outline: 2px solid #1864ab; outline-offset: 1px; }
small { display: block; color: #495057; }
</style></head>
<body><main><h1>{{.Text.Head}}</h1><p>{{.Text.Note}}</p>
<form method="post" action="?{{.Query}}">
{{range .People}}<button name="person" value="{{.ID}}"><strong>{{.Name}}</strong> · {{.ID}}<small>{{range .Roles}}{{index $.Text.Roles .}}{{end}}</small></button>
{{end}}</form></main></body></html>
`))

// ServeAuthorize shows the people to choose from, and sends the browser back with a code
// for the one who was chosen. It answers at any path it is mounted at.
func (p *Provider) ServeAuthorize(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	q := r.URL.Query()
	back := q.Get("redirect_uri")
	if q.Get("client_id") != p.c.ClientID || q.Get("response_type") != "code" || p.c.Redirect == nil || !p.c.Redirect(back) ||
		q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("state") == "" {
		http.Error(w, "this is no request for a login", http.StatusBadRequest)
		return
	}
	switch r.Method {
	case http.MethodGet:
		p.show(w, r)
	case http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		id := r.PostFormValue("person")
		p.mu.Lock()
		_, ok := p.person(id)
		p.mu.Unlock()
		if !ok {
			http.Error(w, "there is no such person", http.StatusBadRequest)
			return
		}
		code := p.code(login{person: id, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: back})
		to, err := url.Parse(back)
		if err != nil {
			http.Error(w, "this is no request for a login", http.StatusBadRequest)
			return
		}
		to.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.c.Issuer}}.Encode()
		h.Set("Location", to.String())
		w.WriteHeader(http.StatusSeeOther)
	default:
		h.Set("Allow", "GET, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

func (p *Provider) show(w http.ResponseWriter, r *http.Request) {
	text := english
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "de") {
		text = german
	}
	p.mu.Lock()
	people := p.c.People
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{"Text": text, "People": people, "Query": template.URL(r.URL.RawQuery)})
}
