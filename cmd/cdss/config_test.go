package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		vars []string
		want func(c config) bool
	}{
		{"defaults", nil, func(c config) bool {
			return c.Addr == "127.0.0.1:8000" && c.Auth == "open" && !c.Demo && c.DatabaseURL == "" && c.DataDir == ".cdss" &&
				c.MetricsAddr == "127.0.0.1:9464" && c.LogLevel == slog.LevelInfo && !c.Production && !c.OnlineEmbeddings &&
				c.EmbeddingPerMinute == 45 && c.EmbeddingRetries == 3 && c.EmbeddingRetryDelay == 2*time.Second && c.ReferenceDir == "../shared/data"
		}},
		{"a platform's PORT", []string{"PORT=8000"}, func(c config) bool { return c.Addr == "0.0.0.0:8000" && c.Auth == "required" }},
		{"CDSS_ADDR before PORT", []string{"PORT=1", "CDSS_ADDR=127.0.0.1:8123"}, func(c config) bool { return c.Addr == "127.0.0.1:8123" }},
		{"the prototype's address", []string{"API_HOST=localhost", "API_PORT=9000"}, func(c config) bool { return c.Addr == "localhost:9000" && c.Auth == "open" }},
		{"IPv6", []string{"CDSS_ADDR=[::1]:8000"}, func(c config) bool { return c.Auth == "open" }},
		{"required on loopback", []string{"CDSS_AUTH=required"}, func(c config) bool { return c.Auth == "required" }},
		{"demonstration", []string{"CDSS_DEMO=1"}, func(c config) bool { return c.Demo }},
		{"aliases", []string{"NOVITA_API_BASE_URL=https://llm.example/v1", "NOVITA_API_KEY=k", "NOVITA_MODEL=m", "NOVITA_EMBEDDING_URL=https://e.example", "NOVITA_EMBEDDING_MODEL=q", "USE_ONLINE_EMBEDDINGS=true"},
			func(c config) bool {
				return c.LLMBaseURL == "https://llm.example/v1" && c.LLMAPIKey == "k" && c.LLMModel == "m" && c.EmbeddingURL == "https://e.example" && c.EmbeddingModel == "q" && c.OnlineEmbeddings
			}},
		{"our name before the alias", []string{"NOVITA_MODEL=a", "CDSS_LLM_MODEL=b", "USE_ONLINE_EMBEDDINGS=true", "CDSS_EMBEDDINGS=local"}, func(c config) bool { return c.LLMModel == "b" && !c.OnlineEmbeddings }},
		{"a key in a file", []string{"CDSS_LLM_API_KEY_FILE=" + keyFile}, func(c config) bool { return c.LLMAPIKey == "from the file" }},
		{"the prototype's database", []string{"DB_HOST=db", "DB_USER=u", "DB_PASSWORD=p w", "DB_NAME=n"}, func(c config) bool { return c.DatabaseURL == "postgres://u:p%20w@db:5432/n" }},
		{"level", []string{"LOG_LEVEL=WARNING", "ENVIRONMENT=Production"}, func(c config) bool { return c.LogLevel == slog.LevelWarn && c.Production }},
		{"ignored names are told once", []string{"CHUNK_SIZE=512", "FAISS_INDEX_TYPE=flat"}, func(c config) bool {
			return len(c.Notes) == 2 && strings.HasPrefix(c.Notes[0], "CHUNK_SIZE is ignored") && strings.HasPrefix(c.Notes[1], "FAISS_INDEX_TYPE is ignored")
		}},
		{"delay with a fraction", []string{"EMBEDDING_RETRY_DELAY=0.5"}, func(c config) bool { return c.EmbeddingRetryDelay == 500*time.Millisecond }},
		{"other programs' names", []string{"PATH=/bin", "HOME=/", "CDSSX=1"}, func(c config) bool { return len(c.Notes) == 0 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := readConfig(tc.vars)
			if err != nil {
				t.Fatal(err)
			}
			if !tc.want(c) {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		vars []string
		says []string
	}{
		{"unknown name", []string{"CDSS_ADRR=x"}, []string{"CDSS_ADRR is not known"}},
		{"all faults in one line", []string{"CDSS_B=1", "CDSS_A=1", "LOG_LEVEL=loud"}, []string{"CDSS_A is not known; CDSS_B is not known", "LOG_LEVEL"}},
		{"open to the world", []string{"CDSS_ADDR=0.0.0.0:8000", "CDSS_AUTH=open"}, []string{"CDSS_AUTH open"}},
		{"open by PORT", []string{"PORT=80", "CDSS_AUTH=open"}, []string{"CDSS_AUTH"}},
		{"demonstration for the world", []string{"CDSS_ADDR=:8000", "CDSS_DEMO=1"}, []string{"CDSS_DEMO refuses"}},
		{"no port", []string{"CDSS_ADDR=localhost"}, []string{"CDSS_ADDR"}},
		{"no number", []string{"PORT=http"}, []string{"PORT"}},
		{"port too high", []string{"API_PORT=70000"}, []string{"API_PORT"}},
		{"access", []string{"CDSS_AUTH=none"}, []string{"CDSS_AUTH must be open or required"}},
		{"truth", []string{"CDSS_DEMO=maybe"}, []string{"CDSS_DEMO must be 1 or 0"}},
		{"embeddings", []string{"CDSS_EMBEDDINGS=cloud"}, []string{"CDSS_EMBEDDINGS"}},
		{"count", []string{"EMBEDDING_REQUESTS_PER_MINUTE=0"}, []string{"EMBEDDING_REQUESTS_PER_MINUTE"}},
		{"delay", []string{"EMBEDDING_RETRY_DELAY=soon"}, []string{"EMBEDDING_RETRY_DELAY"}},
		{"url", []string{"CDSS_PUBLIC_URL=cdss.example"}, []string{"CDSS_PUBLIC_URL"}},
		{"url with a password", []string{"CDSS_LLM_BASE_URL=https://u:hunter2@llm.example"}, []string{"CDSS_LLM_BASE_URL"}},
		{"database of another kind", []string{"DATABASE_URL=mysql://u:hunter2@db/x"}, []string{"DATABASE_URL"}},
		{"metrics for the world", []string{"CDSS_METRICS_ADDR=0.0.0.0:9464"}, []string{"CDSS_METRICS_ADDR"}},
		{"key file", []string{"CDSS_LLM_API_KEY_FILE=/nowhere/key"}, []string{"CDSS_LLM_API_KEY_FILE"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readConfig(tc.vars)
			if err == nil {
				t.Fatal("it was taken")
			}
			text := err.Error()
			for _, s := range tc.says {
				if !strings.Contains(text, s) {
					t.Errorf("%q does not say %q", text, s)
				}
			}
			if strings.Contains(text, "\n") || strings.Contains(text, "hunter2") {
				t.Errorf("not one line without secrets: %q", text)
			}
		})
	}
}

func TestConfigShowsNoSecret(t *testing.T) {
	c, err := readConfig([]string{"DATABASE_URL=postgres://user:hunter2@db.example:5432/cdss?sslmode=require", "CDSS_LLM_API_KEY=hunter2",
		"CDSS_OIDC_CLIENT_SECRET=hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{c.String(), c.LogValue().String()} {
		if strings.Contains(shown, "hunter2") || strings.Contains(shown, "user:") {
			t.Errorf("shows a secret: %s", shown)
		}
		if !strings.Contains(shown, "postgres://db.example:5432/cdss") {
			t.Errorf("does not show the database: %s", shown)
		}
	}
}
