package smart_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

func TestParseKeys(t *testing.T) {
	small := map[string]any{"kty": "RSA", "kid": "small", "e": "AQAB", "n": b64(make([]byte, 0)) + b64(append([]byte{0xc1}, make([]byte, 127)...))}
	for _, tc := range []struct {
		name       string
		keys       []map[string]any
		kid, alg   string
		want       smart.Reason
		duplicates []string
		unusable   int
	}{
		{name: "RSA without alg is taken for the registered one", keys: []map[string]any{public("k", rsaKey(), nil)}, kid: "k", alg: "RS384"},
		{name: "RSA with alg", keys: []map[string]any{public("k", rsaKey(), map[string]any{"alg": "RS384", "use": "sig"})}, kid: "k", alg: "RS384"},
		{name: "RSA with another alg", keys: []map[string]any{public("k", rsaKey(), map[string]any{"alg": "RS256"})}, kid: "k", alg: "RS384", want: smart.UnfitKey},
		{name: "RSA for ES384", keys: []map[string]any{public("k", rsaKey(), nil)}, kid: "k", alg: "ES384", want: smart.UnfitKey},
		{name: "P-256 for ES384", keys: []map[string]any{public("k", p256(), nil)}, kid: "k", alg: "ES384", want: smart.UnfitKey},
		{name: "P-384 for RS384", keys: []map[string]any{public("k", p384(), nil)}, kid: "k", alg: "RS384", want: smart.UnfitKey},
		{name: "another kid", keys: []map[string]any{public("k", p384(), nil)}, kid: "K", alg: "ES384", want: smart.UnknownKey},
		{name: "no kid", keys: []map[string]any{public("", p384(), nil)}, kid: "", alg: "ES384", want: smart.UnknownKey, unusable: 1},
		{name: "a symmetric key", keys: []map[string]any{public("k", []byte("secret of thirty-two bytes, or so"), nil)}, kid: "k", alg: "RS384", want: smart.UnknownKey, unusable: 1},
		{name: "for encryption", keys: []map[string]any{public("k", rsaKey(), map[string]any{"use": "enc"})}, kid: "k", alg: "RS384", want: smart.UnknownKey, unusable: 1},
		{name: "for wrapping", keys: []map[string]any{public("k", rsaKey(), map[string]any{"key_ops": []string{"wrapKey"}})}, kid: "k", alg: "RS384", want: smart.UnknownKey, unusable: 1},
		{name: "to verify with", keys: []map[string]any{public("k", rsaKey(), map[string]any{"key_ops": []string{"verify"}})}, kid: "k", alg: "RS384"},
		{name: "1024 bits", keys: []map[string]any{small}, kid: "small", alg: "RS384", want: smart.UnknownKey, unusable: 1},
		{name: "a point off the curve", keys: []map[string]any{public("k", p384(), map[string]any{"y": b64(make([]byte, 48))})}, kid: "k", alg: "ES384", want: smart.UnknownKey, unusable: 1},
		{name: "a type nobody knows, beside one that is known", keys: []map[string]any{{"kty": "AKP", "kid": "new"}, public("k", rsaKey(), nil)}, kid: "k", alg: "RS384", unusable: 1},
		{
			name: "one kid for two types", keys: []map[string]any{public("k", rsaKey(), nil), public("k", p384(), nil), public("l", p384(), nil)},
			kid: "k", alg: "RS384", want: smart.UnknownKey, duplicates: []string{"k"},
		},
		{
			name: "one kid for two keys of one type, thrice", keys: []map[string]any{public("k", rsaKey(), nil), public("k", otherRSA(), nil), public("k", rsaKey(), nil)},
			kid: "k", alg: "RS384", want: smart.UnknownKey, duplicates: []string{"k"},
		},
		{
			name: "one kid for a key and an unknown thing", keys: []map[string]any{{"kty": "AKP", "kid": "k"}, public("k", rsaKey(), nil)},
			kid: "k", alg: "RS384", want: smart.UnknownKey, duplicates: []string{"k"},
		},
		{
			name: "one key listed for each of its algorithms",
			keys: []map[string]any{public("k", rsaKey(), map[string]any{"alg": "RS256"}), public("k", rsaKey(), map[string]any{"alg": "RS384"})}, kid: "k", alg: "RS384",
		},
		{
			name: "one key listed for each of its uses",
			keys: []map[string]any{public("k", rsaKey(), map[string]any{"use": "enc"}), public("k", rsaKey(), map[string]any{"use": "sig"})}, kid: "k", alg: "RS384",
		},
		{name: "all withdrawn", keys: []map[string]any{}, kid: "k", alg: "RS384", want: smart.UnknownKey},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := smart.ParseKeys(jwks(tc.keys...))
			if err != nil {
				t.Fatal(err)
			}
			if key, got := set.Key(tc.kid, tc.alg); got != tc.want || key == nil != (tc.want != "") {
				t.Errorf("got %T, %q, want %q", key, got, tc.want)
			}
			if diff := cmp.Diff(tc.duplicates, set.Duplicates); diff != "" || set.Unusable != tc.unusable {
				t.Errorf("%d unusable, want %d; duplicates %s", set.Unusable, tc.unusable, diff)
			}
		})
	}
	for _, text := range []string{``, `[]`, `{}`, `{"keys":null}`, `{"keys":{}}`, `<html>`, `{"keys":[],"keys":[]}`} {
		if _, err := smart.ParseKeys([]byte(text)); issue.KindOf(err) != issue.Structure {
			t.Errorf("%s gives %v", text, err)
		}
	}
	if _, err := smart.ParseKeys(make([]byte, smart.MaxKeys+1)); issue.KindOf(err) != issue.TooLong {
		t.Errorf("too many bytes give %v", err)
	}
}

