package access_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/access"
	"cdss/fhir/client"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
	"cdss/migrations/dbtest"
)

// watch keeps a registry of its own up to date until the test ends.
func watch(t *testing.T, s *access.Store) *access.Registry {
	t.Helper()
	r := access.NewRegistry(quiet)
	r.Attach(s)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	eventually(t, "the first reading", r.Loaded)
	return r
}

func TestUnreadRegistryKnowsNobodyAndSaysSo(t *testing.T) {
	r := access.NewRegistry(nil)
	if err := r.Refresh(t.Context()); !issue.Is(err, issue.Transient) {
		t.Errorf("refresh: %v", err)
	}
	if _, _, err := r.Trust(issuer); !issue.Is(err, issue.Transient) {
		t.Errorf("trust: %v", err)
	}
	if _, err := r.Way("ehr", "https://ehr.example/fhir"); !issue.Is(err, issue.Transient) {
		t.Errorf("way: %v", err)
	}
	if _, err := r.Own("clinic"); !issue.Is(err, issue.Transient) {
		t.Errorf("own: %v", err)
	}
	if r.Loaded() || r.Origin("https://ehr.example") || len(r.Trusts()) != 0 || len(r.Servers()) != 0 {
		t.Error("an unread registry knows something")
	}
	if diff := cmp.Diff(access.DefaultProfile(), r.Profile("ehr")); diff != "" {
		t.Error(diff)
	}
}

