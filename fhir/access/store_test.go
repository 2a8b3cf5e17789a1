package access_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cdss/fhir/access"
	"cdss/fhir/issue"
	"cdss/migrations/dbtest"
)

var comparable = cmp.Options{
	cmpopts.IgnoreFields(access.Client{}, "CreatedAt", "UpdatedAt"),
	cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty(),
}

func TestClientIsKept(t *testing.T) {
	store := access.NewStore(dbtest.New(t), nil)
	addServer(t, store, clinic(t), "")
	full := access.Client{
		Name: "epic-1", Issuer: "https://epic.example/oauth", Algorithm: "RS384", KeysURL: "https://epic.example/keys/1?x=y",
		Audiences: []string{"sand_man", "urn:x"}, Tenants: []string{"north", "south"}, NoTenant: true, Servers: []string{"clinic"},
		Allow: private, Origins: []string{"https://epic.example", "https://epic.example:8443"},
		Profile: access.Profile{
			Language: "de", Deadline: 2 * time.Second, Blocked: access.BlockedCard, Suggestions: []string{"create"},
			MaxCards: 3, Version3: true, Shadow: true,
		},
		Disabled: true,
	}
	add(t, store, full)
	add(t, store, ehr())
	got, err := store.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Client{ehr(), full}
	if diff := cmp.Diff(want, got, comparable); diff != "" {
		t.Error(diff)
	}
	full.Disabled, full.Servers, full.Tenants, full.NoTenant, full.Profile.Shadow = false, nil, nil, false, false
	if err := store.AddClient(t.Context(), full, access.Options{}); !issue.Is(err, issue.Duplicate) {
		t.Errorf("a second registration: %v", err)
	}
	if err := store.AddClient(t.Context(), full, access.Options{Replace: true}); err != nil {
		t.Fatal(err)
	}
	got, err = store.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]access.Client{ehr(), full}, got, comparable); diff != "" {
		t.Errorf("after replacing: %s", diff)
	}
	twin := ehr()
	twin.Name = "twin"
	for _, replace := range []bool{false, true} {
		if err := store.AddClient(t.Context(), twin, access.Options{Replace: replace}); !issue.Is(err, issue.Duplicate) {
			t.Errorf("the same issuer again: %v", err)
		}
	}
	lost := ehr()
	lost.Name, lost.Issuer, lost.Servers = "lost", "x", []string{"clinic", "nowhere"}
	if err := store.AddClient(t.Context(), lost, access.Options{}); !issue.Is(err, issue.NotFound) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a server that is not registered: %v", err)
	}
	if err := store.RemoveClient(t.Context(), "epic-1"); err != nil {
		t.Fatal(err)
	}
	if err := store.RemoveClient(t.Context(), "epic-1"); !issue.Is(err, issue.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
	got, err = store.Clients(t.Context())
	if err != nil || len(got) != 1 {
		t.Errorf("%d clients are left, %v", len(got), err)
	}
}

