package webapps_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"cdss/webapps"
)

const script = "console.log('a script that the build compressed and dropped');"

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := io.WriteString(zw, s); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func site(t *testing.T, c webapps.Config) *webapps.Site {
	t.Helper()
	html := `<meta property="csp-nonce" nonce="__CSP_NONCE__"><script nonce="__CSP_NONCE__" src="x"></script>`
	s, err := webapps.From(fstest.MapFS{
		"enduser/index.html":          {Data: []byte("ENDUSER" + html)},
		"enduser/favicon.svg":         {Data: []byte("<svg/>")},
		"enduser/sw.js":               {Data: []byte("worker")},
		"enduser/assets/main-1.js.gz": {Data: zipped(t, script)},
		"enduser/assets/main-1.js.br": {Data: []byte("brotli bytes")},
		"enduser/assets/work.mjs":     {Data: []byte("export {}")},
		"admin/index.html":            {Data: []byte("ADMIN" + html)},
		"admin/assets/main-2.css":     {Data: []byte("a{}")},
		"docs/index.html":             {Data: []byte("DOCS")},
		"docs/assets/swagger.css":     {Data: []byte("b{}")},
	}, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, h http.Handler, method, target string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	s := site(t, webapps.Config{})
	for _, tc := range []struct {
		name, method, target string
		status               int
		contentType, begins  string
		cache                string
	}{
		{"start", "GET", "/", 200, "text/html; charset=utf-8", "ENDUSER", "no-store"},
		{"deep link", "GET", "/case/new/form", 200, "text/html; charset=utf-8", "ENDUSER", "no-store"},
		{"a dot makes no asset", "GET", "/case/1.2.3", 200, "text/html; charset=utf-8", "ENDUSER", "no-store"},
		{"index.html is the page, not a file", "GET", "/index.html", 200, "text/html; charset=utf-8", "ENDUSER", "no-store"},
		{"admin", "GET", "/admin/", 200, "text/html; charset=utf-8", "ADMIN", "no-store"},
		{"admin deep link", "GET", "/admin/guidelines/7", 200, "text/html; charset=utf-8", "ADMIN", "no-store"},
		{"a name that only begins like admin", "GET", "/administration", 200, "text/html; charset=utf-8", "ENDUSER", "no-store"},
		{"docs", "GET", "/docs", 200, "text/html; charset=utf-8", "DOCS", "no-store"},
		{"docs with slash", "GET", "/docs/", 200, "text/html; charset=utf-8", "DOCS", "no-store"},
		{"docs asset", "GET", "/docs/assets/swagger.css", 200, "text/css; charset=utf-8", "b{}", "public, max-age=31536000, immutable"},
		{"icon", "GET", "/favicon.svg", 200, "image/svg+xml", "<svg", "no-cache"},
		{"module worker", "GET", "/assets/work.mjs", 200, "text/javascript; charset=utf-8", "export", "public, max-age=31536000, immutable"},
		{"missing asset", "GET", "/assets/gone-3.js", 404, "text/plain; charset=utf-8", "no such asset", "no-store"},
		{"missing admin asset", "GET", "/admin/assets/gone-3.js", 404, "text/plain; charset=utf-8", "no such asset", "no-store"},
		{"an asset of the other app", "GET", "/admin/assets/main-1.js", 404, "text/plain; charset=utf-8", "no such asset", "no-store"},
		{"climbing out", "GET", "/assets/../../enduser/index.html", 200, "text/html; charset=utf-8", "ENDUSER", "no-store"},
		{"writing", "POST", "/", 405, "text/plain; charset=utf-8", "method not allowed", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := get(t, s, tc.method, tc.target, nil)
			if r.StatusCode != tc.status {
				t.Fatalf("status %d, want %d", r.StatusCode, tc.status)
			}
			if got := r.Header.Get("Content-Type"); got != tc.contentType {
				t.Errorf("content type %q, want %q", got, tc.contentType)
			}
			if got := text(t, r); !strings.HasPrefix(got, tc.begins) {
				t.Errorf("body begins %.30q, want %q", got, tc.begins)
			}
			if got := r.Header.Get("Cache-Control"); got != tc.cache {
				t.Errorf("cache control %q, want %q", got, tc.cache)
			}
			if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") != "same-origin" {
				t.Errorf("security headers are missing: %v", r.Header)
			}
		})
	}
}

func TestAdminWithoutSlashIsRedirected(t *testing.T) {
	r := get(t, site(t, webapps.Config{}), "GET", "/admin?tab=1", nil)
	if got := r.Header.Get("Location"); r.StatusCode != 308 || got != "/admin/?tab=1" {
		t.Errorf("status %d to %q, want 308 to /admin/?tab=1", r.StatusCode, got)
	}
}