// place is an address that publishes keys, and counts who asks.
type place struct {
	mu    sync.Mutex
	body  []byte
	err   error
	delay time.Duration
	hits  map[string]int // by url
}

func (p *place) FetchKeys(ctx context.Context, _, url string) ([]byte, error) {
	p.mu.Lock()
	if p.hits == nil {
		p.hits = map[string]int{}
	}
	p.hits[url]++
	body, err, delay := p.body, p.err, p.delay
	p.mu.Unlock()
	if delay > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(delay): // in the bubble's time
		}
	}
	return body, err
}

func (p *place) set(body []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body, p.err = body, err
}

func (p *place) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, hits := range p.hits {
		n += hits
	}
	return n
}

// world is a verifier whose client publishes its keys, in the time of a bubble.
type world struct {
	*testing.T
	place    *place
	ring     *smart.Keyring
	verifier *smart.Verifier
	trust    smart.Trust
	events   map[smart.Event]int
	mu       sync.Mutex
}

func newWorld(t *testing.T, keys ...map[string]any) *world {
	w := &world{T: t, place: &place{body: jwks(keys...)}, events: map[smart.Event]int{}}
	w.trust = trust(t)
	w.trust.Keys = nil
	w.ring = smart.NewKeyring(smart.KeyringConfig{Fetch: w.place, Now: time.Now, Event: func(e smart.Event, client string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events[e]++
	}})
	w.verifier = smart.New(smart.Config{Clients: registered(w.trust), Replays: &used{}, Keys: w.ring, Now: time.Now})
	return w
}

// run refreshes in the background until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(w.Context())
	var ended sync.WaitGroup
	ended.Go(func() { w.ring.Run(ctx, func() []smart.Trust { return []smart.Trust{w.trust} }) })
	w.Cleanup(func() { cancel(); ended.Wait() })
	synctest.Wait()
}

// ask calls with a token signed by key and gives the reason it was refused for.
func (w *world) ask(kid string, key any) smart.Reason {
	token := compact(head("RS384", kid), claims(time.Now()), "RS384", key)
	_, err := w.verifier.Verify(w.Context(), "Bearer "+token, endpoint)
	if err != nil && smart.ReasonOf(err) == "" {
		w.Errorf("verify: %v", err)
	}
	return smart.ReasonOf(err)
}

func (w *world) want(reason smart.Reason, kid string, key any) {
	w.Helper()
	if got := w.ask(kid, key); got != reason {
		w.Errorf("after %s the key %s is refused for %q, want %q", time.Since(began), kid, got, reason)
	}
}

// began is when every bubble begins.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestFirstCallFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("k", rsaKey(), nil))
		w.want("", "k", rsaKey())
		w.want("", "k", rsaKey())
		if w.place.count() != 1 || w.place.hits[jwksURL] != 1 {
			t.Errorf("fetched %v", w.place.hits)
		}
	})
}

// TestRotation: T1.9.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("old", rsaKey(), nil))
		w.run()
		w.want("", "old", rsaKey())
		time.Sleep(2 * time.Minute)
		w.place.set(jwks(public("old", rsaKey(), nil), public("new", otherRSA(), nil)), nil)
		w.want("", "new", otherRSA()) // at once, since nothing was fetched within the minute
		w.place.set(jwks(public("new", otherRSA(), nil)), nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.want(smart.UnknownKey, "old", rsaKey())
		w.want("", "new", otherRSA())
	})
}

func TestNewKeyWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("old", rsaKey(), nil))
		w.want(smart.UnknownKey, "new", otherRSA()) // fetches
		w.place.set(jwks(public("new", otherRSA(), nil)), nil)
		w.want(smart.UnknownKey, "new", otherRSA()) // must not fetch again so soon
		if w.place.count() != 1 {
			t.Errorf("fetched %d times", w.place.count())
		}
		time.Sleep(time.Minute)
		w.want("", "new", otherRSA())
	})
}

// TestUnknownKidsFetchOnce: T1.7.
func TestUnknownKidsFetchOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("k", rsaKey(), nil))
		w.want("", "k", rsaKey())
		time.Sleep(time.Hour)
		w.place.delay = 200 * time.Millisecond
		before := w.place.count()
		begin := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if got := w.ask(fmt.Sprint("kid", i), rsaKey()); got != smart.UnknownKey {
					t.Errorf("refused for %q", got)
				}
			})
		}
		all.Go(func() { w.want("", "k", rsaKey()) })
		all.Wait()
		if got := w.place.count() - before; got != 1 {
			t.Errorf("%d fetches for 100 unknown kids at once", got)
		}
		if took := time.Since(begin); took > 500*time.Millisecond {
			t.Errorf("answered after %s", took)
		}
		for i := range 200 {
			w.ask(fmt.Sprint("more", i), rsaKey())
			time.Sleep(time.Second)
		}
		if got := w.place.count() - before; got > 5 {
			t.Errorf("%d fetches in 200 s", got)
		}
	})
}

