// Package openai speaks to OpenAI-compatible APIs: embeddings and chat. It owns the
// pace, the retries, the limits of what comes back, and the note of each request
// that left. It refuses to choose what is sent, which its callers build from what
// may leave, and to log or note any of it: a note holds size and hash.
package openai

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Limits of a reply.
const (
	maxReply      = 32 << 20
	maxRetryAfter = 2 * time.Minute
	maxDelay      = 20 * time.Second
)

// Sent is the note of one request that left the server.
type Sent struct {
	At       time.Time
	Purpose  string // "embeddings" or "chat"
	Host     string
	Model    string
	Bytes    int    // of the body
	SHA256   string // of the body, lower-case hex
	Status   int    // of the reply, 0 when there was none
	Tokens   int    // that the provider counted, 0 when it did not say
	Duration time.Duration
}

// Config of a Client. Base, Model and HTTP are needed.
type Config struct {
	Base      string // for example "https://api.novita.ai/openai/v1"
	Key       string // bearer token; "" for an API that wants none
	Model     string
	HTTP      *http.Client  // its Transport decides what may be dialled; redirects are never followed
	PerMinute int           // requests, with burst 1; 0 is no limit
	Retries   int           // after the first try
	Delay     time.Duration // before the first retry, doubling; 0: 500 ms
	Timeout   time.Duration // of one try; 0: 60 s
	Sent      func(Sent)    // told of each request; nil: nobody
	Now       func() time.Time
}

// Client is one model at one API. It is safe for concurrent use.
type Client struct {
	c     Config
	base  *url.URL
	limit *rate.Limiter
}

// New makes a client. The error names what is wrong with the address.
func New(c Config) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(c.Base, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, errors.New("the base of an OpenAI-compatible API must be an http or https URL without a password in it")
	}
	if c.Model == "" {
		return nil, errors.New("an OpenAI-compatible API needs the name of a model")
	}
	if c.Delay <= 0 {
		c.Delay = 500 * time.Millisecond
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	if c.Sent == nil {
		c.Sent = func(Sent) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	stay := *c.HTTP
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.HTTP = &stay
	limit := rate.NewLimiter(rate.Inf, 1)
	if c.PerMinute > 0 {
		n := time.Duration(c.PerMinute)
		limit = rate.NewLimiter(rate.Every((time.Minute+n-1)/n), 1) // rounded up: never one more in a minute
	}
	return &Client{c: c, base: base, limit: limit}, nil
}

// Host is where requests go.
func (c *Client) Host() string { return c.base.Host }

// Model is the model asked for.
func (c *Client) Model() string { return c.c.Model }

// Failure is a reply that is not usable. It never holds what the provider wrote,
// which may repeat what was sent.
type Failure struct {
	Status int    // 0 when no reply came
	What   string // in plain words
	Retry  bool   // another try may succeed
	after  time.Duration
}

func (f *Failure) Error() string {
	if f.Status == 0 {
		return f.What
	}
	return fmt.Sprintf("%s (status %d)", f.What, f.Status)
}

// post sends a body and reads the reply into out; check says whether it is usable.
// Each try waits for its turn.
func (c *Client) post(ctx context.Context, purpose, path string, body, out any, check func() error) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write a request for %s: %w", purpose, err)
	}
	delay := c.c.Delay
	for try := 0; ; try++ {
		if err := c.limit.Wait(ctx); err != nil {
			return fmt.Errorf("%s: no turn before the deadline: %w", purpose, err)
		}
		err := c.try(ctx, purpose, path, raw, out)
		if err == nil && check != nil {
			if wrong := check(); wrong != nil {
				err = &Failure{Status: http.StatusOK, What: wrong.Error(), Retry: true}
			}
		}
		if err == nil {
			return nil
		}
		var f *Failure
		if ctx.Err() != nil || !errors.As(err, &f) || !f.Retry || try >= c.c.Retries {
			return fmt.Errorf("%s at %s: %w", purpose, c.base.Host, err)
		}
		wait := max(f.after, delay/2+rand.N(delay/2+1))
		delay = min(2*delay, maxDelay)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s at %s: %w", purpose, c.base.Host, ctx.Err())
		case <-timer.C:
		}
	}
}

// try sends the body once.
func (c *Client) try(ctx context.Context, purpose, path string, raw []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.String()+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if c.c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.c.Key)
	}
	sum := sha256.Sum256(raw)
	note := Sent{At: c.c.Now(), Purpose: purpose, Host: c.base.Host, Model: c.c.Model, Bytes: len(raw), SHA256: hex.EncodeToString(sum[:])}
	start := time.Now()
	defer func() {
		note.Duration = time.Since(start)
		c.c.Sent(note)
	}()
	res, err := c.c.HTTP.Do(req)
	if err != nil {
		return &Failure{What: "no reply", Retry: true}
	}
	defer res.Body.Close()
	note.Status = res.StatusCode
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	switch {
	case res.StatusCode != http.StatusOK:
		return refusal(res, c.c.Now())
	case err != nil:
		return &Failure{Status: res.StatusCode, What: "the reply broke off", Retry: true}
	case len(text) > maxReply:
		return &Failure{Status: res.StatusCode, What: "the reply is too long"}
	}
	if media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); media != "application/json" {
		return &Failure{Status: res.StatusCode, What: "the reply is not JSON", Retry: true}
	}
	if err := json.Unmarshal(text, out); err != nil {
		return &Failure{Status: res.StatusCode, What: "the reply is not the JSON that was expected", Retry: true}
	}
	var used struct {
		Usage struct {
			Total int `json:"total_tokens"`
		} `json:"usage"`
	}
	if json.Unmarshal(text, &used) == nil && used.Usage.Total > 0 {
		note.Tokens = used.Usage.Total
	}
	return nil
}

// refusal reads a status that is not 200.
func refusal(res *http.Response, now time.Time) *Failure {
	f := &Failure{Status: res.StatusCode, What: "refused"}
	switch {
	case res.StatusCode == http.StatusRequestTimeout, res.StatusCode == http.StatusConflict,
		res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= http.StatusInternalServerError:
		f.Retry = true
		f.after = retryAfter(res.Header.Get("Retry-After"), now)
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		f.What = "the key is refused"
	case res.StatusCode >= 300 && res.StatusCode < 400:
		f.What = "redirected, which is not followed"
	case res.StatusCode == http.StatusNotFound:
		f.What = "no such model or address"
	}
	return f
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3), at most two minutes.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return min(time.Duration(min(seconds, 3600)*float64(time.Second)), maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
