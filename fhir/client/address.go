package client

import (
	"net/netip"
	"strings"

	"cdss/fhir/issue"
)

// denied are the addresses that are not dialled unless a registration allows them:
// what the IANA registries of special-purpose addresses call not globally
// reachable, and what wraps an IPv4 address. Methods of netip miss a third of them.
var denied = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32",
	"2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

// allowable is what a registration may allow: networks a hospital runs itself. The
// link-local addresses, where clouds keep the credentials of a machine, are not
// among them.
var allowable = prefixes(
	"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15",
	"::1/128", "fc00::/7", "fec0::/10",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Denied tells whether an address must not be dialled for a registration that
// allows these networks.
func Denied(addr netip.Addr, allow []netip.Prefix) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return true
	}
	return within(addr, denied) && !within(addr, allow)
}

func within(addr netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// ParseAllow reads the networks of a registration, each an address or a prefix
// ("10.20.0.0/16") within what a hospital runs itself. Errors are of kind
// issue.Value.
func ParseAllow(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if !strings.Contains(s, "/") {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(s); err == nil {
				p, err = addr.WithZone("").Prefix(addr.BitLen())
			}
		}
		if err != nil {
			return nil, issue.New(issue.Value, "%q is no network: an address or a prefix such as 10.20.0.0/16 is needed", s)
		}
		inside := false
		for _, a := range allowable {
			inside = inside || a.Bits() <= p.Bits() && a.Contains(p.Addr())
		}
		if !inside {
			return nil, issue.New(issue.Value, "network %s cannot be allowed: public addresses need no permission, and among the others only private, shared and loopback ones may be reached", p)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
