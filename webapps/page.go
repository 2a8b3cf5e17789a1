package webapps

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// placeholder stands in a built page wherever the nonce of the response goes.
const placeholder = "__CSP_NONCE__"

// page is an index.html, cut at the places of the nonce.
type page struct{ parts []string }

func readPage(dist fs.FS, name string) (*page, error) {
	raw, err := fs.ReadFile(dist, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read web apps: %w", err)
	}
	return &page{parts: strings.Split(string(raw), placeholder)}, nil
}

// notBuilt is shown where a build is missing. It carries no style and no script.
const notBuilt = `<!doctype html>
<html lang="de">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>cdss</title></head>
<body>
<h1>Oberfläche nicht gebaut</h1>
<p>Der Server läuft; seine Weboberfläche fehlt in diesem Programm. <code>make build</code> baut sie ein.</p>
<h1 lang="en">Web apps not built</h1>
<p lang="en">The server is running; its web apps are missing from this binary. <code>make build</code> builds them in.</p>
<p><a href="/api/status">/api/status</a> · <a href="/cds-services">/cds-services</a></p>
</body>
</html>
`

// servePage writes the app's HTML under a policy with a nonce of its own. It is
// never stored: a page revived with a 304 would carry an old nonce under a new
// header.
func (s *Site) servePage(w http.ResponseWriter, r *http.Request, a app) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	p := s.pages[a.dir]
	if p == nil {
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		w.WriteHeader(http.StatusServiceUnavailable)
		write(w, r, notBuilt)
		return
	}
	if a.dir == "docs" {
		h.Set("Content-Security-Policy", docsPolicy)
		write(w, r, strings.Join(p.parts, ""))
		return
	}
	var random [16]byte
	rand.Read(random[:]) // never fails (crypto/rand, Go 1.24)
	nonce := base64.RawURLEncoding.EncodeToString(random[:])
	ancestors := "'none'"
	if a.dir == "enduser" && s.frameAncestors != nil {
		ancestors = sources(s.frameAncestors())
	}
	h.Set("Content-Security-Policy", policy(nonce, ancestors))
	write(w, r, strings.Join(p.parts, nonce))
}

// docsPolicy is the policy of the documentation page: no nonce, its script and
// style are files.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'"

// sources writes origins for a policy. One that could say more than an origin is left out:
// it would loosen the policy, not only this line.
func sources(origins []string) string {
	var list []string
	for _, origin := range origins {
		if strings.Contains(origin, "://") && !strings.ContainsAny(origin, " \t\r\n;,'\"*") {
			list = append(list, origin)
		}
	}
	if len(list) == 0 {
		return "'none'"
	}
	return strings.Join(list, " ")
}

func policy(nonce, ancestors string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self' 'nonce-" + nonce + "'",
		"style-src 'self' 'nonce-" + nonce + "'",
		"img-src 'self' data: blob:",
		"font-src 'self'",
		"connect-src 'self'",
		"worker-src 'self'",
		"manifest-src 'self'",
		"frame-ancestors " + ancestors,
		"base-uri 'none'",
		"form-action 'self'",
		"object-src 'none'",
	}, "; ")
}

func write(w http.ResponseWriter, r *http.Request, s string) {
	if r.Method == http.MethodHead {
		return
	}
	// A client that went away is no error of ours.
	_, _ = w.Write([]byte(s))
}