func TestEveryPageHasItsOwnNonce(t *testing.T) {
	s := site(t, webapps.Config{FrameAncestors: func() []string { return []string{"https://ehr.example", "https://a; script-src *"} }})
	inHeader := regexp.MustCompile(`'nonce-([A-Za-z0-9_-]{22})'`)
	seen := map[string]bool{}
	for _, target := range []string{"/", "/", "/admin/", "/case/x"} {
		r := get(t, s, "GET", target, nil)
		policy := r.Header.Get("Content-Security-Policy")
		found := inHeader.FindAllStringSubmatch(policy, -1)
		if len(found) != 2 || found[0][1] != found[1][1] {
			t.Fatalf("%s: policy %q has no single nonce for scripts and styles", target, policy)
		}
		nonce := found[0][1]
		if seen[nonce] {
			t.Errorf("%s: nonce used twice", target)
		}
		seen[nonce] = true
		body := text(t, r)
		if strings.Contains(body, "__CSP_NONCE__") || strings.Count(body, `nonce="`+nonce+`"`) != 2 {
			t.Errorf("%s: page does not carry the nonce of its header: %s", target, body)
		}
		framable := strings.Contains(policy, "frame-ancestors https://ehr.example;")
		if want := target != "/admin/"; framable != want {
			t.Errorf("%s: framable %v, want %v", target, framable, want)
		}
	}
}

func TestEncodings(t *testing.T) {
	s := site(t, webapps.Config{})
	etags := map[string]bool{}
	for _, tc := range []struct{ name, accept, encoding, body string }{
		{"brotli first", "gzip, deflate, br", "br", "brotli bytes"},
		{"gzip", "gzip, deflate", "gzip", string(zipped(t, script))},
		{"brotli refused", "br;q=0, gzip;q=0.5", "gzip", string(zipped(t, script))},
		{"anything", "*", "br", "brotli bytes"},
		{"none: inflated", "", "", script},
		{"only unknown: inflated", "zstd", "", script},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := get(t, s, "GET", "/assets/main-1.js", map[string]string{"Accept-Encoding": tc.accept})
			if got := r.Header.Get("Content-Encoding"); got != tc.encoding {
				t.Errorf("encoding %q, want %q", got, tc.encoding)
			}
			if got := text(t, r); got != tc.body {
				t.Errorf("body %.40q, want %.40q", got, tc.body)
			}
			if got := r.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
				t.Errorf("content type %q", got)
			}
			if got := r.Header.Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("vary %q", got)
			}
			etag := r.Header.Get("ETag")
			etags[etag] = true
			if tc.encoding == "" {
				return
			}
			again := get(t, s, "GET", "/assets/main-1.js", map[string]string{"Accept-Encoding": tc.accept, "If-None-Match": etag})
			if again.StatusCode != http.StatusNotModified {
				t.Errorf("asked again with %s: status %d, want 304", etag, again.StatusCode)
			}
		})
	}
	if len(etags) != 3 {
		t.Errorf("%d entity tags for three encodings", len(etags))
	}
}

func TestWithoutBuildAPageSaysHowToBuild(t *testing.T) {
	s, err := webapps.From(fstest.MapFS{".gitkeep": {}}, webapps.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Built() {
		t.Error("an empty build counts as built")
	}
	for _, target := range []string{"/", "/admin/", "/docs"} {
		r := get(t, s, "GET", target, nil)
		if body := text(t, r); r.StatusCode != 503 || !strings.Contains(body, "make build") {
			t.Errorf("%s: status %d, body %.60q", target, r.StatusCode, body)
		}
	}
}

func TestFrameAncestorMustBeAnOrigin(t *testing.T) {
	for _, bad := range []string{"ehr.example", "https://a; script-src *", "'self'", "https://*.example", "*"} {
		s := site(t, webapps.Config{FrameAncestors: func() []string { return []string{bad} }})
		if policy := get(t, s, "GET", "/", nil).Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none';") || strings.Contains(policy, bad) && bad != "*" && bad != "'self'" {
			t.Errorf("%q was accepted: %s", bad, policy)
		}
	}
}

func TestEmbeddedBuildsLoad(t *testing.T) {
	s, err := webapps.New(webapps.Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := http.StatusServiceUnavailable
	if s.Built() {
		want = http.StatusOK
	}
	if r := get(t, s, "GET", "/", nil); r.StatusCode != want {
		t.Errorf("status %d, want %d", r.StatusCode, want)
	}
}

// A service worker under a policy without connect-src could load no page again.
func TestTheWorkerMayFetch(t *testing.T) {
	for path, want := range map[string]string{"/sw.js": "connect-src 'self'", "/favicon.svg": "sandbox"} {
		w := httptest.NewRecorder()
		site(t, webapps.Config{}).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := w.Header().Get("Content-Security-Policy"); w.Code != 200 || !strings.Contains(got, want) || !strings.HasPrefix(got, "default-src 'none'") {
			t.Errorf("GET %s: %d under %q", path, w.Code, got)
		}
	}
}
