// Package webapps serves the two single-page apps and the API documentation
// page from the binary: the clinician's app at /, the administration at /admin/,
// the documentation at /docs.
//
// It owns which path is an asset and which a screen, the content security
// policy, caching and compression. It refuses to know any API: it reads no data,
// and a path that belongs to another door must be mounted before it.
//
// The builds are embedded from dist, which is empty after a fresh clone. Then a
// built-in page says how to build them, so that the module compiles and its
// tests run without Node.
package webapps

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// all: also takes names beginning with "_" or ".", which bundlers may emit.
//
//go:embed all:dist
var embedded embed.FS

// Config says what an operator may change.
type Config struct {
	// FrameAncestors gives the origins (scheme://host[:port]) that may show the
	// clinician's app in a frame, as an EHR does; it is asked for each page. What is no
	// origin counts for nothing. nil: none. Nothing else can ever be framed.
	FrameAncestors func() []string
}

// Site serves both apps and the documentation page. It is safe for concurrent
// use and holds no state but the table of its files.
type Site struct {
	files          map[string]*file // by path below dist, without encoding suffix
	pages          map[string]*page // by app: enduser, admin, docs
	frameAncestors func() []string
}

// app is one of the three builds: where it is mounted and where it is kept.
type app struct{ mount, dir string }

// The mounts, longest first: the clinician's app takes what is left.
var apps = []app{{"/admin/", "admin"}, {"/docs/", "docs"}, {"/", "enduser"}}

// New serves the embedded builds.
func New(c Config) (*Site, error) {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		return nil, fmt.Errorf("open embedded web apps: %w", err)
	}
	return From(dist, c)
}

// From serves builds laid out as dist is: enduser/, admin/ and docs/, each with
// an index.html and assets/. A missing build is no error, it shows the built-in
// page.
func From(dist fs.FS, c Config) (*Site, error) {
	files, err := table(dist)
	if err != nil {
		return nil, err
	}
	s := &Site{files: files, pages: map[string]*page{}, frameAncestors: c.FrameAncestors}
	for _, a := range apps {
		if s.pages[a.dir], err = readPage(dist, a.dir+"/index.html"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Built tells whether both apps and the documentation are embedded.
func (s *Site) Built() bool {
	for _, p := range s.pages {
		if p == nil {
			return false
		}
	}
	return true
}

// ServeHTTP answers GET and HEAD. A path below assets/ is a file or a 404 in
// plain text; every other path that is no file is a screen of the app, so deep
// links work. The prefix decides, never a dot: /case/1.2 is a screen.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	clean := path.Clean("/" + r.URL.Path)
	if clean == "/admin" && !strings.HasSuffix(r.URL.Path, "/") {
		target := "/admin/"
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, target, http.StatusPermanentRedirect)
		return
	}
	a, rest := route(clean)
	if rest != "index.html" {
		if f := s.files[a.dir+"/"+rest]; f != nil {
			policy := filePolicy
			if rest == worker {
				policy = workerPolicy
			}
			h.Set("Content-Security-Policy", policy)
			f.serve(w, r, strings.HasPrefix(rest, "assets/"))
			return
		}
	}
	if rest == "assets" || strings.HasPrefix(rest, "assets/") {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "no such asset", http.StatusNotFound)
		return
	}
	s.servePage(w, r, a)
}

// route finds the app of a clean path and the path below its mount.
func route(clean string) (app, string) {
	for _, a := range apps {
		if clean+"/" == a.mount {
			return a, ""
		}
		if rest, ok := strings.CutPrefix(clean, a.mount); ok {
			return a, rest
		}
	}
	return apps[len(apps)-1], ""
}