// TestSlowKeysDelayNobody: a call waits a quarter of a second, the fetch goes on.
func TestSlowKeysDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("k", rsaKey(), nil))
		w.place.delay = 2 * time.Second
		begin := time.Now()
		w.want(smart.NoKeys, "k", rsaKey())
		if took := time.Since(begin); took > 300*time.Millisecond {
			t.Errorf("answered after %s", took)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.want("", "k", rsaKey())
		if w.place.count() != 1 {
			t.Errorf("fetched %d times", w.place.count())
		}
	})
}

func TestHangingAddressIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.place.delay = time.Hour
		w.want(smart.NoKeys, "k", rsaKey())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if w.events[smart.KeysFailed] != 1 {
			t.Errorf("events are %v", w.events)
		}
	})
}

// TestLastGoodKeysStayADay: T1.9.
func TestLastGoodKeysStayADay(t *testing.T) {
	for _, tc := range []struct {
		name string
		body []byte
		err  error
	}{
		{"address away", nil, errors.New("connection refused")},
		{"not JSON", []byte("<html>"), nil},
		{"another document", []byte(`{"error":"x"}`), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, public("k", rsaKey(), nil))
				w.run()
				w.place.set(tc.body, tc.err)
				time.Sleep(23 * time.Hour)
				w.want("", "k", rsaKey())
				if age := w.ring.Ages()["ehr"]; age != 23*time.Hour {
					t.Errorf("the keys are %s old", age)
				}
				time.Sleep(2 * time.Hour)
				w.want(smart.NoKeys, "k", rsaKey())
				w.mu.Lock()
				defer w.mu.Unlock()
				if w.events[smart.KeysFailed] < 24*60/2 || w.events[smart.KeysTooOld] == 0 {
					t.Errorf("events are %v", w.events)
				}
			})
		})
	}
}

func TestDuplicatesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("k", rsaKey(), nil), public("k", p384(), nil), public("l", rsaKey(), nil))
		w.want(smart.UnknownKey, "k", rsaKey())
		w.want("", "l", rsaKey())
		synctest.Wait()
		if w.events[smart.KeysDuplicated] != 1 {
			t.Errorf("events are %v", w.events)
		}
	})
}

// TestAnotherAddressStartsAnew: keys of an address that is registered no more are
// not believed.
func TestAnotherAddressStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("k", rsaKey(), nil))
		w.want("", "k", rsaKey())
		w.place.set(jwks(public("k", otherRSA(), nil)), nil)
		moved := w.trust
		moved.KeysURL = "https://ehr.example/keys/2"
		w.verifier = smart.New(smart.Config{Clients: registered(moved), Replays: &used{}, Keys: w.ring, Now: time.Now})
		w.want(smart.WrongSignature, "k", rsaKey())
		w.want("", "k", otherRSA())
		if diff := cmp.Diff(map[string]int{jwksURL: 1, moved.KeysURL: 1}, w.place.hits); diff != "" {
			t.Error(diff)
		}
	})
}

// TestBackgroundAsksWhereItMust: nobody who is switched off or gave keys by hand.
func TestBackgroundAsksWhereItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public("k", rsaKey(), nil))
		given, off, mute := trust(t), w.trust, w.trust
		given.Client, off.Client, off.Disabled, mute.Client, mute.KeysURL = "given", "off", true, "mute", ""
		ctx, cancel := context.WithTimeout(t.Context(), 16*time.Minute)
		defer cancel()
		w.ring.Run(ctx, func() []smart.Trust { return []smart.Trust{w.trust, given, off, mute} })
		if got := w.place.count(); got < 3 || got > 4 {
			t.Errorf("%d fetches in 16 min", got)
		}
		if diff := cmp.Diff([]string{"ehr"}, keysOf(w.ring.Ages())); diff != "" {
			t.Error(diff)
		}
	})
}

func keysOf[V any](m map[string]V) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

func FuzzParseKeys(f *testing.F) {
	f.Add(jwks(public("k", rsaKey(), nil), public("l", p384(), map[string]any{"alg": "ES384"})))
	f.Add(jwks(public("k", []byte("x"), nil), map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "o"}))
	f.Add([]byte(`{"keys":[{},null,1]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, err := smart.ParseKeys(raw)
		if err != nil {
			if s := issue.Status(err); s < 400 || s >= 500 {
				t.Errorf("status %d", s)
			}
			return
		}
		for _, kid := range set.Duplicates {
			if _, reason := set.Key(kid, "RS384"); reason != smart.UnknownKey {
				t.Errorf("the kid %q of two keys is used", kid)
			}
		}
	})
}
