package smart

import (
	"encoding/json"
	"testing"
)

// FuzzHeader holds the parser of JOSE headers against what another reader makes of
// the same bytes. It is inside the package, since the parser has no door.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		`{"alg":"RS384","kid":"k","typ":"JWT"}`,
		`{"alg":"ES384","kid":"a+b/=","typ":"jwt","jku":"https://ehr.example/jwks"}`,
		`{"alg":"none","kid":"k","typ":"JWT"}`, `{"alg":"RS384","alg":"none","kid":"k","typ":"JWT"}`,
		`{"alg":"RS384","kid":"k","typ":"JWT","crit":["b64"],"b64":false}`,
		`{"ALG":"RS384","kid":"k","typ":"JWT"}`, `{"alg":"\u0052S384","kid":"k","typ":"JWT"}`,
		`[]`, `null`, ``, `{"alg":{"alg":"RS384"}}`, "{\"alg\":\"RS384\",\"kid\":\"\x00\",\"typ\":\"JWT\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, reason := parseHeader(raw)
		if reason != "" {
			if h != (header{}) {
				t.Errorf("a refused header gives %+v", h)
			}
			return
		}
		if !Trusted(h.algorithm) || h.keyID == "" {
			t.Errorf("%q is accepted as %+v", raw, h)
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%q is accepted and no JSON: %v", raw, err)
		}
		if m["alg"] != h.algorithm || m["kid"] != h.keyID {
			t.Errorf("%q is read as %+v", raw, h)
		}
		for name := range m {
			if !allowedHeader[name] {
				t.Errorf("%q has the member %q", raw, name)
			}
		}
	})
}
