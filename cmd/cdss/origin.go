package main

import (
	"net/netip"
	"net/url"
	"strings"
)

// origin tells which browser origins may call the hooks and FHIR REST: with open
// access, which is possible on loopback only, pages of this machine, since any
// other page that somebody here has open could read and change what is stored;
// always those that a client is registered with.
func (h *house) origin(origin string) bool {
	return h.cfg.Auth == "open" && local(origin) || h.trust.registry.Origin(origin)
}

// local tells whether an origin is a page served by this machine.
func local(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" {
		return false
	}
	name := u.Hostname()
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, 6.3
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.IsLoopback()
}
