package main

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"cdss/fhir/issue"
)

// knownHost refuses, where access is open, a request that came under a name that is
// not of this machine: a page anywhere can have its own name lead to loopback, and
// then reads here as from its own origin (DNS rebinding).
func (h *house) knownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.cfg.Auth != "open" || h.ours(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		err := issue.New(issue.Forbidden, "with open access this server answers under a name of this machine only, such as localhost")
		if strings.HasPrefix(r.URL.Path, "/fhir") || strings.HasPrefix(r.URL.Path, "/cds-services") {
			issue.WriteOutcome(w, err)
			return
		}
		issue.WriteProblem(w, r, err)
	})
}

// ours tells whether a Host names this machine, or what CDSS_PUBLIC_URL does.
func (h *house) ours(host string) bool {
	if public, err := url.Parse(h.cfg.PublicURL); err == nil && public.Host != "" && strings.EqualFold(public.Host, host) {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return machine(strings.Trim(name, "[]"))
}

// machine tells whether a name or address is of this machine (RFC 6761, 6.3).
func machine(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}

// origin tells which browser origins may call the hooks and FHIR REST: with open
// access, which is possible on loopback only, pages of this machine, since any
// other page that somebody here has open could read and change what is stored;
// always those that a client is registered with.
func (h *house) origin(origin string) bool {
	return h.cfg.Auth == "open" && local(origin) || h.trust.registry.Origin(origin)
}

// readable lets a page of a known origin read what is refused in front of the FHIR door,
// as by the gate or for too much load; the door itself says the same of its answers.
func (h *house) readable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" && strings.HasPrefix(r.URL.Path, "/fhir") && h.origin(origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
		}
		next.ServeHTTP(w, r)
	})
}

// local tells whether an origin is a page served by this machine.
func local(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" {
		return false
	}
	return machine(u.Hostname())
}
