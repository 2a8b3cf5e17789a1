package admission

import "strings"

// forwarded gives the address that the outermost of our own proxies saw: each of them
// adds whom it was asked by on the right, and what stands further left anybody may
// have written. "" where there are fewer entries than proxies.
func forwarded(headers []string, proxies int) string {
	parts := strings.Split(strings.Join(headers, ","), ",")
	if len(headers) == 0 || len(parts) < proxies {
		return ""
	}
	return strings.TrimSpace(parts[len(parts)-proxies])
}