// TestChangesReachAllReplicas: T9, switching a client off takes effect everywhere
// within 5 s.
func TestChangesReachAllReplicas(t *testing.T) {
	dsn := dbtest.DSN(t)
	one, other := access.NewStore(open(t, dsn), nil), access.NewStore(open(t, dsn), nil)
	a, b := watch(t, one), watch(t, other)
	c := ehr()
	c.Origins, c.Profile.Language = []string{"https://ehr.example"}, "en"
	add(t, one, c)
	for _, r := range []*access.Registry{a, b} {
		eventually(t, "the registration", func() bool { _, ok := r.Client("ehr"); return ok })
		trust, ok, err := r.Trust(issuer)
		if !ok || err != nil || trust.Client != "ehr" || trust.Keys.Len() != 1 || trust.Disabled {
			t.Errorf("trust is %+v, %v, %v", trust, ok, err)
		}
		if !r.Origin("https://ehr.example") || r.Origin("https://evil.example") || r.Profile("ehr").Language != "en" {
			t.Error("origins or profile are not known")
		}
	}
	c.Disabled = true
	if err := other.AddClient(t.Context(), c, access.Options{Replace: true}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for _, r := range []*access.Registry{a, b} {
		eventually(t, "switching off", func() bool { trust, _, _ := r.Trust(issuer); return trust.Disabled })
		if _, ok := r.Client("ehr"); ok || r.Origin("https://ehr.example") {
			t.Error("a client that is switched off is still known")
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("switching off took %s", took)
	}
	if err := one.RemoveClient(t.Context(), "ehr"); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*access.Registry{a, b} {
		eventually(t, "the removal", func() bool { _, ok, _ := r.Trust(issuer); return !ok })
	}
}

// TestLastStateStands: while the database is away, calls are judged as before.
func TestLastStateStands(t *testing.T) {
	store := access.NewStore(dbtest.New(t), nil)
	add(t, store, ehr())
	r := registry(t, store)
	r.Attach(access.NewStore(away(t), nil))
	if err := r.Refresh(t.Context()); err == nil {
		t.Fatal("a database that is away was read")
	}
	if _, ok, err := r.Trust(issuer); !ok || err != nil {
		t.Errorf("the client is forgotten: %v, %v", ok, err)
	}
}

func TestWay(t *testing.T) {
	store := access.NewStore(dbtest.New(t), vault(t, key()))
	loop := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	addServer(t, store, access.Server{Name: "a", Base: base(t, "https://a.example/fhir"), ClientID: "cdss-at-a", Auth: access.Bearer, Allow: private}, "stored-secret")
	addServer(t, store, access.Server{Name: "b", Base: base(t, "https://b.example/fhir")}, "")
	addServer(t, store, access.Server{Name: "off", Base: base(t, "https://off.example"), Disabled: true}, "")
	first, second, third := ehr(), ehr(), ehr()
	first.Servers, first.Allow = []string{"a", "off"}, loop
	second.Name, second.Issuer, second.Servers = "other", "https://other.example", []string{"b"}
	third.Name, third.Issuer, third.Servers, third.Disabled = "disabled", "https://disabled.example", []string{"a"}, true
	add(t, store, first)
	add(t, store, second)
	add(t, store, third)
	r := registry(t, store)
	for _, tc := range []struct {
		caller, fhirServer string
		server             string
		want               issue.Kind
	}{
		{"ehr", "https://a.example/fhir", "a", ""},
		{"ehr", "https://a.example/fhir/tenant/", "a", ""},
		{"ehr", "https://b.example/fhir", "", issue.Forbidden}, // T1.18
		{"other", "https://a.example/fhir", "", issue.Forbidden},
		{"ehr", "https://a.example", "", issue.NotFound},
		{"ehr", "http://a.example/fhir", "", issue.NotFound},
		{"ehr", "https://a.example/fhir@evil.example", "", issue.NotFound},
		{"ehr", "", "", issue.NotFound},
		{"ehr", "https://off.example", "", issue.NotFound},
		{"disabled", "https://a.example/fhir", "", issue.Forbidden},
		{"nobody", "https://a.example/fhir", "", issue.Forbidden},
		{"", "https://b.example/fhir", "b", ""},
		{"", "https://c.example/fhir", "", issue.NotFound},
	} {
		way, err := r.Way(tc.caller, tc.fhirServer)
		if way.Server.Name != tc.server || issue.KindOf(err) != tc.want {
			t.Errorf("%q to %q: %q, %v; want %q, %q", tc.caller, tc.fhirServer, way.Server.Name, err, tc.server, tc.want)
		}
	}
	way, err := r.Way("ehr", "https://a.example/fhir/tenant")
	if err != nil {
		t.Fatal(err)
	}
	if way.Subject != "cdss-at-a" || way.Server.Base.String() != "https://a.example/fhir/tenant" {
		t.Errorf("way is %+v", way)
	}
	for _, address := range []string{"10.20.0.1", "127.0.0.1"} {
		if client.Denied(netip.MustParseAddr(address), way.Server.Allow) {
			t.Errorf("%s may not be dialled", address)
		}
	}
	if diff := cmp.Diff([]string{"a", "b"}, r.Servers()); diff != "" {
		t.Error(diff)
	}
	if call, err := r.Own("a"); err != nil || call.Credential.Token.Reveal() != "stored-secret" || call.Caller != "" {
		t.Errorf("own gives %v", err)
	}
	for _, name := range []string{"off", "nowhere", ""} {
		if _, err := r.Own(name); !issue.Is(err, issue.NotFound) {
			t.Errorf("own %q gives %v", name, err)
		}
	}
}

// TestKeysThatCannotBeReadRefuse: a row changed by hand must not make the server
// look elsewhere for keys.
func TestKeysThatCannotBeReadRefuse(t *testing.T) {
	pool := dbtest.New(t)
	store := access.NewStore(pool, nil)
	c := ehr()
	c.KeysURL = "https://ehr.example/jwks"
	add(t, store, c)
	if _, err := pool.Exec(t.Context(), `UPDATE cds_client SET jwks = '{"keys":"gone"}'`); err != nil {
		t.Fatal(err)
	}
	trust, ok, err := registry(t, store).Trust(issuer)
	if !ok || err != nil || trust.Keys == nil {
		t.Fatalf("trust is %+v, %v, %v", trust, ok, err)
	}
	if _, reason := trust.Keys.Key("k", "ES384"); reason != smart.UnknownKey {
		t.Errorf("a key is found: %q", reason)
	}
}

// TestPublishedKeysAreFetched goes the whole way: registration, address, network,
// key, token.
func TestPublishedKeysAreFetched(t *testing.T) {
	var hits atomic.Int64
	place := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		_, _ = w.Write(jwks(jwk("k", signing())))
	}))
	defer place.Close()
	store := access.NewStore(dbtest.New(t), nil)
	c := ehr()
	c.Keys, c.KeysURL = nil, place.URL+"/jwks"
	c.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if err := store.AddClient(t.Context(), c, access.Options{PlainHTTP: true}); err != nil {
		t.Fatal(err)
	}
	inside := ehr()
	inside.Name, inside.Issuer, inside.Keys, inside.KeysURL = "inside", "https://inside.example", nil, place.URL+"/jwks"
	if err := store.AddClient(t.Context(), inside, access.Options{PlainHTTP: true}); err != nil {
		t.Fatal(err)
	}
	r := registry(t, store)
	outbound := client.New(client.Config{})
	defer outbound.Close()
	ring := smart.NewKeyring(smart.KeyringConfig{Fetch: r.Keys(outbound), Now: time.Now})
	v := smart.New(smart.Config{Clients: r, Replays: access.NewReplays(access.ReplaysConfig{}), Keys: ring, Now: time.Now})
	p, err := v.Verify(t.Context(), "Bearer "+token(issuer, service, "1"), baseURL+service)
	if err != nil || p.Client != "ehr" || hits.Load() != 1 {
		t.Errorf("principal %+v, %v (%s), %d fetches", p, err, smart.ReasonOf(err), hits.Load())
	}
	// Another client's network is not this one's.
	_, err = v.Verify(t.Context(), "Bearer "+token("https://inside.example", service, "2"), baseURL+service)
	if smart.ReasonOf(err) != smart.NoKeys || hits.Load() != 1 {
		t.Errorf("without permission: %v (%s), %d fetches", err, smart.ReasonOf(err), hits.Load())
	}
}
