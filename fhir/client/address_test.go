package client_test

import (
	"net/netip"
	"strings"
	"testing"

	"cdss/fhir/client"
	"cdss/fhir/issue"
)

func TestDenied(t *testing.T) {
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		if !client.Denied(netip.MustParseAddr(s), nil) {
			t.Errorf("%s may be dialled", s)
		}
	}
	if !client.Denied(netip.Addr{}, nil) {
		t.Error("no address may be dialled")
	}
	for _, s := range []string{"1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "193.0.0.1", "223.255.255.255", "::ffff:1.1.1.1", "2606:4700::1111", "2a00:1450::1"} {
		if client.Denied(netip.MustParseAddr(s), nil) {
			t.Errorf("%s may not be dialled", s)
		}
	}
}

func TestAllow(t *testing.T) {
	allow, err := client.ParseAllow([]string{"10.20.0.0/16", "192.168.5.7", "fd00:1::/64", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{
		"10.20.3.4": true, "10.21.0.1": false, "::ffff:10.20.3.4": true, "192.168.5.7": true, "192.168.5.8": false,
		"fd00:1::7": true, "fd00:2::7": false, "::1": true, "127.0.0.1": false, "1.1.1.1": true,
	} {
		if got := !client.Denied(netip.MustParseAddr(s), allow); got != want {
			t.Errorf("%s may be dialled: %v, want %v", s, got, want)
		}
	}
	for _, s := range []string{
		"", "x", "10.0.0.0", "10.0.0.0/33", "0.0.0.0/0", "8.0.0.0/5", "169.254.169.254", "169.254.0.0/16", "1.1.1.1", "::/0",
		"224.0.0.0/4", "fe80::/10", "64:ff9b::/96", "::ffff:10.0.0.1", "172.16.0.0/8", "10.0.0.0/7",
	} {
		_, err := client.ParseAllow([]string{s})
		if s == "10.0.0.0" {
			if err != nil {
				t.Errorf("the single address %s cannot be allowed: %v", s, err)
			}
			continue
		}
		if !issue.Is(err, issue.Value) {
			t.Errorf("%q can be allowed: %v", s, err)
		}
	}
}

// TestMatch is the table of addresses of SAFETY T2, test 1.
func TestMatch(t *testing.T) {
	base, err := client.ParseBase("https://good.example/fhir/r4", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, fhirServer, want string }{
		{"as registered", "https://good.example/fhir/r4", "https://good.example/fhir/r4"},
		{"a slash behind", "https://good.example/fhir/r4/", "https://good.example/fhir/r4"},
		{"the port it has anyhow", "https://good.example:443/fhir/r4", "https://good.example/fhir/r4"},
		{"capitals in scheme and host", "HTTPS://Good.Example/fhir/r4", "https://good.example/fhir/r4"},
		{"below the path", "https://good.example/fhir/r4/tenant-1", "https://good.example/fhir/r4/tenant-1"},
		{"nothing", "", ""},
		{"http", "http://good.example/fhir/r4", ""},
		{"another scheme", "ftp://good.example/fhir/r4", ""},
		{"file", "file:///etc/passwd", ""},
		{"another port", "https://good.example:8443/fhir/r4", ""},
		{"port nought", "https://good.example:0/fhir/r4", ""},
		{"port with noughts before", "https://good.example:0443/fhir/r4", ""},
		{"another path", "https://good.example/admin", ""},
		{"capitals in the path", "https://good.example/FHIR/r4", ""},
		{"a path that begins alike", "https://good.example/fhir/r4evil", ""},
		{"above the path", "https://good.example/fhir", ""},
		{"dots", "https://good.example/fhir/r4/../../admin", ""},
		{"dots in disguise", "https://good.example/fhir/r4/%2e%2e/admin", ""},
		{"slash in disguise", "https://good.example/fhir%2fr4", ""},
		{"two slashes", "https://good.example//fhir/r4", ""},
		{"user", "https://good.example@evil.example/fhir/r4", ""},
		{"user and password", "https://good.example:443@evil.example/fhir/r4", ""},
		{"the host of another as a part", "https://good.example.evil.example/fhir/r4", ""},
		{"a host that ends alike", "https://evilgood.example/fhir/r4", ""},
		{"a dot behind the host", "https://good.example./fhir/r4", ""},
		{"fragment", "https://evil.example#good.example/fhir/r4", ""},
		{"query", "https://good.example/fhir/r4?x=https://evil.example", ""},
		{"backslash", `https://good.example\@evil.example/fhir/r4`, ""},
		{"backslashes for slashes", `https:\\good.example\fhir\r4`, ""},
		{"line break", "https://good.example/fhir/r4\r\nHost: evil.example", ""},
		{"nought byte", "https://good.example\x00.evil.example/fhir/r4", ""},
		{"tab", "https://good\t.example/fhir/r4", ""},
		{"blank before", " https://good.example/fhir/r4", ""},
		{"letters that look alike", "https://gооd.example/fhir/r4", ""}, // two Cyrillic letters
		{"fullwidth dot", "https://good。example/fhir/r4", ""},
		{"punycode of those", "https://xn--gd-jlcc.example/fhir/r4", ""},
		{"soft hyphen", "https://go\u00adod.example/fhir/r4", ""},
		{"decimal", "https://2130706433/fhir/r4", ""},
		{"hexadecimal", "https://0x7f000001/fhir/r4", ""},
		{"octal", "https://0177.0.0.1/fhir/r4", ""},
		{"short", "https://127.1/fhir/r4", ""},
		{"loopback", "https://127.0.0.1/fhir/r4", ""},
		{"IPv6", "https://[::1]/fhir/r4", ""},
		{"IPv4 in IPv6", "https://[::ffff:127.0.0.1]/fhir/r4", ""},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/fhir/r4", ""},
		{"a bracket too few", "https://[::1/fhir/r4", ""},
		{"no host", "https:///fhir/r4", ""},
		{"no scheme", "//good.example/fhir/r4", ""},
		{"scheme alone", "https:good.example/fhir/r4", ""},
		{"endless", "https://good.example/fhir/r4/" + strings.Repeat("a", 5000), ""},
	} {
		got, ok := base.Match(tc.fhirServer)
		if ok != (tc.want != "") || got.String() != tc.want {
			t.Errorf("%s: %q is taken for %q (%v), want %q", tc.name, tc.fhirServer, got, ok, tc.want)
		}
	}
	if _, ok := (client.Base{}).Match("https://good.example/fhir/r4"); ok {
		t.Error("what is not registered matches")
	}
}

func TestParseBase(t *testing.T) {
	for _, tc := range []struct {
		address string
		plain   bool
		want    string
	}{
		{"https://ehr.example", false, "https://ehr.example"},
		{"https://ehr.example/", false, "https://ehr.example"},
		{"https://ehr_1.example:8443/a/b.c/R4/", false, "https://ehr_1.example:8443/a/b.c/R4"},
		{"http://127.0.0.1:8080/fhir", true, "http://127.0.0.1:8080/fhir"},
		{"http://localhost/fhir", true, "http://localhost/fhir"},
		{"https://10.1.2.3/fhir", false, "https://10.1.2.3/fhir"},
		{"https://[FD00::1]:8443/fhir", false, "https://[fd00::1]:8443/fhir"},
		{"https://[fd00:0:0::1]", false, "https://[fd00::1]"},
		{"http://ehr.example", false, ""},
		{"https://2130706433", false, ""},
		{"https://0x7f.1", false, ""},
		{"https://127.0.0.01", false, ""},
		{"https://[::ffff:10.0.0.1]", false, ""},
		{"https://user@ehr.example", false, ""},
		{"https://-ehr.example", false, ""},
		{"https://ehr..example", false, ""},
		{"https://ehr.example/a//b", false, ""},
		{"https://ehr.example/a/./b", false, ""},
		{"https://ehr.example:99999", false, ""},
		{"ehr.example/fhir", false, ""},
	} {
		b, err := client.ParseBase(tc.address, tc.plain)
		if b.String() != tc.want || tc.want == "" && !issue.Is(err, issue.Value) || tc.want != "" && err != nil {
			t.Errorf("%s is registered as %q, %v; want %q", tc.address, b, err, tc.want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	base, err := client.ParseBase("https://good.example/fhir/r4", false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("https://good.example/fhir/r4/x")
	f.Add("HTTPS://good.example:443/fhir/r4/")
	f.Add(`https://good.example\@evil`)
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := base.Match(s)
		if !ok {
			return
		}
		if !strings.HasPrefix(got.String()+"/", "https://good.example/fhir/r4/") {
			t.Errorf("%q is taken for %s", s, got)
		}
		if again, ok := base.Match(got.String()); !ok || again != got {
			t.Errorf("%s, made of %q, does not match", got, s)
		}
	})
}
