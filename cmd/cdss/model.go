package main

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"cdss/cds"
	cdsapi "cdss/cds/api"
	"cdss/fhir/client"
	"cdss/rag"
	"cdss/rag/answer"
	ragapi "cdss/rag/api"
	"cdss/rag/embed"
	"cdss/rag/openai"
	ragstore "cdss/rag/store"
)

// models are the online models that are configured: none, unless the site names one.
type models struct {
	chat      *openai.Client
	embedding *openai.Embedder
	notes     *ragstore.Outbound
}

// The defaults of the provider that the prototype used.
const (
	novitaBase      = "https://api.novita.ai/openai/v1"
	novitaEmbedding = "qwen/qwen3-embedding-8b"
)

// newModels makes the clients. Nothing is sent before somebody asks.
func newModels(cfg config, notes *ragstore.Outbound) (models, error) {
	m := models{notes: notes}
	configure := func(base, key, model string) openai.Config {
		transport := client.Transport(client.TransportConfig{Allow: loopbackOf(base)})
		transport.ResponseHeaderTimeout = time.Minute // a model thinks
		return openai.Config{Base: base, Key: key, Model: model, HTTP: client.HTTP(transport), Sent: notes.Note}
	}
	var err error
	if cfg.LLMBaseURL != "" && cfg.LLMModel != "" {
		c := configure(cfg.LLMBaseURL, cfg.LLMAPIKey, cfg.LLMModel)
		c.Retries = 1
		if m.chat, err = openai.New(c); err != nil {
			return m, fmt.Errorf("language model: %w", err)
		}
	}
	if cfg.OnlineEmbeddings {
		c := configure(cfg.EmbeddingURL, cfg.LLMAPIKey, cfg.EmbeddingModel)
		c.PerMinute, c.Retries, c.Delay = cfg.EmbeddingPerMinute, cfg.EmbeddingRetries, cfg.EmbeddingRetryDelay
		made, err := openai.New(c)
		if err != nil {
			return m, fmt.Errorf("online embeddings: %w", err)
		}
		m.embedding = openai.NewEmbedder(made)
	}
	return m, nil
}

// loopbackOf allows the loopback networks to an address that names one: a model that
// runs on this machine was meant so.
func loopbackOf(base string) []netip.Prefix {
	u, err := url.Parse(base)
	if err != nil || !loopback(u.Hostname()+":1") && !loopback("["+u.Hostname()+"]:1") {
		return nil
	}
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// online gives the embedder of the online model, nil for none.
func (m models) online() embed.Embedder {
	if m.embedding == nil {
		return nil
	}
	return m.embedding
}

// model gives the model that makes sentences, nil for none.
func (m models) model() answer.Model {
	if m.chat == nil {
		return nil
	}
	return openai.Chat{Client: m.chat}
}

// status is what GET /api/status says of them.
func (m models) status() cdsapi.AIStatus {
	s := cdsapi.AIStatus{Embeddings: "local", Narrative: m.chat != nil}
	if m.embedding != nil {
		s.Embeddings = "online"
	}
	return s
}

// spaces is how many spaces of vectors there are besides the local one.
func (m models) spaces() int {
	if m.embedding == nil {
		return 0
	}
	return 1
}

// narrator gives what makes a narrative, nil where no model is configured.
func (h *house) narrator(answers *answer.Service) cdsapi.Narrator {
	if h.models.chat == nil {
		return nil
	}
	return narrator{answers}
}

// Destinations implements ragapi.Outbound.
func (m models) Destinations() []ragapi.Destination {
	var list []ragapi.Destination
	if m.chat != nil {
		list = append(list, ragapi.Destination{Purpose: "chat", Host: m.chat.Host(), Model: m.chat.Model()})
	}
	if m.embedding != nil {
		list = append(list, ragapi.Destination{Purpose: "embeddings", Host: m.embedding.Host(), Model: m.embedding.Model()})
	}
	return list
}

// Recent implements ragapi.Outbound.
func (m models) Recent(ctx context.Context, limit int) ([]openai.Sent, error) {
	return m.notes.Recent(ctx, limit)
}

// narrator lets a model say what the evidence of a recommendation means.
type narrator struct{ answers *answer.Service }

// Narrate implements cdsapi.Narrator. What the model is told of the case is the names
// of our own tables: indication, severity, substances. Nothing that came with the
// patient is among them.
func (n narrator) Narrate(ctx context.Context, rec cds.Recommendation) *cds.Narrative {
	if rec.Indication == nil || len(rec.Evidence) == 0 {
		return nil
	}
	situation := []string{"indication: " + rec.Indication.Display}
	if rec.Severity != nil {
		situation = append(situation, "severity: "+string(rec.Severity.Value))
	}
	var options, excluded []string
	for _, o := range rec.Options {
		for _, i := range o.Ingredients {
			options = append(options, i.Name)
		}
	}
	for _, x := range rec.Excluded {
		excluded = append(excluded, x.Name+" ("+string(x.Reason)+")")
	}
	if len(options) > 0 {
		situation = append(situation, "options by rule: "+strings.Join(options, ", "))
	}
	if len(excluded) > 0 {
		situation = append(situation, "excluded by rule: "+strings.Join(excluded, ", "))
	}
	hits := make([]rag.Hit, len(rec.Evidence))
	for i, e := range rec.Evidence {
		hits[i] = rag.Hit{
			Passage:  rag.Passage{ID: fmt.Sprint(i), Quoted: e.Quote, Section: []string{e.Section}},
			Document: rag.Document{Identifier: e.Document, Title: e.Title, Version: e.Version},
		}
	}
	a, ok, err := n.answers.Narrate(ctx, strings.Join(situation, "; ")+". Explain the choice from the passages.", string(rec.Language), hits)
	if err != nil || !ok {
		return nil
	}
	return narrative(a, rec)
}

// narrative joins the sentences, each with the number of what it quotes.
func narrative(a answer.Answer, rec cds.Recommendation) *cds.Narrative {
	out := &cds.Narrative{Model: a.Model, Label: ragapi.Label(string(rec.Language)), Citations: []rag.Citation{}}
	number := map[int]int{}
	var text []string
	for _, s := range a.Sentences {
		line := s.Text
		for _, at := range s.Excerpts {
			if number[at] == 0 {
				x := a.Excerpts[at]
				e := rec.Evidence[evidenceIndex(x.Hit.Passage.ID)]
				quote := x.Text()
				out.Citations = append(out.Citations, rag.Citation{
					Document: e.Document, Title: e.Title, Version: e.Version, Page: e.Page, Section: e.Section, Quote: &quote,
				})
				number[at] = len(out.Citations)
			}
			line += fmt.Sprintf(" [%d]", number[at])
		}
		text = append(text, line)
	}
	out.Text = strings.Join(text, " ")
	return out
}

func evidenceIndex(id string) (n int) {
	_, _ = fmt.Sscan(id, &n) // written by Narrate
	return n
}