func TestClientIsRefused(t *testing.T) {
	store := access.NewStore(dbtest.New(t), nil)
	private := jwk("k", signing())
	private["d"] = b64(make([]byte, 48))
	for _, tc := range []struct {
		name   string
		change func(*access.Client)
		field  string
	}{
		{"no name", func(c *access.Client) { c.Name = "" }, "name"},
		{"a name with a slash", func(c *access.Client) { c.Name = "a/b" }, "name"},
		{"no issuer", func(c *access.Client) { c.Issuer = "" }, "issuer"},
		{"an issuer with a blank", func(c *access.Client) { c.Issuer = "a b" }, "issuer"},
		{"no algorithm", func(c *access.Client) { c.Algorithm = "" }, "algorithm"},
		{"algorithm none", func(c *access.Client) { c.Algorithm = "none" }, "algorithm"},
		{"symmetric algorithm", func(c *access.Client) { c.Algorithm = "HS256" }, "algorithm"},
		{"no keys", func(c *access.Client) { c.Keys = nil }, "keys"},
		{"keys that are none", func(c *access.Client) { c.Keys = []byte(`{"keys":1}`) }, ""},
		{"keys of another algorithm", func(c *access.Client) { c.Algorithm = "RS384" }, "keys"},
		{"no key in it", func(c *access.Client) { c.Keys = []byte(`{"keys":[]}`) }, "keys"},
		{"a private key", func(c *access.Client) { c.Keys = jwks(private) }, "keys"},
		{"one kid for two keys", func(c *access.Client) {
			c.Keys = jwks(jwk("k", signing()), private, map[string]any{"kty": "oct", "kid": "k", "k": "AA"})
		}, "keys"},
		{"keys at http", func(c *access.Client) { c.KeysURL = "http://ehr.example/jwks" }, ""},
		{"keys in a file", func(c *access.Client) { c.KeysURL = "file:///etc/passwd" }, ""},
		{"an empty audience", func(c *access.Client) { c.Audiences = []string{""} }, "audiences"},
		{"a tenant twice", func(c *access.Client) { c.Tenants = []string{"a", "a"} }, "tenants"},
		{"no tenant needed, none listed", func(c *access.Client) { c.NoTenant = true }, "tenants"},
		{"the network of cloud credentials", func(c *access.Client) { c.Allow = []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16")} }, ""},
		{"all networks", func(c *access.Client) { c.Allow = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, ""},
		{"every origin", func(c *access.Client) { c.Origins = []string{"*"} }, "origins"},
		{"origin null", func(c *access.Client) { c.Origins = []string{"null"} }, "origins"},
		{"origin with a path", func(c *access.Client) { c.Origins = []string{"https://ehr.example/app"} }, "origins"},
		{"origin with a slash", func(c *access.Client) { c.Origins = []string{"https://ehr.example/"} }, "origins"},
		{"another language", func(c *access.Client) { c.Profile.Language = "fr" }, "language"},
		{"no deadline", func(c *access.Client) { c.Profile.Deadline = 0 }, "deadline"},
		{"a deadline too long", func(c *access.Client) { c.Profile.Deadline = 6 * time.Second }, "deadline"},
		{"no answer when blocked", func(c *access.Client) { c.Profile.Blocked = "500" }, "blocked"},
		{"unknown suggestion", func(c *access.Client) { c.Profile.Suggestions = []string{"replace"} }, "suggestions"},
		{"fewer than no cards", func(c *access.Client) { c.Profile.MaxCards = -1 }, "maxCards"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := ehr()
			tc.change(&c)
			err := store.AddClient(t.Context(), c, access.Options{})
			if s := issue.Status(err); err == nil || s < 400 || s >= 500 {
				t.Fatalf("got %v", err)
			}
			found := tc.field == ""
			for _, i := range issue.Issues(err) {
				found = found || cmp.Equal(i.Expression, []string{tc.field})
			}
			if !found {
				t.Errorf("%v does not name %s", err, tc.field)
			}
		})
	}
	all := access.Client{}
	if got := issue.Issues(store.AddClient(t.Context(), all, access.Options{})); len(got) < 6 {
		t.Errorf("an empty registration is told %d faults: %v", len(got), got)
	}
	left, err := store.Clients(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("%d clients are stored, %v", len(left), err)
	}
	plain := ehr()
	plain.Keys, plain.KeysURL, plain.Origins = nil, "http://127.0.0.1:8080/jwks", []string{"http://localhost:5173"}
	if err := store.AddClient(t.Context(), plain, access.Options{PlainHTTP: true}); err != nil {
		t.Errorf("plain http on purpose: %v", err)
	}
}

func TestServerIsKept(t *testing.T) {
	pool := dbtest.New(t)
	store := access.NewStore(pool, vault(t, key()))
	const secret = "a-long-lived-token"
	addServer(t, store, access.Server{Name: "clinic", Base: base(t, "https://ehr.example/fhir/"), Auth: access.Bearer, ClientID: "cdss", Allow: private}, secret)
	addServer(t, store, access.Server{Name: "lab", Base: base(t, "http://10.20.1.1:8080/r4"), Auth: access.Basic, Disabled: true}, "user:pass:word")
	addServer(t, store, access.Server{Name: "open", Base: base(t, "https://open.example")}, "")
	got, err := store.Servers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, s := range got {
		text = append(text, s.Name+" "+s.Base.String()+" "+string(s.Auth)+" "+s.ClientID)
		if s.Problem() != nil {
			t.Error(s.Problem())
		}
	}
	want := []string{"clinic https://ehr.example/fhir bearer cdss", "lab http://10.20.1.1:8080/r4 basic ", "open https://open.example none "}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	if !cmp.Equal(got[0].Allow, private, cmpopts.EquateComparable(netip.Prefix{})) {
		t.Errorf("allowed is %v", got[0].Allow)
	}
	// Nothing in the database shows a secret.
	var dump string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(f::text || encode(coalesce(secret, ''), 'escape'), ' ') FROM fhir_server f`).Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump, secret) || strings.Contains(dump, "pass:word") || !strings.Contains(dump, "bearer") {
		t.Errorf("the table shows %s", dump)
	}
	for name, again := range map[string]access.Server{
		"name": {Name: "clinic", Base: base(t, "https://else.example")}, "address": {Name: "else", Base: base(t, "https://open.example")},
	} {
		if err := store.AddServer(t.Context(), again, "", access.Options{}); !issue.Is(err, issue.Duplicate) {
			t.Errorf("the same %s again: %v", name, err)
		}
	}
	c := ehr()
	c.Servers = []string{"open"}
	add(t, store, c)
	if err := store.RemoveServer(t.Context(), "open"); !issue.Is(err, issue.Conflict) {
		t.Errorf("a server in use is removed: %v", err)
	}
	if err := store.RemoveServer(t.Context(), "lab"); err != nil {
		t.Error(err)
	}
	if err := store.RemoveServer(t.Context(), "lab"); !issue.Is(err, issue.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestServerIsRefused(t *testing.T) {
	store := access.NewStore(dbtest.New(t), vault(t, key()))
	const secret = "do-not-tell"
	for _, tc := range []struct {
		name   string
		server access.Server
		secret string
		want   issue.Kind
	}{
		{"no name", access.Server{Base: base(t, "https://a.example")}, "", issue.Value},
		{"an address without TLS", access.Server{Name: "a", Base: base(t, "http://a.example")}, "", issue.Value},
		{"no address", access.Server{Name: "a"}, "", issue.Value},
		{"a secret for nothing", clinic(t), secret, issue.Value},
		{"bearer without token", access.Server{Name: "a", Base: base(t, "https://a.example"), Auth: access.Bearer}, "", issue.Value},
		{"a token of two lines", access.Server{Name: "a", Base: base(t, "https://a.example"), Auth: access.Bearer}, secret + "\r\nX: y", issue.Value},
		{"basic without password", access.Server{Name: "a", Base: base(t, "https://a.example"), Auth: access.Basic}, secret, issue.Value},
		{"another way", access.Server{Name: "a", Base: base(t, "https://a.example"), Auth: "oauth"}, secret, issue.Value},
		{"the network of cloud credentials", access.Server{Name: "a", Base: base(t, "https://a.example"), Allow: []netip.Prefix{netip.MustParsePrefix("169.254.169.254/32")}}, "", issue.Value},
	} {
		err := store.AddServer(t.Context(), tc.server, tc.secret, access.Options{})
		if !issue.Is(err, tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells the secret: %v", tc.name, err)
		}
	}
	got, err := store.Servers(t.Context())
	if err != nil || len(got) != 0 {
		t.Errorf("%d servers are stored, %v", len(got), err)
	}
}

// TestNoKeyNoSecret: without a key nothing is stored, and the operator is told how
// to make one.
func TestNoKeyNoSecret(t *testing.T) {
	pool := dbtest.New(t)
	for name, v := range map[string]*access.Vault{"nil": nil, "empty": vault(t, " ")} {
		store := access.NewStore(pool, v)
		err := store.AddServer(t.Context(), access.Server{Name: "clinic", Base: base(t, "https://ehr.example"), Auth: access.Bearer}, "secret", access.Options{})
		if !issue.Is(err, issue.BusinessRule) || !strings.Contains(err.Error(), "CDSS_SECRET_KEY") {
			t.Errorf("%s: %v", name, err)
		}
		if v.Usable() {
			t.Errorf("%s: secrets can be stored", name)
		}
		if got, err := store.Servers(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("%s: %d servers are stored, %v", name, len(got), err)
		}
	}
	addServer(t, access.NewStore(pool, nil), clinic(t), "")
}

// TestKeyIsReplaced: the drill of T14, without a moment in which a secret cannot be
// read.
func TestKeyIsReplaced(t *testing.T) {
	pool := dbtest.New(t)
	before, after := key(), key()
	bearer := access.Server{Name: "clinic", Base: base(t, "https://ehr.example"), Auth: access.Bearer}
	addServer(t, access.NewStore(pool, vault(t, before)), bearer, "the-secret")
	readable := func(text string) bool {
		t.Helper()
		r := registry(t, access.NewStore(pool, vault(t, text)))
		call, err := r.Own("clinic")
		if err != nil {
			if !issue.Is(err, issue.BusinessRule) || strings.Contains(err.Error(), "the-secret") {
				t.Errorf("error %v", err)
			}
			return false
		}
		return call.Credential.Scheme == "Bearer" && call.Credential.Token.Reveal() == "the-secret"
	}
	if !readable(before) || readable(after) || readable("") {
		t.Fatal("the secret is read with the wrong keys")
	}
	both := access.NewStore(pool, vault(t, after+", "+before))
	if !readable(after + "\n" + before) {
		t.Fatal("the secret cannot be read with both keys")
	}
	for i, want := range []int{1, 0} {
		if got, err := both.Reseal(t.Context()); got != want || err != nil {
			t.Errorf("round %d seals %d, %v", i, got, err)
		}
	}
	if !readable(after) || readable(before) {
		t.Error("after sealing anew the old key still serves, or the new one does not")
	}
	if _, err := access.NewStore(pool, vault(t, key())).Reseal(t.Context()); !issue.Is(err, issue.BusinessRule) {
		t.Errorf("sealing what cannot be opened: %v", err)
	}
}

// TestSecretIsBoundToItsServer: who can write to the database cannot have the token
// of one server sent to another.
func TestSecretIsBoundToItsServer(t *testing.T) {
	pool := dbtest.New(t)
	store := access.NewStore(pool, vault(t, key()))
	for _, name := range []string{"good", "evil"} {
		addServer(t, store, access.Server{Name: name, Base: base(t, "https://"+name+".example"), Auth: access.Bearer}, "secret-of-"+name)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE fhir_server SET secret = (SELECT secret FROM fhir_server WHERE name = 'good') WHERE name = 'evil'`); err != nil {
		t.Fatal(err)
	}
	r := registry(t, store)
	if _, err := r.Own("evil"); !issue.Is(err, issue.BusinessRule) {
		t.Errorf("a moved secret: %v", err)
	}
	if _, err := r.Own("good"); err != nil {
		t.Error(err)
	}
}

func TestParseVault(t *testing.T) {
	for _, text := range []string{
		"short", strings.Repeat("A", 43) + "=", strings.Repeat("0", 64), strings.Repeat("ab", 32),
		b64([]byte("correct horse battery staple 123")), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		key() + " short", "changeme",
	} {
		_, err := access.ParseVault(text)
		if !issue.Is(err, issue.Value) {
			t.Errorf("%q is a key: %v", text, err)
			continue
		}
		if strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	for range 200 {
		k := key()
		if v, err := access.ParseVault(k + "\n" + strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(k), "=")); err != nil || !v.Usable() {
			t.Errorf("a random key is refused: %v", err)
		}
	}
}

func TestDatabaseAwayIsNoVerdict(t *testing.T) {
	store := access.NewStore(away(t), nil)
	_, err := store.Clients(t.Context())
	if err == nil || issue.Status(err) != 500 && issue.Status(err) != 503 && issue.Status(err) != 504 {
		t.Errorf("got %v", err)
	}
	var known *issue.Error
	if errors.As(err, &known) {
		t.Errorf("a fault of the database has a kind: %v", err)
	}
}
