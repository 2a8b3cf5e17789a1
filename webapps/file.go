package webapps

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// file is one embedded file in the encodings it is kept in. The build drops the
// plain form of what it compresses, to keep the binary small; the rare client
// that takes no encoding gets the gzip form inflated.
type file struct {
	contentType      string
	plain, gzip, bro *body
}

// A picture opened by itself must not run scripts. A service worker is held to the policy
// it comes with: under that of a picture it could fetch nothing, and no page would load.
const (
	worker       = "sw.js"
	filePolicy   = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
	workerPolicy = "default-src 'none'; connect-src 'self'"
)

// body is one stored encoding. Content is read from the binary at each request,
// so nothing of it stays on the heap.
type body struct {
	dist fs.FS
	name string
	size int64
	etag string
}

// contentTypes are those the platform's own table may lack or get wrong.
var contentTypes = map[string]string{
	".js":          "text/javascript; charset=utf-8",
	".mjs":         "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".json":        "application/json",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".woff2":       "font/woff2",
}

// table lists every file below dist with a hash of each encoding as its ETag.
func table(dist fs.FS) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := hash(dist, name)
		if err != nil {
			return err
		}
		key, encoding := name, ""
		for _, suffix := range []string{".br", ".gz"} {
			if base, ok := strings.CutSuffix(name, suffix); ok {
				key, encoding = base, suffix
			}
		}
		f := files[key]
		if f == nil {
			f = &file{contentType: typeOf(key)}
			files[key] = f
		}
		switch encoding {
		case ".br":
			f.bro = b
		case ".gz":
			f.gzip = b
		default:
			f.plain = b
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read web apps: %w", err)
	}
	return files, nil
}

func hash(dist fs.FS, name string) (*body, error) {
	f, err := dist.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return nil, err
	}
	// The name is part of the tag: the encodings of one file must differ even
	// where their bytes do not.
	h.Write([]byte(path.Ext(name)))
	return &body{dist: dist, name: name, size: n, etag: `"` + hex.EncodeToString(h.Sum(nil)[:12]) + `"`}, nil
}

func typeOf(name string) string {
	ext := path.Ext(name)
	if t := contentTypes[ext]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// serve writes the file in the best encoding the client takes. Assets carry a
// hash in their name and never change; everything else is asked for again.
func (f *file) serve(w http.ResponseWriter, r *http.Request, immutable bool) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Vary", "Accept-Encoding")
	if immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	accepted := r.Header.Get("Accept-Encoding")
	switch {
	case f.bro != nil && accepts(accepted, "br"):
		f.bro.serve(w, r, "br")
	case f.gzip != nil && accepts(accepted, "gzip"):
		f.gzip.serve(w, r, "gzip")
	case f.plain != nil:
		f.plain.serve(w, r, "")
	case f.gzip != nil:
		f.gzip.inflate(w, r)
	default:
		http.Error(w, "no such asset", http.StatusNotFound)
	}
}

func (b *body) serve(w http.ResponseWriter, r *http.Request, encoding string) {
	content, err := b.dist.Open(b.name)
	if err != nil {
		http.Error(w, "no such asset", http.StatusNotFound)
		return
	}
	defer content.Close()
	seeker, ok := content.(io.ReadSeeker)
	if !ok {
		http.Error(w, "asset cannot be read", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("ETag", b.etag)
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
		// ServeContent leaves the length out for encoded content.
		if r.Header.Get("Range") == "" {
			h.Set("Content-Length", strconv.FormatInt(b.size, 10))
		}
	}
	http.ServeContent(w, r, "", time.Time{}, seeker)
}

func (b *body) inflate(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", "W/"+b.etag)
	if r.Method == http.MethodHead {
		return
	}
	content, err := b.dist.Open(b.name)
	if err == nil {
		defer content.Close()
		var zr *gzip.Reader
		if zr, err = gzip.NewReader(content); err == nil {
			_, err = io.Copy(w, zr)
		}
	}
	if err != nil {
		// The status line is sent; cutting the connection is all that is left.
		panic(http.ErrAbortHandler)
	}
}

// accepts reads an Accept-Encoding value (RFC 9110, section 12.5.3): named or
// "*", and not refused with a weight of zero.
func accepts(header, encoding string) bool {
	wildcard := false
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != encoding && name != "*" {
			continue
		}
		weight := 1.0
		if _, q, ok := strings.Cut(strings.ReplaceAll(params, " ", ""), "q="); ok {
			v, err := strconv.ParseFloat(q, 64)
			if err != nil {
				v = 0
			}
			weight = v
		}
		if name == encoding {
			return weight > 0
		}
		wildcard = weight > 0
	}
	return wildcard
}
