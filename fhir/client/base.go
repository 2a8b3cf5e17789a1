package client

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"cdss/fhir/issue"
)

// Base is the address of a registered FHIR server. The zero Base matches nothing.
type Base struct {
	scheme, host string // lower case
	port         int
	path         string // "" or "/a/b", no slash behind
}

// maxURL bounds an address in bytes.
const maxURL = 2048

// ParseBase reads the address of a FHIR server for its registration: https, or
// http where that is said to be meant; a host name or a plain IP address; no user,
// query or fragment. Errors are of kind issue.Value.
func ParseBase(s string, plainHTTP bool) (Base, error) {
	b, why := splitBase(s)
	if why == "" && b.scheme == "http" && !plainHTTP {
		why = "it must be https, unless plain http is registered on purpose"
	}
	if why != "" {
		return Base{}, issue.New(issue.Value, "the address of a FHIR server cannot be registered: %s", why)
	}
	return b, nil
}

// splitBase reads an absolute http or https URL by a grammar far narrower than
// that of RFC 3986, so that no two programs can read it differently. It tells what
// is wrong.
func splitBase(s string) (Base, string) {
	if len(s) > maxURL {
		return Base{}, "it is too long"
	}
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune(":/.-_~[]+", rune(c)) {
			return Base{}, "it has a character that none needs, such as @, ?, #, % or a blank"
		}
	}
	scheme, rest, found := strings.Cut(s, "://")
	b := Base{scheme: strings.ToLower(scheme)}
	if !found || b.scheme != "http" && b.scheme != "https" {
		return Base{}, "it must begin with https://"
	}
	authority, path, _ := strings.Cut(rest, "/")
	var ok bool
	if b.host, b.port, ok = splitAuthority(authority, b.scheme); !ok {
		return Base{}, "its host must be a name or a plain IP address, with a port at most"
	}
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return b, ""
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "[]:") {
			return Base{}, "its path must be plain, without empty or dotted parts"
		}
	}
	b.path = "/" + path
	return b, ""
}

func splitAuthority(s, scheme string) (host string, port int, ok bool) {
	port = 443
	if scheme == "http" {
		port = 80
	}
	host = strings.ToLower(s)
	if strings.HasPrefix(host, "[") {
		inner, rest, found := strings.Cut(host[1:], "]")
		addr, err := netip.ParseAddr(inner)
		if !found || err != nil || addr.Zone() != "" || addr.Is4() || addr.Is4In6() {
			return "", 0, false
		}
		host = addr.String()
		if rest == "" {
			return host, port, true
		}
		if rest[0] != ':' {
			return "", 0, false
		}
		port, ok = parsePort(rest[1:])
		return host, port, ok
	}
	host, digits, given := strings.Cut(host, ":")
	if given {
		if port, ok = parsePort(digits); !ok {
			return "", 0, false
		}
	}
	return host, port, hostName(host)
}

func parsePort(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0 && n < 1<<16 && strconv.Itoa(n) == s
}

// hostName accepts names (RFC 1123) and dotted IPv4 addresses. A name whose last
// label begins with a digit is a number in one of the spellings that resolvers
// know (decimal, octal, hexadecimal, short), and refused.
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		addr, err := netip.ParseAddr(s)
		return err == nil && addr.Is4()
	}
	return true
}

// String gives the address, without a slash behind.
func (b Base) String() string {
	if b.host == "" {
		return ""
	}
	return b.origin() + b.path
}

// Plain tells whether the server is spoken to without TLS.
func (b Base) Plain() bool { return b.scheme == "http" }

func (b Base) origin() string {
	host := b.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if b.scheme == "https" && b.port != 443 || b.scheme == "http" && b.port != 80 {
		host += ":" + strconv.Itoa(b.port)
	}
	return b.scheme + "://" + host
}

// Match compares the fhirServer of a call with the registration: same scheme, host
// and port, and the path or one below it. It gives the address as it is used.
func (b Base) Match(fhirServer string) (Base, bool) {
	named, why := splitBase(fhirServer)
	if why != "" || b.host == "" {
		return Base{}, false
	}
	if named.scheme != b.scheme || named.host != b.host || named.port != b.port {
		return Base{}, false
	}
	if named.path != b.path && !strings.HasPrefix(named.path, b.path+"/") {
		return Base{}, false
	}
	return named, true
}

// sameOrigin tells whether u, a link that a server gave, stays with it.
func (b Base) sameOrigin(u *url.URL) bool {
	if u.User != nil || u.Opaque != "" || u.Scheme != b.scheme || strings.ToLower(u.Hostname()) != b.host {
		return false
	}
	if p := u.Port(); p != "" {
		port, ok := parsePort(p)
		return ok && port == b.port
	}
	if b.scheme == "https" {
		return b.port == 443
	}
	return b.port == 80
}
