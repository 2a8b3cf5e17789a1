package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"cdss/cds/conformance"
)

// checkConformance holds a CDS service against CDS Hooks 2.0.1 and prints a table.
func checkConformance(ctx context.Context, args []string, env environment) error {
	set := flags("conformance", env)
	issuer := set.String("issuer", "", "iss of the tokens to call with")
	key := set.String("private-key", "", "file with the key to sign them with (PEM: P-384 for ES384, RSA for RS384)")
	kid := set.String("kid", "", "its kid")
	as := set.String("as", "", "address that the service knows itself by, which tokens must name (the one that is called)")
	origin := set.String("origin", "", "of a browser that the service lets in, for example https://ehr.example")
	all := set.Bool("all", false, "print what passed too, line by line")
	address, rest := named(args)
	if err := parse(set, rest, 0, 0); err != nil {
		return err
	}
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return usagef("conformance: the address of the service is needed first, for example http://localhost:8000")
	}
	target := conformance.Target{Base: address, Origin: *origin}
	if *key != "" {
		raw, err := readAll(*key)
		if err != nil {
			return usagef("conformance: %s cannot be read", *key)
		}
		sign, err := newSigner(raw, *issuer, *kid)
		if err != nil {
			return usagef("conformance: %v", err)
		}
		target.Token = func(called string) (string, error) {
			if *as != "" {
				called = strings.TrimSuffix(*as, "/") + strings.TrimPrefix(called, strings.TrimSuffix(address, "/"))
			}
			return sign.token(called)
		}
	}
	results, err := conformance.Run(ctx, target)
	if err != nil {
		return err
	}
	failed := printConformance(env, results, *all)
	if failed > 0 {
		return fmt.Errorf("%d checks failed", failed)
	}
	return nil
}

// printConformance prints a line for each service with its counts, and one for each
// check that did not pass.
func printConformance(env environment, results []conformance.Result, all bool) (failed int) {
	count := map[string]map[conformance.State]int{}
	var services []string
	var lines []conformance.Result
	for _, r := range results {
		if count[r.Service] == nil {
			count[r.Service] = map[conformance.State]int{}
			services = append(services, r.Service)
		}
		count[r.Service][r.State]++
		if r.State != conformance.Passed || all {
			lines = append(lines, r)
		}
		if r.State == conformance.Failed {
			failed++
		}
	}
	name := func(service string) string {
		if service == "" {
			return "(all)"
		}
		return service
	}
	_ = table(env.out, "service\tpass\tFAIL\tadvice\tskip", len(services), func(i int) []string {
		c := count[services[i]]
		return []string{name(services[i]), fmt.Sprint(c[conformance.Passed]), fmt.Sprint(c[conformance.Failed]), fmt.Sprint(c[conformance.Advised]), fmt.Sprint(c[conformance.Skipped])}
	})
	if len(lines) > 0 {
		fmt.Fprintln(env.out)
		_ = table(env.out, "result\tservice\tsection\tcheck\tfound", len(lines), func(i int) []string {
			r := lines[i]
			return []string{string(r.State), name(r.Service), r.Rule, r.Check, r.Detail}
		})
	}
	return failed
}

// signer makes the tokens of a CDS client.
type signer struct {
	key       crypto.Signer
	algorithm string
	issuer    string
	kid       string
}

func newSigner(raw []byte, issuer, kid string) (*signer, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("the private key is not in PEM")
	}
	if issuer == "" || kid == "" {
		return nil, fmt.Errorf("--issuer and --kid are needed with a key")
	}
	var parsed any
	var err error
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
	} {
		if parsed, err = parse(block.Bytes); err == nil {
			break
		}
	}
	s := &signer{issuer: issuer, kid: kid}
	switch k := parsed.(type) {
	case *ecdsa.PrivateKey:
		if k.Curve.Params().BitSize != 384 {
			return nil, fmt.Errorf("the key must be on the curve P-384, for ES384")
		}
		s.key, s.algorithm = k, "ES384"
	case *rsa.PrivateKey:
		s.key, s.algorithm = k, "RS384"
	default:
		return nil, fmt.Errorf("the private key is neither of P-384 nor of RSA")
	}
	return s, nil
}

// token makes the Authorization of one call (CDS Hooks 2.0.1, "Trusting CDS
// Clients").
func (s *signer) token(address string) (string, error) {
	now := time.Now().Unix()
	head, err := json.Marshal(map[string]string{"alg": s.algorithm, "typ": "JWT", "kid": s.kid})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"iss": s.issuer, "aud": address, "exp": now + 300, "iat": now, "jti": rand.Text()})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
	h := crypto.SHA384.New()
	h.Write([]byte(signed))
	var signature []byte
	if k, ok := s.key.(*ecdsa.PrivateKey); ok {
		r, t, err := ecdsa.Sign(rand.Reader, k, h.Sum(nil))
		if err != nil {
			return "", fmt.Errorf("sign a token: %w", err)
		}
		signature = append(r.FillBytes(make([]byte, 48)), t.FillBytes(make([]byte, 48))...) // RFC 7518, section 3.4
	} else if signature, err = s.key.Sign(rand.Reader, h.Sum(nil), crypto.SHA384); err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return "Bearer " + signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
